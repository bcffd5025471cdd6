using System.Diagnostics;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// One memblock list (struct memblock_type, mm/memblock.c): disjoint regions in address order, neighbours with equal flags and node
/// merged. The backing array only grows and is kept by <see cref="Clear"/>, so that one list serves many boots without allocating.
/// Sizes are capped so that no region ends above 2^64 - 1.
/// </summary>
public sealed class MemblockRegions
{
    /// <summary>Node of a region that belongs to none (NUMA_NO_NODE).</summary>
    public const int NoNode = -1;

    private MemblockRegion[] _regions = new MemblockRegion[64];

    /// <summary>How many regions there are.</summary>
    public int Count { get; private set; }

    /// <summary>All regions in address order; valid until the list changes.</summary>
    public ReadOnlySpan<MemblockRegion> Regions => _regions.AsSpan(0, Count);

    /// <summary>A region by position.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <returns>The region.</returns>
    public ref readonly MemblockRegion this[int index] => ref _regions.AsSpan(0, Count)[index];

    /// <summary>Removes all regions.</summary>
    public void Clear() => Count = 0;

    /// <summary>
    /// Adds a range. Parts that are already covered keep their flags and node; only the gaps are added (memblock_add_range).
    /// </summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes; 0 does nothing.</param>
    /// <param name="flags">Flags of the new parts.</param>
    /// <param name="node">Node of the new parts.</param>
    public void Add(ulong start, ulong sizeBytes, MemblockAttributes flags = MemblockAttributes.None, int node = NoNode)
    {
        ulong end = EndOf(start, sizeBytes);
        if (start >= end)
        {
            return;
        }

        int index = FirstEndingAfter(start);
        int first = index;
        ulong at = start;
        while (at < end)
        {
            ulong gapEnd = index < Count && _regions[index].Base < end ? _regions[index].Base : end;
            if (at < gapEnd)
            {
                Insert(index++, new MemblockRegion(at, gapEnd - at, flags, node));
            }

            if (gapEnd == end)
            {
                break;
            }

            at = _regions[index++].End;
        }

        Merge(first, index);
    }

    /// <summary>
    /// How often adding a range warns (WARN_ON in memblock_add_range): once for each region of another node that begins inside the range
    /// behind a part that is not covered yet.
    /// </summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    /// <param name="node">Node of the range.</param>
    /// <returns>The number of warnings.</returns>
    public int WarningsOfAdding(ulong start, ulong sizeBytes, int node = NoNode)
    {
        ulong end = EndOf(start, sizeBytes);
        int warnings = 0;
        for (int i = FirstEndingAfter(start); i < Count && _regions[i].Base < end; i++)
        {
            warnings += _regions[i].Base > start && _regions[i].Node != node ? 1 : 0;
            start = _regions[i].End;
        }

        return warnings;
    }

    /// <summary>Removes a range; regions that straddle its borders are cut (memblock_remove_range).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes; 0 does nothing.</param>
    public void Remove(ulong start, ulong sizeBytes)
    {
        if (Isolate(start, sizeBytes, out int first, out int end))
        {
            Array.Copy(_regions, end, _regions, first, Count - end);
            Count -= end - first;
        }
    }

    /// <summary>Sets and clears flags of what is covered in a range (memblock_setclr_flag).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes; 0 does nothing.</param>
    /// <param name="set">Flags to set.</param>
    /// <param name="clear">Flags to clear.</param>
    public void ChangeFlags(ulong start, ulong sizeBytes, MemblockAttributes set, MemblockAttributes clear)
    {
        if (Isolate(start, sizeBytes, out int first, out int end))
        {
            for (int i = first; i < end; i++)
            {
                _regions[i] = _regions[i] with { Flags = (_regions[i].Flags & ~clear) | set };
            }

            Merge(first, end);
        }
    }

    /// <summary>Gives what is covered in a range to a node (memblock_set_node).</summary>
    /// <param name="start">First address.</param>
    /// <param name="sizeBytes">Bytes; 0 does nothing.</param>
    /// <param name="node">The node.</param>
    public void SetNode(ulong start, ulong sizeBytes, int node)
    {
        if (Isolate(start, sizeBytes, out int first, out int end))
        {
            for (int i = first; i < end; i++)
            {
                _regions[i] = _regions[i] with { Node = node };
            }

            Merge(first, end);
        }
    }

    /// <summary>Cuts every region to whole multiples of an alignment; regions that hold none vanish (memblock_trim_memory).</summary>
    /// <param name="alignBytes">A power of two.</param>
    public void Trim(ulong alignBytes)
    {
        Debug.Assert(ulong.IsPow2(alignBytes), "alignment must be a power of two");
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            MemblockRegion region = _regions[i];
            ulong start = (region.Base + alignBytes - 1) & ~(alignBytes - 1);
            ulong end = region.End & ~(alignBytes - 1);
            if (start < end)
            {
                _regions[kept++] = region with { Base = start, SizeBytes = end - start };
            }
        }

        Count = kept;
    }

    /// <summary>The position of the first region that ends above an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>Its position, or <see cref="Count"/>.</returns>
    public int FirstEndingAfter(ulong address)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_regions[middle].End > address)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private static ulong EndOf(ulong start, ulong sizeBytes) => start + Math.Min(sizeBytes, ulong.MaxValue - start);

    private bool Isolate(ulong start, ulong sizeBytes, out int first, out int end)
    {
        ulong limit = EndOf(start, sizeBytes);
        first = end = FirstEndingAfter(start);
        if (start >= limit)
        {
            return false;
        }

        if (first < Count && _regions[first].Base < start)
        {
            Split(first, start);
            first++;
        }

        end = first;
        while (end < Count && _regions[end].Base < limit)
        {
            if (_regions[end].End > limit)
            {
                Split(end, limit);
            }

            end++;
        }

        return end > first;
    }

    private void Split(int index, ulong at)
    {
        MemblockRegion region = _regions[index];
        Insert(index, region with { SizeBytes = at - region.Base });
        _regions[index + 1] = region with { Base = at, SizeBytes = region.End - at };
    }

    private void Insert(int index, in MemblockRegion region)
    {
        if (Count == _regions.Length)
        {
            Array.Resize(ref _regions, Count * 2);
        }

        Array.Copy(_regions, index, _regions, index + 1, Count - index);
        _regions[index] = region;
        Count++;
    }

    /// <summary>Merges neighbours from the one before <paramref name="first"/> to the one at <paramref name="end"/>.</summary>
    private void Merge(int first, int end)
    {
        int kept = Math.Max(first - 1, 0);
        int last = Math.Min(end + 1, Count);
        for (int i = kept + 1; i < last; i++)
        {
            ref MemblockRegion before = ref _regions[kept];
            ref readonly MemblockRegion next = ref _regions[i];
            if (before.End == next.Base && before.Flags == next.Flags && before.Node == next.Node)
            {
                before = before with { SizeBytes = before.SizeBytes + next.SizeBytes };
            }
            else
            {
                _regions[++kept] = next;
            }
        }

        if (kept + 1 < last)
        {
            Array.Copy(_regions, last, _regions, kept + 1, Count - last);
            Count -= last - kept - 1;
        }
    }
}
