using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>
/// What user space asks of tmpfs: system calls on mounted file systems, each answered with a kernel result. A path begins with its mount
/// point, one name without a slash, for example <c>/data/dir/file</c>; <c>fd:3</c> names an open file instead. Texts are bytes written as
/// characters 1 to 255; two texts are parted by a NUL character. Symbolic links and <c>..</c> may lead from one mount to another; a request that names
/// something makes no use of a descriptor (-EINVAL). Files are written with a pattern: byte i of a file is byte i of
/// the endless pattern of a seed, so a message need not carry content.
/// </summary>
public static class TmpfsProtocol
{
    /// <summary>The actor of every tmpfs layout.</summary>
    public static readonly ActorId Actor = new(9);

    /// <summary>mount. A: <see cref="TmpfsMounter"/>; B: uid of the mounter in bits 32..63, gid in 0..31; text: mount point, options.</summary>
    public const byte Mount = 0x10;

    /// <summary>mount with MS_REMOUNT. A: flags; text: mount point, options.</summary>
    public const byte Remount = 0x11;

    /// <summary>umount. Text: mount point. -EBUSY while files are open or the file system is frozen.</summary>
    public const byte Unmount = 0x12;

    /// <summary>open(O_CREAT | O_EXCL), closed at once. A: mode; B: uid and gid as in <see cref="Mount"/>; text: path. Value: inode number.</summary>
    public const byte Create = 0x13;

    /// <summary>mkdir. As <see cref="Create"/>.</summary>
    public const byte MakeDirectory = 0x14;

    /// <summary>mknod of a device, fifo or socket. As <see cref="Create"/>; A with the type; C: rdev in the kernel's encoding of user space.</summary>
    public const byte MakeNode = 0x15;

    /// <summary>link, which does not follow a symbolic link. Text: old path or descriptor, new path.</summary>
    public const byte Link = 0x16;

    /// <summary>symlink. B: uid and gid; text: target, path.</summary>
    public const byte SymbolicLink = 0x17;

    /// <summary>unlink. Text: path.</summary>
    public const byte Unlink = 0x18;

    /// <summary>rmdir. Text: path.</summary>
    public const byte RemoveDirectory = 0x19;

    /// <summary>renameat2. A: flags (1 NOREPLACE, 2 EXCHANGE, 4 WHITEOUT); text: old path, new path.</summary>
    public const byte Rename = 0x1A;

    /// <summary>
    /// pwrite of a pattern, to a file opened without O_APPEND. A: offset; B: bytes; C: seed; D: bit 0 O_NONBLOCK. Value: bytes written. Text: path.
    /// </summary>
    public const byte Write = 0x1B;

    /// <summary>pwrite of a text. A: offset; D: bit 0 O_NONBLOCK. Value: bytes written. Text: path, content.</summary>
    public const byte WriteText = 0x1C;

    /// <summary>pread. A: offset; B: bytes, at most 1 MiB (-EINVAL above). Value: bytes read; extra: their CRC-32 (IEEE). Text: path.</summary>
    public const byte Read = 0x1D;

    /// <summary>truncate, or ftruncate of a descriptor. A: size. Text: path.</summary>
    public const byte Truncate = 0x1E;

    /// <summary>fallocate. A: mode; B: offset; C: bytes. Text: path.</summary>
    public const byte Allocate = 0x1F;

    /// <summary>lseek with SEEK_DATA (3) or SEEK_HOLE (4). A: offset; B: whence. Value: offset. Text: path.</summary>
    public const byte Seek = 0x20;

    /// <summary>statx without following a last symbolic link. A: <see cref="TmpfsStatField"/>. Value and extra: as the field says. Text: path.</summary>
    public const byte Stat = 0x21;

    /// <summary>chmod. A: mode. Text: path.</summary>
    public const byte ChangeMode = 0x22;

    /// <summary>chown. B: uid and gid, each all ones for unchanged. Text: path.</summary>
    public const byte ChangeOwner = 0x23;

    /// <summary>utimensat. A: access time, B: modification time, each in nanoseconds since 1970 (signed). Text: path.</summary>
    public const byte ChangeTimes = 0x24;

    /// <summary>readlink. Value: length; reply text: the target. Text: path.</summary>
    public const byte ReadLink = 0x25;

    /// <summary>
    /// getdents of one entry, <c>.</c> and <c>..</c> first. A: position, 0 for the first; value: next position, which stays good while other
    /// entries come and go; extra: inode number in bits 0..55, FT_ type in 56..63; reply text: the name; extra 0 and no text at the end. Text: path.
    /// </summary>
    public const byte ReadDirectory = 0x26;

    /// <summary>
    /// statfs. A: 0 for total and free blocks, 1 for total and free inodes, 2 for type and name length. Text: mount point, or any path in it.
    /// </summary>
    public const byte StatFileSystem = 0x27;

    /// <summary>
    /// open of an existing file or directory: O_RDWR where that works, else O_RDONLY. Value: descriptor, the lowest free one from 3 to 1023. Text:
    /// path.
    /// </summary>
    public const byte Open = 0x28;

    /// <summary>close. Text: <c>fd:N</c>.</summary>
    public const byte Close = 0x29;

    /// <summary>FS_IOC_SETFLAGS. A: FS_*_FL. Text: path.</summary>
    public const byte SetFlags = 0x2A;

    /// <summary>setxattr. A: bytes of the value; text: path, full name, for example <c>user.a</c>.</summary>
    public const byte SetExtendedAttribute = 0x2B;

    /// <summary>
    /// A store through a shared mapping. A: offset; B: bytes; C: seed. -EFAULT where a process would get SIGBUS: no page inside the file's
    /// last page, or no memory for it. Value: bytes stored, also then. Bytes behind the end of the file are stored, as hardware does. Text: path.
    /// </summary>
    public const byte MapWrite = 0x2C;

    /// <summary>Control file: freeze all KHO mounts now. -EBUSY when they are frozen.</summary>
    public const byte FreezeNow = 0x2D;

    /// <summary>Control file: thaw. -EINVAL when nothing is frozen.</summary>
    public const byte ThawNow = 0x2E;

    /// <summary>Control file: drop what the kernel before handed over under a name and nobody mounted. -ENOENT. Text: name.</summary>
    public const byte Discard = 0x2F;

    /// <summary>Control file: what becomes of such file systems at a freeze. A: 0 carried on, 1 dropped.</summary>
    public const byte CarryPolicy = 0x30;

    /// <summary>
    /// A carried or handed-over file system by position. A: position; value: 1 when it is live, 2 when it waits, 3 when it is broken; extra: how
    /// many kernels carried it; reply text: name. -ENOENT behind the last.
    /// </summary>
    public const byte ListNames = 0x31;

    /// <summary>
    /// Compaction (/proc/sys/vm/compact_memory) moves a page of a file to another frame. A: place of the page; text: path. -EBUSY where pages of
    /// files cannot be moved, as on tmpfs-kho-v1; -ENOENT without a page there; -ENOMEM.
    /// </summary>
    public const byte MigratePage = 0x32;

    /// <summary>The two texts of a request.</summary>
    /// <param name="request">The request.</param>
    /// <returns>What stands before and behind the NUL character; the second is empty without one.</returns>
    internal static (string First, string Second) TextsOf(in Message request)
    {
        string text = request.Text ?? string.Empty;
        int split = text.IndexOf('\0', StringComparison.Ordinal);
        return split < 0 ? (text, string.Empty) : (text[..split], text[(split + 1)..]);
    }
}

/// <summary>Who mounts, and how.</summary>
[Flags]
public enum TmpfsMounter
{
    /// <summary>Root in the initial user namespace, read and write.</summary>
    None = 0,

    /// <summary>MS_RDONLY.</summary>
    ReadOnly = 1,

    /// <summary>The mounter lacks CAP_SYS_ADMIN.</summary>
    Unprivileged = 2,

    /// <summary>The mounter is in another user namespace.</summary>
    OtherUserNamespace = 4,
}

/// <summary>What a stat asks for; value and extra of the reply.</summary>
public enum TmpfsStatField
{
    /// <summary>Inode number; size in bytes.</summary>
    InodeAndSize = 0,

    /// <summary>Mode in bits 32..63 and link count in 0..31; uid in bits 32..63 and gid in 0..31.</summary>
    ModeLinksOwner = 1,

    /// <summary>Blocks of 512 bytes; rdev in bits 32..63 and FS_*_FL in 0..31.</summary>
    BlocksDevice = 2,

    /// <summary>Access time in seconds and nanoseconds.</summary>
    AccessTime = 3,

    /// <summary>Modification time in seconds and nanoseconds.</summary>
    ModifyTime = 4,

    /// <summary>Change time in seconds and nanoseconds.</summary>
    ChangeTime = 5,

    /// <summary>Birth time in seconds and nanoseconds.</summary>
    BirthTime = 6,
}
