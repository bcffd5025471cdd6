using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// One KHO mount: mirrors into KHO inodes what the proof of concept mirrors, while it happens, and nothing else. In a mount that was handed
/// over, it also brings inodes and pages back when somebody asks for them.
/// </summary>
/// <param name="kernel">The kernel.</param>
/// <param name="state">Bitmap and slab.</param>
/// <param name="isRestored">Whether the mount was handed over.</param>
internal sealed class PocMirror(ClientKernel kernel, PocState state, bool isRestored) : TmpfsHooks
{
    private const uint FileType = 0x8000;
    private const uint DirectoryType = 0x4000;
    private const uint NoAccessTimeFlag = 0x80;
    private const uint VfsNoAccessTime = 0x2;
    private const byte DirectoryEntryType = 2;

    private const long SpaceOfOne = (long)TmpfsFileSystem.InodeSpaceBytes;

    private readonly HashSet<ulong> _handedOverDirectories = [];
    private (uint Uid, uint Gid)? _mounter;
    private long _takenSpaceBytes;

    /// <inheritdoc/>
    public override bool EnforcesInodeLimit => false;

    /// <summary>Creating an inode takes nothing, removing one gives its space back all the same. Hard links are counted as by any tmpfs.</summary>
    public override long? UsedInodeSpaceBytes => _takenSpaceBytes;

    /// <inheritdoc/>
    public override bool NumbersAreUnique => false;

    /// <summary>
    /// The next inode is the root of a fresh mount. Its KHO inode is filled before <c>uid=</c> and <c>gid=</c> take effect, so it has the
    /// mounter's.
    /// </summary>
    /// <param name="uid">The mounter.</param>
    /// <param name="gid">The mounter's group.</param>
    public void ExpectRoot(uint uid, uint gid) => _mounter = (uid, gid);

    /// <summary>The mount was handed over with this much inode space.</summary>
    /// <param name="super">What was handed over.</param>
    public void StartFrom(PocSuper super) => _takenSpaceBytes = unchecked((long)((super.MaxInodes * TmpfsFileSystem.InodeSpaceBytes) - super.FreeInodeSpace));

    /// <summary>Inode space that is left (free_ispace); 0 without a limit.</summary>
    /// <param name="maxInodes">The limit.</param>
    /// <returns>Bytes; more than the limit when more was given back than taken.</returns>
    public ulong FreeSpaceBytes(ulong maxInodes) => maxInodes == 0 ? 0 : unchecked((maxInodes * TmpfsFileSystem.InodeSpaceBytes) - (ulong)_takenSpaceBytes);

    /// <inheritdoc/>
    public override int NumberInode(ref ulong next, out ulong number)
    {
        number = state.Slab.Allocate();
        return number == 0 ? -Errno.ENOMEM : 0;
    }

    /// <inheritdoc/>
    public override void InodeCreated(TmpfsInode inode)
    {
        (uint uid, uint gid) = _mounter ?? (inode.Uid, inode.Gid);
        _mounter = null;
        _handedOverDirectories.Remove(inode.Number);
        PocInode mirror = state.InodeOf(inode.Number);
        mirror.Mode = inode.Mode;
        mirror.Uid = uid;
        mirror.Gid = gid;
        mirror.Flags = (inode.Flags & NoAccessTimeFlag) != 0 ? VfsNoAccessTime : 0;
        mirror.FsFlags = inode.Flags;
        mirror.Size = 0;
        mirror.Blocks = 0;
        mirror.AccessTime = inode.AccessTime;
        mirror.BirthTime = inode.BirthTime;
        mirror.ChangeTime = inode.ChangeTime;
        mirror.ModifyTime = inode.ModifyTime;
        mirror.LinkCount = inode.IsDirectory ? 2U : 1;
        mirror.Generation = inode.Generation;
        if (inode.IsDirectory)
        {
            state.DirectoryOf(inode.Number).Append(new PocEntry(inode.Number, DirectoryEntryType, "."), inode.ModifyTime);
        }
    }

    /// <inheritdoc/>
    public override void InodeRemoved(TmpfsInode inode)
    {
        _handedOverDirectories.Remove(inode.Number);
        _takenSpaceBytes -= SpaceOfOne;
        state.Slab.Free(inode.Number);
    }

    /// <inheritdoc/>
    public override int EntryAllowed(TmpfsInode directory, ReadOnlySpan<char> name, TmpfsEntryCause cause)
    {
        if (cause is not (TmpfsEntryCause.Create or TmpfsEntryCause.Whiteout))
        {
            return 0;
        }

        return name.Length > PocDirectory.NameMax ? -Errno.ENAMETOOLONG : state.DirectoryOf(directory.Number).RoomForOne;
    }

    /// <inheritdoc/>
    public override void EntryAdded(TmpfsInode directory, string name, TmpfsInode inode, TmpfsEntryCause cause)
    {
        _takenSpaceBytes += cause == TmpfsEntryCause.Link ? SpaceOfOne : 0;
        if (cause is not (TmpfsEntryCause.Create or TmpfsEntryCause.Whiteout))
        {
            return;
        }

        PocDirectory mirror = state.DirectoryOf(directory.Number);
        if (mirror.Append(new PocEntry(inode.Number, inode.EntryType, name), directory.ModifyTime) == 0 && inode.IsDirectory)
        {
            PocInode parent = mirror.Inode;
            parent.LinkCount++;
        }
    }

    /// <inheritdoc/>
    public override void EntryRemoved(TmpfsInode directory, string name, TmpfsInode inode, TmpfsEntryCause cause)
    {
        if (cause != TmpfsEntryCause.Unlink)
        {
            return;
        }

        _takenSpaceBytes -= inode.IsDirectory || inode.LinkCount == 0 ? 0 : SpaceOfOne;
        PocDirectory mirror = state.DirectoryOf(directory.Number);
        if (mirror.Find(name, out ulong index, out _))
        {
            mirror.RemoveAt(index, directory.ModifyTime);
        }

        PocInode parent = mirror.Inode;
        parent.LinkCount--;
        PocInode removed = state.InodeOf(inode.Number);
        removed.ChangeTime = inode.ChangeTime;
    }

    /// <inheritdoc/>
    public override int PageAllowed(TmpfsInode inode, ulong index) => index < PocInode.BlockEntries ? 0 : -Errno.EFBIG;

    /// <inheritdoc/>
    public override void PageAdded(TmpfsInode inode, in TmpfsPage page)
    {
        state.Bitmap!.Set(PageGeometry.PfnOf(page.Phys));
        state.InodeOf(inode.Number).SetBlockEntry(page.Index, page.Phys);
    }

    /// <inheritdoc/>
    public override void PageRemoved(TmpfsInode inode, in TmpfsPage page)
    {
        state.InodeOf(inode.Number).SetBlockEntry(page.Index, 0);
        state.Bitmap!.Clear(PageGeometry.PfnOf(page.Phys));
    }

    /// <inheritdoc/>
    public override void SizeChanged(TmpfsInode inode, bool written)
    {
        PocInode mirror = state.InodeOf(inode.Number);
        if (written && inode.SizeBytes > mirror.Size)
        {
            mirror.Size = inode.SizeBytes;
        }
    }

    /// <summary>
    /// A name without a live entry is looked up in a mount that was handed over: the entries are scanned, and an inode is made for the first one of
    /// that name. shmem does not hash its inodes, so a second entry with the same number gives a second inode on the same slot.
    /// </summary>
    /// <inheritdoc/>
    public override int EntryMissing(TmpfsFileSystem fileSystem, TmpfsInode directory, ReadOnlySpan<char> name)
    {
        if (!isRestored || !state.DirectoryOf(directory.Number).Find(name.ToString(), out _, out PocEntry entry))
        {
            return 0;
        }

        TmpfsInode? inode = Load(entry.Number, directory);
        if (inode is null)
        {
            return -Errno.EOPNOTSUPP;
        }

        fileSystem.AddLoaded(inode);
        directory.Entries.Add(entry.Name, inode);
        return 0;
    }

    /// <summary>
    /// Makes an inode of a KHO inode. Regular files and directories only; for anything else the error path frees the slot, and the end of the
    /// half-made inode frees it again.
    /// </summary>
    /// <param name="number">Its number.</param>
    /// <param name="parent">The directory that names it; null for the root.</param>
    /// <returns>The inode; null for another type.</returns>
    /// <exception cref="SimulatedOopsException">The number is no address of RAM.</exception>
    public TmpfsInode? Load(ulong number, TmpfsInode? parent)
    {
        PocInode mirror = state.InodeOf(number);
        uint mode = mirror.Mode;
        uint type = mode & TmpfsInode.TypeMask;
        if (type is not (FileType or DirectoryType))
        {
            state.Slab.Free(number);
            state.Slab.Free(number);
            return null;
        }

        // The change time is not restored: an inode begins with none.
        TmpfsInode inode = new()
        {
            Number = number,
            Mode = mode,
            Uid = mirror.Uid,
            Gid = mirror.Gid,
            LinkCount = mirror.LinkCount,
            SizeBytes = type == FileType ? mirror.Size : 0,
            AccessTime = mirror.AccessTime,
            ModifyTime = mirror.ModifyTime,
            BirthTime = mirror.BirthTime,
            Generation = mirror.Generation,
            Flags = mirror.FsFlags,
        };
        if (inode.IsDirectory)
        {
            inode.Parent = parent ?? inode;
            _handedOverDirectories.Add(number);
        }

        return inode;
    }

    /// <summary>
    /// A page that is not in the page cache: in a mount that was handed over, its block entry says where it lies. It is charged now; when that
    /// fails, the error path clears the block entry and frees the page, and what it held is lost.
    /// </summary>
    /// <inheritdoc/>
    public override int PageMissing(TmpfsFileSystem fileSystem, TmpfsInode inode, ulong index)
    {
        PocInode mirror = state.InodeOf(inode.Number);
        ulong phys = isRestored ? mirror.BlockEntry(index) & ~(PageGeometry.SizeBytes - 1UL) : 0;
        if (phys == 0)
        {
            return 0;
        }

        if (!kernel.IsRam(phys))
        {
            throw SimulatedOopsException.BadPageFrame(PageGeometry.PfnOf(phys));
        }

        if (fileSystem.AddLoadedPage(inode, new TmpfsPage(index, phys, IsUpToDate: true)))
        {
            return 0;
        }

        mirror.SetBlockEntry(index, 0);
        state.Bitmap!.Clear(PageGeometry.PfnOf(phys));
        kernel.FreePages(phys, 0);
        return -Errno.ENOSPC;
    }

    /// <inheritdoc/>
    public override bool HasEntriesUnseen(TmpfsInode directory) => isRestored && state.DirectoryOf(directory.Number).Count > 1;

    /// <summary>
    /// A directory that was handed over lists the entries of its KHO inode, <c>.</c> first and no <c>..</c>; positions are offsets in the array.
    /// </summary>
    /// <inheritdoc/>
    public override TmpfsListedEntry? ReadEntry(TmpfsInode directory, ulong position)
    {
        if (!_handedOverDirectories.Contains(directory.Number))
        {
            return null;
        }

        PocDirectory mirror = state.DirectoryOf(directory.Number);
        ulong index = position / PocDirectory.EntryBytes;
        if (index >= mirror.Count)
        {
            return new TmpfsListedEntry(position, 0, 0, null);
        }

        PocEntry entry = mirror[index];
        return new TmpfsListedEntry((index + 1) * PocDirectory.EntryBytes, entry.Number, entry.Type, entry.Name);
    }
}
