namespace KhoActors.Host.Bench;

/// <summary>One operation of a workload: a block (page frame and order) or a range (page frame and pages).</summary>
/// <param name="Pfn">First page frame.</param>
/// <param name="Extent">The order of a block, or how many pages a range has.</param>
internal readonly record struct RadixOperation(ulong Pfn, int Extent);

/// <summary>
/// The operation sequences of the tracker benchmark. Their random numbers are splitmix64; counts and checksums of the walks in
/// <see cref="RadixWorkloads"/> prove that a sequence is the one that the kernel's figures were measured with.
/// </summary>
internal static class RadixOperations
{
    private const int Operations = 1 << 20;
    private const int Ranges = 131072;
    private const int SparseBlocks = 65536;
    private const ulong BasePfn = 0x100000;
    private const ulong WindowMask = 0x3FFFFF;
    private const ulong PfnMask = (1UL << 40) - 1;

    private static ReadOnlySpan<byte> MixedOrders => [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10];

    /// <summary>B1: single pages at random in 16 GiB.</summary>
    public static RadixOperation[] Random()
    {
        ulong state = 1;
        return Make(Operations, _ => new RadixOperation(BasePfn + (Next(ref state) & WindowMask), 0));
    }

    /// <summary>B2 (stride 1) and B5b (stride 4): single pages in ascending order.</summary>
    public static RadixOperation[] Ascending(int stride) =>
        Make(Operations, i => new RadixOperation(BasePfn + ((ulong)i * (ulong)stride), 0));

    /// <summary>B3: ranges of 1 to 1024 pages.</summary>
    public static RadixOperation[] RandomRanges()
    {
        ulong state = 3;
        return Make(Ranges, _ =>
        {
            ulong start = Next(ref state), pages = Next(ref state);
            return new RadixOperation(BasePfn + (start & WindowMask), 1 + (int)(pages & 0x3FF));
        });
    }

    /// <summary>B6: aligned blocks of orders 0 to 10.</summary>
    public static RadixOperation[] RandomOrders()
    {
        ulong state = 6;
        return Make(Operations, _ =>
        {
            ulong draw = Next(ref state), pfn = Next(ref state);
            int order = MixedOrders[(int)(draw % (ulong)MixedOrders.Length)];
            return new RadixOperation((BasePfn + (pfn & WindowMask)) >> order << order, order);
        });
    }

    /// <summary>B9: single pages at random in 4 PiB, nearly each in a leaf of its own.</summary>
    public static RadixOperation[] Sparse()
    {
        ulong state = 9;
        return Make(SparseBlocks, _ => new RadixOperation(Next(ref state) & PfnMask, 0));
    }

    private static RadixOperation[] Make(int count, Func<int, RadixOperation> operation)
    {
        var operations = new RadixOperation[count];
        for (int i = 0; i < count; i++)
        {
            operations[i] = operation(i);
        }

        return operations;
    }

    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
