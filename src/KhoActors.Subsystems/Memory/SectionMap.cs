namespace KhoActors.Subsystems.Memory;

/// <summary>The touched sections by address, in order of first touch: open addressing over a dense list; everything is recycled.</summary>
internal sealed class SectionMap
{
    private readonly Stack<(BlockHead[] Heads, int[] Slots)> _recycled = new();
    private Section[] _sections = [];
    private int[] _buckets = new int[64];
    private int _shift = 64 - 6;
    private Section? _last;

    public int Count { get; private set; }

    /// <summary>How many sections hold heads by page.</summary>
    public int Divided { get; private set; }

    public Section this[int index] => _sections[index];

    public void Clear()
    {
        for (int i = 0; i < Count; i++)
        {
            // Clearing in order of insertion finds every entry: the walk looks for the entry itself and passes emptied buckets.
            int bucket = BucketOf(_sections[i].StartPfn);
            while (_buckets[bucket] != i + 1)
            {
                bucket = (bucket + 1) & (_buckets.Length - 1);
            }

            _buckets[bucket] = 0;
            if (_sections[i].Heads is { } heads)
            {
                heads.AsSpan().Clear();
                Recycle(_sections[i]);
            }
        }

        Count = 0;
        _last = null;
    }

    public Section? Find(ulong pfn)
    {
        ulong start = pfn & ~(ulong)Section.Mask;
        if (_last is { } last && last.StartPfn == start)
        {
            return last;
        }

        for (int bucket = BucketOf(start); ; bucket = (bucket + 1) & (_buckets.Length - 1))
        {
            int entry = _buckets[bucket];
            if (entry == 0)
            {
                return null;
            }

            if (_sections[entry - 1].StartPfn == start)
            {
                return _last = _sections[entry - 1];
            }
        }
    }

    /// <summary>Adds an empty section that is not there yet.</summary>
    public Section Add(ulong pfn)
    {
        if ((Count + 1) * 2 > _buckets.Length)
        {
            _buckets = new int[_buckets.Length * 2];
            _shift--;
            for (int i = 0; i < Count; i++)
            {
                Insert(i);
            }
        }

        if (Count == _sections.Length)
        {
            int filled = _sections.Length;
            Array.Resize(ref _sections, Math.Max(32, filled * 2));
            for (int i = filled; i < _sections.Length; i++)
            {
                _sections[i] = new Section();
            }
        }

        Section section = _sections[Count];
        section.Start(pfn & ~(ulong)Section.Mask);
        Insert(Count++);
        return _last = section;
    }

    /// <summary>Gives a section heads by page, all zero.</summary>
    public void Divide(Section section)
    {
        if (!_recycled.TryPop(out (BlockHead[] Heads, int[] Slots) arrays))
        {
            arrays = (new BlockHead[Section.Pages], new int[Section.Pages]);
        }

        section.Attach(arrays.Heads, arrays.Slots);
        Divided++;
    }

    /// <summary>Takes back heads that are all zero again.</summary>
    public void Recycle(Section section)
    {
        _recycled.Push((section.Heads!, section.Slots!));
        section.Detach();
        Divided--;
    }

    private int BucketOf(ulong startPfn) => (int)(((startPfn >> Section.Order) * 0x9E3779B97F4A7C15UL) >> _shift);

    private void Insert(int index)
    {
        int bucket = BucketOf(_sections[index].StartPfn);
        while (_buckets[bucket] != 0)
        {
            bucket = (bucket + 1) & (_buckets.Length - 1);
        }

        _buckets[bucket] = index + 1;
    }
}
