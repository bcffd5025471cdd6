namespace KhoActors.Subsystems.Actors;

/// <summary>
/// The requests that one actor has sent and whose replies are outstanding: a small table from correlation to what the actor wants to know when
/// the reply comes. States are values, not closures, so a request allocates nothing once the table has grown.
/// </summary>
/// <remarks>
/// A correlation is a slot (low 16 bits, from 1) and how often the slot was used before (high 16 bits, wrapping): a reply that comes twice, or after it was
/// given up, is recognised as unknown. Numbers depend only on the order of calls.
/// </remarks>
/// <typeparam name="TState">What to remember for each request.</typeparam>
public sealed class PendingReplies<TState>
    where TState : struct
{
    /// <summary>Most requests that may be outstanding at once.</summary>
    public const int LimitRequests = ushort.MaxValue;

    private Slot[] _slots = new Slot[4];
    private int _used;
    private int _firstFree = -1;

    /// <summary>Requests outstanding.</summary>
    public int Count { get; private set; }

    /// <summary>Remembers a request.</summary>
    /// <param name="state">What to know when the reply comes.</param>
    /// <returns>The correlation to send; never 0.</returns>
    /// <exception cref="InvalidOperationException"><see cref="LimitRequests"/> are outstanding.</exception>
    public uint Add(in TState state)
    {
        int index = _firstFree;
        if (index >= 0)
        {
            _firstFree = _slots[index].NextFree;
        }
        else
        {
            index = NewSlot();
        }

        ref Slot slot = ref _slots[index];
        slot.State = state;
        slot.Outstanding = true;
        Count++;
        return ((uint)slot.Uses << 16) | (uint)(index + 1);
    }

    /// <summary>Takes back what was remembered for a reply.</summary>
    /// <param name="correlation">The reply's correlation.</param>
    /// <param name="state">What was remembered, when known.</param>
    /// <returns>False when no such request is outstanding.</returns>
    public bool TryTake(uint correlation, out TState state)
    {
        int index = (int)(correlation & 0xFFFF) - 1;
        if (index < 0 || index >= _used || !_slots[index].Outstanding || _slots[index].Uses != correlation >> 16)
        {
            state = default;
            return false;
        }

        ref Slot slot = ref _slots[index];
        state = slot.State;
        slot.State = default;
        slot.Outstanding = false;
        slot.Uses++;
        slot.NextFree = _firstFree;
        _firstFree = index;
        Count--;
        return true;
    }

    private int NewSlot()
    {
        if (_used == LimitRequests)
        {
            throw new InvalidOperationException($"{LimitRequests} requests are outstanding; the actor that answers them does not");
        }

        if (_used == _slots.Length)
        {
            Array.Resize(ref _slots, _used * 2);
        }

        return _used++;
    }

    private struct Slot
    {
        public TState State;
        public int NextFree;
        public ushort Uses;
        public bool Outstanding;
    }
}
