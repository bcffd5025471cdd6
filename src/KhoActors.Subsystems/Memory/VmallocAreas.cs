namespace KhoActors.Subsystems.Memory;

/// <summary>
/// The vmalloc areas of one kernel generation (mm/vmalloc.c) as far as KHO sees them: which pages are behind an address. The lowest
/// hole that fits is taken, so an address is a function of what was allocated and freed before; a real kernel also defers reuse.
/// Virtual addresses do not survive a kexec. Page tables are not simulated: an owner reaches the bytes through
/// <see cref="VmallocArea.PfnOf"/> and its view of RAM.
/// </summary>
/// <param name="pages">Where pages come from.</param>
public sealed class VmallocAreas(PageAllocator pages)
{
    /// <summary>First address of the vmalloc range of x86-64 without address randomisation (VMALLOC_START).</summary>
    public const ulong StartAddress = 0xFFFF_C900_0000_0000;

    /// <summary>One past its last address: 32 TiB, less the page at the end (VMALLOC_END).</summary>
    public const ulong EndAddress = StartAddress + (32UL << 40) - PageGeometry.SizeBytes;

    private readonly List<VmallocArea> _areas = [];
    private readonly Stack<VmallocArea> _unused = [];
    private ulong _serial;

    /// <summary>The areas, by address.</summary>
    public IReadOnlyList<VmallocArea> Areas => _areas;

    /// <summary>A new kernel: no area exists. Keeps its memory.</summary>
    public void Reset()
    {
        foreach (VmallocArea area in _areas)
        {
            area.End();
            _unused.Push(area);
        }

        _areas.Clear();
        _serial = 0;
    }

    /// <summary>
    /// Allocates an area (vmalloc, vmalloc_huge). The order of its groups is the caller's choice: a kernel takes order 9 for areas of 2 MiB
    /// and more that allow it, and order 0 for all others.
    /// </summary>
    /// <param name="pageCount">Pages, rounded up to whole groups.</param>
    /// <param name="order">Order of its groups, 0 to MAX_PAGE_ORDER.</param>
    /// <param name="flags">Flags of the area.</param>
    /// <param name="owner">Who gets the pages.</param>
    /// <param name="zero">Whether they read zero (vzalloc).</param>
    /// <returns>The area; null for no pages, for more than are free, and when memory runs out on the way: then nothing is left behind.</returns>
    public VmallocArea? Allocate(ulong pageCount, int order, VmallocAttributes flags, PageOwner owner, bool zero = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        if (pageCount == 0 || pageCount > pages.FreePages)
        {
            return null;
        }

        VmallocArea area = Take();
        ulong groups = ((pageCount - 1) >> order) + 1;
        for (ulong i = 0; i < groups; i++)
        {
            ulong phys = pages.Allocate(order, MigrateType.Unmovable, owner, zero: zero);
            if (phys == 0)
            {
                GiveUp(area, order, owner);
                return null;
            }

            area.AddGroup(PageGeometry.PfnOf(phys));
        }

        if (!Insert(area, order, flags, isAliased: false))
        {
            GiveUp(area, order, owner);
            return null;
        }

        return area;
    }

    /// <summary>Maps groups of pages that their owner has already (restored memory), aligned to the size of a group.</summary>
    /// <param name="groupPfns">First page of each group.</param>
    /// <param name="order">Order of the groups.</param>
    /// <param name="flags">Flags of the area.</param>
    /// <param name="isAliased">Whether only the first page of each group is mapped, again and again (reference 17, A5).</param>
    /// <returns>The area, or null when no hole is large enough.</returns>
    public VmallocArea? Map(ReadOnlySpan<ulong> groupPfns, int order, VmallocAttributes flags, bool isAliased = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        VmallocArea area = Take();
        foreach (ulong pfn in groupPfns)
        {
            area.AddGroup(pfn);
        }

        if (Insert(area, order, flags, isAliased))
        {
            return area;
        }

        area.End();
        _unused.Push(area);
        return null;
    }

    /// <summary>The area that an address belongs to, its guard page included (find_vm_area).</summary>
    /// <param name="address">A virtual address.</param>
    /// <returns>The area, or null.</returns>
    public VmallocArea? Find(ulong address)
    {
        int i = FirstEndingAfter(address);
        return i < _areas.Count && _areas[i].Address <= address ? _areas[i] : null;
    }

    /// <summary>Frees the area that an address belongs to, and its pages (vfree).</summary>
    /// <param name="address">A page-aligned virtual address; 0 frees nothing.</param>
    /// <param name="owner">The owner of its pages.</param>
    /// <returns>False when there is no such area: the kernel warns.</returns>
    /// <exception cref="SimulatedOopsException">A page is mapped twice, or is free already: the kernel finds it in a bad state.</exception>
    /// <exception cref="PageOwnershipException">A page belongs to somebody else.</exception>
    public bool Free(ulong address, PageOwner owner)
    {
        if (address == 0)
        {
            return true;
        }

        if ((address & (PageGeometry.SizeBytes - 1)) != 0 || Find(address) is not { } area)
        {
            return false;
        }

        FreePages(area, owner);
        _areas.Remove(area);
        area.End();
        _unused.Push(area);
        return true;
    }

    private VmallocArea Take() => _unused.TryPop(out VmallocArea? area) ? area : new VmallocArea();

    private void GiveUp(VmallocArea area, int order, PageOwner owner)
    {
        foreach (ulong pfn in area.GroupPfns)
        {
            pages.Free(PageGeometry.PhysOf(pfn), order, owner);
        }

        area.End();
        _unused.Push(area);
    }

    private void FreePages(VmallocArea area, PageOwner owner)
    {
        foreach (ulong first in area.GroupPfns)
        {
            for (ulong pfn = first; pfn < first + (1UL << area.PageOrder);)
            {
                // A group is one block, unless it was restored from smaller ones.
                if (area.IsAliased || !pages.TryGetBlock(pfn, out ulong head, out int order, out PageOwner found) || found == PageOwner.Free)
                {
                    throw new SimulatedOopsException($"BUG: Bad page state in process workload  pfn:{pfn:x5}");
                }

                pages.Free(PageGeometry.PhysOf(head), order, owner);
                pfn = head + (1UL << order);
            }
        }
    }

    /// <summary>Puts an area whose groups are known into the lowest hole that holds it and its guard page.</summary>
    private bool Insert(VmallocArea area, int order, VmallocAttributes flags, bool isAliased)
    {
        ulong sizeBytes = (((ulong)area.GroupPfns.Count << order) + 1) << PageGeometry.Shift;
        ulong mask = ((ulong)PageGeometry.SizeBytes << order) - 1;
        ulong address = StartAddress;
        int i = 0;
        for (; i < _areas.Count && (_areas[i].Address < address || _areas[i].Address - address < sizeBytes); i++)
        {
            address = Math.Max(address, (_areas[i].EndAddress + mask) & ~mask);
        }

        if (address > EndAddress || EndAddress - address < sizeBytes)
        {
            return false;
        }

        area.Begin(++_serial, address, order, flags, isAliased);
        _areas.Insert(i, area);
        return true;
    }

    private int FirstEndingAfter(ulong address)
    {
        int low = 0, high = _areas.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_areas[middle].EndAddress > address)
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
}
