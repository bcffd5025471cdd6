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

    /// <summary>Messages that wait in the ring of a pair that is ready.</summary>
    public int CountOf(ActorPair pair) => _rings[_ringOf[Index(pair.From, pair.To)] - 1].Count;

    /// <summary>Appends to its pair's ring.</summary>
    public void Add(ActorId from, ActorId to, uint correlation, in Message message)
    {
        int number = _ringOf[Index(from, to)];
        if (number == 0)
        {
            number = NewRing(from, to);
        }

        ref Ring ring = ref _rings[number - 1];
        Letter[] letters = ring.Letters;
        if (ring.Count == letters.Length)
        {
            letters = Grow(ref ring);
        }

        ref Letter letter = ref letters[(ring.Head + ring.Count) & (letters.Length - 1)];
        letter.Kind = message.Kind;
        letter.Correlation = correlation;
        letter.A = message.A;
        letter.B = message.B;
        letter.C = message.C;
        letter.D = message.D;
        if (message.Text is not null)
        {
            letter.Text = message.Text;
        }

        if (ring.Count++ == 0)
        {
            MarkReady(new ActorPair(from, to));
        }
    }

    /// <summary>Takes the oldest message of a ready pair.</summary>
    /// <param name="index">Index into <see cref="Ready"/>.</param>
    /// <returns>The message.</returns>
    public Delivery Take(int index)
    {
        ActorPair pair = _ready[index];
        ref Ring ring = ref _rings[_ringOf[Index(pair.From, pair.To)] - 1];
        ref Letter letter = ref ring.Letters[ring.Head];
        string? text = letter.Text;
        if (text is not null)
        {
            letter.Text = null;
        }

        ring.Head = (ring.Head + 1) & (ring.Letters.Length - 1);
        if (--ring.Count == 0)
        {
            _ready[index] = _ready[--_readyCount];
        }

        return new Delivery(pair.From, pair.To, letter.Correlation, new Message(letter.Kind, letter.A, letter.B, letter.C, letter.D, text));
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

        delivery = Take(index);
        return true;
    }

    /// <summary>Empties every ring; keeps their memory, but no text.</summary>
    public void Clear()
    {
        for (int i = 0; i < _ringCount; i++)
        {
            ref Ring ring = ref _rings[i];
            Array.Clear(ring.Letters);
            ring.Head = 0;
            ring.Count = 0;
        }

        _readyCount = 0;
    }

    private static int Index(ActorId from, ActorId to) => (from.Value * LocalRuntime.LimitActors) + to.Value;

    private static Letter[] Grow(ref Ring ring)
    {
        var letters = new Letter[ring.Letters.Length * 2];
        int untilEnd = ring.Letters.Length - ring.Head;
        Array.Copy(ring.Letters, ring.Head, letters, 0, untilEnd);
        Array.Copy(ring.Letters, 0, letters, untilEnd, ring.Head);
        ring.Letters = letters;
        ring.Head = 0;
        return letters;
    }

    private int NewRing(ActorId from, ActorId to)
    {
        if (_ringCount == _rings.Length)
        {
            Array.Resize(ref _rings, _ringCount * 2);
        }

        _rings[_ringCount++].Letters = new Letter[FirstCapacity];
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
        public Letter[] Letters;
        public int Head;
        public int Count;
    }

    /// <summary>
    /// A message in a ring, written field by field: copying a struct that holds a reference costs more than everything else in a delivery.
    /// A free letter's text is null.
    /// </summary>
    private struct Letter
    {
        public MessageKind Kind;
        public uint Correlation;
        public ulong A;
        public ulong B;
        public ulong C;
        public ulong D;
        public string? Text;
    }
}
