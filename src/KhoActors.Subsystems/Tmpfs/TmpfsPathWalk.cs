namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What the last component of a path is (enum in fs/namei.c).</summary>
internal enum TmpfsLastComponent
{
    /// <summary>A name.</summary>
    Name,

    /// <summary><c>.</c></summary>
    Dot,

    /// <summary><c>..</c></summary>
    DotDot,

    /// <summary>There is none: the path is slashes only.</summary>
    Root,
}

/// <summary>Where a path leads: an inode of a mounted tmpfs, or the directory of the mount points.</summary>
/// <param name="FileSystem">The file system; null for the directory of the mount points.</param>
/// <param name="Inode">The inode; null for the directory of the mount points.</param>
internal readonly record struct TmpfsLocation(TmpfsFileSystem? FileSystem, TmpfsInode? Inode)
{
    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => Inode is null || Inode.IsDirectory;
}

/// <summary>The directory that a path's last component is in, and that component.</summary>
internal ref struct TmpfsParent
{
    /// <summary>The directory.</summary>
    public TmpfsLocation Directory;

    /// <summary>What the last component is.</summary>
    public TmpfsLastComponent Kind;

    /// <summary>The last component.</summary>
    public ReadOnlySpan<char> Name;

    /// <summary>Whether slashes follow it.</summary>
    public bool HasTrailingSlash;
}

/// <summary>Walks paths over the mounted file systems (fs/namei.c): symbolic links, dots, trailing slashes, limits.</summary>
/// <param name="mounts">What is mounted.</param>
internal sealed class TmpfsPathWalk(TmpfsMountTable mounts)
{
    /// <summary>Paths are shorter than this (PATH_MAX counts the NUL).</summary>
    public const int PathLimit = 4096;

    private const int LinkLimit = 40;

    /// <summary>Finds what a path names.</summary>
    /// <param name="path">The path; what it does not begin at the root begins there too.</param>
    /// <param name="follow">Whether a symbolic link at the end is followed; with a slash behind it it always is.</param>
    /// <param name="now">The time: following a link touches it.</param>
    /// <param name="found">What it names.</param>
    /// <returns>0; -ENOENT; -ENOTDIR; -ENAMETOOLONG; -ELOOP behind 40 links.</returns>
    public int Find(ReadOnlySpan<char> path, bool follow, TmpfsTime now, out TmpfsLocation found)
    {
        int error = Walk(path, parentOnly: false, follow, now, out TmpfsParent end);
        found = end.Directory;
        return error;
    }

    /// <summary>Finds the directory that holds a path's last component, which need not exist.</summary>
    /// <param name="path">The path.</param>
    /// <param name="now">The time.</param>
    /// <param name="parent">The directory and the component.</param>
    /// <returns>As <see cref="Find"/>.</returns>
    public int FindParent(ReadOnlySpan<char> path, TmpfsTime now, out TmpfsParent parent) =>
        Walk(path, parentOnly: true, follow: false, now, out parent);

    /// <summary>Looks one name up in a directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="name">The name.</param>
    /// <param name="found">What it names.</param>
    /// <returns>0, -ENOENT or -ENAMETOOLONG.</returns>
    public int Lookup(TmpfsLocation directory, ReadOnlySpan<char> name, out TmpfsLocation found)
    {
        found = default;
        if (name.Length > TmpfsFileSystem.NameLimit)
        {
            return -Errno.ENAMETOOLONG;
        }

        if (directory.Inode is null)
        {
            TmpfsFileSystem? mounted = mounts.Find(name);
            found = new TmpfsLocation(mounted, mounted?.Root);
            return mounted is null ? -Errno.ENOENT : 0;
        }

        if (!directory.Inode.Entries.Find(name, out int position))
        {
            int error = directory.IsDirectory ? directory.FileSystem!.Hooks.EntryMissing(directory.FileSystem, directory.Inode, name) : 0;
            if (error != 0 || !directory.Inode.Entries.Find(name, out position))
            {
                return error != 0 ? error : -Errno.ENOENT;
            }
        }

        found = directory with { Inode = directory.Inode.Entries[position].Inode };
        return 0;
    }

    private int Walk(ReadOnlySpan<char> path, bool parentOnly, bool follow, TmpfsTime now, out TmpfsParent end)
    {
        end = default;
        if (path.IsEmpty || path.Length >= PathLimit)
        {
            return path.IsEmpty ? -Errno.ENOENT : -Errno.ENAMETOOLONG;
        }

        TmpfsLocation at = default;
        int links = 0;
        for (; ;)
        {
            ReadOnlySpan<char> rest = path.TrimStart('/');
            int length = rest.IndexOf('/') is >= 0 and var slash ? slash : rest.Length;
            ReadOnlySpan<char> name = rest[..length];
            ReadOnlySpan<char> behind = rest[length..];
            bool isLast = behind.TrimStart('/').IsEmpty;
            bool mustBeDirectory = !behind.IsEmpty;
            if (name.IsEmpty || (isLast && parentOnly))
            {
                end = new TmpfsParent { Directory = at, Kind = KindOf(name), Name = name, HasTrailingSlash = mustBeDirectory };
                return 0;
            }

            int error = Step(at, name, out TmpfsLocation next);
            if (error != 0)
            {
                return error;
            }

            if (next.Inode is { IsSymbolicLink: true } link && (mustBeDirectory || follow))
            {
                if (++links > LinkLimit)
                {
                    return -Errno.ELOOP;
                }

                next.FileSystem!.TouchAccess(link, now);
                at = link.Target![0] == '/' ? default : at;
                path = behind.IsEmpty ? link.Target : string.Concat(link.Target, behind);
                continue;
            }

            if (mustBeDirectory && !next.IsDirectory)
            {
                return -Errno.ENOTDIR;
            }

            at = next;
            path = behind;
        }
    }

    private int Step(TmpfsLocation at, ReadOnlySpan<char> name, out TmpfsLocation next)
    {
        next = at;
        switch (KindOf(name))
        {
            case TmpfsLastComponent.Dot:
                return 0;
            case TmpfsLastComponent.DotDot:
                bool leaves = at.Inode is null || at.Inode == at.FileSystem!.Root;
                next = leaves ? default : at with { Inode = at.Inode!.Parent };
                return 0;
            default:
                return Lookup(at, name, out next);
        }
    }

    private static TmpfsLastComponent KindOf(ReadOnlySpan<char> name) => name switch
    {
        "" => TmpfsLastComponent.Root,
        "." => TmpfsLastComponent.Dot,
        ".." => TmpfsLastComponent.DotDot,
        _ => TmpfsLastComponent.Name,
    };
}
