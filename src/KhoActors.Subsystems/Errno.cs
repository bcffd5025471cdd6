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

    /// <summary>Argument too large: an allocation order above MAX_PAGE_ORDER.</summary>
    public const int E2BIG = 7;

    /// <summary>Try again.</summary>
    public const int EAGAIN = 11;

    /// <summary>Out of memory, or no room in the root FDT.</summary>
    public const int ENOMEM = 12;

    /// <summary>Bad address: memory could not be mapped.</summary>
    public const int EFAULT = 14;

    /// <summary>Busy: the resource is taken, or kho-v1 is finalized.</summary>
    public const int EBUSY = 16;

    /// <summary>The name is already there.</summary>
    public const int EEXIST = 17;

    /// <summary>No such device.</summary>
    public const int ENODEV = 19;

    /// <summary>Invalid argument.</summary>
    public const int EINVAL = 22;

    /// <summary>No space left.</summary>
    public const int ENOSPC = 28;

    /// <summary>Number out of range.</summary>
    public const int ERANGE = 34;

    /// <summary>The operation is not supported.</summary>
    public const int EOPNOTSUPP = 95;

    /// <summary>No hole for a kexec segment in any scratch area.</summary>
    public const int EADDRNOTAVAIL = 99;

    /// <summary>The symbolic form that the kernel's %pe prints.</summary>
    /// <param name="result">A result of a kernel function: 0 or a negative errno.</param>
    /// <returns>For example <c>-ENOMEM</c>; the plain number when it has no name here.</returns>
    public static string Symbol(int result) => result switch
    {
        -EPERM => "-EPERM",
        -ENOENT => "-ENOENT",
        -EIO => "-EIO",
        -E2BIG => "-E2BIG",
        -EAGAIN => "-EAGAIN",
        -ENOMEM => "-ENOMEM",
        -EFAULT => "-EFAULT",
        -EBUSY => "-EBUSY",
        -EEXIST => "-EEXIST",
        -ENODEV => "-ENODEV",
        -EINVAL => "-EINVAL",
        -ENOSPC => "-ENOSPC",
        -ERANGE => "-ERANGE",
        -EOPNOTSUPP => "-EOPNOTSUPP",
        -EADDRNOTAVAIL => "-EADDRNOTAVAIL",
        _ => result.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
