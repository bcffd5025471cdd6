namespace KhoActors.Subsystems.Memory;

/// <summary>Written pages by page frame number: open addressing, linear probing, pages recycled. Never enumerated unsorted.</summary>
internal sealed class PageTable
{
    private const ulong Empty = ulong.MaxValue;

    /// <summary>Pages in the order in which they were made: close in the computer's memory, too, when they are taken in that order.</summary>
    private readonly List<ulong[]> _made = [];
    private readonly Stack<ulong[]> _recycled = new();
    private ulong[] _keys;
    private ulong[]?[] _pages;
    private int _shift;

    public PageTable()
    {
        _keys = new ulong[64];
        _pages = new ulong[64][];
        _shift = 64 - 6;
        _keys.AsSpan().Fill(Empty);
    }

    public int Count { get; private set; }

    public ulong[]? Find(ulong pfn)
    {
        ulong[] keys = _keys;
        int mask = keys.Length - 1;
        for (int i = SlotOf(pfn); ; i = (i + 1) & mask)
        {
            ulong key = keys[i];
            if (key == pfn)
            {
                return _pages[i];
            }

            if (key == Empty)
            {
                return null;
            }
        }
    }

    /// <summary>Adds a page that is not there yet; its words are whatever the recycled page held.</summary>
    public ulong[] Add(ulong pfn)
    {
        if ((Count + 1) * 2 > _keys.Length)
        {
            Grow();
        }

        ulong[] page = _recycled.Count > 0 ? _recycled.Pop() : Make();
        Insert(pfn, page);
        Count++;
        return page;
    }

    /// <summary>Adds a page of zeros that is not there yet.</summary>
    public ulong[] AddZeroed(ulong pfn)
    {
        bool isNew = _recycled.Count == 0;
        ulong[] page = Add(pfn);
        if (!isNew)
        {
            page.AsSpan().Clear();
        }

        return page;
    }

    public void Remove(ulong pfn)
    {
        int mask = _keys.Length - 1;
        int i = SlotOf(pfn);
        while (_keys[i] != pfn)
        {
            if (_keys[i] == Empty)
            {
                return;
            }

            i = (i + 1) & mask;
        }

        _recycled.Push(_pages[i]!);
        Count--;
        CloseGap(i, mask);
    }

    public void RemoveRange(ulong startPfn, ulong endPfn)
    {
        if (endPfn - startPfn <= (ulong)Count)
        {
            for (ulong pfn = startPfn; pfn < endPfn; pfn++)
            {
                Remove(pfn);
            }

            return;
        }

        foreach (ulong pfn in SortedKeys())
        {
            if (pfn >= startPfn && pfn < endPfn)
            {
                Remove(pfn);
            }
        }
    }

    public bool AnyIn(ulong startPfn, ulong endPfn)
    {
        if (Count == 0)
        {
            return false;
        }

        if (endPfn - startPfn <= 2 * (ulong)_keys.Length)
        {
            for (ulong pfn = startPfn; pfn < endPfn; pfn++)
            {
                if (Find(pfn) is not null)
                {
                    return true;
                }
            }

            return false;
        }

        return Array.Exists(_keys, key => key >= startPfn && key < endPfn);
    }

    public ulong[] SortedKeys()
    {
        var sorted = new ulong[Count];
        int n = 0;
        foreach (ulong key in _keys)
        {
            if (key != Empty)
            {
                sorted[n++] = key;
            }
        }

        Array.Sort(sorted);
        return sorted;
    }

    public void Clear()
    {
        _keys.AsSpan().Fill(Empty);
        _pages.AsSpan().Clear();
        _recycled.Clear();
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            _recycled.Push(_made[i]);
        }

        Count = 0;
    }

    private ulong[] Make()
    {
        var page = new ulong[PageGeometry.Words];
        _made.Add(page);
        return page;
    }

    private int SlotOf(ulong pfn) => (int)((pfn * 0x9E3779B97F4A7C15UL) >> _shift);

    private void Insert(ulong pfn, ulong[] page)
    {
        int mask = _keys.Length - 1;
        int i = SlotOf(pfn);
        while (_keys[i] != Empty)
        {
            i = (i + 1) & mask;
        }

        _keys[i] = pfn;
        _pages[i] = page;
    }

    private void CloseGap(int gap, int mask)
    {
        for (int i = (gap + 1) & mask; _keys[i] != Empty; i = (i + 1) & mask)
        {
            int home = SlotOf(_keys[i]);
            if (((i - home) & mask) >= ((i - gap) & mask))
            {
                _keys[gap] = _keys[i];
                _pages[gap] = _pages[i];
                gap = i;
            }
        }

        _keys[gap] = Empty;
        _pages[gap] = null;
    }

    private void Grow()
    {
        ulong[] keys = _keys;
        ulong[]?[] pages = _pages;
        _keys = new ulong[keys.Length * 2];
        _pages = new ulong[keys.Length * 2][];
        _shift--;
        _keys.AsSpan().Fill(Empty);
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] != Empty)
            {
                Insert(keys[i], pages[i]!);
            }
        }
    }
}
