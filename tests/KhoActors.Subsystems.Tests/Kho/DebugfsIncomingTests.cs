using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>The scan of what the predecessor handed over: which nodes become files, what is said of the others, and that damage ends it in peace.</summary>
public sealed class DebugfsIncomingTests
{
    private const ulong FdtPhys = 0x9000, BlobPhys = 0x2_0000;

    [Fact]
    public void Every_sound_node_becomes_a_file_and_nothing_is_said()
    {
        Scan scan = new(KhoAbi.V4);
        scan.Add("kexec-metadata", BlobPhys, 73);
        scan.Add("memblock", BlobPhys + 0x1000, 210);

        Assert.Equal(
            [
                "drwxr-xr-x 0 kho/in",
                "-r-------- 293 kho/in/fdt",
                "drwxr-xr-x 0 kho/in/sub_fdts",
                "-r-------- 73 kho/in/sub_fdts/kexec-metadata",
                "-r-------- 210 kho/in/sub_fdts/memblock",
            ],
            scan.Run());
        Assert.Empty(scan.Log.Lines);
    }

    [Fact]
    public void A_node_without_an_address_is_passed_over_silently()
    {
        Scan scan = new(KhoAbi.V4);
        scan.AddProperty("client", KhoAbi.V4.SizeProperty!, 8);

        Assert.Empty(scan.RunNames());
        Assert.Empty(scan.Log.Lines);
    }

    [Theory]
    [InlineData("kho-v4", 4, "<4>KHO: node client prop preserved-data has invalid length: 4")]
    [InlineData("kho-v4", 0, "<4>KHO: node client prop preserved-data has invalid length: 0")]
    [InlineData("kho-v2", 16, "<4>KHO: node client prop preserved-data has invalid length: 16")]
    [InlineData("kho-v1", 12, "<4>KHO: node client prop fdt has invalid length: 12")]
    public void An_address_of_another_length_is_named(string abi, int length, string line)
    {
        Scan scan = new(KhoAbi.Find(abi)!);
        scan.AddProperty("client", scan.Abi.AddressProperty, length);

        Assert.Empty(scan.RunNames());
        Assert.Equal([line], scan.Log.Lines.Select(each => each.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(4)]
    [InlineData(9)]
    public void A_missing_or_malformed_size_is_named(int? length)
    {
        Scan scan = new(KhoAbi.V4);
        scan.AddProperty("client", KhoAbi.V4.AddressProperty, 8);
        if (length is { } bytes)
        {
            scan.AddProperty("client", KhoAbi.V4.SizeProperty!, bytes);
        }

        Assert.Empty(scan.RunNames());
        Assert.Equal(["<4>KHO: node client missing or invalid blob-size property"], scan.Log.Lines.Select(each => each.ToString()));
    }

    [Fact]
    public void An_ABI_without_sizes_takes_the_length_from_the_blob()
    {
        Scan scan = new(KhoAbi.V2);
        scan.Add("client", BlobPhys, 99);
        RootFdt.Setup(scan.Memory.WritablePageBytes(PageGeometry.PfnOf(BlobPhys)), KhoAbi.V4, 0);

        Assert.Equal("-r-------- 152 kho/in/sub_fdts/client", scan.Run()[^1]);
        Assert.Empty(scan.Log.Lines);
    }

    [Fact]
    public void A_blob_outside_RAM_crashes_a_kernel_that_needs_its_header_only()
    {
        Scan old = new(KhoAbi.V2), recent = new(KhoAbi.V4);
        old.Add("client", 1UL << 45, 99);
        recent.Add("client", 1UL << 45, 99);

        SimulatedOopsException oops = Assert.Throws<SimulatedOopsException>(() => old.Run());
        Assert.Equal("BUG: unable to handle page fault for address: ff11200000000000", oops.Message);
        Assert.Equal(["client"], recent.RunNames());
    }

    [Theory]
    [InlineData("kho-v4", "a/b", "blob", "-EACCES")]
    [InlineData("kho-v4", "..", "blob", "-EACCES")]
    [InlineData("kho-v2", "a/b", "fdt", "-EACCES")]
    public void A_name_that_no_directory_may_hold_is_named_with_the_error(string abi, string name, string kind, string error)
    {
        Scan scan = new(KhoAbi.Find(abi)!);
        scan.Add(name, BlobPhys, 1);

        Assert.Empty(scan.RunNames());
        Assert.Equal([$"<4>KHO: failed to add {kind} {name} to debugfs: {error}"], scan.Log.Lines.Select(each => each.ToString()));
    }

    [Fact]
    public void A_name_of_255_bytes_fits_and_one_more_does_not()
    {
        Scan scan = new(KhoAbi.V4);
        string fits = new('f', 255), tooLong = new('l', 256);
        scan.Add(fits, BlobPhys, 1);
        scan.Add(tooLong, BlobPhys, 1);

        Assert.Equal([fits], scan.RunNames());
        Assert.Equal([$"<4>KHO: failed to add blob {tooLong} to debugfs: -ENAMETOOLONG"], scan.Log.Lines.Select(each => each.ToString()));
    }

    [Fact]
    public void Of_two_nodes_of_one_name_the_first_in_the_blob_is_shown()
    {
        Scan scan = new(KhoAbi.V4);
        scan.Add("twin-a", BlobPhys, 1);
        scan.Add("twin-b", BlobPhys, 2);
        scan.Replace("twin-a"u8, "twin-b"u8);

        Assert.Equal("-r-------- 2 kho/in/sub_fdts/twin-b", scan.Run()[^1]);
        Assert.Equal(
            ["<3>debugfs: 'twin-b' already exists in 'sub_fdts'", "<4>KHO: failed to add blob twin-b to debugfs: -EEXIST"],
            scan.Log.Lines.Select(each => each.ToString()));
    }

    [Fact]
    public void Files_of_what_came_in_stay_whatever_is_removed()
    {
        Scan scan = new(KhoAbi.V4);
        scan.Add("client", BlobPhys, 1);
        scan.Run();

        scan.Debugfs.RemoveOutgoing(BlobPhys);
        scan.Debugfs.RemoveOutgoing(FdtPhys);

        Assert.NotNull(scan.Debugfs.Find("in/fdt"));
        Assert.NotNull(scan.Debugfs.Find("in/sub_fdts/client"));
    }

    /// <summary>real/README D19: a page that was not preserved holds something else later; the file keeps its length.</summary>
    [Fact]
    public void A_freed_page_shows_what_lies_there_now_at_the_old_length()
    {
        Scan scan = new(KhoAbi.V4);
        scan.Run();
        scan.Memory.Poison(PageGeometry.PfnOf(FdtPhys), 1);
        byte[] content = new byte[4096];

        int length = scan.Debugfs.Read(scan.Debugfs.Find("in/fdt")!.Value, 0, content);

        Assert.Equal(152, length);
        Assert.All(content[..length], value => Assert.Equal(0xaa, value));
    }

    [Theory]
    [InlineData("kho-v1")]
    [InlineData("kho-v2")]
    [InlineData("kho-v4")]
    public void Damage_never_throws_and_what_it_leaves_is_bounded(string name)
    {
        KhoAbi abi = KhoAbi.Find(name)!;
        int filesOfAll = 0, linesOfAll = 0;
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            SplitMix64 draws = new(seed);
            Scan scan = new(abi);
            for (ulong i = draws.Below(5); i > 0; i--)
            {
                scan.Add($"client-{i}", draws.Below(0x9000) << PageGeometry.Shift, draws.Next() >> (int)draws.Below(64));
            }

            scan.Damage(draws);
            try
            {
                filesOfAll += scan.RunNames().Length;
                linesOfAll += scan.Log.Lines.Count;
                scan.CheckBounded();
            }
            catch (SimulatedOopsException) when (abi.SizeProperty is null)
            {
                // The kernel crashed on a blob outside RAM: that is an answer, too.
            }
            catch (Exception defect)
            {
                Assert.Fail($"{name}, seed {seed}: {defect}");
            }
        }

        // Otherwise the damage never left anything to look at.
        Assert.True(filesOfAll > 1000 && linesOfAll > 100, $"{filesOfAll} files, {linesOfAll} lines");
    }

    /// <summary>A root FDT of a predecessor, and the debugfs of the kernel that finds it.</summary>
    private sealed class Scan
    {
        public Scan(KhoAbi abi)
        {
            Abi = abi;
            Debugfs = DebugfsTests.Over(Memory, abi, Log);
            Debugfs.CreateOut(0x5000);
            Assert.Equal(0, RootFdt.Setup(Page, abi, 0xB000));
        }

        public KhoAbi Abi { get; }

        public PhysicalMemory Memory { get; } = new();

        public KernelLog Log { get; } = new();

        public Debugfs Debugfs { get; }

        private Span<byte> Page => Memory.WritablePageBytes(PageGeometry.PfnOf(FdtPhys));

        public void Add(string name, ulong phys, ulong sizeBytes) => Assert.Equal(0, RootFdt.AddSubtree(Page, Abi, name, phys, sizeBytes));

        public void AddProperty(string node, string property, int bytes)
        {
            Assert.Equal(0, FdtEditor.OpenInto(Page));
            int at = FdtReader.SubnodeOffset(Page, 0, node);
            at = at < 0 ? FdtEditor.AddSubnode(Page, 0, node) : at;
            Assert.Equal(0, FdtEditor.SetProperty(Page, at, property, new byte[bytes]));
            FdtEditor.Pack(Page);
        }

        public void Replace(ReadOnlySpan<byte> old, ReadOnlySpan<byte> replacement) => replacement.CopyTo(Page[Page.IndexOf(old)..]);

        /// <summary>Some bytes anywhere in the blob, most often in its structure.</summary>
        public void Damage(SplitMix64 draws)
        {
            int size = (int)FdtReader.TotalSize(Page);
            for (ulong i = 1 + draws.Below(6); i > 0; i--)
            {
                int at = draws.Below(4) == 0 ? (int)draws.Below((ulong)size) : 64 + (4 * (int)draws.Below((ulong)(size - 64) / 4)) + 3;
                Page[Math.Min(at, size - 1)] = (byte)(draws.Below(2) == 0 ? draws.Below(12) : draws.Next());
            }
        }

        public string[] Run()
        {
            Debugfs.CreateIn(FdtPhys);
            return [.. from entry in Debugfs.List()
                       where entry.Path.StartsWith("kho/in", StringComparison.Ordinal)
                       select $"{entry.Mode} {entry.SizeBytes} {entry.Path}"];
        }

        public string[] RunNames()
        {
            const string folder = "kho/in/sub_fdts/";
            Run();
            return [.. Debugfs.List().Where(entry => entry.Path.StartsWith(folder, StringComparison.Ordinal)).Select(entry => entry.Path[folder.Length..])];
        }

        /// <summary>Names are file names and differ; a reader gets what is in RAM and no more; a page holds no more nodes than it has room for.</summary>
        public void CheckBounded()
        {
            IReadOnlyList<DebugfsEntry> entries = Debugfs.List();
            Assert.Equal(entries.Count, entries.Select(entry => entry.Path).Distinct().Count());
            Assert.True(entries.Count + Log.Lines.Count < 2 * PageGeometry.SizeBytes / 12);
            byte[] buffer = new byte[8192];
            foreach (DebugfsEntry entry in entries)
            {
                Assert.DoesNotContain('\0', entry.Path);
                Assert.InRange(entry.Path.Length, 1, "kho/in/sub_fdts/".Length + 255);
                ulong length = (ulong)Debugfs.Read(entry, 0, buffer);
                Assert.True(length <= entry.SizeBytes);
                Assert.InRange(Debugfs.Read(entry, entry.SizeBytes - 1, buffer), 0, 1);
            }
        }
    }
}
