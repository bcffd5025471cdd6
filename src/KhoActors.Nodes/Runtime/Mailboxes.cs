using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// What waits between actors: one ring buffer per sender and receiver, and the compact set of pairs whose ring is not empty.
/// Rings are created on first use and kept for the next machine.
/// </summary>
internal sealed class Mailboxes
{
    private const int FirstCapacity = 8;

    private readonly ushort[] _ringOf = new ushort[LocalRuntime.LimitActors * LocalRuntime.LimitActors];
    private ActorPair[] _ready = new ActorPair[16];
    private Ring[] _rings = new Ring[16];
    private int _ringCount;
    private int _readyCount;

    /// <summary>The pairs with something to deliver.</summary>
    public ReadOnlySpan<ActorPair> Ready => _ready.AsSpan(0, _readyCount);

    public int ReadyCount => _readyCount;

    /// <summary>Appends to its pair's ring.</summary>
    public void Add(in Delivery delivery)
    {
        int number = _ringOf[Index(delivery.From, delivery.To)];
        if (number == 0)
        {
            number = NewRing(delivery.From, delivery.To);
        }

        ref Ring ring = ref _rings[number - 1];
        Delivery[] items = ring.Items;
        if (ring.Count == items.Length)
        {
            items = Grow(ref ring);
        }

        items[(ring.Head + ring.Count) & (items.Length - 1)] = delivery;
        if (ring.Count++ == 0)
        {
            MarkReady(new ActorPair(delivery.From, delivery.To));
        }
    }

    /// <summary>Takes the oldest message of a ready pair.</summary>
    /// <param name="index">Index into <see cref="Ready"/>.</param>
    /// <param name="delivery">The message.</param>
    public void Take(int index, out Delivery delivery)
    {
        ActorPair pair = _ready[index];
        ref Ring ring = ref _rings[_ringOf[Index(pair.From, pair.To)] - 1];
        ref Delivery item = ref ring.Items[ring.Head];
        delivery = item;
        if (item.Message.Text is not null)
        {
            item = default;
        }

        ring.Head = (ring.Head + 1) & (ring.Items.Length - 1);
        if (--ring.Count == 0)
        {
            _ready[index] = _ready[--_readyCount];
        }
    }

    /// <summary>Takes the oldest message of a pair outside the schedule.</summary>
    /// <returns>False when nothing waits.</returns>
    public bool TryTake(ActorPair pair, out Delivery delivery)
    {
        int index = Ready.IndexOf(pair);
        if (index < 0)
        {
            delivery = default;
            return false;
        }

        Take(index, out delivery);
        return true;
    }

    /// <summary>Empties every ring; keeps their memory, but no text.</summary>
    public void Clear()
    {
        for (int i = 0; i < _ringCount; i++)
        {
            ref Ring ring = ref _rings[i];
            Array.Clear(ring.Items);
            ring.Head = 0;
            ring.Count = 0;
        }

        _readyCount = 0;
    }

    private static int Index(ActorId from, ActorId to) => (from.Value * LocalRuntime.LimitActors) + to.Value;

    private static Delivery[] Grow(ref Ring ring)
    {
        var items = new Delivery[ring.Items.Length * 2];
        int untilEnd = ring.Items.Length - ring.Head;
        Array.Copy(ring.Items, ring.Head, items, 0, untilEnd);
        Array.Copy(ring.Items, 0, items, untilEnd, ring.Head);
        ring.Items = items;
        ring.Head = 0;
        return items;
    }

    private int NewRing(ActorId from, ActorId to)
    {
        if (_ringCount == _rings.Length)
        {
            Array.Resize(ref _rings, _ringCount * 2);
        }

        _rings[_ringCount++].Items = new Delivery[FirstCapacity];
        _ringOf[Index(from, to)] = (ushort)_ringCount;
        return _ringCount;
    }

    private void MarkReady(ActorPair pair)
    {
        if (_readyCount == _ready.Length)
        {
            Array.Resize(ref _ready, _readyCount * 2);
        }

        _ready[_readyCount++] = pair;
    }

    private struct Ring
    {
        public Delivery[] Items;
        public int Head;
        public int Count;
    }
}
