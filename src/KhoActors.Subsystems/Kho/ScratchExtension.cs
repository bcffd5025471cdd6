using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// kho_extend_scratch (7.3): every run of 1 GiB blocks without preserved memory and without pages of the tree itself becomes usable for
/// early allocations. The kernel collects the busy blocks in a temporary tree whose pages it gives back before the next allocation; here
/// they are collected outside RAM, which leaves the same addresses.
/// </summary>
internal readonly struct ScratchExtension : IBlockVisitor, INodeVisitor
{
    private const int BlockShift = 30;
    private readonly SortedSet<ulong> _busy;
    private readonly ulong _ramEnd;

    /// <summary>Nothing is busy yet.</summary>
    /// <param name="ramEnd">One past the last address of RAM: a damaged tree names blocks of any size, but nothing is marked above it.</param>
    public ScratchExtension(ulong ramEnd)
    {
        _busy = [];
        _ramEnd = ramEnd;
    }

    public int Visit(ulong phys, int order)
    {
        ulong size = order + PageGeometry.Shift < 64 ? 1UL << (order + PageGeometry.Shift) : ulong.MaxValue;
        ulong end = phys < _ramEnd ? phys + Math.Min(size, _ramEnd - phys) : phys;
        for (ulong block = phys >> BlockShift; block << BlockShift < end; block++)
        {
            _busy.Add(block);
        }

        return 0;
    }

    public void VisitNode(ulong phys, int level) => _busy.Add(phys >> BlockShift);

    /// <summary>Marks the gaps between busy blocks, up to the end of RAM.</summary>
    public void Mark(MemblockAllocator memblock)
    {
        ulong free = 0;
        foreach (ulong block in _busy)
        {
            MarkGap(memblock, free, Math.Min(block << BlockShift, _ramEnd));
            free = (block + 1) << BlockShift;
        }

        MarkGap(memblock, free, _ramEnd);
    }

    private static void MarkGap(MemblockAllocator memblock, ulong start, ulong end)
    {
        if (start < end)
        {
            memblock.MarkKhoScratch(start, end - start);
        }
    }
}
