namespace KhoActors.Subsystems.Memory;

/// <summary>Pages from <paramref name="StartPfn"/> up to <paramref name="EndPfn"/> (exclusive) with one value.</summary>
internal readonly record struct PageRange(ulong StartPfn, ulong EndPfn, int Value);

/// <summary>Sorted, disjoint ranges of pages, each with a small value. Neighbours of one value are merged. Reused without reallocation.</summary>
internal sealed class PageRanges
{
    private PageRange[] _ranges = new PageRange[16];
    private int _count;

    public int Count => _count;

    public ReadOnlySpan<PageRange> Ranges => _ranges.AsSpan(0, _count);

    public void Clear() => _count = 0;

    /// <summary>The value of a page, or -1 when it is in no range.</summary>
    public int ValueAt(ulong pfn)
    {
        int i = FirstEndingAfter(pfn);
        return i < _count && _ranges[i].StartPfn <= pfn ? _ranges[i].Value : -1;
    }

    /// <summary>The lowest part of a range that lies between two pages.</summary>
    public bool TryFirstIn(ulong startPfn, ulong endPfn, out PageRange part)
    {
        int i = FirstEndingAfter(startPfn);
        if (startPfn < endPfn && i < _count && _ranges[i].StartPfn < endPfn)
        {
            PageRange range = _ranges[i];
            part = new PageRange(Math.Max(range.StartPfn, startPfn), Math.Min(range.EndPfn, endPfn), range.Value);
            return true;
        }

        part = default;
        return false;
    }

    public void Set(ulong startPfn, ulong endPfn, int value) => Replace(startPfn, endPfn, new PageRange(startPfn, endPfn, value));

    public void Remove(ulong startPfn, ulong endPfn) => Replace(startPfn, endPfn, null);

    /// <summary>Index of the first range that ends above a page; <see cref="Count"/> when there is none.</summary>
    public int FirstEndingAfter(ulong pfn)
    {
        if (_count == 0 || _ranges[_count - 1].EndPfn <= pfn)
        {
            return _count;
        }

        int low = 0, high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_ranges[middle].EndPfn > pfn)
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

    private void Replace(ulong startPfn, ulong endPfn, PageRange? range)
    {
        if (startPfn >= endPfn)
        {
            return;
        }

        int first = FirstEndingAfter(startPfn);
        int last = first;
        while (last < _count && _ranges[last].StartPfn < endPfn)
        {
            last++;
        }

        PageRange? left = first < last && _ranges[first].StartPfn < startPfn ? _ranges[first] with { EndPfn = startPfn } : null;
        PageRange? right = first < last && _ranges[last - 1].EndPfn > endPfn ? _ranges[last - 1] with { StartPfn = endPfn } : null;
        if (range is { } added)
        {
            (first, last, left, added) = AbsorbLeft(first, last, left, added);
            (last, right, added) = AbsorbRight(last, right, added);
            range = added;
        }

        Span<PageRange> replacement = stackalloc PageRange[3];
        int n = 0;
        foreach (PageRange? part in (ReadOnlySpan<PageRange?>)[left, range, right])
        {
            if (part is { } kept)
            {
                replacement[n++] = kept;
            }
        }

        Splice(first, last, replacement[..n]);
    }

    private (int First, int Last, PageRange? Left, PageRange Added) AbsorbLeft(int first, int last, PageRange? left, PageRange added)
    {
        if (left is { } rest)
        {
            return rest.Value == added.Value ? (first, last, null, added with { StartPfn = rest.StartPfn }) : (first, last, left, added);
        }

        return first > 0 && _ranges[first - 1].EndPfn == added.StartPfn && _ranges[first - 1].Value == added.Value
            ? (first - 1, last, null, added with { StartPfn = _ranges[first - 1].StartPfn })
            : (first, last, null, added);
    }

    private (int Last, PageRange? Right, PageRange Added) AbsorbRight(int last, PageRange? right, PageRange added)
    {
        if (right is { } rest)
        {
            return rest.Value == added.Value ? (last, null, added with { EndPfn = rest.EndPfn }) : (last, right, added);
        }

        return last < _count && _ranges[last].StartPfn == added.EndPfn && _ranges[last].Value == added.Value
            ? (last + 1, null, added with { EndPfn = _ranges[last].EndPfn })
            : (last, null, added);
    }

    private void Splice(int first, int last, ReadOnlySpan<PageRange> replacement)
    {
        int grown = _count - (last - first) + replacement.Length;
        if (grown > _ranges.Length)
        {
            Array.Resize(ref _ranges, Math.Max(grown, _ranges.Length * 2));
        }

        if (grown != _count)
        {
            Array.Copy(_ranges, last, _ranges, first + replacement.Length, _count - last);
        }

        replacement.CopyTo(_ranges.AsSpan(first));
        _count = grown;
    }
}
