using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// The page tables of the kernel's direct map (arch/x86/mm/init.c, init_mem_mapping), as far as they take memory: tables come from the
/// brk area, but those for a range that contains the brk area, or when it is used up, come from memory that is mapped already.
/// Five-level paging with 1 GiB pages.
/// </summary>
internal sealed class DirectMap
{
    private const ulong MiB2 = 2UL << 20;
    private const ulong GiB1 = 1UL << 30;
    private const ulong GiB512 = 512UL << 30;
    private const ulong LowMegabyte = 1UL << 20;
    private const int StepGrowthLog2 = 8;

    /// <summary>Tables in the brk area (INIT_PGD_PAGE_COUNT with KASLR), and how many of them the first MiB takes.</summary>
    private const int BrkTables = 16;
    private const int LowMegabyteTables = 4;

    // Start addresses of what has a table of its own, or is one leaf: upper tables per 512 GiB, middle per 1 GiB, last per 2 MiB.
    private readonly List<ulong> _upper = [];
    private readonly List<ulong> _middle = [];
    private readonly List<ulong> _last = [];
    private readonly List<ulong> _leaves = [];

    private MemblockAllocator _memblock = new();
    private PhysicalRange _brk;
    private int _brkTables;
    private ulong _lowestMapped;
    private ulong _highestMapped;

    /// <summary>Maps all memory, top down from the highest free 2 MiB.</summary>
    /// <param name="memblock">The boot-time allocator.</param>
    /// <param name="brk">The brk area.</param>
    /// <param name="end">One past the last page of RAM.</param>
    /// <returns>False when a table could not be allocated: the kernel panics.</returns>
    public bool MapAll(MemblockAllocator memblock, PhysicalRange brk, ulong end)
    {
        Start(memblock, brk);
        ulong probe = memblock.Allocate(MiB2, MiB2, LowMegabyte, end);
        memblock.Free(probe, probe == 0 ? 0 : MiB2);
        ulong top = probe == 0 ? Math.Max(LowMegabyte, end & ~(MiB2 - 1)) : probe + MiB2;
        ulong step = MiB2;
        ulong mapped = 0;
        _lowestMapped = top;
        for (ulong last = top; last > LowMegabyte;)
        {
            ulong start = last > step ? Math.Max((last - 1) & ~(step - 1), LowMegabyte) : LowMegabyte;
            if (!MapRange(start, last, ref mapped))
            {
                return false;
            }

            last = start;
            _lowestMapped = last;
            step = mapped >= step && step < GiB512 ? step << StepGrowthLog2 : step;
        }

        return top >= end || MapRange(top, end, ref mapped);
    }

    private void Start(MemblockAllocator memblock, PhysicalRange brk)
    {
        _memblock = memblock;
        _brk = brk;
        _brkTables = BrkTables - LowMegabyteTables;
        _highestMapped = LowMegabyte;
        _leaves.Clear();
        foreach (List<ulong> tables in (ReadOnlySpan<List<ulong>>)[_upper, _middle, _last])
        {
            tables.Clear();
            tables.Add(0);
        }
    }

    private bool MapRange(ulong rangeStart, ulong rangeEnd, ref ulong mapped)
    {
        // Tables are reserved while regions are walked, but memory regions do not change.
        for (int i = 0; i < _memblock.Memory.Count; i++)
        {
            MemblockRegion region = _memblock.Memory[i];
            ulong start = Math.Max(region.Base, rangeStart);
            ulong end = Math.Min(region.End, rangeEnd);
            if (start >= end)
            {
                continue;
            }

            bool mayUseBrk = start >= _brk.Phys + _brk.SizeBytes || end <= _brk.Phys;
            if (!MapPart(start, end, region, mayUseBrk))
            {
                return false;
            }

            mapped += end - start;
            _highestMapped = Math.Max(_highestMapped, end);
        }

        return true;
    }

    private bool MapPart(ulong start, ulong end, in MemblockRegion region, bool mayUseBrk)
    {
        for (ulong gib = start & ~(GiB1 - 1); gib < end; gib += GiB1)
        {
            if (!Ensure(_upper, gib & ~(GiB512 - 1), mayUseBrk))
            {
                return false;
            }

            if (_leaves.Contains(gib))
            {
                continue;
            }

            if (!_middle.Contains(gib) && IsWhole(gib, GiB1, start, end, region))
            {
                // Only the borders of a part can be visited again, so only they are remembered.
                if (gib < start || gib + GiB1 > end)
                {
                    _leaves.Add(gib);
                }

                continue;
            }

            if (!Ensure(_middle, gib, mayUseBrk) || !MapBorders(Math.Max(start, gib), Math.Min(end, gib + GiB1), region, mayUseBrk))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Within one GiB only the first and the last 2 MiB of a part can need small pages.</summary>
    private bool MapBorders(ulong start, ulong end, in MemblockRegion region, bool mayUseBrk)
    {
        ulong first = start & ~(MiB2 - 1);
        ulong last = (end - 1) & ~(MiB2 - 1);
        return (IsWhole(first, MiB2, start, end, region) || Ensure(_last, first, mayUseBrk))
            && (last == first || IsWhole(last, MiB2, start, end, region) || Ensure(_last, last, mayUseBrk));
    }

    private static bool IsWhole(ulong start, ulong bytes, ulong partStart, ulong partEnd, in MemblockRegion region) =>
        (start >= partStart && start + bytes <= partEnd) || (start >= region.Base && start + bytes <= region.End);

    private bool Ensure(List<ulong> tables, ulong start, bool mayUseBrk)
    {
        if (tables.Contains(start))
        {
            return true;
        }

        tables.Add(start);
        if (mayUseBrk && _brkTables > 0)
        {
            _brkTables--;
            return true;
        }

        return _lowestMapped < _highestMapped && _memblock.Allocate(PageGeometry.SizeBytes, PageGeometry.SizeBytes, _lowestMapped, _highestMapped) != 0;
    }
}
