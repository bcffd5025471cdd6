using System.Numerics;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// Splits a run of pages into blocks: each is as large as its alignment and the pages left allow, without a limit of the page
/// allocator (kho_preserve_pages). Enumerate it with foreach; it allocates nothing.
/// </summary>
/// <param name="startPfn">First page.</param>
/// <param name="pages">How many; 0 gives no block.</param>
/// <param name="nodeOfPfn">NUMA node of a page, when a block may not straddle nodes (7.1 on), or null.</param>
public struct BlockSplit(ulong startPfn, ulong pages, Func<ulong, int>? nodeOfPfn = null)
{
    /// <summary>First page that no block has covered yet.</summary>
    public ulong NextPfn { get; private set; } = startPfn;

    /// <summary>Pages that no block has covered yet.</summary>
    public ulong PagesLeft { get; private set; } = pages;

    /// <summary>The block that <see cref="MoveNext"/> found.</summary>
    public PreservedBlock Current { get; private set; }

    /// <summary>Finds the next block.</summary>
    /// <returns>False when the run is covered.</returns>
    public bool MoveNext()
    {
        if (PagesLeft == 0)
        {
            return false;
        }

        // The trailing zeros of pfn 0 are 64: page 0 limits nothing.
        int order = Math.Min(BitOperations.TrailingZeroCount(NextPfn), BitOperations.Log2(PagesLeft));
        if (nodeOfPfn is not null)
        {
            int node = nodeOfPfn(NextPfn);
            while (order > 0 && nodeOfPfn(NextPfn + (1UL << order) - 1) != node)
            {
                order--;
            }
        }

        Current = new PreservedBlock(NextPfn, order);
        NextPfn += 1UL << order;
        PagesLeft -= 1UL << order;
        return true;
    }

    /// <summary>Itself, for foreach.</summary>
    /// <returns>A copy that enumerates what is left.</returns>
    public readonly BlockSplit GetEnumerator() => this;
}
