using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>The page allocator against a model that knows nothing but which pages are free, and what was allocated.</summary>
public sealed class PageAllocatorModelTests
{
    private static readonly PageOwner[] Owners = [PageOwner.Kernel, PageOwner.Tracker, PageOwner.Workload, PageOwner.Client(3)];

    [Theory]
    [InlineData(9, true)]
    [InlineData(9, false)]
    [InlineData(10, true)]
    [InlineData(10, false)]
    public void Random_operations_never_break_a_rule_and_freeing_everything_gives_back_the_start(int pageblockOrder, bool poison)
    {
        var memory = new PhysicalMemory();
        var options = new PageAllocatorOptions(pageblockOrder, 10, poison);
        var allocator = new PageAllocator(memory, options);
        for (ulong seed = 1; seed <= 80; seed++)
        {
            memory.Clear();
            allocator.Reset(options);
            try
            {
                new Run(allocator, memory, options, new Draws(seed)).Execute();
            }
            catch (Exception exception) when (exception is InvalidOperationException or PageOwnershipException or IndexOutOfRangeException or NullReferenceException)
            {
                Assert.Fail($"seed {seed}, pageblock order {pageblockOrder}: {exception}");
            }
        }
    }

    private sealed class Run(PageAllocator allocator, PhysicalMemory memory, PageAllocatorOptions options, Draws draws)
    {
        private readonly SortedDictionary<ulong, int> _nodeOf = [];
        private readonly HashSet<ulong> _free = [];
        private readonly List<(ulong Pfn, int Order, PageOwner Owner)> _blocks = [];
        private readonly List<(ulong Start, ulong End)> _reserved = [];

        public void Execute()
        {
            Boot();
            int operations = 40 + draws.Below(300);
            for (int i = 0; i < operations; i++)
            {
                switch (draws.Below(20))
                {
                    case < 10:
                        Allocate();
                        break;
                    case < 16:
                        Free();
                        break;
                    case 16:
                        Split();
                        break;
                    case 17:
                        Chown();
                        break;
                    case 18:
                        Adopt();
                        break;
                    default:
                        AddLate();
                        break;
                }

                if (draws.OneIn(16))
                {
                    Check();
                }
            }

            Check();
            while (_blocks.Count > 0)
            {
                Free();
            }

            Check();
            Assert.Equal((ulong)_nodeOf.Count, allocator.FreePages);
            Assert.Equal(0, memory.WrittenPages * (options.PoisonOnFree ? 1 : 0));
        }

        private void Boot()
        {
            ulong pfn = 1 + draws.Below(3000UL);
            int ranges = 1 + draws.Below(12);
            int node = 0;
            for (int i = 0; i < ranges; i++)
            {
                ulong length = 1 + draws.Below(draws.OneIn(3) ? 5000UL : 700UL);
                var type = draws.Below(6) switch { 0 => MigrateType.Cma, 1 => MigrateType.Unmovable, _ => MigrateType.Movable };
                AddFree(pfn, pfn + length, node, type);
                pfn += length;
                if (draws.OneIn(2))
                {
                    ulong hole = 1 + draws.Below(900UL);
                    _reserved.Add((pfn, pfn + hole));
                    pfn += hole;
                }

                node += draws.OneIn(4) ? 1 : 0;
            }
        }

        private void AddFree(ulong start, ulong end, int node, MigrateType type)
        {
            allocator.AddFree(start, end, node, type);
            for (ulong pfn = start; pfn < end; pfn++)
            {
                _nodeOf.Add(pfn, node);
                Assert.True(_free.Add(pfn));
            }
        }

        private void AddLate()
        {
            if (!TakeReserved(1 + draws.Below(300UL), 1, out ulong start, out ulong end))
            {
                return;
            }

            AddFree(start, end, draws.Below(allocator.NodeCount), draws.OneIn(3) ? MigrateType.Cma : MigrateType.Movable);
        }

        private bool TakeReserved(ulong length, ulong align, out ulong start, out ulong end)
        {
            (start, end) = (0, 0);
            if (_reserved.Count == 0)
            {
                return false;
            }

            int index = draws.Below(_reserved.Count);
            (ulong from, ulong to) = _reserved[index];
            start = (from + align - 1) & ~(align - 1);
            end = start + length;
            if (end > to)
            {
                return false;
            }

            _reserved.RemoveAt(index);
            if (start > from)
            {
                _reserved.Add((from, start));
            }

            if (end < to)
            {
                _reserved.Add((end, to));
            }

            return true;
        }

        private void Adopt()
        {
            int order = draws.Below(8);
            if (!TakeReserved(1UL << order, 1UL << order, out ulong start, out ulong end))
            {
                return;
            }

            PageOwner owner = Owners[draws.Below(Owners.Length)];
            allocator.Adopt(start, order, owner);
            for (ulong pfn = start; pfn < end; pfn++)
            {
                _nodeOf.Add(pfn, -1);
            }

            _blocks.Add((start, order, owner));
        }

        private void Allocate()
        {
            int order = draws.OneIn(3) ? draws.Below(11) : draws.Below(3);
            var type = (MigrateType)draws.Below(3);
            PageOwner owner = Owners[draws.Below(Owners.Length)];
            int node = draws.Below(allocator.NodeCount + 1) - 1;
            bool exact = node >= 0 && draws.OneIn(4);
            bool zero = !draws.OneIn(3);
            bool possible = ModelCanServe(order, type, exact ? node : -1);
            ulong phys = allocator.Allocate(order, type, owner, node, exact, zero);
            Assert.True(phys != 0 == possible, $"order {order} {type} on {node} exact {exact}: model says {possible}, the allocator {phys:x}");
            if (phys == 0)
            {
                return;
            }

            ulong pfn = PageGeometry.PfnOf(phys);
            Assert.Equal(0UL, phys & ((4096UL << order) - 1));
            for (ulong page = pfn; page < pfn + (1UL << order); page++)
            {
                Assert.True(_free.Remove(page), $"page {page:x} was not free");
                Assert.True(!exact || _nodeOf[page] == node || _nodeOf[page] == -1);
                Assert.True(allocator.TypeOf(page) == MigrateType.Cma ? type != MigrateType.Unmovable : type != MigrateType.Cma);
                Assert.Equal(zero ? 0 : memory.ReadUInt64(PageGeometry.PhysOf(page) + 8), memory.ReadUInt64(PageGeometry.PhysOf(page) + 8));
            }

            memory.WriteUInt64(phys + (draws.Below(512UL << order) * 8), draws.Next());
            _blocks.Add((pfn, order, owner));
        }

        /// <summary>Whether an aligned run of free pages of one node and of usable types exists: the allocator must find it, and only then.</summary>
        private bool ModelCanServe(int order, MigrateType type, int node)
        {
            ulong size = 1UL << order;
            foreach (ulong pfn in _free)
            {
                if ((pfn & (size - 1)) == 0 && (node < 0 || NodeOf(pfn) == node) && RunIsUsable(pfn, size, type))
                {
                    return true;
                }
            }

            return false;
        }

        private bool RunIsUsable(ulong start, ulong size, MigrateType type)
        {
            MigrateType first = allocator.TypeOf(start);
            if (type == MigrateType.Cma ? first != MigrateType.Cma : type == MigrateType.Unmovable && first == MigrateType.Cma)
            {
                return false;
            }

            for (ulong pfn = start; pfn < start + size; pfn++)
            {
                if (!_free.Contains(pfn) || NodeOf(pfn) != NodeOf(start) || allocator.TypeOf(pfn) != first)
                {
                    return false;
                }
            }

            return true;
        }

        private int NodeOf(ulong pfn) => allocator.Buddy.Nodes.NodeOf(pfn);

        private void Free()
        {
            if (_blocks.Count == 0)
            {
                return;
            }

            int index = draws.Below(_blocks.Count);
            (ulong pfn, int order, PageOwner owner) = _blocks[index];
            (_blocks[index], _blocks[^1]) = (_blocks[^1], _blocks[index]);
            _blocks.RemoveAt(_blocks.Count - 1);
            ulong phys = PageGeometry.PhysOf(pfn);
            if (draws.OneIn(8))
            {
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys, order, PageOwner.Preserved));
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys, order + 1, owner));
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys + 4096, order, owner == PageOwner.Kernel ? PageOwner.Kho : PageOwner.Preserved));
            }

            allocator.Free(phys, order, owner);
            for (ulong page = pfn; page < pfn + (1UL << order); page++)
            {
                Assert.True(_free.Add(page));
                if (options.PoisonOnFree)
                {
                    Assert.Equal(PhysicalMemory.PoisonWord, memory.ReadUInt64(PageGeometry.PhysOf(page)));
                }
            }

            if (draws.OneIn(8))
            {
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys, order, owner));
            }
        }

        private void Split()
        {
            if (_blocks.Count == 0)
            {
                return;
            }

            int index = draws.Below(_blocks.Count);
            (ulong pfn, int order, PageOwner owner) = _blocks[index];
            if (order > 5)
            {
                return;
            }

            allocator.SplitAllocated(PageGeometry.PhysOf(pfn));
            _blocks.RemoveAt(index);
            for (ulong page = 0; page < 1UL << order; page++)
            {
                _blocks.Add((pfn + page, 0, owner));
            }
        }

        private void Chown()
        {
            if (_blocks.Count == 0)
            {
                return;
            }

            int index = draws.Below(_blocks.Count);
            (ulong pfn, int order, PageOwner owner) = _blocks[index];
            PageOwner next = Owners[draws.Below(Owners.Length)];
            allocator.Chown(PageGeometry.PhysOf(pfn), owner, next);
            _blocks[index] = (pfn, order, next);
        }

        private void Check()
        {
            allocator.Validate();
            Assert.Equal((ulong)_free.Count, allocator.FreePages);
            Assert.Equal((ulong)_free.Count(pfn => allocator.TypeOf(pfn) == MigrateType.Cma), allocator.FreeCmaPages);
            foreach ((ulong pfn, int order, PageOwner owner) in _blocks)
            {
                ulong page = pfn + draws.Below(1UL << order);
                Assert.True(allocator.TryGetBlock(page, out ulong head, out int actualOrder, out PageOwner actualOwner));
                Assert.Equal((pfn, order, owner), (head, actualOrder, actualOwner));
            }

            foreach (ulong pfn in _nodeOf.Keys)
            {
                if (draws.OneIn(50))
                {
                    Assert.Equal(_free.Contains(pfn), allocator.OwnerOf(pfn) == PageOwner.Free);
                }
            }

            foreach ((ulong start, ulong _) in _reserved)
            {
                Assert.Equal(PageOwner.Memblock, allocator.OwnerOf(start));
            }
        }
    }
}
