using System.Globalization;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>The worked example of tmpfs-kho-v1, byte for byte, in both directions (reference, B.12).</summary>
public class LayoutGoldenTests
{
    private static readonly TmpfsTime Time = new(1733771217, 0);
    private static readonly UInt128 Uuid = UInt128.Parse("101112131415161718191a1b1c1d1e1f", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    private static readonly MountSlot Slot = new("test", GoldenBytes.SuperPhys, IsCarried: false, Pages: 4);

    [Fact]
    public void B12_Writing_the_example_gives_its_bytes()
    {
        OwnedMemory memory = FivePages();
        (TmpfsInode root, TmpfsInode foo) = Example();
        TmpfsSnapshotWriter writer = new();

        writer.Plan(root, [root, foo]);
        Assert.Equal((3, 1), (writer.MetaPages, writer.DataPages));
        ulong[] pages = [GoldenBytes.SuperPhys, GoldenBytes.InodePhys, GoldenBytes.DirectoryPhys];
        SuperBlock super = new() { Name = "test", Uuid = Uuid, MaxBlocks = 256, MaxInodes = 10, NextNumber = 3, Mode = 0x3FF, Frozen = Time };
        writer.Write(memory, pages, 0, super);
        AnchorPage.WriteComplete(memory.WritablePageBytes(GoldenBytes.AnchorPhys >> 12), generation: 1, [Slot]);

        AssertPage(GoldenBytes.Anchor, memory, GoldenBytes.AnchorPhys);
        AssertPage(GoldenBytes.Super, memory, GoldenBytes.SuperPhys);
        AssertPage(GoldenBytes.Inodes, memory, GoldenBytes.InodePhys);
        AssertPage(GoldenBytes.Directory, memory, GoldenBytes.DirectoryPhys);
    }

    [Fact]
    public void B12_Reading_the_bytes_gives_the_example()
    {
        PhysicalMemory memory = GoldenMemory();
        List<MountSlot> slots = [];
        byte[] anchor = new byte[4096];
        memory.Read(GoldenBytes.AnchorPhys, anchor);

        Assert.Equal(new AnchorReading(AnchorVerdict.Complete, string.Empty, 1), AnchorPage.Read(anchor, slots));
        Assert.Equal([Slot], slots);
        TmpfsSnapshot? read = new TmpfsSnapshotReader(memory).Read(
            Slot, GoldenBytes.AnchorPhys, phys => phys is > GoldenBytes.AnchorPhys and <= GoldenBytes.DataPhys, out string problem);

        Assert.Equal(string.Empty, problem);
        Assert.Equal((256UL, 10UL, 3UL, 2048UL), (read!.Super.MaxBlocks, read.Super.MaxInodes, read.Super.NextNumber, read.Super.UsedInodeSpace));
        Assert.Equal((Uuid, Time), (read.Super.Uuid, read.Super.Frozen));
        (TmpfsInode root, TmpfsInode foo) = Example();
        LayoutBench bench = new();
        Assert.Equal(bench.Describe(root), bench.Describe(read.Root));
        Assert.Equal(bench.Describe(foo), bench.Describe(Assert.Single(read.Root.Entries).Inode));
    }

    [Fact]
    public void T15_The_bytes_depend_on_content_and_addresses_alone()
    {
        string[] dumps = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            LayoutBench bench = LayoutBench.WithEverything().Write();
            byte[] page = new byte[4096];
            return string.Concat(bench.MetaPages.Select(phys =>
            {
                bench.Memory.Read(phys, page);
                return Convert.ToHexString(page);
            }));
        })];

        Assert.Equal(dumps[0], dumps[1]);
    }

    [Fact]
    public void An_empty_anchor_says_so()
    {
        byte[] page = new byte[4096];
        AnchorPage.WriteHeader(page, AnchorState.Empty);
        Assert.Equal(AnchorVerdict.Nothing, AnchorPage.Read(page, []).Verdict);
        AnchorPage.WriteComplete(page, 5, []);
        Assert.Equal(new AnchorReading(AnchorVerdict.Complete, string.Empty, 5), AnchorPage.Read(page, []));
    }

    private static (TmpfsInode Root, TmpfsInode Foo) Example()
    {
        TmpfsInode root = new()
        {
            Number = 1, Mode = 0x43FF, LinkCount = 2, Generation = 0x11111111,
            AccessTime = Time, ModifyTime = Time, ChangeTime = Time, BirthTime = Time,
        };
        TmpfsInode foo = new()
        {
            Number = 2, Mode = 0x81A4, LinkCount = 1, SizeBytes = 10, Generation = 0x22222222,
            AccessTime = Time, ModifyTime = Time, ChangeTime = Time, BirthTime = Time,
        };
        foo.Pages.Set(new TmpfsPage(0, GoldenBytes.DataPhys, IsUpToDate: true));
        root.Parent = root;
        root.Entries.Add("foo", foo);
        return (root, foo);
    }

    private static OwnedMemory FivePages()
    {
        NodeMap nodes = new();
        nodes.Add(1, 0x20000, 0);
        PhysicalMemory memory = new();
        PageAllocator pages = new(memory, new PageAllocatorOptions(), nodes);
        for (ulong page = 0; page < 5; page++)
        {
            pages.Adopt((GoldenBytes.AnchorPhys >> 12) + page, 0, PageOwner.Client(1));
        }

        return new OwnedMemory(memory, pages, PageOwner.Client(1));
    }

    private static PhysicalMemory GoldenMemory()
    {
        PhysicalMemory memory = new();
        memory.Write(GoldenBytes.AnchorPhys, GoldenBytes.Page(GoldenBytes.Anchor));
        memory.Write(GoldenBytes.SuperPhys, GoldenBytes.Page(GoldenBytes.Super));
        memory.Write(GoldenBytes.InodePhys, GoldenBytes.Page(GoldenBytes.Inodes));
        memory.Write(GoldenBytes.DirectoryPhys, GoldenBytes.Page(GoldenBytes.Directory));
        memory.Write(GoldenBytes.DataPhys, "Test file\n"u8);
        return memory;
    }

    private static void AssertPage(string expected, OwnedMemory memory, ulong phys)
    {
        byte[] page = new byte[4096];
        memory.Read(phys, page);
        Assert.Equal(Convert.ToHexString(GoldenBytes.Page(expected)), Convert.ToHexString(page));
    }
}
