using System.Runtime.CompilerServices;

namespace KhoActors.Subsystems.Tracking;

/// <summary>
/// Remembers the words of leaves by key prefix so that most operations skip the descent. Open addressing, linear probing; emptied
/// when it is full. Exact only while no table of the tree changes under it: <see cref="RadixTree"/> sees to that. A field, never copied.
/// </summary>
internal struct LeafCache()
{
    private const int InitialSlotsLog2 = 4;
    private const int MaxSlotsLog2 = 12;
    private Slot[] _slots = new Slot[1 << InitialSlotsLog2];
    private int _shift = 64 - InitialSlotsLog2;
    private int _count;

    /// <summary>The words of the leaf with a prefix, or null when it is not remembered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong[]? Find(ulong prefix)
    {
        Slot[] slots = _slots;
        int mask = slots.Length - 1;
        for (int i = SlotOf(prefix); ; i++)
        {
            ref Slot slot = ref slots[i & mask];
            if (slot.Prefix == prefix || slot.Words is null)
            {
                return slot.Words;
            }
        }
    }

    /// <summary>Remembers a leaf that is not remembered yet.</summary>
    public void Add(ulong prefix, ulong[] words)
    {
        if ((_count + 1) * 2 > _slots.Length)
        {
            MakeRoom();
        }

        Insert(prefix, words);
        _count++;
    }

    public void Clear()
    {
        if (_count > 0)
        {
            _slots.AsSpan().Clear();
            _count = 0;
        }
    }

    private readonly int SlotOf(ulong prefix) => (int)((prefix * 0x9E3779B97F4A7C15UL) >> _shift);

    private void MakeRoom()
    {
        if (_slots.Length == 1 << MaxSlotsLog2)
        {
            Clear();
            return;
        }

        Slot[] old = _slots;
        _slots = new Slot[old.Length * 2];
        _shift--;
        foreach (Slot slot in old)
        {
            if (slot.Words is not null)
            {
                Insert(slot.Prefix, slot.Words);
            }
        }
    }

    private readonly void Insert(ulong prefix, ulong[] words)
    {
        int i = SlotOf(prefix);
        while (_slots[i].Words is not null)
        {
            i = (i + 1) & (_slots.Length - 1);
        }

        _slots[i] = new Slot { Prefix = prefix, Words = words };
    }

    private struct Slot
    {
        public ulong Prefix;
        public ulong[]? Words;
    }
}
