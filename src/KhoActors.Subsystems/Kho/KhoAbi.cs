namespace KhoActors.Subsystems.Kho;

/// <summary>How preserved blocks are recorded.</summary>
public enum TrackerKind
{
    /// <summary>Per-order bitmaps in a chunk chain (kho-v1).</summary>
    Bitmaps,

    /// <summary>One radix tree keyed by order and address (kho-v2 on).</summary>
    Radix,
}

/// <summary>
/// What one generation of the KHO ABI is: the strings, properties and failure behaviour that two kernels must share. Data, so that
/// a new generation is a new value (include/linux/kho/abi/kexec_handover.h).
/// </summary>
/// <param name="Name">Name used in kernel files: the compatible string, with the bitmap size where the string hides it.</param>
/// <param name="Compatible">The root FDT's <c>compatible</c> string.</param>
/// <param name="Tracker">How preserved blocks are recorded.</param>
/// <param name="AddressProperty">Sub-node property that holds a sub-blob's physical address.</param>
/// <param name="SizeProperty">Sub-node property that holds its size in bytes, or null.</param>
/// <param name="HasKexecMetadata">Whether the kernel publishes <c>kexec-metadata</c>.</param>
/// <param name="FailedAddLeavesNode">A sub-node whose property does not fit stays, and the raw libfdt code is returned (before the April 2026 fix).</param>
/// <param name="BitmapBytes">Bytes of one bitmap (<see cref="TrackerKind.Bitmaps"/> only).</param>
public sealed record KhoAbi(
    string Name,
    string Compatible,
    TrackerKind Tracker,
    string AddressProperty,
    string? SizeProperty,
    bool HasKexecMetadata,
    bool FailedAddLeavesNode,
    int BitmapBytes)
{
    /// <summary>kho-v1 with 512-byte bitmaps: 6.16, 6.17.</summary>
    public static readonly KhoAbi V1Small = new("kho-v1-512", "kho-v1", TrackerKind.Bitmaps, "fdt", null, false, true, 512);

    /// <summary>kho-v1 with page-sized bitmaps: 6.18 to 7.0. Same string as <see cref="V1Small"/>, other layout.</summary>
    public static readonly KhoAbi V1 = new("kho-v1", "kho-v1", TrackerKind.Bitmaps, "fdt", null, false, true, 4096);

    /// <summary>kho-v2: the radix tree; lived between commits of the 7.1 merge window.</summary>
    public static readonly KhoAbi V2 = new("kho-v2", "kho-v2", TrackerKind.Radix, "preserved-data", null, false, true, 0);

    /// <summary>kho-v3: sub-blobs with sizes, kexec metadata: 7.1.</summary>
    public static readonly KhoAbi V3 = new("kho-v3", "kho-v3", TrackerKind.Radix, "preserved-data", "blob-size", true, false, 0);

    /// <summary>kho-v4: serialization blocks: 7.2 on.</summary>
    public static readonly KhoAbi V4 = new("kho-v4", "kho-v4", TrackerKind.Radix, "preserved-data", "blob-size", true, false, 0);

    /// <summary>All generations, oldest first.</summary>
    public static IReadOnlyList<KhoAbi> All { get; } = [V1Small, V1, V2, V3, V4];

    /// <summary>Finds a generation by name.</summary>
    /// <param name="name">For example <c>kho-v4</c>.</param>
    /// <returns>The generation, or null.</returns>
    public static KhoAbi? Find(string name) => All.FirstOrDefault(abi => abi.Name == name);
}
