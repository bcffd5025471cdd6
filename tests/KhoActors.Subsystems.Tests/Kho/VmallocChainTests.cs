using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Tracking;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>
/// Random chains of kernels whose clients allocate, preserve, un-preserve, restore and free areas while page allocations fail, against a model
/// that knows of an area its pages' seed and its descriptor.
/// </summary>
public class VmallocChainTests
{
    private static readonly PageOwner Owner = PageOwner.Client(0);

    [Fact]
    public void Areas_survive_any_chain_of_kernels_with_their_content_and_nothing_else_is_kept()
    {
        int restored = 0, failed = 0;
        for (ulong seed = 0; seed < 120; seed++)
        {
            Chain chain = new(new SplitMix64(seed), VmallocDefects.None);
            for (int step = 0; step < 120; step++)
            {
                string? wrong = chain.Step();
                Assert.True(wrong is null, $"seed {seed}, step {step}: {wrong}");
            }

            restored += chain.Restored;
            failed += chain.Failed;
        }

        Assert.True(restored > 500 && failed > 150, $"{restored} restored, {failed} failed");
    }

    [Fact]
    public void Each_defect_of_a_version_is_noticed()
    {
        VmallocDefects[] all =
        [
            new() { UndoReadsOldOrder = true }, new() { UnpreservesSinglePages = true }, new() { LosesNoMemory = true }, new() { RestoresHeadsOnly = true },
        ];
        Assert.All(all, defects => Assert.Contains(Enumerable.Range(0, 50), seed => IsNoticed((ulong)seed, defects)));
    }

    private static bool IsNoticed(ulong seed, VmallocDefects defects)
    {
        Chain chain = new(new SplitMix64(seed), defects);
        try
        {
            return Enumerable.Range(0, 120).Any(_ => chain.Step() is not null);
        }
        catch (SimulatedOopsException)
        {
            return true;
        }
    }

    /// <summary>An area as its client knows it: virtual address in this kernel, or 0; descriptor, or default while it is not preserved.</summary>
    private sealed record Held(ulong Address, ulong Pages, int Order, ulong Seed, VmallocDescriptor Descriptor);

    /// <summary>One machine of 32 MiB, kernel after kernel.</summary>
    private sealed class Chain
    {
        private const ulong FirstPfn = 0x100, EndPfn = 0x2000;
        private readonly SplitMix64 _draws;
        private readonly VmallocDefects _defects;
        private readonly PhysicalMemory _memory = new();
        private readonly NodeMap _nodes = new();
        private readonly PageStamps _stamps = new();
        private readonly KernelLog _log = new();
        private readonly PageAllocator _pages;
        private readonly VmallocAreas _areas;
        private readonly FailingSource _chunks;
        private readonly FailingSource _treePages;
        private readonly VmallocContext _context;
        private readonly VmallocRestoration _restoration;
        private readonly List<Held> _held = [];
        private RadixTree _tree = null!;

        public Chain(SplitMix64 draws, VmallocDefects defects)
        {
            _draws = draws;
            _defects = defects;
            _nodes.Add(FirstPfn, EndPfn, 0);
            _pages = new PageAllocator(_memory, new PageAllocatorOptions(), _nodes);
            _areas = new VmallocAreas(_pages);
            _chunks = new FailingSource(_pages.SourceFor(PageOwner.Kho));
            _treePages = new FailingSource(_pages.SourceFor(PageOwner.Tracker));
            _context = new VmallocContext(_memory, _memory.WritablePage, _defects) { IsRam = _nodes.Contains };
            _restoration = new VmallocRestoration(_context, new Restoration(_stamps, _nodes.Contains, null, _log), _areas, _pages);
            Boot([]);
        }

        public int Restored { get; private set; }

        public int Failed { get; private set; }

        /// <summary>Does something.</summary>
        /// <returns>Null, or what is not as the model says.</returns>
        public string? Step()
        {
            string? wrong = _draws.Below(12) switch
            {
                0 => Kexec(),
                1 or 2 => Unpreserve(),
                3 or 4 => Free(),
                5 or 6 => Allocate(),
                _ => Preserve(),
            };
            return wrong ?? Differences();
        }

        private void Boot(List<PreservedBlock> preserved)
        {
            _pages.Reset(new PageAllocatorOptions(), _nodes);
            _areas.Reset();
            ulong next = FirstPfn;
            foreach (PreservedBlock block in preserved.OrderBy(block => block.Pfn))
            {
                _stamps.Stamp(block.Pfn, block.Order);
                if (block.Pfn > next)
                {
                    _pages.AddFree(next, block.Pfn, 0, MigrateType.Movable);
                }

                next = block.Pfn + block.Pages;
            }

            _pages.AddFree(next, EndPfn, 0, MigrateType.Movable);
            _treePages.Live = 0;
            _tree = RadixTree.Create(_memory, _treePages)!;
        }

        private string? Kexec()
        {
            List<PreservedBlock> blocks = CollectBlocks.Of(_tree);
            _stamps.Reset();
            Boot(blocks);
            _held.RemoveAll(held => held.Descriptor == default);
            for (int i = 0; i < _held.Count; i++)
            {
                Held held = _held[i];
                VmallocArea? area = _restoration.Restore(held.Descriptor, Owner);
                if (area is null || area.Pages != held.Pages || area.PageOrder != held.Order)
                {
                    return $"{held} came back as {area?.Pages} pages";
                }

                if (_restoration.Restore(held.Descriptor, Owner) is not null)
                {
                    return $"{held} came back twice";
                }

                _held[i] = held with { Address = area.Address, Descriptor = default };
                Restored++;
            }

            return blocks.Exists(block => _stamps.TryRead(block.Pfn, out _)) ? "a block was preserved and is nobody's" : null;
        }

        private string? Allocate()
        {
            int order = (int)(_draws.Below(3) * 3);
            VmallocArea? area = _areas.Allocate(1 + _draws.Below(order == 0 ? 1200UL : 60UL), order, VmallocAttributes.Alloc, Owner);
            if (area is null)
            {
                return null;
            }

            Held held = new(area.Address, area.Pages, order, _draws.Next(), default);
            for (ulong page = 0; page < area.Pages; page++)
            {
                _memory.WriteUInt64(PageGeometry.PhysOf(area.PfnOf(page)) + 8, held.Seed + page);
            }

            _held.Add(held);
            return null;
        }

        private string? Preserve()
        {
            int i = Pick(isPreserved: false);
            if (i < 0)
            {
                return Allocate();
            }

            ulong address = _held[i].Address + _draws.Below(_held[i].Pages << PageGeometry.Shift);
            _chunks.Left = _draws.Below(3) == 0 ? (long)_draws.Below(3) : long.MaxValue;
            VmallocDescriptor before = VmallocDescriptor.From(_draws.Next(), _draws.Next());
            VmallocPreservation preserved = VmallocPreservation.Run(_context, _tree, _chunks, _areas.Find(address)!, before);
            if (preserved.Result == 0)
            {
                _held[i] = _held[i] with { Descriptor = preserved.Descriptor };
            }

            Failed += preserved.Result == 0 ? 0 : 1;
            return null;
        }

        private string? Unpreserve()
        {
            int i = Pick(isPreserved: true);
            if (i >= 0)
            {
                int missing = VmallocUnpreservation.Run(_context, _tree, _chunks, _held[i].Descriptor);
                _held[i] = _held[i] with { Descriptor = default };
                return missing == 0 ? null : $"{missing} blocks were missing";
            }

            return null;
        }

        private string? Free()
        {
            int i = Pick(isPreserved: false);
            if (i < 0)
            {
                return null;
            }

            ulong address = _held[i].Address;
            _held.RemoveAt(i);
            return _areas.Free(address, Owner) ? null : $"there is no area at 0x{address:x}";
        }

        private int Pick(bool isPreserved)
        {
            int start = (int)_draws.Below((ulong)_held.Count + 1);
            return _held.FindIndex(Math.Min(start, Math.Max(0, _held.Count - 1)), held => held.Descriptor != default == isPreserved);
        }

        /// <summary>Content of every area; blocks in the tree; pages in use: one for each page of an area, each chunk and each node of the tree.</summary>
        private string? Differences()
        {
            SortedSet<(ulong, int)> blocks = [];
            ulong used = 0;
            foreach (Held held in _held)
            {
                VmallocArea area = _areas.Find(held.Address)!;
                used += held.Pages;
                for (ulong page = 0; page < held.Pages; page++)
                {
                    if (_memory.ReadUInt64(PageGeometry.PhysOf(area.PfnOf(page)) + 8) != held.Seed + page)
                    {
                        return $"page {page} of {held} changed";
                    }
                }

                if (held.Descriptor != default)
                {
                    blocks.UnionWith(area.GroupPfns.Select(pfn => (pfn, held.Order)));
                    ulong chunks = AddChunks(held, blocks);
                    if (chunks != (held.Pages >> held.Order) / VmallocChunk.Entries + 1)
                    {
                        return $"{held} has {chunks} chunks";
                    }

                    used += chunks;
                }
            }

            if (!blocks.SetEquals(CollectBlocks.Of(_tree).Select(block => (block.Pfn, block.Order))))
            {
                return $"{CollectBlocks.Of(_tree).Count} blocks are in the tree, {blocks.Count} should be";
            }

            ulong inUse = EndPfn - FirstPfn - _pages.FreePages - _treePages.Live;
            return inUse == used ? null : $"{inUse} pages are in use, {used} should be";
        }

        private ulong AddChunks(Held held, SortedSet<(ulong, int)> blocks)
        {
            ulong chunks = 0;
            for (ulong chunk = held.Descriptor.FirstChunkPhys; chunk != 0; chunk = _memory.ReadUInt64(chunk))
            {
                blocks.Add((PageGeometry.PfnOf(chunk), 0));
                chunks++;
            }

            return chunks;
        }
    }

    private sealed class FailingSource(IPageSource source) : IPageSource
    {
        public long Left { get; set; } = long.MaxValue;

        public ulong Live { get; set; }

        public ulong AllocateZeroedPage()
        {
            ulong phys = Left-- <= 0 ? 0 : source.AllocateZeroedPage();
            Live += phys == 0 ? 0UL : 1;
            return phys;
        }

        public void FreePage(ulong phys)
        {
            Live--;
            source.FreePage(phys);
        }
    }
}
