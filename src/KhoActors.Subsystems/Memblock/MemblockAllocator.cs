using System.Diagnostics;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// The boot-time allocator (mm/memblock.c): what is memory, what of it is reserved, and top-down allocation from the difference.
/// Reused from boot to boot; <see cref="Clear"/> starts a new one.
/// </summary>
public sealed class MemblockAllocator
{
    /// <summary>The alignment that a request without one gets (SMP_CACHE_BYTES).</summary>
    public const ulong CacheLineBytes = 64;

    /// <summary>RAM.</summary>
    public MemblockRegions Memory { get; } = new();

    /// <summary>What is taken, RAM or not.</summary>
    public MemblockRegions Reserved { get; } = new();

    /// <summary>Whether only memory flagged <see cref="MemblockAttributes.KhoScratch"/> may be allocated: a KHO boot until the page allocator starts.</summary>
    public bool ScratchOnly { get; set; }

    /// <summary>Forgets everything: a new kernel boots.</summary>
    public void Clear()
    {
        Memory.Clear();
        Reserved.Clear();
        ScratchOnly = false;
    }

    /// <summary>Declares RAM (memblock_add).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    public void Add(ulong start, ulong sizeBytes) => Memory.Add(start, sizeBytes);

    /// <summary>Reserves a range, inside RAM or not (memblock_reserve). What was reserved before keeps its flags and node.</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes; 0 does nothing.</param>
    /// <param name="flags">Flags of the region.</param>
    /// <param name="node">Its node, or none.</param>
    public void Reserve(ulong start, ulong sizeBytes, MemblockAttributes flags = MemblockAttributes.None, int node = MemblockRegions.NoNode) =>
        Reserved.Add(start, sizeBytes, flags, node);

    /// <summary>Gives a reserved range back (memblock_phys_free).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    public void Free(ulong start, ulong sizeBytes) => Reserved.Remove(start, sizeBytes);

    /// <summary>Flags memory as scratch (memblock_mark_kho_scratch).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    public void MarkKhoScratch(ulong start, ulong sizeBytes) => Memory.ChangeFlags(start, sizeBytes, MemblockAttributes.KhoScratch, MemblockAttributes.None);

    /// <summary>Takes the scratch flag away (memblock_clear_kho_scratch).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    public void ClearKhoScratch(ulong start, ulong sizeBytes) => Memory.ChangeFlags(start, sizeBytes, MemblockAttributes.None, MemblockAttributes.KhoScratch);

    /// <summary>Flags reserved memory so that its pages are left alone (memblock_reserved_mark_noinit).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    public void MarkReservedNoInit(ulong start, ulong sizeBytes) =>
        Reserved.ChangeFlags(start, sizeBytes, MemblockAttributes.ReservedNoInit, MemblockAttributes.None);

    /// <summary>Gives memory and everything reserved so far in a range to a node, as NUMA set-up does.</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    /// <param name="node">The node.</param>
    public void SetNode(ulong start, ulong sizeBytes, int node)
    {
        Memory.SetNode(start, sizeBytes, node);
        Reserved.SetNode(start, sizeBytes, node);
    }

    /// <summary>
    /// Allocates from the highest address down (memblock_alloc_range_nid). Page 0 is never used. The region is reserved as
    /// <see cref="MemblockAttributes.ReservedKernel"/> with the node that was asked for. Size 0 succeeds and reserves nothing.
    /// </summary>
    /// <param name="sizeBytes">Bytes.</param>
    /// <param name="alignBytes">Alignment; 0 means <see cref="CacheLineBytes"/>. Not a power of two: masked as the kernel's round_down does.</param>
    /// <param name="minAddress">Lowest address.</param>
    /// <param name="maxAddress">One past the highest address; 0 for no limit.</param>
    /// <param name="node">Preferred node, or none.</param>
    /// <param name="exact">Whether another node will not do.</param>
    /// <returns>The address, or 0 when there is no room.</returns>
    public ulong Allocate(
        ulong sizeBytes,
        ulong alignBytes,
        ulong minAddress = 0,
        ulong maxAddress = 0,
        int node = MemblockRegions.NoNode,
        bool exact = false)
    {
        ulong align = alignBytes == 0 ? CacheLineBytes : alignBytes;
        ulong start = Math.Max(minAddress, PageGeometry.SizeBytes);
        ulong end = Math.Max(start, maxAddress == 0 ? ulong.MaxValue : maxAddress);
        ulong found = FindTopDown(sizeBytes, align, start, end, node, out _);
        if (found == 0 && node != MemblockRegions.NoNode && !exact)
        {
            found = FindTopDown(sizeBytes, align, start, end, MemblockRegions.NoNode, out _);
        }

        if (found != 0)
        {
            Reserve(found, sizeBytes, MemblockAttributes.ReservedKernel, node);
        }

        return found;
    }

    /// <summary>
    /// Allocates blocks of one size in a row, as that many calls of <see cref="Allocate"/> do, in time that does not depend on how many
    /// end up next to each other: the memory map of a large machine.
    /// </summary>
    /// <param name="count">How many blocks.</param>
    /// <param name="sizeBytes">Bytes of one, a multiple of the alignment.</param>
    /// <param name="alignBytes">Alignment, a power of two.</param>
    /// <param name="minAddress">Lowest address.</param>
    /// <param name="maxAddress">One past the highest address; 0 for no limit.</param>
    /// <param name="node">Preferred node, or none.</param>
    /// <returns>How many there was room for.</returns>
    public ulong AllocateRun(ulong count, ulong sizeBytes, ulong alignBytes, ulong minAddress, ulong maxAddress, int node)
    {
        Debug.Assert(ulong.IsPow2(alignBytes) && sizeBytes > 0 && (sizeBytes & (alignBytes - 1)) == 0, "blocks in a row must be aligned by their size");
        ulong start = Math.Max(minAddress, PageGeometry.SizeBytes);
        ulong end = Math.Max(start, maxAddress == 0 ? ulong.MaxValue : maxAddress);
        ulong left = count;
        while (left > 0)
        {
            ulong found = FindTopDown(sizeBytes, alignBytes, start, end, node, out ulong gapStart);
            if (found == 0 && node != MemblockRegions.NoNode)
            {
                found = FindTopDown(sizeBytes, alignBytes, start, end, MemblockRegions.NoNode, out gapStart);
            }

            if (found == 0)
            {
                break;
            }

            ulong blocks = Math.Min(left, ((found - gapStart) / sizeBytes) + 1);
            Reserve(found - ((blocks - 1) * sizeBytes), blocks * sizeBytes, MemblockAttributes.ReservedKernel, node);
            left -= blocks;
        }

        return count - left;
    }

    /// <summary>The bytes that the kernel reserved for itself (memblock_reserved_kern_size): what scaled scratch is computed from.</summary>
    /// <param name="limit">One past the highest address counted.</param>
    /// <param name="node">Only regions recorded with this node; none for all.</param>
    /// <returns>Bytes.</returns>
    public ulong ReservedKernelBytes(ulong limit, int node = MemblockRegions.NoNode)
    {
        ulong total = 0;
        foreach (ref readonly MemblockRegion region in Reserved.Regions)
        {
            if (region.Base > limit)
            {
                break;
            }

            if ((region.Flags & MemblockAttributes.ReservedKernel) != 0 && (node == MemblockRegions.NoNode || region.Node == node))
            {
                total += Math.Min(region.End, limit) - region.Base;
            }
        }

        return total;
    }

    private ulong FindTopDown(ulong sizeBytes, ulong align, ulong start, ulong end, int node, out ulong gapStart)
    {
        gapStart = 0;
        ReadOnlySpan<MemblockRegion> memory = Memory.Regions;
        ReadOnlySpan<MemblockRegion> reserved = Reserved.Regions;
        int next = reserved.Length;
        for (int i = memory.Length - 1; i >= 0; i--)
        {
            ref readonly MemblockRegion region = ref memory[i];
            if (region.End <= start)
            {
                break;
            }

            if (region.Base >= end || Skips(region, node))
            {
                continue;
            }

            ulong top = Math.Min(region.End, end);
            ulong bottom = Math.Max(region.Base, start);
            while (next > 0 && reserved[next - 1].Base >= top)
            {
                next--;
            }

            for (int r = next; bottom < top; r--)
            {
                gapStart = r > 0 ? Math.Max(reserved[r - 1].End, bottom) : bottom;

                // Between two reserved regions that touch but were not merged lies an empty gap: room for size 0.
                if (gapStart <= top && gapStart < region.End && top - gapStart >= sizeBytes)
                {
                    ulong candidate = (top - sizeBytes) & ~(align - 1);
                    if (candidate >= gapStart)
                    {
                        return candidate;
                    }
                }

                if (r == 0 || reserved[r - 1].Base <= bottom)
                {
                    break;
                }

                top = Math.Min(top, reserved[r - 1].Base);
            }
        }

        return 0;
    }

    private bool Skips(in MemblockRegion region, int node) =>
        (node != MemblockRegions.NoNode && region.Node != node)
        || (region.Flags & (MemblockAttributes.NoMap | MemblockAttributes.DriverManaged)) != 0
        || (ScratchOnly && (region.Flags & MemblockAttributes.KhoScratch) == 0);
}
