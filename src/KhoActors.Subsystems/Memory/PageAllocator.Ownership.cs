namespace KhoActors.Subsystems.Memory;

/// <content>Who owns which pages.</content>
public sealed partial class PageAllocator
{
    /// <summary>Gives a block to another owner.</summary>
    /// <param name="phys">Physical address of the block.</param>
    /// <param name="from">Its owner.</param>
    /// <param name="to">Its next owner.</param>
    /// <exception cref="PageOwnershipException">Not the head of a block of <paramref name="from"/>.</exception>
    public void Chown(ulong phys, PageOwner from, PageOwner to)
    {
        ThrowIfFree(from);
        ThrowIfFree(to);
        Section section = Expect(phys, -1, from, "changes hands");
        int offset = (int)(PageGeometry.PfnOf(phys) & Section.Mask);
        int order = section.HeadAt(offset).Order;
        Buddy.ClearHead(section, offset);
        _buddy.SetHead(section, offset, new BlockHead(order, to));
        Changes++;
    }

    /// <summary>Who owns a page.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>The owner; for pages that the allocator never got, the one set for them or <see cref="PageOwner.Memblock"/>.</returns>
    public PageOwner OwnerOf(ulong pfn) => TryGetBlock(pfn, out _, out _, out PageOwner owner) ? owner : ReservedOwnerOf(pfn);

    /// <summary>
    /// Says whom memory reserved at boot belongs to (a reserve_mem area, a preserved buffer in use before it is restored), until it
    /// comes under management.
    /// </summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="endPfn">One past the last page.</param>
    /// <param name="owner">The owner; not free.</param>
    /// <exception cref="PageOwnershipException">A page of it is under management.</exception>
    public void SetReservedOwner(ulong startPfn, ulong endPfn, PageOwner owner)
    {
        ThrowIfFree(owner);
        CheckUnmanaged(startPfn, endPfn, "is given away as reserved memory", owner);
        _reserved.Set(startPfn, endPfn, owner.Value);
        Changes++;
    }

    /// <summary>The owner of a page, and a run of pages around it that have the same owner (not the longest one).</summary>
    internal PageOwner OwnerOfRun(ulong pfn, out ulong startPfn, out ulong endPfn)
    {
        if (TryGetBlock(pfn, out startPfn, out int order, out PageOwner owner))
        {
            endPfn = startPfn + (1UL << order);
            return owner;
        }

        startPfn = pfn;
        endPfn = pfn + 1;
        return ReservedOwnerOf(pfn);
    }

    /// <summary>The block that holds a page, free or allocated. Changes nothing.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <param name="headPfn">The block's first page.</param>
    /// <param name="order">Its order.</param>
    /// <param name="owner">Its owner.</param>
    /// <returns>False for a page that the allocator does not manage.</returns>
    public bool TryGetBlock(ulong pfn, out ulong headPfn, out int order, out PageOwner owner)
    {
        if (_buddy.Sections.Find(pfn) is { } section)
        {
            bool found = section.TryFindBlock((int)(pfn & Section.Mask), out int offset, out BlockHead head);
            headPfn = found ? section.StartPfn + (uint)offset : 0;
            order = found ? head.Order : 0;
            owner = found ? head.Owner : default;
            return found;
        }

        headPfn = 0;
        order = 0;
        owner = PageOwner.Free;
        if (!_buddy.Untouched.TryFirstIn(pfn, pfn + 1, out _))
        {
            return false;
        }

        (headPfn, order) = _buddy.UntouchedBlock(pfn);
        return true;
    }

    private void CheckUnmanaged(ulong startPfn, ulong endPfn, string action, PageOwner actor)
    {
        if (_buddy.TryFirstManaged(startPfn, endPfn, out ulong managed))
        {
            throw new PageOwnershipException(action, PageGeometry.PhysOf(managed), actor, OwnerOf(managed));
        }
    }

    private PageOwner ReservedOwnerOf(ulong pfn) =>
        _reserved.Count != 0 && _reserved.ValueAt(pfn) is var owner and >= 0 ? new PageOwner((byte)owner) : PageOwner.Memblock;

    private Section Expect(ulong phys, int order, PageOwner owner, string action)
    {
        ulong pfn = PageGeometry.PfnOf(phys);
        Section? section = _buddy.Sections.Find(pfn);
        BlockHead head = section?.HeadAt((int)(pfn & Section.Mask)) ?? default;
        if ((phys & (PageGeometry.SizeBytes - 1)) == 0 && head.Exists && head.Owner == owner && (order < 0 || head.Order == order))
        {
            return section!;
        }

        string detail = TryGetBlock(pfn, out ulong headPfn, out int actual, out _)
            ? $"it belongs to the block {PageGeometry.PhysOf(headPfn):x} of order {actual}"
            : "the page allocator does not manage it";
        throw new PageOwnershipException(order < 0 ? action : $"{action} as order {order}", phys, owner, OwnerOf(pfn), detail);
    }
}
