using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tmpfs;

/// <content>Requests that make, remove and move names.</content>
public sealed partial class TmpfsSystemCalls
{
    private const uint RegularType = 0x8000;
    private const uint DirectoryType = 0x4000;
    private const uint PermissionMask = TmpfsMountOptions.ModeMask;

    /// <summary>mkdir keeps permissions and the sticky bit.</summary>
    private const uint DirectoryModeMask = 0x3FF;

    private KernelResult Create(ReadOnlySpan<char> path, in Message request, TmpfsTime now)
    {
        int error = FindParent(path, now, out TmpfsParent parent);
        if (error == 0 && parent.Kind != TmpfsLastComponent.Name)
        {
            error = -Errno.EEXIST;
        }

        if (error == 0 && parent.HasTrailingSlash)
        {
            error = -Errno.EISDIR;
        }

        error = error != 0 ? error : CheckFree(parent, mayHaveSlash: true);
        uint mode = RegularType | ((uint)request.A & PermissionMask);
        return error != 0 ? new KernelResult(error) : Make(parent, mode, request.B, 0, now);
    }

    private KernelResult MakeDirectory(ReadOnlySpan<char> path, in Message request, TmpfsTime now)
    {
        int error = PrepareName(path, mayHaveSlash: true, now, out TmpfsParent parent);
        uint mode = DirectoryType | ((uint)request.A & DirectoryModeMask);
        return error != 0 ? new KernelResult(error) : Make(parent, mode, request.B, 0, now);
    }

    private KernelResult MakeNode(ReadOnlySpan<char> path, in Message request, TmpfsTime now)
    {
        uint type = (uint)request.A & TmpfsInode.TypeMask;
        switch (type)
        {
            case 0:
                type = RegularType;
                break;
            case DirectoryType:
                return Fail(Errno.EPERM);
            case RegularType or 0x1000 or 0x2000 or 0x6000 or 0xC000:
                break;
            default:
                return Fail(Errno.EINVAL);
        }

        int error = PrepareName(path, mayHaveSlash: false, now, out TmpfsParent parent);
        uint device = type is 0x2000 or 0x6000 ? (uint)request.C : 0;
        return error != 0 ? new KernelResult(error) : Make(parent, type | ((uint)request.A & PermissionMask), request.B, device, now);
    }

    private KernelResult Link(ReadOnlySpan<char> oldPath, ReadOnlySpan<char> newPath, TmpfsTime now)
    {
        int error = Find(oldPath, follow: false, now, out TmpfsLocation old);
        if (error != 0)
        {
            return new KernelResult(error);
        }

        error = PrepareName(newPath, mayHaveSlash: false, now, out TmpfsParent parent);
        if (error == 0 && old.FileSystem != parent.Directory.FileSystem)
        {
            error = -Errno.EXDEV;
        }

        return new KernelResult(error != 0 ? error : old.FileSystem!.Link(old.Inode!, parent.Directory.Inode!, parent.Name, now));
    }

    private KernelResult SymbolicLink(ReadOnlySpan<char> target, ReadOnlySpan<char> path, in Message request, TmpfsTime now)
    {
        if (target.IsEmpty || target.Length >= TmpfsPathWalk.PathLimit)
        {
            return Fail(target.IsEmpty ? Errno.ENOENT : Errno.ENAMETOOLONG);
        }

        int error = PrepareName(path, mayHaveSlash: false, now, out TmpfsParent parent);
        if (error != 0)
        {
            return new KernelResult(error);
        }

        (uint uid, uint gid) = Split(request.B);
        (TmpfsFileSystem fileSystem, TmpfsInode directory) = (parent.Directory.FileSystem!, parent.Directory.Inode!);
        error = fileSystem.SymbolicLink(directory, parent.Name, target, uid, gid, now, out TmpfsInode? inode);
        return new KernelResult(error, inode?.Number ?? 0);
    }

    private KernelResult Unlink(ReadOnlySpan<char> path, TmpfsTime now)
    {
        int error = FindParent(path, now, out TmpfsParent parent);
        if (error == 0 && parent.Kind != TmpfsLastComponent.Name)
        {
            error = -Errno.EISDIR;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        error = FindVictim(parent, out int position);
        if (error == 0 && parent.HasTrailingSlash)
        {
            error = parent.Directory.Inode!.Entries[position].Inode.IsDirectory ? -Errno.EISDIR : -Errno.ENOTDIR;
        }

        return new KernelResult(error != 0 ? error : parent.Directory.FileSystem!.Unlink(parent.Directory.Inode!, position, now));
    }

    private KernelResult RemoveDirectory(ReadOnlySpan<char> path, TmpfsTime now)
    {
        int error = FindParent(path, now, out TmpfsParent parent);
        if (error == 0)
        {
            error = parent.Kind switch
            {
                TmpfsLastComponent.DotDot => -Errno.ENOTEMPTY,
                TmpfsLastComponent.Dot => -Errno.EINVAL,
                TmpfsLastComponent.Root => -Errno.EBUSY,
                _ => 0,
            };
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        error = FindVictim(parent, out int position);
        return new KernelResult(error != 0 ? error : parent.Directory.FileSystem!.RemoveDirectory(parent.Directory.Inode!, position, now));
    }

    private KernelResult Rename(ReadOnlySpan<char> oldPath, ReadOnlySpan<char> newPath, ulong flags, TmpfsTime now)
    {
        const TmpfsRenameOptions all = TmpfsRenameOptions.NoReplace | TmpfsRenameOptions.Exchange | TmpfsRenameOptions.Whiteout;
        TmpfsRenameOptions options = (TmpfsRenameOptions)(flags & (ulong)all);
        bool exchanges = (options & TmpfsRenameOptions.Exchange) != 0;
        if ((flags & ~(ulong)all) != 0 || (exchanges && options != TmpfsRenameOptions.Exchange))
        {
            return Fail(Errno.EINVAL);
        }

        int error = FindParent(oldPath, now, out TmpfsParent from);
        if (error != 0)
        {
            return new KernelResult(error);
        }

        error = FindParent(newPath, now, out TmpfsParent to);
        error = error != 0 ? error : CheckRename(from, to, options);
        if (error != 0)
        {
            return new KernelResult(error);
        }

        TmpfsInode directory = from.Directory.Inode!;
        _ = directory.Entries.Find(from.Name, out int source);
        return new KernelResult(from.Directory.FileSystem!.Rename(directory, source, to.Directory.Inode!, to.Name, options, now));
    }

    /// <summary>What renameat2 checks of its paths.</summary>
    private int CheckRename(in TmpfsParent from, in TmpfsParent to, TmpfsRenameOptions options)
    {
        bool replaces = (options & TmpfsRenameOptions.NoReplace) == 0;
        bool exchanges = (options & TmpfsRenameOptions.Exchange) != 0;
        if (from.Directory.FileSystem != to.Directory.FileSystem)
        {
            return -Errno.EXDEV;
        }

        if (from.Kind != TmpfsLastComponent.Name || to.Kind != TmpfsLastComponent.Name)
        {
            return from.Kind != TmpfsLastComponent.Name || replaces ? -Errno.EBUSY : -Errno.EEXIST;
        }

        TmpfsLocation moved = default;
        int error = WantWrite(from.Directory.FileSystem);
        error = error != 0 ? error : _walk.Lookup(from.Directory, from.Name, out moved);
        if (error != 0)
        {
            return error;
        }

        error = _walk.Lookup(to.Directory, to.Name, out TmpfsLocation target);
        bool isThere = error == 0;
        if (error != 0 && (error != -Errno.ENOENT || exchanges))
        {
            return error;
        }

        if (isThere && !replaces)
        {
            return -Errno.EEXIST;
        }

        bool targetMisnamed = exchanges ? !target.IsDirectory && to.HasTrailingSlash : !moved.IsDirectory && to.HasTrailingSlash;
        return targetMisnamed || (!moved.IsDirectory && from.HasTrailingSlash) ? -Errno.ENOTDIR : 0;
    }

    private static (uint Uid, uint Gid) Split(ulong ids) => ((uint)(ids >> 32), (uint)ids);

    private static KernelResult Make(in TmpfsParent parent, uint mode, ulong ids, uint device, TmpfsTime now)
    {
        (uint uid, uint gid) = Split(ids);
        (TmpfsFileSystem fileSystem, TmpfsInode directory) = (parent.Directory.FileSystem!, parent.Directory.Inode!);
        int error = fileSystem.Create(directory, parent.Name, mode, uid, gid, device, now, out TmpfsInode? inode);
        return new KernelResult(error, inode?.Number ?? 0);
    }

    private int FindParent(ReadOnlySpan<char> path, TmpfsTime now, out TmpfsParent parent)
    {
        parent = default;
        return TmpfsOpenFiles.IsDescriptor(path) ? -Errno.EINVAL : _walk.FindParent(path, now, out parent);
    }

    /// <summary>filename_create: the directory of a name that is free.</summary>
    private int PrepareName(ReadOnlySpan<char> path, bool mayHaveSlash, TmpfsTime now, out TmpfsParent parent)
    {
        int error = FindParent(path, now, out parent);
        if (error == 0 && parent.Kind != TmpfsLastComponent.Name)
        {
            error = -Errno.EEXIST;
        }

        return error != 0 ? error : CheckFree(parent, mayHaveSlash);
    }

    private int CheckFree(in TmpfsParent parent, bool mayHaveSlash)
    {
        int write = WantWrite(parent.Directory.FileSystem);
        if (write == Blocks)
        {
            return write;
        }

        int error = _walk.Lookup(parent.Directory, parent.Name, out _);
        if (error != -Errno.ENOENT)
        {
            return error == 0 ? -Errno.EEXIST : error;
        }

        return parent.HasTrailingSlash && !mayHaveSlash ? -Errno.ENOENT : write;
    }

    /// <summary>The entry that is to be removed.</summary>
    private int FindVictim(in TmpfsParent parent, out int position)
    {
        position = 0;
        int error = WantWrite(parent.Directory.FileSystem);
        error = error != 0 ? error : _walk.Lookup(parent.Directory, parent.Name, out _);
        if (error == 0)
        {
            _ = parent.Directory.Inode!.Entries.Find(parent.Name, out position);
        }

        return error;
    }
}
