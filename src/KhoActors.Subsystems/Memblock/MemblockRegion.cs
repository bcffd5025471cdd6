namespace KhoActors.Subsystems.Memblock;

/// <summary>One region of a memblock list.</summary>
/// <param name="Base">First physical address.</param>
/// <param name="SizeBytes">Bytes, above 0.</param>
/// <param name="Flags">Its attributes.</param>
/// <param name="Node">NUMA node, or <see cref="MemblockRegions.NoNode"/>.</param>
public readonly record struct MemblockRegion(ulong Base, ulong SizeBytes, MemblockAttributes Flags, int Node)
{
    /// <summary>One past the last physical address.</summary>
    public ulong End => Base + SizeBytes;
}
