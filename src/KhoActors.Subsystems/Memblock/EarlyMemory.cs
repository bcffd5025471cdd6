using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>A run of pages that the page allocator receives when it starts.</summary>
/// <param name="StartPfn">First page.</param>
/// <param name="EndPfn">One past the last page.</param>
/// <param name="Node">Its NUMA node.</param>
/// <param name="IsScratch">Whether it lies in a scratch area (of the array; extended scratch does not count).</param>
public readonly record struct FreeRange(ulong StartPfn, ulong EndPfn, int Node, bool IsScratch);

/// <summary>The memory side of one kernel generation from start to page allocator. Reused from boot to boot.</summary>
public sealed class EarlyMemory
{
    private readonly List<FreeRange> _freeRanges = [];

    /// <summary>The boot-time allocator.</summary>
    public MemblockAllocator Memblock { get; } = new();

    /// <summary>The scratch areas, chosen or inherited.</summary>
    public ScratchAreas Scratch { get; } = new();

    /// <summary>The regions of <c>reserve_mem=</c>.</summary>
    public ReserveMem ReserveMem { get; } = new();

    /// <summary>What the command line says about KHO.</summary>
    public KhoOptions Options { get; internal set; }

    /// <summary>Whether KHO is on when the page allocator starts: asked for, and scratch could be reserved.</summary>
    public bool KhoEnabled { get; internal set; }

    /// <summary>Whether a predecessor's scratch array was accepted.</summary>
    public bool IsKhoBoot => Scratch.Inherited;

    /// <summary>Why the kernel panicked before the page allocator started; null when it did not.</summary>
    public string? Panic { get; internal set; }

    /// <summary>What the page allocator receives (memblock_free_all), ascending; empty after a panic.</summary>
    public IReadOnlyList<FreeRange> FreeRanges => _freeRanges;

    /// <summary>The page tables of the direct map.</summary>
    internal DirectMap DirectMap { get; } = new();

    /// <summary>Whole free pages when the memory map was set up: what hash tables are sized by.</summary>
    internal ulong FreePagesAtReserveMem { get; set; }

    internal void Clear()
    {
        Memblock.Clear();
        Scratch.Clear();
        ReserveMem.Clear();
        _freeRanges.Clear();
        Options = default;
        KhoEnabled = false;
        Panic = null;
        FreePagesAtReserveMem = 0;
    }

    /// <summary>The whole free pages that memblock would hand over now, scratch or not.</summary>
    /// <returns>Pages.</returns>
    internal ulong CountFreePages()
    {
        ulong pages = 0;
        FreeGaps gaps = new(Memblock);
        while (gaps.MoveNext())
        {
            ulong start = PageGeometry.PfnOf(PageGeometry.AlignUp(gaps.Start));
            ulong end = PageGeometry.PfnOf(gaps.End);
            pages += end > start ? end - start : 0;
        }

        return pages;
    }

    /// <summary>Hands everything that is not reserved to the page allocator and leaves scratch-only mode.</summary>
    internal void FreeAll()
    {
        Memblock.ScratchOnly = false;
        _freeRanges.Clear();
        FreeGaps gaps = new(Memblock);
        while (gaps.MoveNext())
        {
            ulong end = PageGeometry.PfnOf(gaps.End);
            for (ulong start = PageGeometry.PfnOf(PageGeometry.AlignUp(gaps.Start)); start < end;)
            {
                ulong next = NextScratchBorder(start, end, out bool isScratch);
                _freeRanges.Add(new FreeRange(start, next, gaps.Node, isScratch));
                start = next;
            }
        }
    }

    private ulong NextScratchBorder(ulong start, ulong end, out bool isScratch)
    {
        isScratch = false;
        IReadOnlyList<ScratchArea> areas = Scratch.Areas;
        for (int i = 0; i < areas.Count; i++)
        {
            ScratchArea area = areas[i];
            ulong first = PageGeometry.PfnOf(area.Phys);
            ulong limit = PageGeometry.PfnOf(PageGeometry.AlignUp(area.End));
            if (first <= start && start < limit)
            {
                isScratch = true;
                return Math.Min(end, limit);
            }

            end = first > start && first < limit ? Math.Min(end, first) : end;
        }

        return end;
    }

    /// <summary>Walks memory minus reserved, ascending; a gap never crosses the border of a memory region.</summary>
    private ref struct FreeGaps
    {
        private readonly ReadOnlySpan<MemblockRegion> _memory;
        private readonly ReadOnlySpan<MemblockRegion> _reserved;
        private int _region;
        private int _next;
        private ulong _at;

        public FreeGaps(MemblockAllocator memblock)
        {
            _memory = memblock.Memory.Regions;
            _reserved = memblock.Reserved.Regions;
        }

        public ulong Start { get; private set; }

        public ulong End { get; private set; }

        public int Node { get; private set; }

        public bool MoveNext()
        {
            for (; _region < _memory.Length; _region++)
            {
                ref readonly MemblockRegion region = ref _memory[_region];
                _at = Math.Max(_at, region.Base);
                while (_at < region.End)
                {
                    while (_next < _reserved.Length && _reserved[_next].End <= _at)
                    {
                        _next++;
                    }

                    ulong gapEnd = _next < _reserved.Length ? Math.Min(_reserved[_next].Base, region.End) : region.End;
                    Start = _at;
                    if (gapEnd > _at)
                    {
                        (End, Node, _at) = (gapEnd, region.Node, gapEnd);
                        return true;
                    }

                    _at = Math.Min(_reserved[_next].End, region.End);
                }
            }

            return false;
        }
    }
}
