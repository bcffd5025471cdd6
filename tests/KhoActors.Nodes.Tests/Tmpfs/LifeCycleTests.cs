using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>tmpfs-kho-v1 from kernel to kernel: fault scenarios of the reference (B.11) and what the proof of concept of 2024 lost (B.5).</summary>
public class LifeCycleTests
{
    [Fact]
    public void TF1_CreateKexecMountCompare_T6()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test,size=1M,nr_inodes=100,mode=750,uid=3,gid=4"));
        bench.Put("/data/foo", "Test file\n");
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeDirectory, "/data/dir", 0x1ED).Code);
        bench.Create("/data/dir/big");
        Assert.Equal(0, bench.Write("/data/dir/big", seed: 5, offset: 100, bytes: 20_000));
        AssertSurvives(bench, "data", "kho=test,kho_must");
    }

    [Fact]
    public void TF2_RenameLinkSymlinkDeviceFifo_AllIntact()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        foreach (string name in new[] { "a", "b", "c", "target" })
        {
            bench.Put($"/data/{name}", $"content of {name}");
        }

        Assert.Equal(0, bench.Call(TmpfsProtocol.Rename, "/data/a\0/data/renamed").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Rename, "/data/b\0/data/target").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Rename, "/data/c\0/data/target", 2).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Rename, "/data/c\0/data/moved", 4).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Link, "/data/renamed\0/data/link").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.SymbolicLink, "../renamed\0/data/short").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.SymbolicLink, $"{new string('x', 200)}\0/data/long").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeNode, "/data/null", 0x21B6, c: 0x103).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeNode, "/data/disk", 0x6180, c: 0x800).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeNode, "/data/fifo", 0x1180).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.MakeNode, "/data/socket", 0xC180).Code);
        AssertSurvives(bench, "data", "kho=test");

        // A hard link still is one: a write through one name is read through the other.
        Assert.Equal(0, bench.Call(TmpfsProtocol.WriteText, "/data/link\0new").Code);
        Assert.Equal(bench.Read("/data/link"), bench.Read("/data/renamed"));
    }

    [Fact]
    public void L5_AttributesAndTruncate_AreTheLastOnes()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", new string('z', 5000));
        Assert.Equal(0, bench.Call(TmpfsProtocol.Truncate, "/data/f", 100).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Truncate, "/data/f", 9000).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.ChangeMode, "/data/f", 0x1C0).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.ChangeOwner, "/data/f", b: (7UL << 32) | 8).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.ChangeTimes, "/data/f", unchecked((ulong)-5_000_000_001L), 7_000_000_003).Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.SetFlags, "/data/f", 0x40).Code);
        AssertSurvives(bench, "data", "kho=test");
    }

    [Fact]
    public void TF3_SparseFileOf1TiB_HolesReadAsZero()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Create("/data/f");
        Assert.Equal(0, bench.Call(TmpfsProtocol.Truncate, "/data/f", 1UL << 40).Code);
        foreach (ulong offset in new ulong[] { 0, (1UL << 39) + 5, (1UL << 40) - 9 })
        {
            Assert.Equal(0, bench.Write("/data/f", 3, offset, 9));
        }

        AssertSurvives(bench, "data", "kho=test");
        KernelResult hole = bench.Call(TmpfsProtocol.Read, "/data/f", 1UL << 38, 4096);
        Assert.Equal((4096UL, (ulong)Crc32.Of(new byte[4096])), (hole.Value, hole.Extra));
    }

    [Fact]
    public void TF4_FallocatedUnwrittenPage_IsZeroWhateverLiesInRam()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Create("/data/f");
        Assert.Equal(0, bench.Call(TmpfsProtocol.Allocate, "/data/f", 0, 0, 8192).Code);
        AssertSurvives(bench, "data", "kho=test");
        Assert.Equal((8192UL, (ulong)Crc32.Of(new byte[8192])), bench.Read("/data/f"));
        Assert.Equal(16UL, bench.Call(TmpfsProtocol.Stat, "/data/f", (ulong)TmpfsStatField.BlocksDevice).Value);
    }

    [Fact]
    public void TF5_UnlinkedOpenFile_IsAbsentAndItsPagesAreNotPreserved()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/kept", "kept");
        Assert.Equal(0, bench.Freeze());
        SortedSet<(ulong, int)> without = bench.Tracked;
        Assert.Equal(0, bench.Thaw());
        bench.Put("/data/gone", new string('g', 9000));
        Assert.Equal(0, bench.Call(TmpfsProtocol.Open, "/data/gone").Code);
        Assert.Equal(0, bench.Call(TmpfsProtocol.Unlink, "/data/gone").Code);

        Assert.Equal(0, bench.Freeze());
        Assert.Equal(without.Count, bench.Tracked.Count);
        Assert.Contains("tmpfs-kho: test: not handed over: 1 unlinked open files, 0 extended attributes", bench.TmpfsLines);
        bench.Jump();

        Assert.Equal(0, bench.Mount("data", "kho=test"));
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.Stat, "/data/gone").Code);
        KernelResult blocks = bench.Call(TmpfsProtocol.StatFileSystem, "/data");
        Assert.Equal(1UL, blocks.Value - blocks.Extra);
    }

    [Theory]
    [InlineData("compatible")]
    [InlineData("page_shift")]
    public void TF14_TF15_AnotherVersion_IsAFreshFileSystemAndKhoMustIsEPROTO(string field)
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", "x");
        bench.Freeze();
        ulong anchor = bench.AnchorPhys, super = bench.Memory.ReadUInt64(anchor + AnchorPage.SlotsAt + AnchorPage.SlotSuperAt);
        bench.Jump(damage: memory =>
        {
            bool isVersion = field == "compatible";
            memory.Write(anchor + (ulong)(isVersion ? AnchorPage.CompatibleAt + 11 : AnchorPage.PageShiftAt), [isVersion ? (byte)'2' : (byte)16]);
        });

        Assert.Equal([$"tmpfs-kho: the incoming anchor is of another version ({field}): ignored"], bench.TmpfsLines);
        Assert.Equal(-Errno.EPROTO, bench.Mount("data", "kho=test,kho_must"));
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        Assert.Contains("tmpfs-kho: test: the incoming anchor is of another version: a fresh file system is mounted", bench.TmpfsLines);
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.Stat, "/data/f").Code);
        Assert.Equal(PageOwner.Memblock, bench.Pages.OwnerOf(super >> 12));
        bench.Kexec();
        Assert.NotEqual(PageOwner.Memblock, bench.Pages.OwnerOf(super >> 12));
        Assert.Equal(0, bench.Mount("data", "kho=test,kho_must"));
    }

    [Theory]
    [InlineData("size=4k")]
    [InlineData("nr_blocks=3")]
    [InlineData("nr_inodes=2")]
    public void TF16_LimitBelowUse_EINVALThenFullContent_T11(string option)
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", new string('f', 16_000));
        bench.Put("/data/g", "g");
        string before = FileSystemImage.Of(bench, "/data");
        bench.Kexec();
        SortedSet<(ulong, int)> tracked = bench.Tracked;
        ulong free = bench.Pages.FreePages;

        Assert.Equal(-Errno.EINVAL, bench.Mount("data", $"kho=test,{option}"));
        Assert.Equal(free, bench.Pages.FreePages);
        Assert.Equal(tracked, bench.Tracked);
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        Assert.Equal(before, FileSystemImage.Of(bench, "/data"));
    }

    [Fact]
    public void TF17_LargerSize_ContentAndNewLimit()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test,size=64k"));
        bench.Put("/data/f", new string('f', 16_000));
        (ulong, ulong) content = bench.Read("/data/f");
        bench.Kexec();
        Assert.Equal(0, bench.Mount("data", "kho=test,size=1M"));
        Assert.Equal((256UL, 252UL), (bench.Call(TmpfsProtocol.StatFileSystem, "/data").Value, bench.Call(TmpfsProtocol.StatFileSystem, "/data").Extra));
        Assert.Equal(content, bench.Read("/data/f"));
    }

    [Fact]
    public void TF18_NotMountedInK2_MountedInK3_CarriedIs1()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", new string('f', 16_000));
        string before = FileSystemImage.Of(bench, "/data");
        bench.Kexec();
        Assert.Equal(("test", 2UL, 0UL), Name(bench, 0));
        bench.Kexec();
        Assert.Equal(("test", 2UL, 1UL), Name(bench, 0));
        Assert.Equal(0, bench.Mount("data", "kho=test,kho_must"));
        Assert.Equal(("test", 1UL, 1UL), Name(bench, 0));
        Assert.Equal(before, FileSystemImage.Of(bench, "/data"));

        // Mounted once, the count begins anew.
        bench.Kexec();
        bench.Kexec();
        Assert.Equal(("test", 2UL, 1UL), Name(bench, 0));
    }

    [Fact]
    public void TF19_PolicyDrop_FreshInK3AndPagesFree()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", new string('f', 16_000));
        bench.Kexec();
        ulong super = bench.Memory.ReadUInt64(IncomingAnchor(bench) + AnchorPage.SlotsAt + AnchorPage.SlotSuperAt);
        Assert.Equal(0, bench.Call(TmpfsProtocol.CarryPolicy, a: 1).Code);
        bench.Kexec();
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.ListNames).Code);
        Assert.Equal(PageOwner.Free, bench.Pages.OwnerOf(super >> 12));
        Assert.Equal(-Errno.ENOENT, bench.Mount("data", "kho=test,kho_must"));
        Assert.Equal(0, bench.Mount("data", "kho=test"));
    }

    [Fact]
    public void TF20_SameNameTwiceInK2_EBUSY()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Kexec();
        Assert.Equal(0, bench.Mount("one", "kho=test"));
        Assert.Equal(-Errno.EBUSY, bench.Mount("two", "kho=test"));
        Assert.Equal(0, bench.Mount("two", "kho=other"));
    }

    [Fact]
    public void TF21_MountUmountInK2_AbsentInK3()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", "x");
        bench.Kexec();
        ulong free = bench.Pages.FreePages;
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        Assert.Equal(0, bench.Call(TmpfsProtocol.Unmount, "data").Code);
        Assert.Equal(free + 4, bench.Pages.FreePages);
        bench.Kexec();
        Assert.Equal(-Errno.ENOENT, bench.Mount("data", "kho=test,kho_must"));
    }

    [Fact]
    public void TF23_K2WithoutTheClient_LosesContentForK3()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", "x");
        Assert.Equal(0, bench.Freeze());
        ulong anchor = bench.AnchorPhys;
        bench.WithoutClient = true;
        bench.Jump();
        Assert.Equal(PageOwner.Memblock, bench.Pages.OwnerOf(anchor >> 12));
        bench.WithoutClient = false;
        bench.Jump();
        Assert.NotEqual(PageOwner.Memblock, bench.Pages.OwnerOf(anchor >> 12));
        Assert.Equal(-Errno.ENOENT, bench.Mount("data", "kho=test,kho_must"));
    }

    [Fact]
    public void T12_AfterAClaim_MetadataIsFreeAndDataIsTheClients()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("a", "kho=a"));
        Assert.Equal(0, bench.Mount("b", "kho=b"));
        bench.Put("/a/f", new string('f', 9000));
        bench.Put("/b/f", new string('f', 9000));
        bench.Kexec();
        ulong anchor = IncomingAnchor(bench);
        ulong superA = bench.Memory.ReadUInt64(anchor + AnchorPage.SlotsAt + AnchorPage.SlotSuperAt);
        ulong superB = bench.Memory.ReadUInt64(anchor + AnchorPage.SlotsAt + AnchorPage.SlotBytes + AnchorPage.SlotSuperAt);
        ulong free = bench.Pages.FreePages;

        Assert.Equal(0, bench.Mount("a", "kho=a"));

        // Super, inode page, directory page, map node; three data pages stay.
        Assert.Equal(free + 4, bench.Pages.FreePages);
        Assert.Equal(PageOwner.Free, bench.Pages.OwnerOf(superA >> 12));
        Assert.Equal((PageOwner.Memblock, PageOwner.Memblock), (bench.Pages.OwnerOf(anchor >> 12), bench.Pages.OwnerOf(superB >> 12)));
    }

    [Fact]
    public void T13_GenerationGrowsByOneWithEachKexec()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        for (ulong generation = 1; generation < 5; generation++)
        {
            Assert.Equal(0, bench.Freeze());
            Assert.Equal(generation, bench.Memory.ReadUInt64(bench.AnchorPhys + AnchorPage.GenerationAt));
            bench.Jump();
            if (generation % 2 == 0)
            {
                Assert.Equal(0, bench.Mount("data", "kho=test"));
            }
        }
    }

    [Fact]
    public void Uuid_and_inode_numbers_go_on_where_they_were()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        ulong first = bench.Call(TmpfsProtocol.Create, "/data/a", 0x1A4).Value;
        Assert.Equal(0, bench.Call(TmpfsProtocol.Unlink, "/data/a").Code);
        (ulong, ulong) uuid = Uuid(bench);
        bench.Jump();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        Assert.Equal(first + 1, bench.Call(TmpfsProtocol.Create, "/data/b", 0x1A4).Value);
        Assert.Equal(uuid, Uuid(bench));
    }

    [Fact]
    public void Kho_v2_whose_blobs_have_no_size_hands_over_as_well()
    {
        TmpfsBench bench = new(build: MachineBench.Kernel(MachineBench.Newest) with { Abi = KhoAbi.V2 });
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Put("/data/f", "x");
        AssertSurvives(bench, "data", "kho=test,kho_must");
    }

    [Fact]
    public void Module_tools_take_nothing_away()
    {
        TmpfsBench bench = new();
        Assert.Equal(0, bench.Mount("data", "kho=test"));
        bench.Kexec();
        Assert.Equal((-Errno.EBUSY, 0), (bench.AskMachine(ClientProtocol.Exit), bench.AskMachine(ClientProtocol.Init)));
        Assert.Equal(-Errno.ENOENT, bench.Call(TmpfsProtocol.ListNames, a: 1).Code);
        Assert.Equal(0, bench.Mount("data", "kho=test,kho_must"));
    }

    private static void AssertSurvives(TmpfsBench bench, string point, string options)
    {
        string before = FileSystemImage.Of(bench, $"/{point}");
        for (int kexec = 0; kexec < 2; kexec++)
        {
            bench.Kexec();
            Assert.Equal(0, bench.Mount(point, options));
            Assert.Equal(before, FileSystemImage.Of(bench, $"/{point}"));
        }
    }

    /// <summary>Freezes, and reads the uuid off the snapshot.</summary>
    private static (ulong, ulong) Uuid(TmpfsBench bench)
    {
        Assert.Equal(0, bench.Freeze());
        ulong super = bench.Memory.ReadUInt64(bench.AnchorPhys + AnchorPage.SlotsAt + AnchorPage.SlotSuperAt);
        return (bench.Memory.ReadUInt64(super + SuperPage.UuidAt), bench.Memory.ReadUInt64(super + SuperPage.UuidAt + 8));
    }

    private static (string?, ulong, ulong) Name(TmpfsBench bench, ulong position)
    {
        uint asked = bench.Ask(TmpfsProtocol.ListNames, a: position);
        bench.Run();
        KernelResult result = bench.AnswerTo(asked)!.Value;
        Assert.Equal(0, result.Code);
        return (bench.TextTo(asked), result.Value, result.Extra);
    }

    private static ulong IncomingAnchor(TmpfsBench bench)
    {
        Assert.Equal(0, bench.Kernel.Kho.Retrieve(AnchorPage.SubtreeName, out ulong phys, out _));
        return phys;
    }
}
