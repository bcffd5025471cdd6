namespace KhoActors.Subsystems.Tmpfs;

/// <summary>Flags of renameat2 (include/uapi/linux/fs.h).</summary>
[Flags]
public enum TmpfsRenameOptions
{
    /// <summary>rename.</summary>
    None = 0,

    /// <summary>RENAME_NOREPLACE: -EEXIST when the target is there.</summary>
    NoReplace = 1,

    /// <summary>RENAME_EXCHANGE: both stay, with their places changed.</summary>
    Exchange = 2,

    /// <summary>RENAME_WHITEOUT: a character device 0:0 takes the source's place.</summary>
    Whiteout = 4,
}

/// <content>rename.</content>
public sealed partial class TmpfsFileSystem
{
    private const uint WhiteoutMode = 0x2000;

    /// <summary>
    /// rename within the file system, behind the checks that need the path: flags, both names legal, the source there, the target there for
    /// EXCHANGE and not there for NOREPLACE.
    /// </summary>
    /// <param name="from">Directory of the source.</param>
    /// <param name="source">Position of the source in it.</param>
    /// <param name="to">Directory of the target.</param>
    /// <param name="name">Name of the target.</param>
    /// <param name="flags">Flags, checked.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// 0, also for two names of one inode, which stay; -EINVAL into itself; -ENOTEMPTY (-EINVAL with EXCHANGE) over one's own ancestor; -EPERM for
    /// immutable and append-only; -EISDIR and -ENOTDIR for a directory over something else; -ENOTEMPTY over a directory with entries; -ENOSPC
    /// for a whiteout without inode space. Nothing changed unless 0.
    /// </returns>
    public int Rename(TmpfsInode from, int source, TmpfsInode to, ReadOnlySpan<char> name, TmpfsRenameOptions flags, TmpfsTime now)
    {
        TmpfsInode moved = from.Entries[source].Inode;
        bool exchanges = (flags & TmpfsRenameOptions.Exchange) != 0;
        TmpfsInode? target = to.Entries.Find(name, out int position) ? to.Entries[position].Inode : null;
        int error = CheckRename(from, moved, to, target, exchanges);
        if (error != 0 || moved == target)
        {
            return error;
        }

        if (exchanges)
        {
            Exchange(from, source, to, position, now);
            return 0;
        }

        error = target is { IsDirectory: true } && !IsEmpty(target) ? -Errno.ENOTEMPTY : 0;
        if (error == 0 && (flags & TmpfsRenameOptions.Whiteout) != 0)
        {
            error = _hooks.EntryAllowed(from, from.Entries[source].Name, TmpfsEntryCause.Whiteout);
        }

        error = error != 0 || target is not null ? error : _hooks.EntryAllowed(to, name, TmpfsEntryCause.Rename);
        TmpfsInode? whiteout = null;
        if (error == 0 && (flags & TmpfsRenameOptions.Whiteout) != 0)
        {
            error = NewInode(from, WhiteoutMode, 0, 0, 0, now, out whiteout);
        }

        if (error == 0)
        {
            Move(from, source, to, target is null ? -1 : position, name, whiteout, now);
        }

        return error;
    }

    private static int CheckRename(TmpfsInode from, TmpfsInode moved, TmpfsInode to, TmpfsInode? target, bool exchanges)
    {
        if (moved.IsDirectory && IsWithin(to, moved))
        {
            return -Errno.EINVAL;
        }

        if (target is { IsDirectory: true } && IsWithin(from, target))
        {
            return exchanges ? -Errno.EINVAL : -Errno.ENOTEMPTY;
        }

        if (moved == target)
        {
            return 0;
        }

        int error = CheckRemoving(from, moved, moved.IsDirectory);
        if (error != 0)
        {
            return error;
        }

        if (target is null)
        {
            return (to.Flags & ImmutableFlag) != 0 ? -Errno.EPERM : 0;
        }

        return CheckRemoving(to, target, exchanges ? target.IsDirectory : moved.IsDirectory);
    }

    /// <summary>Whether a directory is another one or below it.</summary>
    private static bool IsWithin(TmpfsInode directory, TmpfsInode above)
    {
        while (directory != above && directory.Parent != directory && directory.Parent is not null)
        {
            directory = directory.Parent;
        }

        return directory == above;
    }

    private void Exchange(TmpfsInode from, int source, TmpfsInode to, int target, TmpfsTime now)
    {
        TmpfsDirectoryEntry first = from.Entries[source];
        TmpfsDirectoryEntry second = to.Entries[target];
        from.Entries.Replace(source, second.Inode);
        to.Entries.Replace(target, first.Inode);
        Adopt(first.Inode, from, to);
        Adopt(second.Inode, to, from);
        _hooks.EntryRemoved(from, first.Name, first.Inode, TmpfsEntryCause.Rename);
        _hooks.EntryRemoved(to, second.Name, second.Inode, TmpfsEntryCause.Rename);
        first.Inode.ChangeTime = now;
        second.Inode.ChangeTime = now;
        EntryAdded(from, first.Name, second.Inode, TmpfsEntryCause.Rename, now);
        EntryAdded(to, second.Name, first.Inode, TmpfsEntryCause.Rename, now);
        _hooks.AttributesChanged(first.Inode);
        _hooks.AttributesChanged(second.Inode);
    }

    /// <summary>
    /// The entry goes behind all others of its new directory, or takes the place of the one that it replaces; a whiteout takes the place of the
    /// one that left.
    /// </summary>
    private void Move(TmpfsInode from, int source, TmpfsInode to, int target, ReadOnlySpan<char> name, TmpfsInode? whiteout, TmpfsTime now)
    {
        TmpfsDirectoryEntry entry = from.Entries[source];
        TmpfsInode moved = entry.Inode;
        moved.ChangeTime = now;
        TmpfsDirectoryEntry replaced = target < 0 ? default : to.Entries[target];
        string newName = target < 0 ? name.ToString() : replaced.Name;
        if (target < 0)
        {
            to.Entries.Add(newName, moved);
        }
        else
        {
            to.Entries.Replace(target, moved);
        }

        if (whiteout is null)
        {
            from.Entries.RemoveAt(source);
        }
        else
        {
            from.Entries.Replace(source, whiteout);
        }

        if (target >= 0)
        {
            DropLink(to, replaced, now);
        }

        Adopt(moved, from, to);
        _hooks.EntryRemoved(from, entry.Name, moved, TmpfsEntryCause.Rename);
        from.ModifyTime = now;
        from.ChangeTime = now;
        if (whiteout is not null)
        {
            EntryAdded(from, entry.Name, whiteout, TmpfsEntryCause.Whiteout, now);
        }

        EntryAdded(to, newName, moved, TmpfsEntryCause.Rename, now);
        _hooks.AttributesChanged(from);
        _hooks.AttributesChanged(moved);
    }

    /// <summary>A directory that moves takes its link to the parent with it.</summary>
    private static void Adopt(TmpfsInode moved, TmpfsInode from, TmpfsInode to)
    {
        if (moved.IsDirectory)
        {
            from.LinkCount--;
            to.LinkCount++;
            moved.Parent = to;
        }
    }
}
