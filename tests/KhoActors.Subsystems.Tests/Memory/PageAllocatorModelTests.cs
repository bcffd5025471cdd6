using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>Random operations of the page allocator against <see cref="AllocatorModel"/>, with the content of memory and the right to write.</summary>
public sealed class PageAllocatorModelTests
{
    private const ulong Sequences = 2000;
    private static readonly PageOwner[] Owners = [PageOwner.Kernel, PageOwner.Tracker, PageOwner.Workload, PageOwner.Client(3)];

    [Theory]
    [InlineData(9, true)]
    [InlineData(9, false)]
    [InlineData(10, true)]
    [InlineData(10, false)]
    public void Random_operations_do_what_the_model_says_and_freeing_everything_gives_back_the_start(int pageblockOrder, bool poison)
    {
        var memory = new PhysicalMemory();
        var options = new PageAllocatorOptions(pageblockOrder, 10, poison);
        var allocator = new PageAllocator(memory, options);
        OwnedMemory[] views = [.. Owners.Select(owner => new OwnedMemory(memory, allocator, owner))];
        var model = new AllocatorModel(pageblockOrder);
        for (ulong seed = 1; seed <= Sequences; seed++)
        {
            memory.Clear();
            allocator.Reset(options);
            model.Reset();
            try
            {
                new Run(allocator, memory, views, model, poison, new Draws(seed)).Execute();
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}, pageblock order {pageblockOrder}: {exception}");
            }
        }
    }

    private sealed class Run(PageAllocator allocator, PhysicalMemory memory, OwnedMemory[] views, AllocatorModel model, bool poison, Draws draws)
    {
        private readonly ulong[] _words = new ulong[AllocatorModel.Pages];
        private readonly List<(ulong Pfn, int Order, PageOwner Owner)> _blocks = [];
        private readonly List<(ulong Start, ulong End)> _reserved = [];
        private ulong _managed;

        public void Execute()
        {
            Boot();
            int operations = 5 + draws.Below(60);
            for (int i = 0; i < operations; i++)
            {
                Step();
                Probe();
                if (draws.OneIn(32))
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
            Assert.Equal(_managed, allocator.FreePages);
            Assert.Equal(0, poison ? memory.WrittenPages : 0);
        }

        private void Step()
        {
            switch (draws.Below(21))
            {
                case < 10:
                    Allocate();
                    break;
                case < 16:
                    Free();
                    break;
                case 16:
                    Chown();
                    break;
                case 17:
                    Adopt();
                    break;
                case 18:
                    GiveAwayReserved();
                    break;
                case 19 when _blocks.Count > 0:
                    (ulong pfn, int order, PageOwner owner) = _blocks[draws.Below(_blocks.Count)];
                    Assert.Throws<PageOwnershipException>(() => allocator.Adopt(pfn >> 1 << 1, 1, owner));
                    break;
                default:
                    AddLate();
                    break;
            }
        }

        private void Boot()
        {
            ulong pfn = 1 + draws.Below(1500UL);
            int node = 0;
            for (int i = 1 + draws.Below(8); i > 0; i--)
            {
                ulong length = 1 + draws.Below(draws.OneIn(3) ? 2500UL : 400UL);
                if (pfn + length + 700 > AllocatorModel.Pages)
                {
                    break;
                }

                var type = draws.Below(6) switch { 0 => MigrateType.Cma, 1 => MigrateType.Unmovable, _ => MigrateType.Movable };
                AddFree(pfn, pfn + length, node, type);
                pfn += length;
                if (draws.OneIn(2))
                {
                    ulong hole = 1 + draws.Below(600UL);
                    _reserved.Add((pfn, pfn + hole));
                    pfn += hole;
                }

                node += draws.OneIn(3) ? 1 : 0;
            }
        }

        private void AddFree(ulong start, ulong end, int node, MigrateType type)
        {
            allocator.AddFree(start, end, node, type);
            model.AddFree(start, end, node, type);
            _managed += end - start;
            Poisoned(start, end);
        }

        private void AddLate()
        {
            if (TakeReserved(1 + draws.Below(300UL), 1, out ulong start, out ulong end))
            {
                AddFree(start, end, draws.Below(allocator.NodeCount), draws.OneIn(3) ? MigrateType.Cma : MigrateType.Movable);
            }
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
            if (TakeReserved(1UL << order, 1UL << order, out ulong start, out ulong end))
            {
                PageOwner owner = Owners[draws.Below(Owners.Length)];
                allocator.Adopt(start, order, owner);
                model.Adopt(start, end, owner);
                _managed += end - start;
                _blocks.Add((start, order, owner));
            }
        }

        private void GiveAwayReserved()
        {
            if (_reserved.Count > 0)
            {
                (ulong start, ulong end) = _reserved[draws.Below(_reserved.Count)];
                PageOwner owner = Owners[draws.Below(Owners.Length)];
                allocator.SetReservedOwner(start, end, owner);
                model.SetOwner(start, end, owner);
            }
        }

        private void Allocate()
        {
            int order = draws.OneIn(3) ? draws.Below(12) : draws.Below(3);
            var type = (MigrateType)draws.Below(3);
            PageOwner owner = Owners[draws.Below(Owners.Length)];
            int node = draws.Below(allocator.NodeCount + 2) - 1;
            bool exact = node >= 0 && draws.OneIn(4);
            bool zero = !draws.OneIn(3);
            AllocatorChoice? choice = order > 10 ? null : model.Choose(order, type, node, exact);
            ulong phys = allocator.Allocate(order, type, owner, node, exact, zero);
            Assert.True(phys != 0 == choice is not null, $"order {order} {type} on {node} exact {exact}: model says {choice}, the allocator {phys:x}");
            if (choice is not { } chosen)
            {
                return;
            }

            ulong pfn = PageGeometry.PfnOf(phys);
            model.Take(pfn, order, type, owner, chosen, allocator.TypeOf(pfn));
            if (zero)
            {
                _words.AsSpan((int)pfn, 1 << order).Clear();
            }

            _blocks.Add((pfn, order, owner));
            CheckContent(pfn, order);
            ulong page = pfn + draws.Below(1UL << order);
            ulong word = draws.Next();
            memory.WriteUInt64(PageGeometry.PhysOf(page) + 8, word);
            _words[page] = word;
        }

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
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys, order, PageOwner.Kho));
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys, order + 1, owner));
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys + 8, order, owner));
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys + 4096, order, PageOwner.Kho));
            }

            CheckContent(pfn, order);
            allocator.Free(phys, order, owner);
            model.SetOwner(pfn, pfn + (1UL << order), PageOwner.Free);
            Poisoned(pfn, pfn + (1UL << order));
            CheckContent(pfn, order);
            if (draws.OneIn(8))
            {
                Assert.Throws<PageOwnershipException>(() => allocator.Free(phys, order, owner));
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
            model.SetOwner(pfn, pfn + (1UL << order), next);
            _blocks[index] = (pfn, order, next);
        }

        /// <summary>One owner wants to write somewhere: every view remembers a block from earlier questions, whatever happened since.</summary>
        private void Probe()
        {
            OwnedMemory view = views[draws.Below(views.Length)];
            ulong start = _blocks.Count > 0 && !draws.OneIn(4) ? _blocks[draws.Below(_blocks.Count)].Pfn : draws.Below((ulong)AllocatorModel.Pages);
            ulong end = start + (draws.OneIn(2) ? 1 : 1 + draws.Below(40UL));
            bool allowed = true;
            for (ulong pfn = start; pfn < end; pfn++)
            {
                allowed &= model.OwnerOf(pfn) == view.Owner;
            }

            Assert.Equal(allowed, Record.Exception(() => view.Require(start, end)) is null);
        }

        private void Poisoned(ulong start, ulong end)
        {
            if (poison)
            {
                _words.AsSpan((int)start, (int)(end - start)).Fill(PhysicalMemory.PoisonWord);
            }
        }

        private void CheckContent(ulong start, int order)
        {
            ulong pages = 1UL << order;
            for (ulong i = 0; i < pages; i += i < 32 || i + 2 > pages ? 1 : Math.Min(1 + draws.Below(pages / 8), pages - 1 - i))
            {
                Assert.True(_words[start + i] == memory.ReadUInt64(PageGeometry.PhysOf(start + i) + 8), $"page {i} of the block {start:x} of order {order}");
            }
        }

        private void Check()
        {
            allocator.Validate();
            model.Compare(allocator);
            foreach ((ulong pfn, int order, PageOwner owner) in _blocks)
            {
                ulong page = pfn + draws.Below(1UL << order);
                Assert.True(allocator.TryGetBlock(page, out ulong head, out int actualOrder, out PageOwner actualOwner));
                Assert.Equal((pfn, order, owner), (head, actualOrder, actualOwner));
                CheckContent(pfn, order);
            }
        }
    }
}
