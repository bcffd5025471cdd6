using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>
/// A mounted tmpfs: inodes, pages, limits (mm/shmem.c and what the VFS does before it). Every operation is complete when it returns: done, or
/// nothing was done. Everybody is root and no permission is checked; read-only mounts, immutable and append-only files are obeyed. File content
/// lies in simulated RAM; everything else is state of the running kernel.
/// </summary>
public sealed partial class TmpfsFileSystem
{
    /// <summary>f_type of statfs (TMPFS_MAGIC).</summary>
    public const ulong Magic = 0x0102_1994;

    /// <summary>Longest name, in bytes (NAME_MAX).</summary>
    public const int NameLimit = 255;

    /// <summary>Inode space of an inode, and of a hard link beyond the first (BOGO_INODE_SIZE).</summary>
    public const ulong InodeSpaceBytes = 1024;

    /// <summary>What a directory entry adds to the size of its directory (BOGO_DIRENT_SIZE); an empty one has two.</summary>
    public const ulong EntrySizeBytes = 20;

    private const uint DirectoryType = 0x4000;

    private readonly TmpfsResources _resources;
    private readonly OwnedMemory _memory;
    private readonly IPageSource _pages;
    private readonly TmpfsHooks _hooks;
    private readonly List<TmpfsInode> _inodes = [];
    private readonly bool _mountedNoSwap;
    private ulong _nextInodeNumber = 1;

    /// <summary>Mounts an empty file system.</summary>
    /// <param name="options">Options, read; what was not given gets its default.</param>
    /// <param name="resources">What the kernel gives it.</param>
    /// <param name="mounterUid">Default owner of the root directory.</param>
    /// <param name="mounterGid">Its default group.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="InvalidOperationException">The hooks refused the root: a defect of the layout, which refuses the mount before.</exception>
    public TmpfsFileSystem(TmpfsMountOptions options, TmpfsResources resources, uint mounterUid, uint mounterGid, TmpfsTime now)
        : this(FreshState(options, resources, mounterUid, mounterGid), resources, options.NoSwap)
    {
        int error = NewInode(null, DirectoryType | Mode, Uid, Gid, 0, now, out TmpfsInode? root);
        Root = root ?? throw new InvalidOperationException($"the root inode could not be made: {Errno.Symbol(error)}");
        Root.LinkCount = 2;
        Root.Parent = Root;
        _hooks.AttributesChanged(Root);
    }

    private TmpfsFileSystem(TmpfsState state, TmpfsResources resources, bool noSwap)
    {
        (_resources, _memory, _pages, _hooks) = (resources, resources.Memory, resources.Pages, resources.Hooks);
        (MaxBlocks, MaxInodes, IsReadOnly, Uuid) = (state.MaxBlocks, state.MaxInodes, state.ReadOnly, state.Uuid);
        (Mode, Uid, Gid, KhoName) = (state.Mode, state.Uid, state.Gid, state.KhoName);
        _nextInodeNumber = state.NextInodeNumber;
        _mountedNoSwap = noSwap;
        Root = null!;
    }

    /// <summary>The root directory.</summary>
    public TmpfsInode Root { get; private set; }

    /// <summary>What its layout decides and hears.</summary>
    internal TmpfsHooks Hooks => _hooks;

    /// <summary>All inodes in ascending number, with those that are only open (link count 0).</summary>
    public IReadOnlyList<TmpfsInode> Inodes => _inodes;

    /// <summary>The number that the next inode gets, unless hooks choose otherwise.</summary>
    public ulong NextInodeNumber => _nextInodeNumber;

    /// <summary>Limit in pages; 0 for unlimited.</summary>
    public ulong MaxBlocks { get; private set; }

    /// <summary>Limit in inodes; 0 for unlimited.</summary>
    public ulong MaxInodes { get; private set; }

    /// <summary>Pages that regular files and long symbolic links have, those of files that are only open included.</summary>
    public ulong UsedBlocks { get; private set; }

    /// <summary>Inode space in use, in bytes: 1024 for each inode and each hard link beyond the first, and the extended attributes.</summary>
    public ulong UsedInodeSpaceBytes { get; private set; }

    /// <summary>Whether it is mounted read-only.</summary>
    public bool IsReadOnly { get; private set; }

    /// <summary>Whether writers must wait: set by the layout at the freeze, obeyed by <see cref="TmpfsSystemCalls"/>.</summary>
    public bool IsFrozen { get; set; }

    /// <summary>The name under which it is handed over; null for an ordinary tmpfs.</summary>
    public string? KhoName { get; }

    /// <summary>Its identity (s_uuid), first byte in the highest bits; random, kept across kexecs.</summary>
    public UInt128 Uuid { get; }

    /// <summary>Mount option mode: 12 bits.</summary>
    public uint Mode { get; }

    /// <summary>Mount option uid, or who mounted.</summary>
    public uint Uid { get; }

    /// <summary>Mount option gid, or the group of who mounted.</summary>
    public uint Gid { get; }

    /// <summary>How many descriptors are open on it; it cannot be unmounted while there are any.</summary>
    public int OpenDescriptors { get; private set; }

    /// <summary>How many descriptors are open for writing; it cannot become read-only while there are any.</summary>
    public int WritableDescriptors { get; private set; }

    /// <summary>Inodes that no name leads to any more and that live because they are open. They are not handed over.</summary>
    public int UnlinkedOpenInodes { get; private set; }

    /// <summary>The time as inodes have it.</summary>
    /// <param name="nowTicks">Virtual time.</param>
    /// <returns>The real time.</returns>
    public static TmpfsTime TimeOf(ulong nowTicks)
    {
        (long seconds, uint nanoseconds) = ClientKernel.RealTime(nowTicks);
        return new TmpfsTime(seconds, nanoseconds);
    }

    /// <summary>Finds an inode by number.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>The inode, or null.</returns>
    public TmpfsInode? FindInode(ulong number) =>
        PositionFrom(number) is var at && at < _inodes.Count && _inodes[at].Number == number ? _inodes[at] : null;

    /// <summary>Size as stat shows it: a directory's is made up.</summary>
    /// <param name="inode">An inode.</param>
    /// <returns>Bytes.</returns>
    public static ulong StatSize(TmpfsInode inode) => inode.IsDirectory ? (2 + (ulong)inode.Entries.Count) * EntrySizeBytes : inode.SizeBytes;

    /// <summary>Unmounts: frees every page. The file system must not be used afterwards.</summary>
    public void Unmount()
    {
        foreach (TmpfsInode inode in _inodes)
        {
            RemovePages(inode, 0, inode.Pages.Count);
            _hooks.InodeRemoved(inode);
        }

        _inodes.Clear();
    }

    private int PositionFrom(ulong number)
    {
        int low = _inodes.Count != 0 && _inodes[^1].Number < number ? _inodes.Count : 0;
        int high = _inodes.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_inodes[middle].Number < number)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private void Insert(TmpfsInode inode)
    {
        int at = PositionFrom(inode.Number);
        if (_hooks.NumbersAreUnique && at < _inodes.Count && _inodes[at].Number == inode.Number)
        {
            throw new InvalidOperationException($"two inodes have the number {inode.Number}");
        }

        _inodes.Insert(at, inode);
    }
}
