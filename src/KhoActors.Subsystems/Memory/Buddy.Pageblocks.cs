namespace KhoActors.Subsystems.Memory;

/// <content>Types of pageblocks, and how one type steals from another.</content>
internal sealed partial class Buddy
{
    public MigrateType TypeOf(ulong pfn) => _types.ValueAt(pfn) is var type and >= 0 ? (MigrateType)type : MigrateType.Movable;

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

    public MigrateType TypeIn(Section section, int offset) => offset >> _pageblockOrder == 0 ? section.FirstType : section.SecondType;

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
}
