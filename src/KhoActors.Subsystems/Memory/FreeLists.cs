using System.Numerics;

namespace KhoActors.Subsystems.Memory;

/// <summary>Free blocks by area (node and type) and order, last freed first. A block's slot makes taking out a buddy constant time.</summary>
internal sealed class FreeLists
{
    private const int Orders = Section.Order + 1;
    private const int None = -1;
    private int[] _heads = [];
    private ushort[] _nonEmpty = [];
    private Slot[] _slots = new Slot[64];
    private int _used;
    private int _firstUnused = None;

    public int Areas => _nonEmpty.Length;

    public void Clear()
    {
        _heads.AsSpan().Fill(None);
        _nonEmpty.AsSpan().Clear();
        _used = 0;
        _firstUnused = None;
    }

    public void EnsureAreas(int areas)
    {
        int present = _heads.Length;
        if (areas * Orders > present)
        {
            Array.Resize(ref _heads, areas * Orders);
            _heads.AsSpan(present).Fill(None);
            Array.Resize(ref _nonEmpty, areas);
        }
    }

    /// <summary>The smallest order of at least <paramref name="order"/> that has a block, or -1.</summary>
    public int SmallestOrder(int area, int order)
    {
        int orders = _nonEmpty[area] >> order;
        return orders == 0 ? -1 : order + BitOperations.TrailingZeroCount(orders);
    }

    public bool Any(int area, int order) => _heads[(area * Orders) + order] != None;

    /// <summary>First block of a list that is not empty.</summary>
    public ulong First(int area, int order) => _slots[_heads[(area * Orders) + order]].Pfn;

    public int Add(int area, int order, ulong pfn)
    {
        int slot = _firstUnused;
        if (slot != None)
        {
            _firstUnused = _slots[slot].Next;
        }
        else
        {
            if (_used == _slots.Length)
            {
                Array.Resize(ref _slots, _slots.Length * 2);
            }

            slot = _used++;
        }

        ref int head = ref _heads[(area * Orders) + order];
        _slots[slot] = new Slot { Pfn = pfn, Next = head, Previous = None };
        if (head != None)
        {
            _slots[head].Previous = slot;
        }

        head = slot;
        _nonEmpty[area] |= (ushort)(1 << order);
        return slot;
    }

    public void Remove(int area, int order, int slot)
    {
        ref Slot removed = ref _slots[slot];
        if (removed.Next != None)
        {
            _slots[removed.Next].Previous = removed.Previous;
        }

        if (removed.Previous != None)
        {
            _slots[removed.Previous].Next = removed.Next;
        }
        else
        {
            _heads[(area * Orders) + order] = removed.Next;
            if (removed.Next == None)
            {
                _nonEmpty[area] &= (ushort)~(1 << order);
            }
        }

        removed.Next = _firstUnused;
        _firstUnused = slot;
    }

    /// <summary>The blocks of one list, for the consistency check.</summary>
    public IEnumerable<(int Slot, ulong Pfn)> BlocksOf(int area, int order)
    {
        for (int slot = _heads[(area * Orders) + order]; slot != None; slot = _slots[slot].Next)
        {
            yield return (slot, _slots[slot].Pfn);
        }
    }

    private struct Slot
    {
        public ulong Pfn;
        public int Next;
        public int Previous;
    }
}
