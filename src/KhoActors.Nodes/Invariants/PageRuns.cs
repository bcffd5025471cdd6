namespace KhoActors.Nodes.Invariants;

/// <summary>Disjoint runs of pages with a tag each, sorted by first page. The oracle's own: it shares nothing with the simulated allocators.</summary>
internal sealed class PageRuns
{
    private readonly List<Run> _runs = [];

    public void Clear() => _runs.Clear();

    /// <summary>Adds a run that overlaps none.</summary>
    public void Add(ulong startPfn, ulong pages, int tag) => _runs.Insert(FirstEndingAfter(startPfn), new Run(startPfn, startPfn + pages, tag));

    /// <summary>Removes whatever lies inside a range; runs that reach beyond it are cut.</summary>
    public void Remove(ulong startPfn, ulong pages)
    {
        ulong end = startPfn + pages;
        int i = FirstEndingAfter(startPfn);
        while (i < _runs.Count && _runs[i].StartPfn < end)
        {
            Run run = _runs[i];
            _runs.RemoveAt(i);
            if (run.StartPfn < startPfn)
            {
                _runs.Insert(i++, run with { EndPfn = startPfn });
            }

            if (run.EndPfn > end)
            {
                _runs.Insert(i++, run with { StartPfn = end });
            }
        }
    }

    public bool TryFindOverlap(ulong startPfn, ulong pages, out Run run)
    {
        int i = FirstEndingAfter(startPfn);
        run = i < _runs.Count ? _runs[i] : default;
        return i < _runs.Count && run.StartPfn < startPfn + pages;
    }

    private int FirstEndingAfter(ulong pfn)
    {
        int low = 0, high = _runs.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_runs[middle].EndPfn > pfn)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    internal readonly record struct Run(ulong StartPfn, ulong EndPfn, int Tag);
}
