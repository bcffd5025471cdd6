namespace KhoActors.Subsystems.Memblock;

/// <summary>One scratch area: memory that never holds anything preserved. 16 bytes in RAM (struct kho_scratch).</summary>
/// <param name="Phys">First physical address.</param>
/// <param name="SizeBytes">Bytes; 0 is legitimate.</param>
public readonly record struct ScratchArea(ulong Phys, ulong SizeBytes)
{
    /// <summary>Bytes of one entry of the scratch array.</summary>
    public const int EntryBytes = 16;

    /// <summary>One past the last address.</summary>
    public ulong End => Phys + SizeBytes;

    /// <summary>Whether a range touches this area.</summary>
    /// <param name="phys">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    /// <returns>True when they overlap.</returns>
    public bool Overlaps(ulong phys, ulong sizeBytes) => phys < End && phys + sizeBytes > Phys;
}
