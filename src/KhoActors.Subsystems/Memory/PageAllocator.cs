namespace KhoActors.Subsystems.Memory;

/// <summary>
/// The page allocator (mm/page_alloc.c): buddy blocks of order 0 to 10 per NUMA node and pageblock type, with an owner for each
/// block. Memory untouched since boot stays intervals, so booting costs what the number of ranges costs, whatever the size.
/// <para>Order of choice on a node, for the order asked for: a movable allocation takes scratch (CMA) first while more than half of
/// the node's free pages are CMA, then movable pageblocks, then CMA; others take their own type. Then it steals from the other
/// type, never from CMA: the largest block, whose pageblocks change type when the block fills them or half of the pageblock is
/// free; otherwise the smallest block that fits, whose pageblock stays what it is. Then the next node: the preferred one first,
/// the others by number. Within a list the block freed last goes first; when no listed block fits, the lowest untouched one does.
/// Zones (DMA, DMA32) are not modelled.</para>
/// </summary>
public sealed partial class PageAllocator
{
    private readonly PhysicalMemory _memory;
    private readonly Buddy _buddy = new();
    private readonly NodeMap _ownNodes = new();
    private readonly PageRanges _reserved = new();
    private PageAllocatorOptions _options;

    /// <summary>An allocator without any memory.</summary>
    /// <param name="memory">Where pages are zeroed and poisoned.</param>
    /// <param name="options">The kernel's build.</param>
    /// <param name="nodes">The memory map; without it, the nodes given to <see cref="AddFree"/> are all that is known.</param>
    public PageAllocator(PhysicalMemory memory, PageAllocatorOptions options, NodeMap? nodes = null)
    {
        _memory = memory;
        _options = options;
        Reset(options, nodes);
    }

    /// <summary>Free pages of all nodes.</summary>
    public ulong FreePages => Sum(0, 3);

    /// <summary>Free pages in CMA pageblocks, of all nodes.</summary>
    public ulong FreeCmaPages => Sum((int)MigrateType.Cma, 1);

    /// <summary>Nodes known: 0 up to this, exclusive.</summary>
    public int NodeCount => _buddy.Nodes.NodeCount;

    internal Buddy Buddy => _buddy;

    /// <summary>Forgets all memory, for the next kernel; nothing is reallocated.</summary>
    /// <param name="options">The next kernel's build.</param>
    /// <param name="nodes">The memory map, or null as in the constructor.</param>
    public void Reset(PageAllocatorOptions options, NodeMap? nodes = null)
    {
        options.Check();
        _options = options;
        _ownNodes.Clear();
        _reserved.Clear();
        Changes++;
        _buddy.Reset(options.PageblockOrder, nodes ?? _ownNodes);
    }

    /// <summary>Changes with every block that gets another owner or another size. Whoever remembers a block compares it.</summary>
    public ulong Changes { get; private set; }

    /// <summary>Free pages of a node.</summary>
    /// <param name="node">Node.</param>
    /// <returns>Pages; 0 for an unknown node.</returns>
    public ulong FreePagesOf(int node) =>
        FreePagesOf(node, MigrateType.Unmovable) + FreePagesOf(node, MigrateType.Movable) + FreePagesOf(node, MigrateType.Cma);

    /// <summary>Free pages of a node in pageblocks of a type.</summary>
    /// <param name="node">Node.</param>
    /// <param name="type">Type.</param>
    /// <returns>Pages; 0 for an unknown node.</returns>
    public ulong FreePagesOf(int node, MigrateType type) => _buddy.FreePages(Buddy.AreaOf(node, type));

    /// <summary>The type of a page's pageblock.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>The type; movable where nothing else was said.</returns>
    public MigrateType TypeOf(ulong pfn) => _buddy.TypeOf(pfn);

    /// <summary>
    /// Gives memory to the allocator (memblock_free_all, and later releases of boot memory); poisons it when freed pages are.
    /// Constant time for memory that was not touched. A type other than movable becomes the type of every pageblock the range
    /// lies in, as kho_release_scratch rounds outwards; movable leaves the pageblocks' types as they are.
    /// </summary>
    /// <param name="startPfn">First page; not page 0, whose address means failure.</param>
    /// <param name="endPfn">One past the last page.</param>
    /// <param name="node">The node of the whole range.</param>
    /// <param name="type">The type.</param>
    /// <exception cref="ArgumentException">An empty range, page 0, above 2^52, or not RAM of that node in the memory map.</exception>
    /// <exception cref="PageOwnershipException">A page of it is under management already.</exception>
    public void AddFree(ulong startPfn, ulong endPfn, int node, MigrateType type)
    {
        Manage(startPfn, endPfn, node, PageOwner.Memblock);
        if (_options.PoisonOnFree)
        {
            _memory.Poison(startPfn, endPfn - startPfn);
        }

        if (type != MigrateType.Movable)
        {
            SetPageblockType(startPfn, endPfn, type);
        }

        _buddy.Add(startPfn, endPfn, node);
        _buddy.Settle(startPfn, endPfn);
        Changes++;
    }

    /// <summary>
    /// Types every pageblock that a range lies in, whether its pages are free, in use or not under management yet (set_pageblock_migratetype):
    /// what is freed into them later has that type.
    /// </summary>
    /// <param name="startPfn">First page.</param>
    /// <param name="endPfn">One past the last page.</param>
    /// <param name="type">The type.</param>
    public void SetPageblockType(ulong startPfn, ulong endPfn, MigrateType type)
    {
        ulong mask = (1UL << _options.PageblockOrder) - 1;
        _buddy.SetType(startPfn & ~mask, (endPfn + mask) & ~mask, type);
        Changes++;
    }

    /// <summary>Allocates a naturally aligned block of 2^order pages (__alloc_pages).</summary>
    /// <param name="order">0 or more.</param>
    /// <param name="type">Which pageblocks may serve it; CMA stands for CMA pageblocks only.</param>
    /// <param name="owner">Who gets it; not free.</param>
    /// <param name="preferredNode">Node tried first; -1 for none.</param>
    /// <param name="exactNode">Whether no other node may serve it (__GFP_THISNODE).</param>
    /// <param name="zero">Whether it reads zero; otherwise it reads what was there.</param>
    /// <returns>Its physical address; 0 when no node can serve it, or the order is above MAX_PAGE_ORDER.</returns>
    public ulong Allocate(int order, MigrateType type, PageOwner owner, int preferredNode = -1, bool exactNode = false, bool zero = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ThrowIfFree(owner);
        if (order > _options.MaxPageOrder)
        {
            return 0;
        }

        ulong pfn = preferredNode >= 0 && preferredNode < NodeCount ? TakeOn(preferredNode, order, type) : 0;
        for (int node = 0; pfn == 0 && !exactNode && node < NodeCount; node++)
        {
            pfn = node == preferredNode ? 0 : TakeOn(node, order, type);
        }

        if (pfn == 0)
        {
            return 0;
        }

        Section section = _buddy.Sections.Find(pfn)!;
        _buddy.SetHead(section, (int)(pfn & Section.Mask), new BlockHead(order, owner));
        Changes++;
        if (zero)
        {
            Clear(pfn, order);
        }

        return PageGeometry.PhysOf(pfn);
    }

    /// <summary>Frees a block (__free_pages); poisons it when the kernel does.</summary>
    /// <param name="phys">Its physical address.</param>
    /// <param name="order">Its order; above MAX_PAGE_ORDER for what was adopted so.</param>
    /// <param name="owner">Its owner.</param>
    /// <exception cref="PageOwnershipException">Not the head of a block, another order or owner, or free already.</exception>
    public void Free(ulong phys, int order, PageOwner owner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ThrowIfFree(owner);
        ulong blocks = BlocksOf(order);
        int blockOrder = Math.Min(order, Section.Order);
        for (ulong i = 1; i < blocks; i++)
        {
            Expect(phys + (i << (Section.Order + PageGeometry.Shift)), blockOrder, owner, "is freed");
        }

        for (ulong i = 0; i < blocks; i++)
        {
            ulong at = phys + (i << (Section.Order + PageGeometry.Shift));
            Section section = Expect(at, blockOrder, owner, "is freed");
            int offset = (int)(PageGeometry.PfnOf(at) & Section.Mask);
            Buddy.ClearHead(section, offset);
            _buddy.Release(section, offset, blockOrder);
        }

        Changes++;
        if (_options.PoisonOnFree)
        {
            _memory.Poison(PageGeometry.PfnOf(phys), 1UL << order);
        }
    }

    /// <summary>
    /// Takes pages that were reserved since boot (preserved by the previous kernel, restored now) under management as allocated.
    /// Above MAX_PAGE_ORDER they become consecutive blocks of that order, which <see cref="Free"/> with the whole order frees together.
    /// </summary>
    /// <param name="startPfn">First page, a multiple of 2^order; not page 0.</param>
    /// <param name="order">Order, 0 up to 39.</param>
    /// <param name="owner">Who gets them.</param>
    /// <exception cref="ArgumentException">Not aligned, page 0, above 2^52, or not RAM of one node in the memory map.</exception>
    /// <exception cref="PageOwnershipException">A page of it is under management already.</exception>
    public void Adopt(ulong startPfn, int order, PageOwner owner)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(order, PageGeometry.PhysicalAddressBits - PageGeometry.Shift);
        ThrowIfFree(owner);
        if ((startPfn & ((1UL << order) - 1)) != 0)
        {
            throw new ArgumentException($"page {startPfn:x} is no multiple of 2^{order}", nameof(startPfn));
        }

        Manage(startPfn, startPfn + (1UL << order), -1, owner);
        _buddy.Settle(startPfn, startPfn + (1UL << order));
        int blockOrder = Math.Min(order, Section.Order);
        for (ulong i = 0; i < BlocksOf(order); i++)
        {
            ulong pfn = startPfn + (i << Section.Order);
            _buddy.SetHead(_buddy.Touch(pfn), (int)(pfn & Section.Mask), new BlockHead(blockOrder, owner));
        }

        Changes++;
    }

    /// <summary>A page source that allocates zeroed unmovable pages for an owner.</summary>
    /// <param name="owner">The owner.</param>
    /// <returns>A new source; it stays usable across <see cref="Reset"/>.</returns>
    public IPageSource SourceFor(PageOwner owner)
    {
        ThrowIfFree(owner);
        return new OwnedPageSource(this, owner);
    }

    /// <summary>Checks everything: blocks do not overlap and are aligned, lists, counts, types and nodes agree, buddies are merged.</summary>
    /// <exception cref="InvalidOperationException">Something does not agree: a defect of the allocator.</exception>
    public void Validate() => BuddyCheck.Run(_buddy);

    private static ulong BlocksOf(int order) => order <= Section.Order ? 1 : 1UL << (order - Section.Order);

    private static void ThrowIfFree(PageOwner owner)
    {
        if (owner == PageOwner.Free)
        {
            throw new ArgumentException("nobody cannot own pages", nameof(owner));
        }
    }

    private ulong Sum(int firstType, int types)
    {
        ulong pages = 0;
        for (int node = 0; node < NodeCount; node++)
        {
            for (int type = firstType; type < firstType + types; type++)
            {
                pages += FreePagesOf(node, (MigrateType)type);
            }
        }

        return pages;
    }

    private ulong TakeOn(int node, int order, MigrateType type)
    {
        ulong cma = FreePagesOf(node, MigrateType.Cma);
        bool movable = type == MigrateType.Movable;
        ulong pfn = movable && cma != 0 && cma > FreePagesOf(node) / 2 ? _buddy.Take(Buddy.AreaOf(node, MigrateType.Cma), order) : 0;
        if (pfn == 0)
        {
            pfn = _buddy.Take(Buddy.AreaOf(node, type), order);
        }

        if (pfn == 0 && movable && cma != 0)
        {
            pfn = _buddy.Take(Buddy.AreaOf(node, MigrateType.Cma), order);
        }

        if (pfn == 0 && type != MigrateType.Cma)
        {
            pfn = _buddy.Steal(node, movable ? MigrateType.Unmovable : MigrateType.Movable, type, order);
        }

        return pfn;
    }

    private void Clear(ulong pfn, int order)
    {
        if (order == 0)
        {
            _memory.ZeroPage(pfn);
        }
        else
        {
            _memory.Zero(pfn, 1UL << order);
        }
    }

    /// <summary>Checks that a range may come under management, and enters it into the node map where there is no memory map.</summary>
    private void Manage(ulong startPfn, ulong endPfn, int node, PageOwner actor)
    {
        if (startPfn == 0 || startPfn >= endPfn || endPfn > PageGeometry.PfnLimit)
        {
            throw new ArgumentException($"pages {startPfn:x} to {endPfn:x} are no range between page 1 and 2^40", nameof(startPfn));
        }

        NodeMap nodes = _buddy.Nodes;
        bool fromMap = !ReferenceEquals(nodes, _ownNodes);
        if (fromMap && (nodes.EndOfRun(startPfn) < endPfn || (node >= 0 && nodes.NodeOf(startPfn) != node)))
        {
            throw new ArgumentException($"pages {startPfn:x} to {endPfn:x} are not RAM of one node, or not of node {node}", nameof(startPfn));
        }

        CheckUnmanaged(startPfn, endPfn, "is given to the page allocator again", actor);
        if (_reserved.Count != 0)
        {
            _reserved.Remove(startPfn, endPfn);
        }

        if (!fromMap)
        {
            _ownNodes.Add(startPfn, endPfn, node >= 0 ? node : _ownNodes.NearestNodeOf(startPfn));
            _buddy.EnsureNodes();
        }
    }

    private sealed class OwnedPageSource(PageAllocator allocator, PageOwner owner) : IPageSource
    {
        public ulong AllocateZeroedPage() => allocator.Allocate(0, MigrateType.Unmovable, owner);

        public void FreePage(ulong phys) => allocator.Free(phys, 0, owner);
    }
}
