using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Messages that wait for virtual time: a binary heap over (due time, sequence number), so equal times keep the order of sending.</summary>
internal sealed class TimerQueue
{
    private Timer[] _heap = new Timer[8];
    private Timer[] _removed = [];

    public int Count { get; private set; }

    /// <summary>Timers set since the machine's start; the tie-breaker.</summary>
    public ulong Sequence { get; set; }

    /// <summary>When the first one is due; only valid while there is one.</summary>
    public ulong NextDueTicks => _heap[0].DueTicks;

    /// <summary>Sets a timer.</summary>
    public void Add(ulong dueTicks, in Delivery delivery)
    {
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }

        SiftUp(Count++, new Timer(dueTicks, Sequence++, delivery));
    }

    /// <summary>Takes the first timer.</summary>
    public Delivery TakeFirst()
    {
        Delivery first = _heap[0].Delivery;
        Timer last = _heap[--Count];
        _heap[Count] = default;
        if (Count > 0)
        {
            SiftDown(0, last);
        }

        return first;
    }

    /// <summary>Removes the timers to, or also from, an actor.</summary>
    /// <param name="actor">The actor.</param>
    /// <param name="alsoSent">Whether those it sent go too.</param>
    /// <returns>What was removed, in the order in which it would have been due; valid until the next call.</returns>
    public ReadOnlySpan<Timer> Remove(ActorId actor, bool alsoSent)
    {
        if (Count == 0)
        {
            return [];
        }

        if (_removed.Length < Count)
        {
            _removed = new Timer[_heap.Length];
        }

        int removed = 0;
        int all = Count;
        Count = 0;
        for (int i = 0; i < all; i++)
        {
            Timer timer = _heap[i];
            if (timer.Delivery.To == actor || (alsoSent && timer.Delivery.From == actor))
            {
                _removed[removed++] = timer;
            }
            else
            {
                SiftUp(Count++, timer);
            }
        }

        _heap.AsSpan(Count, all - Count).Clear();
        Span<Timer> result = _removed.AsSpan(0, removed);
        result.Sort(static (a, b) => Timer.Compare(a, b));
        return result;
    }

    /// <summary>Removes all; restarts the sequence.</summary>
    public void Clear()
    {
        Array.Clear(_heap);
        Array.Clear(_removed);
        Count = 0;
        Sequence = 0;
    }

    private void SiftUp(int hole, in Timer timer)
    {
        while (hole > 0)
        {
            int parent = (hole - 1) / 2;
            if (Timer.Compare(_heap[parent], timer) < 0)
            {
                break;
            }

            _heap[hole] = _heap[parent];
            hole = parent;
        }

        _heap[hole] = timer;
    }

    private void SiftDown(int hole, in Timer timer)
    {
        while (true)
        {
            int child = (2 * hole) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && Timer.Compare(_heap[child + 1], _heap[child]) < 0)
            {
                child++;
            }

            if (Timer.Compare(timer, _heap[child]) < 0)
            {
                break;
            }

            _heap[hole] = _heap[child];
            hole = child;
        }

        _heap[hole] = timer;
    }

    /// <summary>One waiting message.</summary>
    /// <param name="DueTicks">When it may be delivered, in virtual nanoseconds.</param>
    /// <param name="Sequence">How many were set before it.</param>
    /// <param name="Delivery">The message.</param>
    internal readonly record struct Timer(ulong DueTicks, ulong Sequence, Delivery Delivery)
    {
        public static int Compare(in Timer a, in Timer b)
        {
            int byTime = a.DueTicks.CompareTo(b.DueTicks);
            return byTime != 0 ? byTime : a.Sequence.CompareTo(b.Sequence);
        }
    }
}
