namespace KhoActors.Subsystems.Tmpfs;

/// <summary>
/// Options of a tmpfs mount as they were given; null stands for not given (Documentation/filesystems/tmpfs.rst). The kernel is built without
/// quotas, memory policies, huge pages and case folding, so their options are unknown to it.
/// </summary>
public sealed record TmpfsMountOptions
{
    /// <summary>Bits of a mode that <c>mode=</c> keeps.</summary>
    public const uint ModeMask = 0xFFF;

    /// <summary><c>kho=</c>: the name under which the file system is handed over. Not empty; whether it is legal is the layout's to say.</summary>
    public string? KhoName { get; init; }

    /// <summary><c>kho_must</c>: fail rather than make a fresh file system.</summary>
    public bool KhoMust { get; init; }

    /// <summary><c>size=</c> or <c>nr_blocks=</c>, the last one given: pages; 0 for unlimited.</summary>
    public ulong? MaxBlocks { get; init; }

    /// <summary><c>nr_inodes=</c>; 0 for unlimited.</summary>
    public ulong? MaxInodes { get; init; }

    /// <summary><c>mode=</c>: permissions of the root directory, 12 bits.</summary>
    public uint? Mode { get; init; }

    /// <summary><c>uid=</c>: owner of the root directory.</summary>
    public uint? Uid { get; init; }

    /// <summary><c>gid=</c>: group of the root directory.</summary>
    public uint? Gid { get; init; }

    /// <summary><c>noswap</c>. A file system that is handed over never swaps, whether this is given or not.</summary>
    public bool NoSwap { get; init; }

    /// <summary>MS_RDONLY, or <c>ro</c>, or neither because of a later <c>rw</c>.</summary>
    public bool ReadOnly { get; init; }
}
