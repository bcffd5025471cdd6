namespace KhoActors.Subsystems.Tests.Tmpfs;

/// <content>Names.</content>
internal sealed partial class TmpfsModel
{
    /// <summary>Everything that makes a name; the type is in the mode, a link gives its node.</summary>
    public int Make(string path, uint mode, uint uid, uint gid, uint device, string? target, ModelNode? linked, ModelMount? linkedMount, bool byOpen)
    {
        int error = ResolveParent(path, out ModelMount? mount, out ModelNode? directory, out string name, out bool slash);
        bool makesDirectory = mode >> 12 == 4;
        if (error != 0)
        {
            return error;
        }

        if (name is "" or "." or "..")
        {
            return -Errno.EEXIST;
        }

        if (byOpen && slash)
        {
            return -Errno.EISDIR;
        }

        if (mount is { Frozen: true })
        {
            return Blocked;
        }

        if (name.Length > 255)
        {
            return -Errno.ENAMETOOLONG;
        }

        if (directory is null ? Mounts.Any(other => other.Name == name) : directory.Kid(name) is not null)
        {
            return -Errno.EEXIST;
        }

        if (slash && !makesDirectory)
        {
            return -Errno.ENOENT;
        }

        if (mount is null or { ReadOnly: true })
        {
            return -Errno.EROFS;
        }

        if (linkedMount is not null && linkedMount != mount)
        {
            return -Errno.EXDEV;
        }

        if ((directory!.Flags & 0x10) != 0 || (linked is not null && (linked.IsLocked || linked.IsDirectory)))
        {
            return -Errno.EPERM;
        }

        if (linked is not null && mount.Orphans.Contains(linked))
        {
            return -Errno.ENOENT;
        }

        if (!mount.HasInode)
        {
            return -Errno.ENOSPC;
        }

        ModelNode made = linked ?? NewNode(mount, directory, mode, uid, gid, device);
        if (target is not null)
        {
            made.Target = target;
            if (target.Length + 1 > 128)
            {
                if (mount.MaxBlocks != 0 && mount.UsedBlocks >= mount.MaxBlocks)
                {
                    return -Errno.ENOSPC;
                }

                if (FreePages <= 0)
                {
                    return -Errno.ENOMEM;
                }

                made.Pages[0] = true;
            }
        }

        if (linked is not null)
        {
            linked.Change = Now;
        }

        directory.Kids.Add((name, made));
        Touched(directory);
        return 0;
    }

    public int Link(string oldPath, string newPath)
    {
        int error = Find(oldPath, follow: false, out ModelMount? mount, out ModelNode? node);
        if (error != 0)
        {
            return error;
        }

        // The directory of the mounts itself can be linked nowhere.
        return node is null
            ? Make(newPath, 0, 0, 0, 0, null, new ModelNode { Number = 0, Mode = 0x4000 }, new ModelMount("", 0, 0, Now), byOpen: false)
            : Make(newPath, 0, 0, 0, 0, null, node, mount, byOpen: false);
    }

    public int SymbolicLink(string target, string path)
    {
        if (target.Length is 0 or > 4095)
        {
            return target.Length == 0 ? -Errno.ENOENT : -Errno.ENAMETOOLONG;
        }

        return Make(path, 0xA1FF, 0, 0, 0, target, null, null, byOpen: false);
    }

    public int Remove(string path, bool asDirectory)
    {
        int error = ResolveParent(path, out ModelMount? mount, out ModelNode? directory, out string name, out bool slash);
        if (error != 0)
        {
            return error;
        }

        if (name is "" or "." or "..")
        {
            return !asDirectory ? -Errno.EISDIR : name == "" ? -Errno.EBUSY : name == "." ? -Errno.EINVAL : -Errno.ENOTEMPTY;
        }

        error = WantWrite(mount);
        if (error != 0 || name.Length > 255)
        {
            return error != 0 ? error : -Errno.ENAMETOOLONG;
        }

        ModelNode? victim = directory!.Kid(name);
        if (victim is null)
        {
            return -Errno.ENOENT;
        }

        if (slash && !asDirectory)
        {
            return victim.IsDirectory ? -Errno.EISDIR : -Errno.ENOTDIR;
        }

        error = MayDelete(directory, victim, asDirectory);
        if (error != 0 || (asDirectory && victim.Kids.Count != 0))
        {
            return error != 0 ? error : -Errno.ENOTEMPTY;
        }

        directory.Kids.RemoveAll(kid => kid.Name == name);
        Touched(directory);
        Dropped(mount!, victim);
        return 0;
    }

    public int Rename(string oldPath, string newPath, ulong flags)
    {
        (bool noReplace, bool exchange, bool whiteout) = ((flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0);
        if (flags > 7 || (exchange && flags != 2))
        {
            return -Errno.EINVAL;
        }

        int error = ResolveParent(oldPath, out ModelMount? mount, out ModelNode? from, out string oldName, out bool oldSlash);
        if (error != 0)
        {
            return error;
        }

        error = ResolveParent(newPath, out ModelMount? newMount, out ModelNode? to, out string newName, out bool newSlash);
        if (error != 0 || mount != newMount)
        {
            return error != 0 ? error : -Errno.EXDEV;
        }

        if (oldName is "" or "." or "..")
        {
            return -Errno.EBUSY;
        }

        if (newName is "" or "." or "..")
        {
            return noReplace ? -Errno.EEXIST : -Errno.EBUSY;
        }

        error = WantWrite(mount);
        if (error != 0)
        {
            return error;
        }

        if (oldName.Length > 255 || (from!.Kid(oldName) is not null && newName.Length > 255))
        {
            return -Errno.ENAMETOOLONG;
        }

        if (from.Kid(oldName) is not { } moved)
        {
            return -Errno.ENOENT;
        }

        ModelNode? target = to!.Kid(newName);
        if (exchange ? target is null : noReplace && target is not null)
        {
            return exchange ? -Errno.ENOENT : -Errno.EEXIST;
        }

        bool targetIsDirectory = exchange ? target!.IsDirectory : moved.IsDirectory;
        if ((newSlash && !targetIsDirectory) || (oldSlash && !moved.IsDirectory))
        {
            return -Errno.ENOTDIR;
        }

        error = MayRename(mount!, from, moved, to, target, exchange);
        if (error != 0 || moved == target)
        {
            return error;
        }

        if (!exchange && target is { Kids.Count: not 0 })
        {
            return -Errno.ENOTEMPTY;
        }

        if (whiteout && !mount!.HasInode)
        {
            return -Errno.ENOSPC;
        }

        Move(mount!, from, oldName, moved, to, newName, target, exchange, whiteout);
        return 0;
    }

    private void Move(
        ModelMount mount, ModelNode from, string oldName, ModelNode moved, ModelNode to, string newName, ModelNode? target, bool exchange, bool whiteout)
    {
        int oldAt = from.Kids.FindIndex(kid => kid.Name == oldName);
        int newAt = to.Kids.FindIndex(kid => kid.Name == newName);
        moved.Change = Now;
        if (exchange)
        {
            target!.Change = Now;
            to.Kids[newAt] = (newName, moved);
            from.Kids[oldAt] = (oldName, target);
        }
        else
        {
            if (newAt >= 0)
            {
                to.Kids[newAt] = (newName, moved);
            }
            else
            {
                to.Kids.Add((newName, moved));
            }

            if (whiteout)
            {
                from.Kids[oldAt] = (oldName, NewNode(mount, from, 0x2000, 0, 0, 0));
            }
            else
            {
                from.Kids.RemoveAt(oldAt);
            }

            if (target is not null)
            {
                Dropped(mount, target);
            }
        }

        Touched(from);
        Touched(to);
    }

    private static int MayRename(ModelMount mount, ModelNode from, ModelNode moved, ModelNode to, ModelNode? target, bool exchange)
    {
        if (moved.IsDirectory && mount.IsWithin(to, moved))
        {
            return -Errno.EINVAL;
        }

        if (target is { IsDirectory: true } && mount.IsWithin(from, target))
        {
            return exchange ? -Errno.EINVAL : -Errno.ENOTEMPTY;
        }

        if (moved == target)
        {
            return 0;
        }

        int error = MayDelete(from, moved, moved.IsDirectory);
        if (error != 0)
        {
            return error;
        }

        if (target is null)
        {
            return (to.Flags & 0x10) != 0 ? -Errno.EPERM : 0;
        }

        return MayDelete(to, target, exchange ? target.IsDirectory : moved.IsDirectory);
    }

    private static int MayDelete(ModelNode directory, ModelNode victim, bool asDirectory)
    {
        if (directory.IsLocked || victim.IsLocked)
        {
            return -Errno.EPERM;
        }

        return victim.IsDirectory == asDirectory ? 0 : asDirectory ? -Errno.ENOTDIR : -Errno.EISDIR;
    }

    private ModelNode NewNode(ModelMount mount, ModelNode directory, uint mode, uint uid, uint gid, uint device)
    {
        bool setGid = (directory.Mode & 0x400) != 0;
        return new ModelNode
        {
            Number = mount.NextNumber++,
            Mode = setGid && mode >> 12 == 4 ? mode | 0x400 : mode,
            Uid = uid,
            Gid = setGid ? directory.Gid : gid,
            Device = device,
            Flags = directory.Flags & 0xC0,
            Access = Now,
            Modify = Now,
            Change = Now,
            Birth = Now,
        };
    }

    private void Touched(ModelNode directory)
    {
        directory.Modify = Now;
        directory.Change = Now;
    }

    private void Dropped(ModelMount mount, ModelNode victim)
    {
        victim.Change = Now;
        if (victim.Opened != 0 && !mount.All().Contains(victim))
        {
            mount.Orphans.Add(victim);
        }
    }
}
