using System.Text;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>What /sys/kernel/debug/kho shows of a kernel of each ABI generation, and how its files follow what the kernel does.</summary>
public sealed class DebugfsTests
{
    private const ulong BlobPhys = 0x2000_000, OtherPhys = 0x2001_000;

    [Fact]
    public void A_cold_boot_shows_its_FDT_as_long_as_it_was_then_and_the_metadata()
    {
        KhoBench bench = KhoBench.Started();

        Assert.Equal(
            [
                "drwxr-xr-x 0 kho",
                "drwxr-xr-x 0 kho/out",
                "-r-------- 233 kho/out/fdt",
                "-r-------- 10 kho/out/scratch_len",
                "-r-------- 10 kho/out/scratch_phys",
                "drwxr-xr-x 0 kho/out/sub_fdts",
                "-r-------- 73 kho/out/sub_fdts/kexec-metadata",
            ],
            Lines(bench));
        Assert.Equal("0x6000000\n", TextOf(bench, "out/scratch_phys"));
        Assert.Equal("0x1000000\n", TextOf(bench, "kho/out/scratch_len"));
    }

    [Fact]
    public void A_subtree_that_is_added_later_shows_in_the_FDT_but_the_file_stays_as_long_as_it_was()
    {
        KhoBench bench = KhoBench.Started();

        Assert.Equal(0, bench.AddSubtree("client", BlobPhys, 5).Code);

        byte[] shown = BytesOf(bench, "out/fdt");
        Assert.Equal(233, shown.Length);
        Assert.Equal(289U, FdtReader.TotalSize(shown));
        Assert.Equal("-r-------- 5 kho/out/sub_fdts/client", Lines(bench)[6]);
    }

    [Fact]
    public void A_file_shows_what_lies_in_RAM_when_it_is_read()
    {
        KhoBench bench = KhoBench.Started();
        bench.AddSubtree("client", BlobPhys, 4);

        bench.Memory.Write(BlobPhys, "old!"u8);
        Assert.Equal("old!", TextOf(bench, "out/sub_fdts/client"));

        bench.Memory.Write(BlobPhys, "new!"u8);
        Assert.Equal("new!", TextOf(bench, "out/sub_fdts/client"));

        bench.Memory.WriteUInt64(bench.Early.Scratch.ArrayPhys, 0x1234);
        Assert.Equal("0x1234\n", TextOf(bench, "out/scratch_phys"));
    }

    [Fact]
    public void A_file_goes_with_its_subtree_and_of_two_at_one_address_the_later_one()
    {
        KhoBench bench = KhoBench.Started();
        bench.AddSubtree("first", BlobPhys, 1);
        bench.AddSubtree("second", BlobPhys, 2);
        bench.AddSubtree("third", OtherPhys, 3);

        bench.RemoveSubtree(BlobPhys);
        Assert.Equal(["first", "kexec-metadata", "third"], OutgoingNames(bench));

        bench.RemoveSubtree(BlobPhys);
        bench.RemoveSubtree(BlobPhys);
        Assert.Equal(["kexec-metadata", "third"], OutgoingNames(bench));
    }

    [Fact]
    public void A_subtree_that_was_refused_has_no_file()
    {
        KhoBench bench = KhoBench.Started();
        bench.AddSubtree("client", BlobPhys, 1);

        Assert.Equal(-Errno.EEXIST, bench.AddSubtree("client", OtherPhys, 2).Code);

        Assert.Equal(BlobPhys, bench.Core.Debugfs!.Find("out/sub_fdts/client")!.Value.Phys);
        Assert.Empty(bench.Lines);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData(".")]
    public void A_name_that_no_directory_may_hold_is_warned_of_once_and_handed_over_all_the_same(string name)
    {
        KhoBench bench = KhoBench.Started();

        Assert.Equal(0, bench.AddSubtree(name, BlobPhys, 1).Code);
        Assert.Equal(0, bench.AddSubtree("x/y", OtherPhys, 1).Code);

        Assert.Equal(["kexec-metadata"], OutgoingNames(bench));
        Assert.Equal(["WARNING: kho_add_subtree"], bench.Lines);
        Assert.Equal(2, bench.Log.Warnings);
    }

    [Fact]
    public void Without_sizes_in_the_ABI_a_file_is_as_long_as_the_FDT_said_when_it_was_added()
    {
        KhoBench bench = KhoBench.Started(KhoBench.Kernel(KhoAbi.V2));
        WriteFdt(bench.Memory, BlobPhys);

        Assert.Equal(0, bench.AddSubtree("client", BlobPhys, 5).Code);
        bench.Memory.Write(BlobPhys + 4, [0, 0, 0, 1]);

        Assert.Equal("-r-------- 152 kho/out/sub_fdts/client", Lines(bench)[^1]);
        Assert.Equal(152, BytesOf(bench, "out/fdt").Length);
    }

    [Fact]
    public void Without_sizes_in_the_ABI_a_blob_outside_RAM_crashes_the_kernel_that_looks_for_its_length()
    {
        KhoBench old = KhoBench.Started(KhoBench.Kernel(KhoAbi.V2)), recent = KhoBench.Started();

        Assert.Throws<SimulatedOopsException>(() => old.AddSubtree("client", 1UL << 40, 5));
        Assert.Equal(0, recent.AddSubtree("client", 1UL << 40, 5).Code);
        Assert.Empty(BytesOf(recent, "out/sub_fdts/client"));
    }

    [Fact]
    public void Reading_ends_with_the_file_and_with_RAM()
    {
        KhoBench bench = KhoBench.Started();
        ulong end = PageGeometry.PhysOf(KhoBench.RamEndPfn);
        bench.AddSubtree("beyond", end - 3, ulong.MaxValue);
        bench.AddSubtree("inside", BlobPhys, 10);
        DebugfsEntry beyond = bench.Core.Debugfs!.Find("out/sub_fdts/beyond")!.Value, inside = bench.Core.Debugfs.Find("out/sub_fdts/inside")!.Value;
        byte[] buffer = new byte[16];

        Assert.Equal(3, bench.Core.Debugfs.Read(beyond, 0, buffer));
        Assert.Equal(1, bench.Core.Debugfs.Read(beyond, 2, buffer));
        Assert.Equal(0, bench.Core.Debugfs.Read(beyond, 3, buffer));
        Assert.Equal(0, bench.Core.Debugfs.Read(beyond, 1UL << 60, buffer));
        Assert.Equal(10, bench.Core.Debugfs.Read(inside, 0, buffer));
        Assert.Equal(4, bench.Core.Debugfs.Read(inside, 6, buffer));
        Assert.Equal(0, bench.Core.Debugfs.Read(inside, 10, buffer));
        Assert.Equal(0, bench.Core.Debugfs.Read(inside, ulong.MaxValue, buffer));
    }

    [Fact]
    public void A_kernel_built_without_it_has_none()
    {
        KhoBench bench = KhoBench.Started(KhoBench.Kernel() with { KhoDebugfs = false });

        Assert.Null(bench.Core.Debugfs);
        Assert.Equal(0, bench.AddSubtree("a/b", BlobPhys, 1).Code);
        bench.RemoveSubtree(BlobPhys);
        Assert.Empty(bench.Lines);
    }

    [Fact]
    public void With_KHO_off_there_is_nothing()
    {
        KhoBench bench = new(enabled: false);
        bench.Init();

        Assert.Empty(Lines(bench));
        Assert.Null(bench.Core.Debugfs!.Find("out/scratch_phys"));
    }

    /// <summary>The directories are made when the FDT's page is preserved, and no error unmakes them.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void When_kho_init_fails_the_directories_stay_if_they_were_made(int pages, bool stay)
    {
        KhoBench bench = new();
        bench.Memblock.AllocationsLeft = pages;

        Assert.Equal(-Errno.ENOMEM, bench.Init().Code);

        string[] left =
        [
            "drwxr-xr-x 0 kho",
            "drwxr-xr-x 0 kho/out",
            "-r-------- 10 kho/out/scratch_len",
            "-r-------- 10 kho/out/scratch_phys",
            "drwxr-xr-x 0 kho/out/sub_fdts",
        ];
        Assert.Equal(stay ? left : [], Lines(bench));
    }

    /// <summary>kho-v1: the switch is there, and says 1 while the root FDT holds the address of the first chunk.</summary>
    [Fact]
    public void Kho_v1_has_finalize_which_follows_the_root_FDT()
    {
        PhysicalMemory memory = new();
        Debugfs debugfs = Over(memory, KhoAbi.V1);
        debugfs.CreateOut(0x5000);
        Span<byte> page = memory.WritablePageBytes(5);
        RootFdt.Setup(page, KhoAbi.V1, 0);
        debugfs.AddOutgoingFdt();
        DebugfsEntry finalize = debugfs.Find("out/finalize")!.Value;
        Span<byte> text = stackalloc byte[4];

        Assert.Equal("-rw-------", finalize.Mode);
        Assert.Equal((2, "0\n"), (debugfs.Read(finalize, 0, text), Encoding.ASCII.GetString(text[..2])));
        RootFdt.SetMemoryMap(memory.WritablePageBytes(5), 0x9000);
        Assert.Equal((2, "1\n"), (debugfs.Read(finalize, 0, text), Encoding.ASCII.GetString(text[..2])));
        Assert.Equal(152UL, debugfs.Find("out/fdt")!.Value.SizeBytes);
    }

    [Fact]
    public void Random_work_leaves_what_a_plain_list_says()
    {
        for (ulong seed = 0; seed < 2_000; seed++)
        {
            SplitMix64 draws = new(seed);
            KhoAbi abi = draws.Below(2) == 0 ? KhoAbi.V4 : KhoAbi.V2;
            PhysicalMemory memory = new();
            Debugfs debugfs = Over(memory, abi);
            debugfs.CreateOut(0x5000);
            List<(string Name, ulong Phys, ulong SizeBytes)> model = [];
            for (int i = 0; i < 40; i++)
            {
                string name = $"n{draws.Below(12)}";
                ulong phys = 0x10_0000 + (draws.Below(6) << PageGeometry.Shift);
                uint size = (uint)draws.Below(1 << 20);
                if (draws.Below(3) == 0)
                {
                    debugfs.RemoveOutgoing(phys);
                    int last = model.FindLastIndex(file => file.Phys == phys);
                    _ = last >= 0 && model.Remove(model[last]);
                    continue;
                }

                // In an ABI without sizes the header says the size, and the client's number says nothing.
                memory.Write(phys + 4, [(byte)(size >> 24), (byte)(size >> 16), (byte)(size >> 8), (byte)size]);
                debugfs.AddOutgoing(name, phys, abi.SizeProperty is null ? 77 : size);
                if (!model.Exists(file => file.Name == name))
                {
                    model.Add((name, phys, size));
                }
            }

            string[] expected =
                [.. model.OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => $"{file.SizeBytes} {file.Phys:x} kho/out/sub_fdts/{file.Name}")];
            string[] found =
                [.. debugfs.List().Where(entry => entry.Content == DebugfsContent.Memory).Select(entry => $"{entry.SizeBytes} {entry.Phys:x} {entry.Path}")];
            Assert.True(expected.SequenceEqual(found), $"seed {seed}: expected {string.Join(", ", expected)}, found {string.Join(", ", found)}");
        }
    }

    internal static Debugfs Over(PhysicalMemory memory, KhoAbi abi, KernelLog? log = null, ulong ramEndPfn = 0x8000)
    {
        NodeMap ram = new();
        ram.Add(1, ramEndPfn, 0);
        return new Debugfs(memory, ram, new ScratchAreas(), abi, log ?? new KernelLog());
    }

    private static void WriteFdt(PhysicalMemory memory, ulong phys) =>
        Assert.Equal(0, RootFdt.Setup(memory.WritablePageBytes(PageGeometry.PfnOf(phys)), KhoAbi.V4, 0));

    private static string[] Lines(KhoBench bench) => [.. bench.Core.Debugfs!.List().Select(entry => $"{entry.Mode} {entry.SizeBytes} {entry.Path}")];

    private static string[] OutgoingNames(KhoBench bench)
    {
        const string folder = "kho/out/sub_fdts/";
        return [.. from entry in bench.Core.Debugfs!.List()
                   where entry.Path.StartsWith(folder, StringComparison.Ordinal)
                   select entry.Path[folder.Length..]];
    }

    private static byte[] BytesOf(KhoBench bench, string path)
    {
        DebugfsEntry file = bench.Core.Debugfs!.Find(path)!.Value;
        byte[] content = new byte[file.SizeBytes];
        return content[..bench.Core.Debugfs.Read(file, 0, content)];
    }

    private static string TextOf(KhoBench bench, string path) => Encoding.ASCII.GetString(BytesOf(bench, path));
}
