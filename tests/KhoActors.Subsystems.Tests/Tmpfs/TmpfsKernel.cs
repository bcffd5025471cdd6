using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;

namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <summary>A kernel with 64 MiB of poisoned RAM, a table of mounts and a process that works on them; pages can be made to run out.</summary>
internal sealed class TmpfsKernel
{
    public const ulong FirstPfn = 0x400;
    public const ulong RamPages = 0x4000;
    public const ulong SecondTicks = 1_000_000_000;

    private static readonly PageOwner Owner = PageOwner.Client(1);

    private readonly PhysicalMemory _ram = new();
    private readonly PageAllocator _allocator;
    private readonly CountedPages _pages;
    private readonly SplitMix64 _random = new(7);

    public TmpfsKernel()
    {
        _allocator = new PageAllocator(_ram, new PageAllocatorOptions());
        _allocator.AddFree(FirstPfn, FirstPfn + RamPages, 0, MigrateType.Movable);
        _ram.Poison(FirstPfn, RamPages);
        _pages = new CountedPages(_allocator);
        Memory = new OwnedMemory(_ram, _allocator, Owner);
        Calls = new TmpfsSystemCalls(Mounts);
    }

    public OwnedMemory Memory { get; }

    public TmpfsMountTable Mounts { get; } = new();

    public TmpfsSystemCalls Calls { get; }

    public ulong NowTicks { get; set; } = SecondTicks;

    public TmpfsTime Now => TmpfsFileSystem.TimeOf(NowTicks);

    /// <summary>Pages that the page allocator still gives.</summary>
    public long PagesLeft
    {
        get => _pages.Left;
        set => _pages.Left = value;
    }

    /// <summary>Pages that were allocated and not freed.</summary>
    public int PagesInUse => _pages.InUse;

    public string? Text { get; private set; }

    public TmpfsResources Resources => new(Memory, _pages, _random.Next, RamPages);

    public TmpfsFileSystem Mount(string name, string options = "", TmpfsMounter mounter = TmpfsMounter.None, uint uid = 0, uint gid = 0)
    {
        Assert.Equal(0, TmpfsOptionParser.Parse(options, mounter, RamPages, bareSuffix: false, out TmpfsMountOptions read));
        TmpfsFileSystem mounted = new(read, Resources, uid, gid, Now);
        Mounts.Add(name, mounted);
        return mounted;
    }

    public static int Remount(TmpfsFileSystem fileSystem, string options, TmpfsMounter mounter = TmpfsMounter.None)
    {
        int error = TmpfsOptionParser.Parse(options, mounter, RamPages, bareSuffix: false, out TmpfsMountOptions read);
        return error != 0 ? error : fileSystem.Remount(read);
    }

    public KernelResult Ask(byte number, string? text, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0)
    {
        KernelResult result = Calls.Execute(new Message(MessageKind.Of(TmpfsProtocol.Actor, number), a, b, c, d, text), NowTicks, out string? reply);
        Text = reply;
        return result;
    }

    public int Create(string path, uint mode = 0x1A4) => Ask(TmpfsProtocol.Create, path, mode).Code;

    public int MakeDirectory(string path, uint mode = 0x1ED) => Ask(TmpfsProtocol.MakeDirectory, path, mode).Code;

    public int MakeNode(string path, uint mode, uint device = 0) => Ask(TmpfsProtocol.MakeNode, path, mode, c: device).Code;

    public int Link(string from, string to) => Ask(TmpfsProtocol.Link, from + '\0' + to).Code;

    public int SymbolicLink(string target, string path) => Ask(TmpfsProtocol.SymbolicLink, target + '\0' + path).Code;

    public int Unlink(string path) => Ask(TmpfsProtocol.Unlink, path).Code;

    public int RemoveDirectory(string path) => Ask(TmpfsProtocol.RemoveDirectory, path).Code;

    public int Rename(string from, string to, ulong flags = 0) => Ask(TmpfsProtocol.Rename, from + '\0' + to, flags).Code;

    public KernelResult Write(string path, ulong offset, ulong bytes, ulong seed = 1) => Ask(TmpfsProtocol.Write, path, offset, bytes, seed);

    public KernelResult WriteText(string path, ulong offset, string content) => Ask(TmpfsProtocol.WriteText, path + '\0' + content, offset);

    public int Truncate(string path, ulong size) => Ask(TmpfsProtocol.Truncate, path, size).Code;

    public int Allocate(string path, ulong mode, ulong offset, ulong bytes) => Ask(TmpfsProtocol.Allocate, path, mode, offset, bytes).Code;

    public KernelResult Seek(string path, ulong offset, bool data) => Ask(TmpfsProtocol.Seek, path, offset, data ? 3UL : 4);

    public KernelResult MapWrite(string path, ulong offset, ulong bytes, ulong seed = 1) => Ask(TmpfsProtocol.MapWrite, path, offset, bytes, seed);

    public int SetFlags(string path, ulong flags) => Ask(TmpfsProtocol.SetFlags, path, flags).Code;

    public string Open(string path)
    {
        KernelResult result = Ask(TmpfsProtocol.Open, path);
        Assert.Equal(0, result.Code);
        return $"fd:{result.Value}";
    }

    public int Close(string descriptor) => Ask(TmpfsProtocol.Close, descriptor).Code;

    public KernelResult Stat(string path, TmpfsStatField field) => Ask(TmpfsProtocol.Stat, path, (ulong)field);

    public ulong Size(string path) => Succeed(Stat(path, TmpfsStatField.InodeAndSize)).Extra;

    public ulong Number(string path) => Succeed(Stat(path, TmpfsStatField.InodeAndSize)).Value;

    public uint Mode(string path) => (uint)(Succeed(Stat(path, TmpfsStatField.ModeLinksOwner)).Value >> 32);

    public uint Links(string path) => (uint)Succeed(Stat(path, TmpfsStatField.ModeLinksOwner)).Value;

    public ulong Sectors(string path) => Succeed(Stat(path, TmpfsStatField.BlocksDevice)).Value;

    public byte[] Content(string path)
    {
        byte[] bytes = ContentOf(Inode(path, out _));
        KernelResult read = Ask(TmpfsProtocol.Read, path, 0, Math.Min((ulong)bytes.Length, TmpfsSystemCalls.ReadLimitBytes));
        Assert.Equal((ulong)bytes.Length, read.Value);
        Assert.Equal(Crc32.Of(bytes), read.Extra);
        return bytes;
    }

    /// <summary>A file's bytes as its pages hold them; holes are zero.</summary>
    public byte[] ContentOf(TmpfsInode inode)
    {
        byte[] bytes = new byte[inode.SizeBytes];
        for (int i = 0; i < inode.Pages.Count; i++)
        {
            TmpfsPage page = inode.Pages[i];
            ulong start = page.Index * PageGeometry.SizeBytes;
            if (page.IsUpToDate && start < inode.SizeBytes)
            {
                Memory.Read(page.Phys, bytes.AsSpan((int)start, (int)Math.Min(PageGeometry.SizeBytes, inode.SizeBytes - start)));
            }
        }

        return bytes;
    }

    public TmpfsInode Inode(string path, out TmpfsFileSystem fileSystem)
    {
        fileSystem = Mounts.Find(path.Split('/')[1])!;
        return fileSystem.FindInode(Number(path))!;
    }

    public List<string> Names(string path)
    {
        List<string> names = [];
        ulong position = 0;
        for (; ; )
        {
            KernelResult entry = Succeed(Ask(TmpfsProtocol.ReadDirectory, path, position));
            if (entry.Extra == 0)
            {
                return names;
            }

            names.Add(Text!);
            position = entry.Value;
        }
    }

    public static byte[] Pattern(ulong seed, int bytes)
    {
        byte[] expected = new byte[bytes];
        for (int i = 0; i < bytes; i++)
        {
            ulong word = new PagePattern(seed, 0).WordAt((ulong)(i / PageGeometry.SizeBytes), i % PageGeometry.SizeBytes / 8);
            expected[i] = (byte)(word >> (i % 8 * 8));
        }

        return expected;
    }

    private static KernelResult Succeed(KernelResult result)
    {
        Assert.Equal(0, result.Code);
        return result;
    }

    private sealed class CountedPages(PageAllocator allocator) : IPageSource
    {
        public long Left { get; set; } = long.MaxValue;

        public int InUse { get; private set; }

        public ulong AllocateZeroedPage() => Allocate(zero: true);

        public ulong AllocatePage() => Allocate(zero: false);

        public void FreePage(ulong phys)
        {
            allocator.Free(phys, 0, Owner);
            InUse--;
            Left++;
        }

        private ulong Allocate(bool zero)
        {
            if (Left <= 0)
            {
                return 0;
            }

            ulong phys = allocator.Allocate(0, MigrateType.Unmovable, Owner, -1, exactNode: false, zero);
            if (phys != 0)
            {
                InUse++;
                Left--;
            }

            return phys;
        }
    }
}
