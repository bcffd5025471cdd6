using System.Numerics;

namespace KhoActors.Subsystems.Memory;

/// <summary>
/// Free memory: intervals where nothing was touched since boot, and below them buddy blocks in the sections that were. A section
/// is one or the other: on first touch its part of the intervals becomes blocks. Knows nodes and pageblock types, not owners.
/// </summary>
internal sealed class Buddy
{
    private readonly SectionMap _sections = new();
    private readonly FreeLists _lists = new();
    private readonly PageRanges _untouched = new();
    private readonly PageRanges _types = new();
    private readonly List<Section> _found = [];
    private NodeMap _nodes = new();
    private ulong[] _freePages = [];
    private ulong[] _untouchedPages = [];
    private ulong[] _untouchedHint = [];
    private int _pageblockOrder;

    public NodeMap Nodes => _nodes;

    public SectionMap Sections => _sections;

    public FreeLists Lists => _lists;

    public PageRanges Untouched => _untouched;

    public int Areas => _lists.Areas;

    public int PageblockOrder => _pageblockOrder;

    public static int AreaOf(int node, MigrateType type) => (node * 3) + (int)type;

    public void Reset(int pageblockOrder, NodeMap nodes)
    {
        _pageblockOrder = pageblockOrder;
        _nodes = nodes;
        _sections.Clear();
        _lists.Clear();
        _untouched.Clear();
        _types.Clear();
        _freePages.AsSpan().Clear();
        _untouchedPages.AsSpan().Clear();
        _untouchedHint.AsSpan().Clear();
        EnsureNodes();
    }

    /// <summary>Makes room for all nodes of the map.</summary>
    public void EnsureNodes()
    {
        int areas = AreaOf(_nodes.NodeCount, 0);
        if (areas > _freePages.Length)
        {
            _lists.EnsureAreas(areas);
            Array.Resize(ref _freePages, areas);
            Array.Resize(ref _untouchedPages, areas);
            Array.Resize(ref _untouchedHint, areas);
        }
    }

    public ulong FreePages(int area) => area < _freePages.Length ? _freePages[area] : 0;

    public MigrateType TypeOf(ulong pfn) => _types.ValueAt(pfn) is var type and >= 0 ? (MigrateType)type : MigrateType.Movable;

    /// <summary>The section of a page, touched now if it was not.</summary>
    public Section Touch(ulong pfn)
    {
        if (_sections.Find(pfn) is { } found)
        {
            return found;
        }

        Section section = _sections.Add(pfn);
        ulong start = section.StartPfn, end = start + Section.Pages;
        section.Node = _nodes.OnlyNodeIn(start, end);
        section.FirstType = TypeOf(start);
        section.SecondType = TypeOf(start + (Section.Pages / 2));
        while (_untouched.TryFirstIn(start, end, out PageRange part))
        {
            TakeUntouched(part);
            Release(section, part.StartPfn, part.EndPfn);
        }

        return section;
    }

    /// <summary>Puts a range of one node that nobody manages yet into the free memory; its pageblocks have their types already.</summary>
    public void Add(ulong startPfn, ulong endPfn, int node)
    {
        while (startPfn < endPfn)
        {
            MigrateType type = MigrateType.Movable;
            ulong end = endPfn;
            if (_types.TryFirstIn(startPfn, endPfn, out PageRange typed))
            {
                (type, end) = typed.StartPfn == startPfn ? ((MigrateType)typed.Value, typed.EndPfn) : (type, typed.StartPfn);
            }

            AddUntouched(startPfn, end, AreaOf(node, type));
            startPfn = end;
        }
    }

    /// <summary>Moves what lies in touched sections out of the untouched intervals.</summary>
    public void Settle(ulong startPfn, ulong endPfn)
    {
        foreach (Section section in SectionsIn(startPfn, endPfn))
        {
            ulong start = section.StartPfn, end = start + Section.Pages;
            section.Node = _nodes.OnlyNodeIn(start, end);
            while (_untouched.TryFirstIn(start, end, out PageRange part))
            {
                TakeUntouched(part);
                Release(section, part.StartPfn, part.EndPfn);
            }
        }
    }

    /// <summary>Sets the type of whole pageblocks, moving their free pages along.</summary>
    public void SetType(ulong startPfn, ulong endPfn, MigrateType type)
    {
        SetTypeOfRange(startPfn, endPfn, type);
        ulong at = startPfn;
        while (_untouched.TryFirstIn(at, endPfn, out PageRange part))
        {
            TakeUntouched(part);
            AddUntouched(part.StartPfn, part.EndPfn, AreaOf(part.Value / 3, type));
            at = part.EndPfn;
        }

        foreach (Section section in SectionsIn(startPfn, endPfn))
        {
            for (int offset = 0; offset < Section.Pages; offset += 1 << _pageblockOrder)
            {
                ulong pfn = section.StartPfn + (uint)offset;
                if (pfn >= startPfn && pfn < endPfn)
                {
                    Convert(section, offset, type);
                }
            }
        }
    }

    /// <summary>The touched sections that have pages in a range: by address when the range is short, else in order of first touch.</summary>
    public List<Section> SectionsIn(ulong startPfn, ulong endPfn)
    {
        _found.Clear();
        ulong first = startPfn >> Section.Order, last = (endPfn - 1) >> Section.Order;
        if (last - first < (ulong)_sections.Count)
        {
            for (ulong number = first; number <= last; number++)
            {
                if (_sections.Find(number << Section.Order) is { } section)
                {
                    _found.Add(section);
                }
            }

            return _found;
        }

        for (int i = 0; i < _sections.Count; i++)
        {
            ulong number = _sections[i].StartPfn >> Section.Order;
            if (number >= first && number <= last)
            {
                _found.Add(_sections[i]);
            }
        }

        return _found;
    }

    /// <summary>Takes a free block of an area, the smallest that fits; untouched memory, lowest address first, when no list has one.</summary>
    /// <returns>Its first page, or 0.</returns>
    public ulong Take(int area, int order)
    {
        if (_freePages[area] < 1UL << order)
        {
            return 0;
        }

        int found = _lists.SmallestOrder(area, order);
        if (found < 0)
        {
            if (!TouchFor(area, order))
            {
                return 0;
            }

            found = _lists.SmallestOrder(area, order);
        }

        ulong pfn = _lists.First(area, found);
        Carve(_sections.Find(pfn)!, (int)(pfn & Section.Mask), found, order, area);
        return pfn;
    }

    /// <summary>
    /// Takes a block of one type for another, as __rmqueue_fallback does: the largest block there is; its pageblocks change type
    /// when it fills them or when half of the pageblock is free, otherwise the smallest block that fits is taken as it is.
    /// </summary>
    /// <returns>Its first page, or 0.</returns>
    public ulong Steal(int node, MigrateType from, MigrateType to, int order)
    {
        int area = AreaOf(node, from);
        if (_freePages[area] < 1UL << order)
        {
            return 0;
        }

        for (int size = Section.Order; size >= order; size--)
        {
            if (!_lists.Any(area, size) && !TouchFor(area, size))
            {
                continue;
            }

            if (!_lists.Any(area, size))
            {
                // The section touched for this size had more around it, which merged to a larger block; start with that.
                size = Section.Order + 1;
                continue;
            }

            ulong pfn = _lists.First(area, size);
            if (!Claim(_sections.Find(pfn)!, (int)(pfn & Section.Mask), size, to))
            {
                break;
            }

            return Take(AreaOf(node, to), order);
        }

        return Take(area, order);
    }

    /// <summary>Frees a block of a section: merges it with its buddies and lists it.</summary>
    public void Release(Section section, int offset, int order)
    {
        ulong pfn = section.StartPfn + (uint)offset;
        int node = section.Node >= 0 ? section.Node : _nodes.NearestNodeOf(pfn);
        int area = AreaOf(node, TypeIn(section, offset));
        _freePages[area] += 1UL << order;
        Merge(section, offset, order, node, area);
    }

    public MigrateType TypeIn(Section section, int offset) => offset >> _pageblockOrder == 0 ? section.FirstType : section.SecondType;

    public int AreaIn(Section section, int offset)
    {
        int node = section.Node >= 0 ? section.Node : _nodes.NearestNodeOf(section.StartPfn + (uint)offset);
        return AreaOf(node, TypeIn(section, offset));
    }

    /// <summary>Writes the head of a block that is not free.</summary>
    public void SetHead(Section section, int offset, BlockHead head)
    {
        if (section.Heads is null)
        {
            if (head.Order == Section.Order)
            {
                section.SetWhole(head, 0);
                return;
            }

            _sections.Divide(section);
        }

        section.Heads![offset] = head;
    }

    /// <summary>Forgets the head of a block that is not free.</summary>
    public static void ClearHead(Section section, int offset)
    {
        if (section.Heads is { } heads)
        {
            heads[offset] = default;
        }
        else
        {
            section.SetWhole(default, 0);
        }
    }

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

    /// <summary>The first page of a range that is free or allocated already.</summary>
    public bool TryFirstManaged(ulong startPfn, ulong endPfn, out ulong pfn)
    {
        bool any = _untouched.TryFirstIn(startPfn, endPfn, out PageRange part);
        pfn = part.StartPfn;
        foreach (Section section in SectionsIn(startPfn, endPfn))
        {
            ulong start = Math.Max(startPfn, section.StartPfn), end = Math.Min(endPfn, section.StartPfn + Section.Pages);
            int offset = section.FirstManaged((int)(start - section.StartPfn), (int)(end - section.StartPfn));
            if (offset >= 0 && (!any || section.StartPfn + (uint)offset < pfn))
            {
                pfn = section.StartPfn + (uint)offset;
                any = true;
            }
        }

        return any;
    }

    private void Merge(Section section, int offset, int order, int node, int area)
    {
        var heads = section.Heads;
        while (order < Section.Order && heads is not null)
        {
            int buddy = offset ^ (1 << order);
            if (heads[buddy] != new BlockHead(order, PageOwner.Free)
                || (order >= _pageblockOrder && section.FirstType != section.SecondType)
                || (section.Node < 0 && _nodes.NearestNodeOf(section.StartPfn + (uint)buddy) != node))
            {
                break;
            }

            _lists.Remove(area, order, section.Slots![buddy]);
            heads[buddy] = default;
            offset &= buddy;
            order++;
        }

        ListFree(section, offset, order, area);
    }

    private void ListFree(Section section, int offset, int order, int area)
    {
        int slot = _lists.Add(area, order, section.StartPfn + (uint)offset);
        var head = new BlockHead(order, PageOwner.Free);
        if (order == Section.Order)
        {
            if (section.Heads is not null)
            {
                _sections.Recycle(section);
            }

            section.SetWhole(head, slot);
            return;
        }

        if (section.Heads is null)
        {
            _sections.Divide(section);
        }

        section.Heads![offset] = head;
        section.Slots![offset] = slot;
    }

    private void Unlist(Section section, int offset, int order, int area)
    {
        _lists.Remove(area, order, section.SlotAt(offset));
        ClearHead(section, offset);
    }

    private void Carve(Section section, int offset, int found, int order, int area)
    {
        Unlist(section, offset, found, area);
        _freePages[area] -= 1UL << order;
        while (found > order)
        {
            found--;
            ListFree(section, offset + (1 << found), found, area);
        }
    }

    private void Release(Section section, ulong startPfn, ulong endPfn)
    {
        while (startPfn < endPfn)
        {
            int order = LargestOrder(startPfn, endPfn);
            Release(section, (int)(startPfn & Section.Mask), order);
            startPfn += 1UL << order;
        }
    }

    /// <summary>The order of the largest naturally aligned block that starts at a page and ends by another.</summary>
    public static int LargestOrder(ulong startPfn, ulong endPfn) =>
        Math.Min(Section.Order, Math.Min(BitOperations.TrailingZeroCount(startPfn), BitOperations.Log2(endPfn - startPfn)));

    private bool Claim(Section section, int offset, int order, MigrateType to)
    {
        int block = offset & -(1 << _pageblockOrder);
        if (order < _pageblockOrder && FreePagesOfPageblock(section, block) * 2 < 1 << _pageblockOrder)
        {
            return false;
        }

        int end = Math.Max(offset + (1 << order), block + (1 << _pageblockOrder));
        SetTypeOfRange(section.StartPfn + (uint)block, section.StartPfn + (uint)end, to);
        if (order == Section.Order)
        {
            // One block fills several pageblocks: they change together.
            MoveWhole(section, to);
            return true;
        }

        Convert(section, block, to);
        return true;
    }

    private void MoveWhole(Section section, MigrateType to)
    {
        int area = AreaIn(section, 0);
        Unlist(section, 0, Section.Order, area);
        _freePages[area] -= Section.Pages;
        section.FirstType = to;
        section.SecondType = to;
        Release(section, 0, Section.Order);
    }

    private int FreePagesOfPageblock(Section section, int block)
    {
        int free = 0;
        for (int offset = block; offset < block + (1 << _pageblockOrder);)
        {
            BlockHead head = section.HeadAt(offset);
            free += head.Exists && head.IsFree ? 1 << head.Order : 0;
            offset += head.Exists ? 1 << head.Order : 1;
        }

        return free;
    }

    /// <summary>Gives one pageblock of a touched section another type: its free blocks change lists.</summary>
    private void Convert(Section section, int block, MigrateType to)
    {
        if (TypeIn(section, block) == to)
        {
            return;
        }

        BlockHead whole = section.HeadAt(0);
        if (whole.Exists && whole.Order == Section.Order && whole.IsFree && _pageblockOrder < Section.Order)
        {
            int area = AreaIn(section, 0);
            Unlist(section, 0, Section.Order, area);
            ListFree(section, 0, _pageblockOrder, area);
            ListFree(section, 1 << _pageblockOrder, _pageblockOrder, area);
        }

        MigrateType from = TypeIn(section, block);
        for (int offset = block; offset < block + (1 << _pageblockOrder);)
        {
            BlockHead head = section.HeadAt(offset);
            if (head.Exists && head.IsFree)
            {
                SetTypeIn(section, block, from);
                int area = AreaIn(section, offset);
                Unlist(section, offset, head.Order, area);
                _freePages[area] -= 1UL << head.Order;
                SetTypeIn(section, block, to);
                Release(section, offset, head.Order);
            }

            offset += head.Exists ? 1 << head.Order : 1;
        }

        SetTypeIn(section, block, to);
    }

    private void SetTypeIn(Section section, int offset, MigrateType type)
    {
        if (offset >> _pageblockOrder == 0)
        {
            section.FirstType = type;
        }
        else
        {
            section.SecondType = type;
        }
    }

    private void SetTypeOfRange(ulong startPfn, ulong endPfn, MigrateType type)
    {
        if (type == MigrateType.Movable)
        {
            _types.Remove(startPfn, endPfn);
        }
        else
        {
            _types.Set(startPfn, endPfn, (int)type);
        }
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
