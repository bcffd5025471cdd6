namespace KhoActors.Subsystems.Tmpfs;

/// <content>Attributes of inodes, and when times change.</content>
public sealed partial class TmpfsFileSystem
{
    /// <summary>FS_IMMUTABLE_FL.</summary>
    public const uint ImmutableFlag = 0x10;

    /// <summary>FS_APPEND_FL.</summary>
    public const uint AppendFlag = 0x20;

    /// <summary>FS_NODUMP_FL.</summary>
    public const uint NoDumpFlag = 0x40;

    /// <summary>FS_NOATIME_FL.</summary>
    public const uint NoAccessTimeFlag = 0x80;

    /// <summary>chown and chown-like calls: leave it as it is.</summary>
    public const uint UnchangedId = uint.MaxValue;

    /// <summary>Longest name of an extended attribute (XATTR_NAME_MAX).</summary>
    public const int AttributeNameLimit = 255;

    /// <summary>Largest value of an extended attribute (XATTR_SIZE_MAX).</summary>
    public const ulong AttributeSizeLimit = 65536;

    private const uint InheritedFlags = NoDumpFlag | NoAccessTimeFlag;
    private const uint SettableFlags = ImmutableFlag | AppendFlag | InheritedFlags;
    private const uint SetUserId = 0x800;
    private const ulong AttributeOverheadBytes = 40;
    private const long SecondsPerDay = 24 * 60 * 60;

    private readonly List<ulong> _allocated = [];

    /// <summary>chmod.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="mode">New permissions; other bits do not count.</param>
    /// <param name="now">The time.</param>
    /// <returns>0; -EPERM when it is immutable or append-only.</returns>
    public int ChangeMode(TmpfsInode inode, ulong mode, TmpfsTime now)
    {
        if (IsProtected(inode))
        {
            return -Errno.EPERM;
        }

        inode.Mode = inode.Type | ((uint)mode & TmpfsMountOptions.ModeMask);
        SetChanged(inode, now);
        return 0;
    }

    /// <summary>chown: whoever does it, set-user-ID goes, and set-group-ID of what a group may execute.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="uid">New owner, or <see cref="UnchangedId"/>.</param>
    /// <param name="gid">New group, or <see cref="UnchangedId"/>.</param>
    /// <param name="now">The time.</param>
    /// <returns>0; -EPERM when it is immutable or append-only.</returns>
    public int ChangeOwner(TmpfsInode inode, uint uid, uint gid, TmpfsTime now)
    {
        if ((uid != UnchangedId || gid != UnchangedId) && IsProtected(inode))
        {
            return -Errno.EPERM;
        }

        inode.Uid = uid == UnchangedId ? inode.Uid : uid;
        inode.Gid = gid == UnchangedId ? inode.Gid : gid;
        if (!inode.IsDirectory)
        {
            inode.Mode &= ~(SetUserId | ((inode.Mode & GroupExecute) != 0 ? SetGroupId : 0));
        }

        SetChanged(inode, now);
        return 0;
    }

    /// <summary>utimensat with both times.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="access">Access time.</param>
    /// <param name="modify">Modification time.</param>
    /// <param name="now">The time.</param>
    /// <returns>0; -EPERM when it is immutable or append-only.</returns>
    public int ChangeTimes(TmpfsInode inode, TmpfsTime access, TmpfsTime modify, TmpfsTime now)
    {
        if (IsProtected(inode))
        {
            return -Errno.EPERM;
        }

        inode.AccessTime = access;
        inode.ModifyTime = modify;
        SetChanged(inode, now);
        return 0;
    }

    /// <summary>FS_IOC_SETFLAGS (shmem_fileattr_set).</summary>
    /// <param name="inode">A regular file or directory.</param>
    /// <param name="flags">The new flags.</param>
    /// <param name="now">The time.</param>
    /// <returns>0; -EOPNOTSUPP for flags other than IMMUTABLE, APPEND, NODUMP and NOATIME.</returns>
    public int SetFlags(TmpfsInode inode, ulong flags, TmpfsTime now)
    {
        if ((flags & ~(ulong)SettableFlags) != 0)
        {
            return -Errno.EOPNOTSUPP;
        }

        inode.Flags = (uint)flags;
        SetChanged(inode, now);
        return 0;
    }

    /// <summary>setxattr in one of the name spaces user, trusted and security.</summary>
    /// <param name="inode">The inode.</param>
    /// <param name="name">Full name.</param>
    /// <param name="valueBytes">Bytes of the value.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// 0; -ERANGE for a name that is empty or longer than 255; -E2BIG for a value above 64 KiB; -EPERM when the inode is immutable or append-only,
    /// and for user attributes of anything but files and directories; -EOPNOTSUPP for another name space; -EINVAL for a bare prefix;
    /// -ENOSPC without inode space.
    /// </returns>
    public int SetExtendedAttribute(TmpfsInode inode, string name, ulong valueBytes, TmpfsTime now)
    {
        int error = CheckAttributeSize(name, valueBytes);
        error = error != 0 ? error : CheckAttribute(inode, name);
        if (error != 0)
        {
            return error;
        }

        ulong space = AttributeOverheadBytes + valueBytes + (ulong)name.Length;
        if (MaxInodes != 0 && UsedInodeSpaceBytes + space >= MaxInodes * InodeSpaceBytes)
        {
            return -Errno.ENOSPC;
        }

        UsedInodeSpaceBytes += space - inode.SetExtendedAttribute(name, space);
        SetChanged(inode, now);
        return 0;
    }

    /// <summary>What setxattr checks before it looks for the file.</summary>
    /// <param name="name">Full name.</param>
    /// <param name="valueBytes">Bytes of the value.</param>
    /// <returns>0, -ERANGE or -E2BIG.</returns>
    internal static int CheckAttributeSize(ReadOnlySpan<char> name, ulong valueBytes)
    {
        if (name.Length is 0 or > AttributeNameLimit)
        {
            return -Errno.ERANGE;
        }

        return valueBytes > AttributeSizeLimit ? -Errno.E2BIG : 0;
    }

    /// <summary>touch_atime with relatime, the default of mounts: once a day, or when the inode changed since.</summary>
    /// <param name="inode">What was read.</param>
    /// <param name="now">The time.</param>
    internal void TouchAccess(TmpfsInode inode, TmpfsTime now)
    {
        if (IsReadOnly || IsFrozen || (inode.Flags & NoAccessTimeFlag) != 0)
        {
            return;
        }

        bool isOld = now.Seconds - inode.AccessTime.Seconds >= SecondsPerDay;
        if (isOld || IsNotBefore(inode.ModifyTime, inode.AccessTime) || IsNotBefore(inode.ChangeTime, inode.AccessTime))
        {
            inode.AccessTime = now;
            _hooks.AttributesChanged(inode);
        }
    }

    private static bool IsNotBefore(TmpfsTime time, TmpfsTime other) =>
        time.Seconds != other.Seconds ? time.Seconds > other.Seconds : time.Nanoseconds >= other.Nanoseconds;

    private static bool IsProtected(TmpfsInode inode) => (inode.Flags & (ImmutableFlag | AppendFlag)) != 0;

    private static int CheckAttribute(TmpfsInode inode, string name)
    {
        bool isUser = name.StartsWith("user.", StringComparison.Ordinal);
        if (IsProtected(inode) || (isUser && !inode.IsRegular && !inode.IsDirectory))
        {
            return -Errno.EPERM;
        }

        if (!isUser && !name.StartsWith("trusted.", StringComparison.Ordinal) && !name.StartsWith("security.", StringComparison.Ordinal))
        {
            return -Errno.EOPNOTSUPP;
        }

        return name[^1] == '.' && name.IndexOf('.', StringComparison.Ordinal) == name.Length - 1 ? -Errno.EINVAL : 0;
    }

    private void SetChanged(TmpfsInode inode, TmpfsTime now)
    {
        inode.ChangeTime = now;
        _hooks.AttributesChanged(inode);
    }

    private void SetModified(TmpfsInode inode, TmpfsTime now)
    {
        inode.ModifyTime = now;
        SetChanged(inode, now);
    }
}
