using KhoActors.Subsystems.Memblock;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Region lists and the allocator against models that are too simple to be wrong: one entry per 256-byte cell.</summary>
public sealed class MemblockPropertyTests
{
    private const ulong Cell = 256;
    private const int Cells = 160;
    private const int Sequences = 4000;
    private const int Steps = 40;

    [Fact]
    public void A_region_list_equals_a_model_of_cells_over_random_sequences()
    {
        for (ulong seed = 0; seed < Sequences; seed++)
        {
            SplitMix64 random = new(seed);
            MemblockRegions list = new();
            CellModel model = new();
            for (int step = 0; step < Steps; step++)
            {
                Mutate(random, list, model);
                model.AssertEqual(list, seed, step);
            }
        }
    }

    [Fact]
    public void An_allocation_equals_brute_force_over_random_lists()
    {
        int found = 0;
        for (ulong seed = 0; seed < Sequences; seed++)
        {
            SplitMix64 random = new(seed);
            MemblockAllocator memblock = RandomAllocator(random, out CellModel memory, out CellModel reserved);
            for (int step = 0; step < 10; step++)
            {
                ulong size = (random.Below(12) + 1) * Cell;
                ulong align = Cell << (int)random.Below(6);
                ulong min = random.Below(Cells) * Cell;
                ulong max = random.Below(3) == 0 ? 0 : random.Below(Cells + 1) * Cell;
                int node = (int)random.Below(3) - 1;
                bool exact = random.Below(2) == 0;
                ulong expected = Expected(memory, reserved, size, align, min, max, node, exact, memblock.ScratchOnly);

                ulong actual = memblock.Allocate(size, align, min, max, node, exact);

                if (expected != actual)
                {
                    Assert.Fail($"seed {seed} step {step}: expected {expected:x}, got {actual:x}");
                }

                if (actual != 0)
                {
                    found++;
                    reserved.Add(actual / Cell, size / Cell, (MemblockAttributes.ReservedKernel, node));
                    reserved.AssertEqual(memblock.Reserved, seed, step);
                }
            }
        }

        Assert.True(found > Sequences, $"only {found} allocations succeeded: the lists are too full to test anything");
    }

    [Fact]
    public void A_run_of_blocks_equals_one_allocation_after_the_other()
    {
        for (ulong seed = 0; seed < Sequences; seed++)
        {
            MemblockAllocator once = RandomAllocator(new SplitMix64(seed), out _, out _);
            MemblockAllocator oneByOne = RandomAllocator(new SplitMix64(seed), out _, out _);
            SplitMix64 random = new(~seed);
            ulong align = Cell << (int)random.Below(3);
            ulong size = align * (random.Below(3) + 1);
            ulong min = random.Below(Cells) * Cell;
            int node = (int)random.Below(3) - 1;
            ulong count = random.Below(30);
            ulong expected = 0;
            while (expected < count && oneByOne.Allocate(size, align, min, 0, node) != 0)
            {
                expected++;
            }

            Assert.Equal((seed, expected), (seed, once.AllocateRun(count, size, align, min, 0, node)));
            Assert.Equal(oneByOne.Reserved.Regions.ToArray(), once.Reserved.Regions.ToArray());
        }
    }

    [Fact]
    public void The_bytes_reserved_by_the_kernel_equal_a_count_of_cells()
    {
        for (ulong seed = 0; seed < Sequences; seed++)
        {
            SplitMix64 random = new(seed);
            MemblockAllocator memblock = RandomAllocator(random, out _, out CellModel reserved);
            ulong limit = random.Below(Cells + 1);
            int node = (int)random.Below(3) - 1;
            ulong expected = Cell * (ulong)Enumerable.Range(0, (int)limit).Count(cell => reserved[cell] is { } value
                && value.Flags.HasFlag(MemblockAttributes.ReservedKernel) && (node < 0 || value.Node == node));

            Assert.True(expected == memblock.ReservedKernelBytes(limit * Cell, node), $"seed {seed}");
        }
    }

    private static void Mutate(SplitMix64 random, MemblockRegions list, CellModel model)
    {
        ulong start = random.Below(Cells);
        ulong count = Math.Min(random.Below(40), Cells - start);
        int node = (int)random.Below(3) - 1;
        MemblockAttributes flags = (MemblockAttributes)(random.Below(3) * 0x20);
        switch (random.Below(5))
        {
            case 0 or 1:
                list.Add(start * Cell, count * Cell, flags, node);
                model.Add(start, count, (flags, node));
                break;
            case 2:
                list.Remove(start * Cell, count * Cell);
                model.Change(start, count, _ => null);
                break;
            case 3:
                list.SetNode(start * Cell, count * Cell, node);
                model.Change(start, count, value => (value.Flags, node));
                break;
            default:
                list.ChangeFlags(start * Cell, count * Cell, flags, MemblockAttributes.KhoScratch);
                model.Change(start, count, value => ((value.Flags & ~MemblockAttributes.KhoScratch) | flags, value.Node));
                break;
        }
    }

    private static MemblockAllocator RandomAllocator(SplitMix64 random, out CellModel memory, out CellModel reserved)
    {
        MemblockAllocator memblock = new() { ScratchOnly = random.Below(3) == 0 };
        (memory, reserved) = (new CellModel(), new CellModel());
        for (int i = 0; i < 12; i++)
        {
            ulong start = random.Below(Cells);
            ulong count = Math.Min(random.Below(i < 6 ? 60UL : 12UL) + 1, Cells - start);
            (MemblockRegions list, CellModel model) = i < 6 ? (memblock.Memory, memory) : (memblock.Reserved, reserved);
            (MemblockAttributes, int) value = (
                (i < 6, random.Below(4)) switch
                {
                    (true, 0 or 1) => MemblockAttributes.KhoScratch,
                    (true, 2) => MemblockAttributes.NoMap,
                    (false, 0 or 1) => MemblockAttributes.ReservedKernel,
                    _ => MemblockAttributes.None,
                },
                (int)random.Below(2));
            list.Add(start * Cell, count * Cell, value.Item1, value.Item2);
            model.Add(start, count, value);
        }

        return memblock;
    }

    /// <summary>Tries every cell from the top down. A block may not cross from one memory region into the next.</summary>
    private static ulong Expected(
        CellModel memory, CellModel reserved, ulong size, ulong align, ulong min, ulong max, int node, bool exact, bool scratchOnly)
    {
        ulong cells = size / Cell;
        ulong lowest = Math.Max(min, 0x1000) / Cell;
        ulong end = max == 0 ? Cells : Math.Max(max / Cell, lowest);
        for (ulong start = Math.Min(end, Cells); start-- > lowest;)
        {
            if (start + cells > Math.Min(end, Cells) || (start * Cell) % align != 0 || memory[(int)start] is not { } first)
            {
                continue;
            }

            bool usable = (node < 0 || first.Node == node) && !first.Flags.HasFlag(MemblockAttributes.NoMap)
                && (!scratchOnly || first.Flags.HasFlag(MemblockAttributes.KhoScratch));
            for (ulong cell = start; usable && cell < start + cells; cell++)
            {
                usable = memory[(int)cell] == first && reserved[(int)cell] is null;
            }

            if (usable)
            {
                return start * Cell;
            }
        }

        return node >= 0 && !exact ? Expected(memory, reserved, size, align, min, max, -1, true, scratchOnly) : 0;
    }

    private sealed class CellModel
    {
        private readonly (MemblockAttributes Flags, int Node)?[] _cells = new (MemblockAttributes, int)?[Cells];

        public (MemblockAttributes Flags, int Node)? this[int cell] => _cells[cell];

        public void Add(ulong start, ulong count, (MemblockAttributes Flags, int Node) value)
        {
            for (ulong cell = start; cell < start + count; cell++)
            {
                _cells[cell] ??= value;
            }
        }

        public void Change(ulong start, ulong count, Func<(MemblockAttributes Flags, int Node), (MemblockAttributes Flags, int Node)?> change)
        {
            for (ulong cell = start; cell < start + count; cell++)
            {
                _cells[cell] = _cells[cell] is { } value ? change(value) : null;
            }
        }

        /// <summary>The list must hold exactly the model's runs: nothing unmerged, nothing empty, nothing out of order.</summary>
        public void AssertEqual(MemblockRegions list, ulong seed, int step)
        {
            int region = 0;
            for (int start = 0; start < Cells;)
            {
                int end = start + 1;
                while (end < Cells && _cells[end] == _cells[start])
                {
                    end++;
                }

                if (_cells[start] is { } value)
                {
                    MemblockRegion expected = new((ulong)start * Cell, (ulong)(end - start) * Cell, value.Flags, value.Node);
                    if (region >= list.Count || list[region] != expected)
                    {
                        Assert.Fail($"seed {seed} step {step}: region {region} should be {expected}");
                    }

                    region++;
                }

                start = end;
            }

            if (region != list.Count)
            {
                Assert.Fail($"seed {seed} step {step}: {list.Count - region} regions too many");
            }
        }
    }
}
