using System.Buffers.Binary;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// Reads a <see cref="DecisionLog"/>. Input is hostile: whatever the bytes are, each call ends, allocates nothing and returns a decision within
/// its limits or throws.
/// </summary>
public sealed class DecisionReader
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private int _position;
    private bool _isNewStream;
    private int _stream = DecisionLog.WorkloadStream;

    /// <summary>Reads from the beginning.</summary>
    /// <param name="bytes">The whole log.</param>
    public DecisionReader(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>Decisions read.</summary>
    public int Count { get; private set; }

    /// <summary>Reads the next decision.</summary>
    /// <param name="decision">The decision.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">The bytes are no log; the message says where and what is accepted.</exception>
    public bool TryRead(out Decision decision)
    {
        decision = default;
        ulong skipped = 0;
        _isNewStream = false;
        if (_position == _bytes.Length)
        {
            return false;
        }

        while (true)
        {
            int at = _position;
            (DecisionKind kind, ulong value) = ReadToken();
            switch (kind)
            {
                case DecisionKind.Stream:
                    skipped = SwitchTo(value, skipped, at);
                    continue;
                case DecisionKind.Operation:
                    decision = ReadOperation(value, skipped, at);
                    break;
                case DecisionKind.Choice:
                    decision = new Decision(kind, _stream, skipped, false, value);
                    break;
                default:
                    decision = ReadWord(value, skipped, at);
                    break;
            }

            Count++;
            return true;
        }
    }

    private static InvalidDataException Problem(int position, string problem) => new($"decisions, byte {position}: {problem}");

    /// <returns>The draws that are skipped now.</returns>
    private ulong SwitchTo(ulong stream, ulong skipped, int at)
    {
        if (stream >= DecisionLog.StreamLimit)
        {
            throw Problem(at, $"stream {stream} is too large, streams below {DecisionLog.StreamLimit} are accepted");
        }

        if (stream == (ulong)_stream)
        {
            return skipped + 1;
        }

        if (skipped != 0 || _isNewStream)
        {
            throw Problem(at, skipped != 0 ? "draws that go into no decision" : "a stream without a decision");
        }

        _stream = (int)stream;
        _isNewStream = true;
        return 0;
    }

    private Decision ReadOperation(ulong operation, ulong skipped, int at)
    {
        if (operation >= DecisionLog.OperationLimit)
        {
            throw Problem(at, $"operation {operation} is too large, those below {DecisionLog.OperationLimit} are accepted");
        }

        if (skipped != 0 && _stream != DecisionLog.WorkloadStream)
        {
            throw Problem(at, "draws that go into no decision");
        }

        if (_isNewStream && skipped == 0)
        {
            throw Problem(at, "a stream without a decision");
        }

        _stream = DecisionLog.WorkloadStream;
        return new Decision(DecisionKind.Operation, _stream, skipped, false, operation);
    }

    private Decision ReadWord(ulong form, ulong skipped, int at)
    {
        if ((form & 1) == 0)
        {
            return skipped == 0 ? new Decision(DecisionKind.Word, _stream, form / 2, true, 0) : throw Problem(at, "draws are skipped twice");
        }

        if (form != 1)
        {
            throw Problem(at, $"a word of the form {form}; even forms and 1 are accepted");
        }

        if (_bytes.Length - _position < sizeof(ulong))
        {
            throw Problem(at, "a word of 8 bytes is cut off");
        }

        ulong word = BinaryPrimitives.ReadUInt64LittleEndian(_bytes.Span[_position..]);
        _position += sizeof(ulong);
        return new Decision(DecisionKind.Word, _stream, skipped, false, word);
    }

    private (DecisionKind Kind, ulong Value) ReadToken()
    {
        int at = _position;
        byte next = NextByte(at);
        DecisionKind kind = (DecisionKind)(next & ((1 << DecisionLog.KindBits) - 1));
        ulong value = (ulong)(next & 0x7F) >> DecisionLog.KindBits;
        for (int shift = DecisionLog.BitsOfFirstByte; next >= 0x80; shift += 7)
        {
            next = NextByte(at);
            ulong bits = next & 0x7FUL;
            if (shift >= 64 || bits << shift >> shift != bits)
            {
                throw Problem(at, "a value is longer than 64 bits");
            }

            if (next == 0)
            {
                throw Problem(at, "a value is longer than it needs to be");
            }

            value |= bits << shift;
        }

        return (kind, value);
    }

    private byte NextByte(int tokenStart) => _position < _bytes.Length
        ? _bytes.Span[_position++]
        : throw Problem(tokenStart, "cut off");
}
