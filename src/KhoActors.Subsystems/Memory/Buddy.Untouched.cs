namespace KhoActors.Subsystems.Memory;

/// <content>Memory that nothing touched since boot: intervals.</content>
internal sealed partial class Buddy
{
    /// <summary>The largest block that an untouched page would be part of.</summary>
    public (ulong HeadPfn, int Order) UntouchedBlock(ulong pfn)
    {
        PageRange range = _untouched.Ranges[_untouched.FirstEndingAfter(pfn)];
        int order = 0;
        while (order < Section.Order && (pfn & (~0UL << (order + 1))) is var head && head >= range.StartPfn && head + (2UL << order) <= range.EndPfn)
        {
            order++;
        }

        return (pfn & (~0UL << order), order);
    }

    private void AddUntouched(ulong startPfn, ulong endPfn, int area)
    {
        _untouchedHint[area] = _untouchedPages[area] == 0 ? startPfn : Math.Min(_untouchedHint[area], startPfn);
        _untouched.Set(startPfn, endPfn, area);
        _untouchedPages[area] += endPfn - startPfn;
        _freePages[area] += endPfn - startPfn;
    }

    private void TakeUntouched(PageRange part)
    {
        _untouched.Remove(part.StartPfn, part.EndPfn);
        _untouchedPages[part.Value] -= part.EndPfn - part.StartPfn;
        _freePages[part.Value] -= part.EndPfn - part.StartPfn;
    }

    /// <summary>Touches the section with the lowest untouched block of an order, if there is one.</summary>
    private bool TouchFor(int area, int order)
    {
        if (_untouchedPages[area] < 1UL << order)
        {
            return false;
        }

        ulong size = 1UL << order;
        ReadOnlySpan<PageRange> ranges = _untouched.Ranges;
        bool lowest = true;
        for (int i = _untouched.FirstEndingAfter(_untouchedHint[area]); i < ranges.Length; i++)
        {
            if (ranges[i].Value != area)
            {
                continue;
            }

            if (lowest)
            {
                _untouchedHint[area] = ranges[i].StartPfn;
                lowest = false;
            }

            ulong pfn = (ranges[i].StartPfn + size - 1) & ~(size - 1);
            if (pfn + size <= ranges[i].EndPfn)
            {
                Touch(pfn);
                return true;
            }
        }

        return false;
    }
}
