namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What a file system is made of beside its inodes, when it was handed over.</summary>
public sealed record TmpfsState
{
    /// <summary>Limit in pages; 0 for unlimited.</summary>
    public required ulong MaxBlocks { get; init; }

    /// <summary>Limit in inodes; 0 for unlimited.</summary>
    public required ulong MaxInodes { get; init; }

    /// <summary>The mount option, 12 bits.</summary>
    public required uint Mode { get; init; }

    /// <summary>The mount option, or the uid of who mounted first.</summary>
    public required uint Uid { get; init; }

    /// <summary>The mount option, or the gid of who mounted first.</summary>
    public required uint Gid { get; init; }

    /// <summary>The identity of the file system, kept across kexecs.</summary>
    public required UInt128 Uuid { get; init; }

    /// <summary>The number that the next inode gets.</summary>
    public required ulong NextInodeNumber { get; init; }

    /// <summary>Mounted read-only.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>The name under which it is handed over; null for an ordinary tmpfs.</summary>
    public string? KhoName { get; init; }
}
