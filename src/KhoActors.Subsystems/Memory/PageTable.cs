using System.Numerics;

namespace KhoActors.Subsystems.Memory;

/// <summary>Written pages by page frame number: open addressing, linear probing, pages recycled. Never enumerated unsorted.</summary>
internal sealed class PageTable
{
    private const ulong Empty = ulong.MaxValue;

    /// <summary>Looking up one page costs as much as passing this many slots in order.</summary>
    private const int ProbeCost = 8;

    /// <summary>Pages in the order in which they were made: close in the computer's memory, too, when they are taken in that order.</summary>
    private readonly List<ulong[]> _made = [];
    private readonly Stack<ulong[]> _recycled = new();
    private ulong[] _keys;
    private Entry[] _entries;
    private int _guarded;
    private int _shift;

    public PageTable()
    {
        _keys = new ulong[64];
        _entries = new Entry[64];
        _shift = 64 - 6;
        _keys.AsSpan().Fill(Empty);
    }

    public int Count { get; private set; }

    /// <summary>Sets or ends the guard of a page that is there.</summary>
    public void SetGuard(ulong pfn, IPageGuard? guard)
    {
        int slot = FindSlot(pfn);
        if (slot >= 0)
        {
            ref IPageGuard? present = ref _entries[slot].Guard;
            _guarded += (guard is null ? 0 : 1) - (present is null ? 0 : 1);
            present = guard;
        }
    }

    /// <summary>Somebody else is about to change a page: tells its guard.</summary>
    public void Touch(ulong pfn)
    {
        if (_guarded > 0 && FindSlot(pfn) is >= 0 and var slot)
        {
            _entries[slot].Guard?.PageTouched(pfn);
        }
    }

    public ulong[]? Find(ulong pfn)
    {
        ulong[] keys = _keys;
        int mask = keys.Length - 1;
        for (int i = SlotOf(pfn); ; i = (i + 1) & mask)
        {
            ulong key = keys[i];
            if (key == pfn)
            {
                return _entries[i].Page;
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
        Insert(pfn, new Entry { Page = page });
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
        int slot = FindSlot(pfn);
        if (slot < 0)
        {
            return;
        }

        if (_entries[slot].Guard is { } guard)
        {
            _guarded--;
            guard.PageTouched(pfn);
        }

        _recycled.Push(_entries[slot].Page!);
        Count--;
        CloseGap(slot, _keys.Length - 1);
    }

    public void RemoveRange(ulong startPfn, ulong endPfn)
    {
        if (Count == 0)
        {
            return;
        }

        if (endPfn - startPfn <= (ulong)_keys.Length / ProbeCost)
        {
            for (ulong pfn = startPfn; pfn < endPfn; pfn++)
            {
                Remove(pfn);
            }

            return;
        }

        // A removal closes the gap with entries from further on, so the same slot is looked at again.
        for (int i = NextSlotIn(0, startPfn, endPfn); i >= 0; i = NextSlotIn(i, startPfn, endPfn))
        {
            Remove(_keys[i]);
        }
    }

    public bool AnyIn(ulong startPfn, ulong endPfn)
    {
        if (Count == 0)
        {
            return false;
        }

        if (endPfn - startPfn <= (ulong)_keys.Length / ProbeCost)
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

        return NextSlotIn(0, startPfn, endPfn) >= 0;
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
        for (int i = 0; i < _entries.Length && _guarded > 0; i++)
        {
            if (_entries[i].Guard is { } guard)
            {
                _guarded--;
                _entries[i].Guard = null;
                guard.PageTouched(_keys[i]);
            }
        }

        _keys.AsSpan().Fill(Empty);
        _entries.AsSpan().Clear();
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

    /// <summary>The first slot from a slot on whose page is in a range, or -1.</summary>
    private int NextSlotIn(int slot, ulong startPfn, ulong endPfn)
    {
        ReadOnlySpan<ulong> keys = _keys;
        ulong length = endPfn - startPfn;
        var starts = new Vector<ulong>(startPfn);
        var lengths = new Vector<ulong>(length);
        while (slot + Vector<ulong>.Count <= keys.Length && !Vector.LessThanAny(new Vector<ulong>(keys[slot..]) - starts, lengths))
        {
            slot += Vector<ulong>.Count;
        }

        for (; slot < keys.Length; slot++)
        {
            // An empty slot is above every page: its distance from the start is never below the length.
            if (keys[slot] - startPfn < length)
            {
                return slot;
            }
        }

        return -1;
    }

    private int SlotOf(ulong pfn) => (int)((pfn * 0x9E3779B97F4A7C15UL) >> _shift);

    private int FindSlot(ulong pfn)
    {
        int mask = _keys.Length - 1;
        for (int i = SlotOf(pfn); ; i = (i + 1) & mask)
        {
            if (_keys[i] == pfn)
            {
                return i;
            }

            if (_keys[i] == Empty)
            {
                return -1;
            }
        }
    }

    private void Insert(ulong pfn, in Entry entry)
    {
        int mask = _keys.Length - 1;
        int i = SlotOf(pfn);
        while (_keys[i] != Empty)
        {
            i = (i + 1) & mask;
        }

        _keys[i] = pfn;
        _entries[i] = entry;
    }

    private void CloseGap(int gap, int mask)
    {
        for (int i = (gap + 1) & mask; _keys[i] != Empty; i = (i + 1) & mask)
        {
            int home = SlotOf(_keys[i]);
            if (((i - home) & mask) >= ((i - gap) & mask))
            {
                _keys[gap] = _keys[i];
                _entries[gap] = _entries[i];
                gap = i;
            }
        }

        _keys[gap] = Empty;
        _entries[gap] = default;
    }

    private void Grow()
    {
        ulong[] keys = _keys;
        Entry[] entries = _entries;
        _keys = new ulong[keys.Length * 2];
        _entries = new Entry[keys.Length * 2];
        _shift--;
        _keys.AsSpan().Fill(Empty);
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] != Empty)
            {
                Insert(keys[i], entries[i]);
            }
        }
    }

    /// <summary>What belongs to a key. Keys lie apart, so that searching them passes nothing else.</summary>
    private struct Entry
    {
        public ulong[]? Page;
        public IPageGuard? Guard;
    }
}
