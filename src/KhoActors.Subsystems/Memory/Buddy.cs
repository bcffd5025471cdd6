using System.Numerics;

namespace KhoActors.Subsystems.Memory;

/// <summary>
/// Free memory: intervals where nothing was touched since boot, and below them buddy blocks in the sections that were. A section
/// is one or the other: on first touch its part of the intervals becomes blocks. Knows nodes and pageblock types, not owners.
/// </summary>
internal sealed partial class Buddy
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

    /// <summary>After RAM was added: touched sections learn their nodes anew, and what lies in them leaves the untouched intervals.</summary>
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

    /// <summary>Frees a block of a section: merges it with its buddies and lists it.</summary>
    public void Release(Section section, int offset, int order)
    {
        ulong pfn = section.StartPfn + (uint)offset;
        int node = section.Node >= 0 ? section.Node : _nodes.NearestNodeOf(pfn);
        int area = AreaOf(node, TypeIn(section, offset));
        _freePages[area] += 1UL << order;
        Merge(section, offset, order, node, area);
    }

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
}
