namespace KhoActors.Subsystems.Memory;

/// <summary>Sorted, disjoint extents; a page in no extent has the zero background. Neighbours that continue each other are merged.</summary>
internal sealed class ExtentMap
{
    private MemoryExtent[] _extents = new MemoryExtent[16];
    private int _count;

    public ReadOnlySpan<MemoryExtent> Extents => _extents.AsSpan(0, _count);

    public void Clear() => _count = 0;

    public bool TryFind(ulong pfn, out MemoryExtent extent)
    {
        int i = FirstEndingAfter(pfn);
        if (i < _count && _extents[i].StartPfn <= pfn)
        {
            extent = _extents[i];
            return true;
        }

        extent = default;
        return false;
    }

    /// <summary>Replaces the background of a range.</summary>
    public void Set(in MemoryExtent extent)
    {
        int first = FirstEndingAfter(extent.StartPfn);
        if (IsAlready(first, extent))
        {
            return;
        }

        int last = first;
        while (last < _count && _extents[last].StartPfn < extent.EndPfn)
        {
            last++;
        }

        Span<MemoryExtent> replacement = stackalloc MemoryExtent[3];
        int n = 0;
        if (first < last && _extents[first].StartPfn < extent.StartPfn)
        {
            replacement[n++] = _extents[first].To(extent.StartPfn);
        }

        if (extent.Kind != BackgroundKind.Zero)
        {
            replacement[n++] = extent;
        }

        if (first < last && _extents[last - 1].EndPfn > extent.EndPfn)
        {
            replacement[n++] = _extents[last - 1].From(extent.EndPfn);
        }

        Splice(first, last, replacement[..n]);
        MergeAround(first, n);
    }

    private bool IsAlready(int first, in MemoryExtent extent)
    {
        if (first == _count || _extents[first].StartPfn >= extent.EndPfn)
        {
            return extent.Kind == BackgroundKind.Zero;
        }

        ref readonly MemoryExtent present = ref _extents[first];
        return present.StartPfn <= extent.StartPfn && present.EndPfn >= extent.EndPfn && present.Kind == extent.Kind
            && (extent.Kind != BackgroundKind.Pattern || present.From(extent.StartPfn).Pattern == extent.Pattern);
    }

    private int FirstEndingAfter(ulong pfn)
    {
        // Boot and snapshots add in ascending order.
        if (_count == 0 || _extents[_count - 1].EndPfn <= pfn)
        {
            return _count;
        }

        int low = 0, high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_extents[middle].EndPfn > pfn)
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

    private void Splice(int first, int last, ReadOnlySpan<MemoryExtent> replacement)
    {
        int grown = _count - (last - first) + replacement.Length;
        if (grown > _extents.Length)
        {
            Array.Resize(ref _extents, Math.Max(grown, _extents.Length * 2));
        }

        Array.Copy(_extents, last, _extents, first + replacement.Length, _count - last);
        replacement.CopyTo(_extents.AsSpan(first));
        _count = grown;
    }

    private void MergeAround(int first, int inserted)
    {
        int from = Math.Max(first - 1, 0);
        int to = Math.Min(first + inserted, _count - 1);
        for (int i = to; i > from; i--)
        {
            if (_extents[i - 1].ContinuesInto(_extents[i]))
            {
                _extents[i - 1] = _extents[i - 1] with { EndPfn = _extents[i].EndPfn };
                Splice(i, i + 1, []);
            }
        }
    }
}
