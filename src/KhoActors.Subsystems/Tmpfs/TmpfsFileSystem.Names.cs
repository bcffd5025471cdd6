namespace KhoActors.Subsystems.Tmpfs;

/// <content>Names: making and removing entries of directories. Callers have found the directory and know that the name is legal.</content>
public sealed partial class TmpfsFileSystem
{
    /// <summary>Longest target of a symbolic link that needs no page, in bytes without its NUL.</summary>
    public const int ShortTargetLimit = 127;

    /// <summary>open(O_CREAT | O_EXCL), mkdir or mknod.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">A name that is not there.</param>
    /// <param name="mode">Type and permissions.</param>
    /// <param name="uid">Owner.</param>
    /// <param name="gid">Group, unless the directory is set-group-ID.</param>
    /// <param name="device">Device number of a character or block device.</param>
    /// <param name="now">The time.</param>
    /// <param name="inode">The new inode.</param>
    /// <returns>0; -EPERM in an immutable directory; -ENOSPC without inode space; what hooks say.</returns>
    public int Create(
        TmpfsInode directory, ReadOnlySpan<char> name, uint mode, uint uid, uint gid, uint device, TmpfsTime now, out TmpfsInode? inode)
    {
        inode = null;
        int error = CheckAdding(directory, name, TmpfsEntryCause.Create);
        error = error != 0 ? error : NewInode(directory, mode, uid, gid, device, now, out inode);
        if (error != 0)
        {
            return error;
        }

        if (inode!.IsDirectory)
        {
            inode.LinkCount = 2;
            inode.Parent = directory;
            directory.LinkCount++;
        }

        AddEntry(directory, name.ToString(), inode, TmpfsEntryCause.Create, now);
        return 0;
    }

    /// <summary>link.</summary>
    /// <param name="inode">What gets another name.</param>
    /// <param name="directory">Where.</param>
    /// <param name="name">A name that is not there.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// 0; -EPERM in an immutable directory, for an immutable or append-only inode and for a directory; -ENOENT for an unlinked inode; -ENOSPC
    /// without inode space.
    /// </returns>
    public int Link(TmpfsInode inode, TmpfsInode directory, ReadOnlySpan<char> name, TmpfsTime now)
    {
        int error = CheckAdding(directory, name, TmpfsEntryCause.Link);
        if (error == 0 && ((inode.Flags & (ImmutableFlag | AppendFlag)) != 0 || inode.IsDirectory))
        {
            error = -Errno.EPERM;
        }

        if (error == 0 && inode.LinkCount == 0)
        {
            error = -Errno.ENOENT;
        }

        error = error != 0 ? error : ChargeInodeSpace();
        if (error == 0)
        {
            inode.LinkCount++;
            inode.ChangeTime = now;
            AddEntry(directory, name.ToString(), inode, TmpfsEntryCause.Link, now);
            _hooks.AttributesChanged(inode);
        }

        return error;
    }

    /// <summary>symlink.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">A name that is not there.</param>
    /// <param name="target">1 to 4095 characters, a byte each.</param>
    /// <param name="uid">Owner.</param>
    /// <param name="gid">Group, unless the directory is set-group-ID.</param>
    /// <param name="now">The time.</param>
    /// <param name="inode">The new inode.</param>
    /// <returns>0; -EPERM in an immutable directory; -ENOSPC without inode space, or without a block for a long target; -ENOMEM.</returns>
    public int SymbolicLink(
        TmpfsInode directory, ReadOnlySpan<char> name, ReadOnlySpan<char> target, uint uid, uint gid, TmpfsTime now, out TmpfsInode? inode)
    {
        const uint mode = 0xA1FF;
        inode = null;
        int error = CheckAdding(directory, name, TmpfsEntryCause.SymbolicLink);
        error = error != 0 ? error : NewInode(directory, mode, uid, gid, 0, now, out inode);
        if (error != 0)
        {
            return error;
        }

        inode!.Target = target.ToString();
        inode.SizeBytes = (ulong)target.Length;
        if (target.Length > ShortTargetLimit)
        {
            error = StoreTarget(inode);
            if (error != 0)
            {
                inode.LinkCount = 0;
                Evict(inode);
                inode = null;
                return error;
            }
        }

        AddEntry(directory, name.ToString(), inode, TmpfsEntryCause.SymbolicLink, now);
        return 0;
    }

    /// <summary>unlink.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="position">Which entry.</param>
    /// <param name="now">The time.</param>
    /// <returns>0; -EPERM in an immutable or append-only directory and for such an inode; -EISDIR for a directory.</returns>
    public int Unlink(TmpfsInode directory, int position, TmpfsTime now)
    {
        int error = CheckRemoving(directory, directory.Entries[position].Inode, asDirectory: false);
        if (error == 0)
        {
            Remove(directory, position, now);
        }

        return error;
    }

    /// <summary>rmdir.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="position">Which entry.</param>
    /// <param name="now">The time.</param>
    /// <returns>0; -EPERM as for <see cref="Unlink"/>; -ENOTDIR; -ENOTEMPTY.</returns>
    public int RemoveDirectory(TmpfsInode directory, int position, TmpfsTime now)
    {
        TmpfsInode victim = directory.Entries[position].Inode;
        int error = CheckRemoving(directory, victim, asDirectory: true);
        error = error == 0 && !IsEmpty(victim) ? -Errno.ENOTEMPTY : error;
        if (error == 0)
        {
            Remove(directory, position, now);
        }

        return error;
    }

    /// <summary>may_create, and what hooks say.</summary>
    private int CheckAdding(TmpfsInode directory, ReadOnlySpan<char> name, TmpfsEntryCause cause) =>
        (directory.Flags & ImmutableFlag) != 0 ? -Errno.EPERM : _hooks.EntryAllowed(directory, name, cause);

    /// <summary>may_delete.</summary>
    private static int CheckRemoving(TmpfsInode directory, TmpfsInode victim, bool asDirectory)
    {
        if (((directory.Flags | victim.Flags) & (ImmutableFlag | AppendFlag)) != 0)
        {
            return -Errno.EPERM;
        }

        if (victim.IsDirectory == asDirectory)
        {
            return 0;
        }

        return asDirectory ? -Errno.ENOTDIR : -Errno.EISDIR;
    }

    private void AddEntry(TmpfsInode directory, string name, TmpfsInode inode, TmpfsEntryCause cause, TmpfsTime now)
    {
        directory.Entries.Add(name, inode);
        EntryAdded(directory, name, inode, cause, now);
    }

    private void EntryAdded(TmpfsInode directory, string name, TmpfsInode inode, TmpfsEntryCause cause, TmpfsTime now)
    {
        directory.ModifyTime = now;
        directory.ChangeTime = now;
        _hooks.EntryAdded(directory, name, inode, cause);
        _hooks.AttributesChanged(directory);
    }

    /// <summary>Removes an entry and the link that it is: shmem_unlink, shmem_rmdir.</summary>
    private void Remove(TmpfsInode directory, int position, TmpfsTime now)
    {
        TmpfsDirectoryEntry entry = directory.Entries[position];
        directory.Entries.RemoveAt(position);
        DropLink(directory, entry, now);
    }

    private void DropLink(TmpfsInode directory, in TmpfsDirectoryEntry entry, TmpfsTime now)
    {
        TmpfsInode inode = entry.Inode;
        directory.ModifyTime = now;
        directory.ChangeTime = now;
        inode.ChangeTime = now;
        if (inode.IsDirectory)
        {
            directory.LinkCount--;
            inode.LinkCount = 0;
        }
        else
        {
            UsedInodeSpaceBytes -= inode.LinkCount > 1 ? InodeSpaceBytes : 0;
            inode.LinkCount--;
        }

        _hooks.EntryRemoved(directory, entry.Name, inode, TmpfsEntryCause.Unlink);
        _hooks.AttributesChanged(directory);
        _hooks.AttributesChanged(inode);
        Unlinked(inode);
    }
}
