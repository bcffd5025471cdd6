using System.Buffers.Binary;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>One tmpfs in RAM that is written as tmpfs-kho-v1 and read back, without kernels and without a kexec.</summary>
internal sealed class LayoutBench
{
    public const string Name = "test";
    public const ulong AnchorPhys = 0x7000;
    private const int RecordCrcAt = 0x78, RecordDataCrcAt = 0x7C, RecordSizeAt = 0x18, RecordMapAt = 0x68;

    private readonly TmpfsMountTable _mounts = new();
    private readonly TmpfsSystemCalls _calls;
    private readonly PageAllocator _pages;
    private readonly HashSet<ulong> _handedOver = [];
    private ulong _now;

    public LayoutBench(ulong memoryPages = 0x20000)
    {
        NodeMap nodes = new();
        nodes.Add(1, memoryPages, 0);
        _pages = new PageAllocator(Memory, new PageAllocatorOptions(), nodes);
        _pages.AddFree(0x100, memoryPages, 0, MigrateType.Movable);
        Owned = new OwnedMemory(Memory, _pages, PageOwner.Client(1));
        SplitMix64 random = new(7);
        TmpfsMountOptions options = new() { KhoName = Name };
        FileSystem = new TmpfsFileSystem(options, new TmpfsResources(Owned, _pages.SourceFor(Owned.Owner), random.Next, memoryPages), 0, 0, default);
        _mounts.Add("m", FileSystem);
        _calls = new TmpfsSystemCalls(_mounts);
    }

    public PhysicalMemory Memory { get; } = new();

    public OwnedMemory Owned { get; }

    public TmpfsFileSystem FileSystem { get; }

    public TmpfsSnapshotWriter Writer { get; } = new();

    public List<ulong> MetaPages { get; } = [];

    public MountSlot Slot { get; private set; }

    /// <summary>A file system with everything in it: see the calls.</summary>
    public static LayoutBench WithEverything()
    {
        LayoutBench bench = new();
        bench.Do(TmpfsProtocol.MakeDirectory, "/m/dir", 0x1ED);
        bench.Do(TmpfsProtocol.MakeDirectory, "/m/dir/sub", 0x1C0);
        bench.Do(TmpfsProtocol.Create, "/m/dir/file", 0x1A4);
        bench.Do(TmpfsProtocol.Write, "/m/dir/file", a: 100, b: 9000, c: 3);
        bench.Do(TmpfsProtocol.Link, "/m/dir/file\0/m/other name");
        bench.Do(TmpfsProtocol.SymbolicLink, "short target\0/m/dir/short");
        bench.Do(TmpfsProtocol.SymbolicLink, $"{new string('t', 1000)}\0/m/long");
        bench.Do(TmpfsProtocol.MakeNode, "/m/null", 0x21B6, c: 0x103);
        bench.Do(TmpfsProtocol.MakeNode, "/m/fifo", 0x1180);
        bench.Do(TmpfsProtocol.Create, "/m/holes", 0x180);
        bench.Do(TmpfsProtocol.Write, "/m/holes", a: 513UL << 12, b: 10, c: 4);
        bench.Do(TmpfsProtocol.Write, "/m/holes", a: 0, b: 10, c: 5);
        bench.Do(TmpfsProtocol.Create, "/m/allocated", 0x180);
        bench.Do(TmpfsProtocol.Allocate, "/m/allocated", a: 0, b: 0, c: 8192);
        bench.Do(TmpfsProtocol.SetFlags, "/m/allocated", a: 0x40);
        for (int i = 0; i < 20; i++)
        {
            bench.Do(TmpfsProtocol.Create, $"/m/dir/sub/{i}", 0x1FF);
        }

        return bench;
    }

    /// <summary>A system call that succeeds, one second after the one before.</summary>
    public KernelResult Do(byte number, string text, ulong a = 0, ulong b = 0, ulong c = 0)
    {
        _now += 1_000_000_007;
        KernelResult result = _calls.Execute(new Message(MessageKind.Of(TmpfsProtocol.Actor, number), a, b, c, 0, text), _now, out _);
        Assert.True(result.Code == 0, $"request 0x{number:x2} {text}: {result.Code}");
        return result;
    }

    public TmpfsInode Inode(string path) => FileSystem.FindInode(Do(TmpfsProtocol.Stat, path).Value)!;

    /// <summary>Writes the snapshot to new pages.</summary>
    public LayoutBench Write()
    {
        Writer.Plan(FileSystem.Root, FileSystem.Inodes);
        MetaPages.Clear();
        for (int i = 0; i < Writer.MetaPages; i++)
        {
            MetaPages.Add(_pages.Allocate(0, MigrateType.Unmovable, Owned.Owner));
        }

        List<ulong> dataPages = [];
        Writer.ListDataPages(dataPages);
        Assert.Equal(Writer.DataPages, dataPages.Count);
        _handedOver.Clear();
        _handedOver.UnionWith(MetaPages);
        _handedOver.UnionWith(dataPages);
        SuperBlock super = new()
        {
            Name = Name, Uuid = FileSystem.Uuid, MaxBlocks = FileSystem.MaxBlocks, MaxInodes = FileSystem.MaxInodes, Mode = FileSystem.Mode,
            NextNumber = FileSystem.NextInodeNumber,
        };
        Writer.Write(Owned, MetaPages, 0, super);
        Slot = new MountSlot(Name, MetaPages[0], IsCarried: false, (uint)(Writer.MetaPages + Writer.DataPages));
        return this;
    }

    public TmpfsSnapshot? Read(out string problem) => new TmpfsSnapshotReader(Memory).Read(Slot, AnchorPhys, _handedOver.Contains, out problem);

    /// <summary>Reads what must be damaged.</summary>
    public string ProblemOf()
    {
        Assert.Null(Read(out string problem));
        Assert.NotEmpty(problem);
        return problem;
    }

    public void NotHandedOver(ulong phys) => Assert.True(_handedOver.Remove(phys));

    public void HandedOver(ulong phys) => _handedOver.Add(phys);

    /// <summary>Address of an inode's record, for file systems of up to 512 pages of inodes.</summary>
    public ulong RecordOf(ulong number)
    {
        int index = FileSystem.Inodes.Where(inode => inode.LinkCount != 0).ToList().FindIndex(inode => inode.Number == number);
        ulong map = Memory.ReadUInt64(MetaPages[0] + SuperPage.InodeMapAt);
        bool isSinglePage = Memory.ReadUInt64(MetaPages[0] + SuperPage.InodeMapDepthAt) << 56 == 0;
        ulong page = isSinglePage ? map : Memory.ReadUInt64(map + ((ulong)(index / 16) * 8));
        return page + ((ulong)(index % 16) * 256);
    }

    public ulong RecordOf(string path) => RecordOf(Inode(path).Number);

    /// <summary>Changes a record and gives it a checksum that holds.</summary>
    public void ForgeRecord(ulong record, int offset, ulong value, int bytes = 8)
    {
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        Memory.Write(record + (ulong)offset, word[..bytes]);
        byte[] all = new byte[256];
        Memory.Read(record, all);
        Span<byte> crc = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(crc, LayoutCrc.OfStructure(all, RecordCrcAt));
        Memory.Write(record + RecordCrcAt, crc);
    }

    /// <summary>Changes the super page and gives it a checksum that holds.</summary>
    public void ForgeSuper(int offset, ulong value, int bytes = 8)
    {
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        Memory.Write(Slot.SuperPhys + (ulong)offset, word[..bytes]);
        byte[] page = new byte[4096];
        Memory.Read(Slot.SuperPhys, page);
        BinaryPrimitives.WriteUInt32LittleEndian(word, LayoutCrc.OfStructure(page, SuperPage.CrcAt));
        Memory.Write(Slot.SuperPhys + SuperPage.CrcAt, word[..4]);
    }

    /// <summary>Changes the stream of a directory of one page, and gives stream and record checksums that hold.</summary>
    public void ForgeDirectory(ulong record, int offset, ReadOnlySpan<byte> bytes, ulong? size = null)
    {
        ulong page = Memory.ReadUInt64(record + RecordMapAt) & ~0xFFFUL;
        Memory.Write(page + (ulong)offset, bytes);
        byte[] stream = new byte[size ?? Memory.ReadUInt64(record + RecordSizeAt)];
        Memory.Read(page, stream);
        ForgeRecord(record, RecordDataCrcAt, Crc32.Of(stream), 4);
        ForgeRecord(record, RecordSizeAt, (ulong)stream.Length);
    }

    /// <summary>What the snapshot says, in full: two that agree here agree in everything.</summary>
    public string Describe(TmpfsSnapshot snapshot)
    {
        List<string> lines = [snapshot.Super.ToString()];
        foreach (TmpfsInode inode in snapshot.Inodes)
        {
            lines.Add(Describe(inode));
        }

        return string.Join('\n', lines);
    }

    public string Describe(TmpfsInode inode)
    {
        List<string> entries = [];
        foreach (TmpfsDirectoryEntry entry in inode.Entries)
        {
            entries.Add($"{entry.Name}={entry.Inode.Number}");
        }

        List<string> pages = [];
        byte[] content = new byte[4096];
        for (int i = 0; i < inode.Pages.Count; i++)
        {
            TmpfsPage page = inode.Pages[i];
            Memory.Read(page.Phys, content);
            pages.Add($"{page.Index}@{page.Phys:x}:{page.IsUpToDate}:{(page.IsUpToDate ? Crc32.Of(content) : 0):x}");
        }

        return $"{inode.Number} {inode.Mode:x} {inode.LinkCount} {inode.Uid} {inode.Gid} {inode.SizeBytes} {inode.AccessTime} {inode.ModifyTime} "
            + $"{inode.ChangeTime} {inode.BirthTime} {inode.Generation} {inode.Flags:x} {inode.DeviceNumber:x} {inode.Parent?.Number} {inode.Target} "
            + $"[{string.Join(' ', entries)}] [{string.Join(' ', pages)}]";
    }
}
