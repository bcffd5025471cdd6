using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// How an order of deliveries is written down pick by pick, as pairs of actors: the same to every engine. The first byte says whether every pick
/// follows or only those with a choice; then each pick is a variable-length integer (LEB128): 0 and two bytes, sender and receiver, for a pair
/// that was not picked before, or else 1 + the number of the pair in the order of first picks. Version 1 of the records' encoding: it never changes.
/// </summary>
public static class OrderLog
{
    internal const byte PicksWithChoice = 1;
    internal const byte EveryPick = 2;
    internal const int PairLimit = LocalRuntime.LimitActors * LocalRuntime.LimitActors;

    /// <summary>Whether a log has each pick, or only those with a choice.</summary>
    /// <param name="log">The log; what is none has not each pick.</param>
    /// <returns>Whether it has.</returns>
    public static bool HasEveryPick(ReadOnlySpan<byte> log) => !log.IsEmpty && log[0] == EveryPick;

    internal static int IndexOf(ActorPair pair) => (pair.From.Value * LocalRuntime.LimitActors) + pair.To.Value;
}

/// <summary>Writes an <see cref="OrderLog"/>. Reused from generation to generation; allocates nothing once it has grown.</summary>
public sealed class OrderRecorder
{
    private readonly ushort[] _numbers = new ushort[OrderLog.PairLimit];
    private byte[] _bytes = new byte[512];
    private int _length;
    private int _pairs;

    /// <summary>An empty log of picks with a choice.</summary>
    public OrderRecorder() => Clear();

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>Starts a new log.</summary>
    /// <param name="everyPick">
    /// Whether each pick is written: for an engine that cannot know at a pick whether there was another pair to choose.
    /// </param>
    public void Clear(bool everyPick = false)
    {
        Array.Clear(_numbers);
        _pairs = 0;
        _bytes[0] = everyPick ? OrderLog.EveryPick : OrderLog.PicksWithChoice;
        _length = 1;
    }

    /// <summary>Writes a pick.</summary>
    /// <param name="pair">What was picked.</param>
    public void Add(ActorPair pair)
    {
        if (_length + 4 > _bytes.Length)
        {
            Array.Resize(ref _bytes, _bytes.Length * 2);
        }

        ref ushort number = ref _numbers[OrderLog.IndexOf(pair)];
        if (number == 0)
        {
            number = (ushort)++_pairs;
            _bytes[_length++] = 0;
            _bytes[_length++] = pair.From.Value;
            _bytes[_length++] = pair.To.Value;
        }
        else if (number < 0x80)
        {
            _bytes[_length++] = (byte)number;
        }
        else
        {
            _bytes[_length++] = (byte)(number | 0x80);
            _bytes[_length++] = (byte)(number >> 7);
        }
    }
}

/// <summary>Reads an <see cref="OrderLog"/>. Input is hostile: whatever the bytes are, each call ends and returns a pair or throws.</summary>
public sealed class OrderReader
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly List<ActorPair> _pairs = [];
    private int _position = 1;

    /// <summary>Reads from the beginning.</summary>
    /// <param name="bytes">The whole log.</param>
    /// <exception cref="InvalidDataException">It is empty or of a kind that does not exist.</exception>
    public OrderReader(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        byte kind = bytes.IsEmpty ? (byte)0 : bytes.Span[0];
        HasEveryPick = kind == OrderLog.EveryPick;
        if (kind is not (OrderLog.PicksWithChoice or OrderLog.EveryPick))
        {
            string accepted = $"{OrderLog.PicksWithChoice} and {OrderLog.EveryPick} are accepted";
            throw Problem(0, bytes.IsEmpty ? "empty, at least one byte is needed" : $"a log of kind {kind}; {accepted}");
        }
    }

    /// <summary>Whether each pick is in it; otherwise those with a choice.</summary>
    public bool HasEveryPick { get; }

    /// <summary>Picks read.</summary>
    public int Count { get; private set; }

    /// <summary>Reads the next pick.</summary>
    /// <param name="pair">What was picked.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">The bytes are no log; the message says where and what is accepted.</exception>
    public bool TryRead(out ActorPair pair)
    {
        ReadOnlySpan<byte> bytes = _bytes.Span[_position..];
        if (bytes.IsEmpty)
        {
            pair = default;
            return false;
        }

        Count++;
        int number = bytes[0];
        if (number == 0)
        {
            pair = ReadNewPair(bytes);
            return true;
        }

        int length = 1;
        if (number >= 0x80)
        {
            length = 2;
            int high = bytes.Length >= 2 ? bytes[1] : throw Problem(_position, "cut off");
            number = high is > 0 and < 0x80 ? (number & 0x7F) | (high << 7) : throw Problem(_position, "not a number of one or two bytes");
        }

        pair = number <= _pairs.Count ? _pairs[number - 1] : throw Problem(_position, $"pair {number} of {_pairs.Count}");
        _position += length;
        return true;
    }

    private static InvalidDataException Problem(int position, string problem) => new($"order of deliveries, byte {position}: {problem}");

    private ActorPair ReadNewPair(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 3)
        {
            throw Problem(_position, "cut off");
        }

        ActorPair pair = new(new ActorId(bytes[1]), new ActorId(bytes[2]));
        if (bytes[1] >= LocalRuntime.LimitActors || bytes[2] >= LocalRuntime.LimitActors || _pairs.Contains(pair))
        {
            throw Problem(_position, $"{pair} is no new pair of actors below {LocalRuntime.LimitActors}");
        }

        _pairs.Add(pair);
        _position += 3;
        return pair;
    }
}
