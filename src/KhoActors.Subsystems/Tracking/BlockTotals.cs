namespace KhoActors.Subsystems.Tracking;

/// <summary>Sums up the blocks of a walk.</summary>
public struct BlockTotals : IBlockVisitor
{
    /// <summary>Blocks seen.</summary>
    public ulong Blocks { get; private set; }

    /// <summary>Pages in them, modulo 2^64.</summary>
    public ulong Pages { get; private set; }

    /// <summary>Sum of address and order of each, modulo 2^64.</summary>
    public ulong Checksum { get; private set; }

    /// <inheritdoc/>
    public int Visit(ulong phys, int order)
    {
        Blocks++;
        Pages += 1UL << order;
        Checksum += phys + (uint)order;
        return 0;
    }
}
