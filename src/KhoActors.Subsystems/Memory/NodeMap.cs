namespace KhoActors.Subsystems.Memory;

/// <summary>Which pages are RAM, and on which NUMA node: the memory map, sorted, with neighbours of one node merged.</summary>
public sealed class NodeMap
{
    /// <summary>Nodes are 0 up to this, exclusive (MAX_NUMNODES with CONFIG_NODES_SHIFT=10).</summary>
    public const int NodeLimit = 1024;

    private readonly PageRanges _ranges = new();

    /// <summary>How many pages there are.</summary>
    public ulong Pages
    {
        get
        {
            ulong pages = 0;
            foreach (PageRange range in _ranges.Ranges)
            {
                pages += range.EndPfn - range.StartPfn;
            }

            return pages;
        }
    }

    /// <summary>One past the last page of RAM; 0 for an empty map.</summary>
    public ulong EndPfn => _ranges.Count == 0 ? 0 : _ranges.Ranges[^1].EndPfn;

    /// <summary>One past the highest node; 0 for an empty map.</summary>
    public int NodeCount { get; private set; }

    /// <summary>The runs of RAM of one node each, ascending.</summary>
    internal ReadOnlySpan<PageRange> Ranges => _ranges.Ranges;

    /// <summary>Forgets all ranges.</summary>
    public void Clear()
    {
        _ranges.Clear();
        NodeCount = 0;
    }

    /// <summary>Says that pages are RAM of a node; what was said of them before is replaced.</summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="endPfn">One past the last page; at most <see cref="PageGeometry.PfnLimit"/>.</param>
    /// <param name="node">0 up to <see cref="NodeLimit"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">An empty range, a page above 2^52, or no such node.</exception>
    public void Add(ulong startPfn, ulong endPfn, int node)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(startPfn, endPfn);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(endPfn, PageGeometry.PfnLimit);
        ArgumentOutOfRangeException.ThrowIfNegative(node);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(node, NodeLimit);
        _ranges.Set(startPfn, endPfn, node);
        NodeCount = Math.Max(NodeCount, node + 1);
    }

    /// <summary>The node of a page.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>The node, or -1 when the page is not RAM.</returns>
    public int NodeOf(ulong pfn) => _ranges.ValueAt(pfn);

    /// <summary>Whether a page is RAM.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>True for RAM (pfn_to_online_page would find it).</returns>
    public bool Contains(ulong pfn) => _ranges.ValueAt(pfn) >= 0;

    /// <summary>Where the run of one node that holds a page ends, for splitting a range at nodes and holes.</summary>
    /// <param name="pfn">A page of RAM.</param>
    /// <returns>One past the last page of the run; <paramref name="pfn"/> itself when the page is not RAM.</returns>
    public ulong EndOfRun(ulong pfn)
    {
        int i = _ranges.FirstEndingAfter(pfn);
        return i < _ranges.Count && _ranges.Ranges[i].StartPfn <= pfn ? _ranges.Ranges[i].EndPfn : pfn;
    }

    /// <summary>The node of a page, or of the RAM next below a hole, or of the first RAM; 0 for an empty map.</summary>
    internal int NearestNodeOf(ulong pfn)
    {
        ReadOnlySpan<PageRange> ranges = _ranges.Ranges;
        if (ranges.IsEmpty)
        {
            return 0;
        }

        int i = _ranges.FirstEndingAfter(pfn);
        return i < ranges.Length && (ranges[i].StartPfn <= pfn || i == 0) ? ranges[i].Value : ranges[i - 1].Value;
    }

    /// <summary>The one node of all RAM between two pages, or -1 when there is RAM of several nodes.</summary>
    internal int OnlyNodeIn(ulong startPfn, ulong endPfn)
    {
        int node = NearestNodeOf(startPfn);
        ReadOnlySpan<PageRange> ranges = _ranges.Ranges;
        for (int i = _ranges.FirstEndingAfter(startPfn); i < ranges.Length && ranges[i].StartPfn < endPfn; i++)
        {
            if (ranges[i].Value != node)
            {
                return -1;
            }
        }

        return node;
    }
}
