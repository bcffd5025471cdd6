namespace KhoActors.Subsystems;

/// <summary>
/// Linux error numbers (include/uapi/asm-generic/errno-base.h, errno.h) as positive integers. Functions of the simulated
/// kernel return the negative, as the kernel does; 0 is success.
/// </summary>
public static class Errno
{
    /// <summary>Operation not permitted.</summary>
    public const int EPERM = 1;

    /// <summary>No such file, node or entry.</summary>
    public const int ENOENT = 2;

    /// <summary>Input/output error.</summary>
    public const int EIO = 5;

    /// <summary>No such device or address.</summary>
    public const int ENXIO = 6;

    /// <summary>Argument too large: an allocation order above MAX_PAGE_ORDER.</summary>
    public const int E2BIG = 7;

    /// <summary>Bad file descriptor.</summary>
    public const int EBADF = 9;

    /// <summary>Try again.</summary>
    public const int EAGAIN = 11;

    /// <summary>Out of memory, or no room in the root FDT.</summary>
    public const int ENOMEM = 12;

    /// <summary>Permission denied: also a file name that no directory may hold.</summary>
    public const int EACCES = 13;

    /// <summary>Bad address: memory could not be mapped.</summary>
    public const int EFAULT = 14;

    /// <summary>Busy: the resource is taken, or kho-v1 is finalized.</summary>
    public const int EBUSY = 16;

    /// <summary>The name is already there.</summary>
    public const int EEXIST = 17;

    /// <summary>A link or rename from one file system to another.</summary>
    public const int EXDEV = 18;

    /// <summary>No such device.</summary>
    public const int ENODEV = 19;

    /// <summary>Not a directory.</summary>
    public const int ENOTDIR = 20;

    /// <summary>Is a directory.</summary>
    public const int EISDIR = 21;

    /// <summary>Invalid argument.</summary>
    public const int EINVAL = 22;

    /// <summary>Too many open files.</summary>
    public const int EMFILE = 24;

    /// <summary>The file does not know this ioctl.</summary>
    public const int ENOTTY = 25;

    /// <summary>File too large.</summary>
    public const int EFBIG = 27;

    /// <summary>No space left.</summary>
    public const int ENOSPC = 28;

    /// <summary>Illegal seek.</summary>
    public const int ESPIPE = 29;

    /// <summary>Read-only file system.</summary>
    public const int EROFS = 30;

    /// <summary>Number out of range.</summary>
    public const int ERANGE = 34;

    /// <summary>File name too long.</summary>
    public const int ENAMETOOLONG = 36;

    /// <summary>Directory not empty.</summary>
    public const int ENOTEMPTY = 39;

    /// <summary>Too many symbolic links.</summary>
    public const int ELOOP = 40;

    /// <summary>Protocol error: data of another version.</summary>
    public const int EPROTO = 71;

    /// <summary>The operation is not supported.</summary>
    public const int EOPNOTSUPP = 95;

    /// <summary>No hole for a kexec segment in any scratch area.</summary>
    public const int EADDRNOTAVAIL = 99;

    /// <summary>Structure needs cleaning: a damaged file system.</summary>
    public const int EUCLEAN = 117;

    /// <summary>The symbolic form that the kernel's %pe prints.</summary>
    /// <param name="result">A result of a kernel function: 0 or a negative errno.</param>
    /// <returns>For example <c>-ENOMEM</c>; the plain number when it has no name here.</returns>
    public static string Symbol(int result) => result switch
    {
        -EPERM => "-EPERM",
        -ENOENT => "-ENOENT",
        -EIO => "-EIO",
        -ENXIO => "-ENXIO",
        -E2BIG => "-E2BIG",
        -EBADF => "-EBADF",
        -EAGAIN => "-EAGAIN",
        -ENOMEM => "-ENOMEM",
        -EACCES => "-EACCES",
        -EFAULT => "-EFAULT",
        -EBUSY => "-EBUSY",
        -EEXIST => "-EEXIST",
        -EXDEV => "-EXDEV",
        -ENODEV => "-ENODEV",
        -ENOTDIR => "-ENOTDIR",
        -EISDIR => "-EISDIR",
        -EINVAL => "-EINVAL",
        -EMFILE => "-EMFILE",
        -ENOTTY => "-ENOTTY",
        -EFBIG => "-EFBIG",
        -ENOSPC => "-ENOSPC",
        -ESPIPE => "-ESPIPE",
        -EROFS => "-EROFS",
        -ERANGE => "-ERANGE",
        -ENAMETOOLONG => "-ENAMETOOLONG",
        -ENOTEMPTY => "-ENOTEMPTY",
        -ELOOP => "-ELOOP",
        -EPROTO => "-EPROTO",
        -EOPNOTSUPP => "-EOPNOTSUPP",
        -EADDRNOTAVAIL => "-EADDRNOTAVAIL",
        -EUCLEAN => "-EUCLEAN",
        _ => result.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
