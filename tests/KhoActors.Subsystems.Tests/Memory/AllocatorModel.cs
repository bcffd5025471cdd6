using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>Where an allocation must come from.</summary>
/// <param name="Node">The node.</param>
/// <param name="From">The type of the pageblock before the allocation.</param>
internal readonly record struct AllocatorChoice(int Node, MigrateType From);

/// <summary>
/// What the page allocator must do, from arrays with an entry per page and nothing of its own: owner, node, type of pageblock. Free
/// memory has one possible division into buddy blocks, the largest aligned ones of one node and type; it is computed anew for each
/// question. Where several blocks are equally good, any of them is right.
/// </summary>
internal sealed class AllocatorModel
{
    public const int Pages = 8192;
    private const int LargestOrder = 10;
    private const int Types = 3;
    private const short None = -1;
    private readonly int _pageblockOrder;
    private readonly PageOwner[] _owners = new PageOwner[Pages];
    private readonly int[] _nodes = new int[Pages];
    private readonly MigrateType[] _types;
    private readonly short[][] _areas = new short[LargestOrder + 1][];
    private readonly List<ulong> _freePages = [];
    private readonly List<int> _largest = [];
    private bool _isStale;
    private int _end;

    public AllocatorModel(int pageblockOrder)
    {
        _pageblockOrder = pageblockOrder;
        _types = new MigrateType[Pages >> pageblockOrder];
        for (int order = 0; order <= LargestOrder; order++)
        {
            _areas[order] = new short[Pages >> order];
        }
    }

    public int NodeCount { get; private set; }

    public void Reset()
    {
        Array.Fill(_owners, PageOwner.Memblock);
        Array.Fill(_nodes, -1);
        Array.Fill(_types, MigrateType.Movable);
        NodeCount = 0;
        _end = 0;
        _isStale = true;
    }

    public PageOwner OwnerOf(ulong pfn) => pfn < Pages ? _owners[pfn] : PageOwner.Memblock;

    public bool IsFree(ulong pfn) => OwnerOf(pfn) == PageOwner.Free;

    public void AddFree(ulong start, ulong end, int node, MigrateType type)
    {
        SetOwner(start, end, PageOwner.Free);
        SetNode(start, end, node);
        for (ulong pfn = start; type != MigrateType.Movable && pfn < end; pfn++)
        {
            _types[pfn >> _pageblockOrder] = type;
        }
    }

    public void Adopt(ulong start, ulong end, PageOwner owner)
    {
        SetNode(start, end, NearestNode(start));
        SetOwner(start, end, owner);
    }

    public void SetOwner(ulong start, ulong end, PageOwner owner)
    {
        _owners.AsSpan((int)start, (int)(end - start)).Fill(owner);
        _isStale = true;
    }

    /// <summary>Which node and type must serve an allocation; null when none can.</summary>
    public AllocatorChoice? Choose(int order, MigrateType type, int preferredNode, bool exactNode)
    {
        Refresh();
        IEnumerable<int> all = Enumerable.Range(0, NodeCount);
        foreach (int node in exactNode ? all.Where(n => n == preferredNode) : all.OrderBy(n => n != preferredNode))
        {
            foreach (MigrateType from in TypesFor(node, type))
            {
                if (_largest[Area(node, from)] >= order)
                {
                    return new AllocatorChoice(node, from);
                }
            }
        }

        return null;
    }

    /// <summary>Judges an allocation and carries it out.</summary>
    /// <param name="pfn">What the allocator returned.</param>
    /// <param name="order">The order asked for.</param>
    /// <param name="type">The type asked for.</param>
    /// <param name="owner">Who gets it.</param>
    /// <param name="choice">Where it must come from.</param>
    /// <param name="typeAfter">The type of the pageblock now, as the allocator says.</param>
    public void Take(ulong pfn, int order, MigrateType type, PageOwner owner, AllocatorChoice choice, MigrateType typeAfter)
    {
        Assert.True(_areas[order][pfn >> order] == Area(choice.Node, choice.From) && pfn % (1UL << order) == 0, $"{pfn:x} is no free block of {choice}");
        if (choice.From == type || choice.From == MigrateType.Cma)
        {
            Assert.Equal(choice.From, typeAfter);
        }
        else
        {
            Steal(pfn, Area(choice.Node, choice.From), type, choice.From, typeAfter);
        }

        SetOwner(pfn, pfn + (1UL << order), owner);
    }

    public void Compare(PageAllocator allocator)
    {
        Refresh();
        for (int node = 0; node < NodeCount; node++)
        {
            for (int type = 0; type < Types; type++)
            {
                Assert.Equal(_freePages[Area(node, (MigrateType)type)], allocator.FreePagesOf(node, (MigrateType)type));
            }
        }

        Assert.Equal(_freePages.Aggregate(0UL, (sum, pages) => sum + pages), allocator.FreePages);
        for (ulong block = 0; block < (ulong)_end >> _pageblockOrder; block++)
        {
            Assert.Equal(_types[block], allocator.TypeOf(block << _pageblockOrder));
        }

        for (ulong pfn = 0; pfn < (ulong)_end;)
        {
            int order = OrderOfFree(pfn);
            ulong last = pfn + (1UL << order) - 1;
            foreach (ulong page in (ReadOnlySpan<ulong>)[pfn, last])
            {
                Assert.Equal(OwnerOf(pfn), allocator.OwnerOf(page));
                Assert.True(
                    !IsFree(pfn) || (allocator.TryGetBlock(page, out ulong head, out int actual, out _) && (head, actual) == (pfn, order)),
                    $"{page:x} is in the free block {pfn:x} of order {order}");
            }

            pfn = last + 1;
        }

        CompareOwners(allocator);
    }

    /// <summary>With a hole in RAM, whose pages nobody counts.</summary>
    private void CompareOwners(PageAllocator allocator)
    {
        const ulong holeStart = 0x700, holeEnd = 0x7a3;
        NodeMap ram = new();
        ram.Add(1, holeStart, 0);
        ram.Add(holeEnd, Pages, 1);
        SortedDictionary<byte, OwnedPages> expected = [];
        for (ulong pfn = 1; pfn < Pages; pfn = pfn + 1 == holeStart ? holeEnd : pfn + 1)
        {
            PageOwner owner = OwnerOf(pfn);
            OwnedPages soFar = expected.GetValueOrDefault(owner.Value, new OwnedPages(owner, 0, 0));
            expected[owner.Value] = new OwnedPages(owner, soFar.Pages + 1, soFar.ReservedPages + (_nodes[pfn] < 0 ? 1UL : 0));
        }

        Assert.Equal([.. expected.Values], allocator.CountOwners(ram));
    }

    private static short Area(int node, MigrateType type) => (short)((node * Types) + (int)type);

    /// <summary>The types that may serve a type on a node, in the order in which they are tried.</summary>
    private MigrateType[] TypesFor(int node, MigrateType type)
    {
        ulong cma = _freePages[Area(node, MigrateType.Cma)];
        ulong others = _freePages[Area(node, MigrateType.Movable)] + _freePages[Area(node, MigrateType.Unmovable)];
        return type switch
        {
            MigrateType.Cma => [MigrateType.Cma],
            MigrateType.Unmovable => [MigrateType.Unmovable, MigrateType.Movable],
            _ when cma > others => [MigrateType.Cma, MigrateType.Movable, MigrateType.Unmovable],
            _ => [MigrateType.Movable, MigrateType.Cma, MigrateType.Unmovable],
        };
    }

    private void Steal(ulong pfn, short area, MigrateType type, MigrateType from, MigrateType typeAfter)
    {
        int largest = _largest[area];
        ulong[] candidates = [.. Enumerable.Range(0, _areas[largest].Length).Where(i => _areas[largest][i] == area).Select(i => (ulong)i << largest)];
        bool isTaken = typeAfter == type;
        Assert.True(isTaken || typeAfter == from, $"{from} became {typeAfter} for {type}");
        Assert.True(isTaken ? candidates.Any(IsTakenOver) : !candidates.All(IsTakenOver), $"{pfn:x}, largest order {largest}: taken over {isTaken}");
        if (!isTaken)
        {
            return;
        }

        int size = Math.Max(largest, _pageblockOrder);
        ulong start = pfn >> size << size;
        Assert.True(candidates.Any(c => c >> size << size == start && IsTakenOver(c)), $"{pfn:x}: another pageblock has the largest block");
        for (ulong page = start; page < start + (1UL << size); page += 1UL << _pageblockOrder)
        {
            _types[page >> _pageblockOrder] = type;
        }

        bool IsTakenOver(ulong block)
        {
            ulong first = block >> _pageblockOrder << _pageblockOrder;
            return largest >= _pageblockOrder
                || _owners.AsSpan((int)first, 1 << _pageblockOrder).Count(PageOwner.Free) * 2 >= 1 << _pageblockOrder;
        }
    }

    private int OrderOfFree(ulong pfn)
    {
        int order = LargestOrder;
        while (order > 0 && _areas[order][pfn >> order] == None)
        {
            order--;
        }

        return order;
    }

    private void SetNode(ulong start, ulong end, int node)
    {
        _nodes.AsSpan((int)start, (int)(end - start)).Fill(node);
        NodeCount = Math.Max(NodeCount, node + 1);
        _end = Math.Max(_end, (int)((end + (1UL << LargestOrder) - 1) >> LargestOrder << LargestOrder));
    }

    /// <summary>The node of the RAM next below; without any, of the first above.</summary>
    private int NearestNode(ulong pfn)
    {
        int below = Array.FindLastIndex(_nodes, (int)pfn, node => node >= 0);
        return _nodes[below >= 0 ? below : Array.FindIndex(_nodes, node => node >= 0)];
    }

    private void Refresh()
    {
        if (!_isStale)
        {
            return;
        }

        _isStale = false;
        _freePages.Clear();
        _largest.Clear();
        _freePages.AddRange(Enumerable.Repeat(0UL, NodeCount * Types));
        _largest.AddRange(Enumerable.Repeat(-1, NodeCount * Types));
        for (int pfn = 0; pfn < _end; pfn++)
        {
            short area = _owners[pfn] == PageOwner.Free ? Area(_nodes[pfn], _types[pfn >> _pageblockOrder]) : None;
            _areas[0][pfn] = area;
            if (area != None)
            {
                _freePages[area]++;
                _largest[area] = 0;
            }
        }

        for (int order = 1; order <= LargestOrder; order++)
        {
            (short[] halves, short[] areas) = (_areas[order - 1], _areas[order]);
            for (int i = 0; i < _end >> order; i++)
            {
                areas[i] = halves[2 * i] == halves[(2 * i) + 1] ? halves[2 * i] : None;
                if (areas[i] != None)
                {
                    _largest[areas[i]] = order;
                }
            }
        }
    }
}
