using System.Buffers.Binary;

namespace KhoActors.Nodes.Runtime;

/// <summary>Writes a <see cref="DecisionLog"/>. Reused from generation to generation; allocates nothing once it has grown.</summary>
public sealed class DecisionRecorder
{
    private const int TokenBytesMax = 10;
    private byte[] _bytes = new byte[512];
    private int _length;
    private int _stream;

    /// <summary>Decisions written.</summary>
    public int Count { get; private set; }

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>Starts a new log.</summary>
    public void Clear()
    {
        _length = 0;
        _stream = DecisionLog.WorkloadStream;
        Count = 0;
    }

    /// <summary>Writes a choice.</summary>
    /// <param name="stream">Whose.</param>
    /// <param name="skipped">Draws that went into it before its own.</param>
    /// <param name="value">The value as it is used.</param>
    public void Choice(int stream, ulong skipped, ulong value)
    {
        Begin(stream, skipped);
        Write(DecisionKind.Choice, value);
    }

    /// <summary>Writes an operation of user space.</summary>
    /// <param name="skipped">Draws that went into it before its own.</param>
    /// <param name="operation">Its number.</param>
    public void Operation(ulong skipped, int operation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(operation);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(operation, DecisionLog.OperationLimit);
        if (skipped == 0)
        {
            // Whatever stream was current: an operation says itself whose it is.
            _stream = DecisionLog.WorkloadStream;
        }

        Begin(DecisionLog.WorkloadStream, skipped);
        Write(DecisionKind.Operation, (ulong)operation);
    }

    /// <summary>Writes a word that is its stream's own draw.</summary>
    /// <param name="stream">Whose.</param>
    /// <param name="skipped">Draws that went into it before its own.</param>
    public void DrawnWord(int stream, ulong skipped)
    {
        Begin(stream, skipped: 0);
        Write(DecisionKind.Word, checked(skipped * 2));
    }

    /// <summary>Writes a word that came from elsewhere.</summary>
    /// <param name="stream">Whose.</param>
    /// <param name="skipped">Draws that went into it before its own.</param>
    /// <param name="word">The word.</param>
    public void Word(int stream, ulong skipped, ulong word)
    {
        Begin(stream, skipped);
        Write(DecisionKind.Word, 1);
        Reserve(sizeof(ulong));
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(_length), word);
        _length += sizeof(ulong);
    }

    private void Begin(int stream, ulong skipped)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(stream);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(stream, DecisionLog.StreamLimit);
        Count++;
        if (stream != _stream)
        {
            _stream = stream;
            Write(DecisionKind.Stream, (ulong)stream);
        }

        for (; skipped > 0; skipped--)
        {
            Write(DecisionKind.Stream, (ulong)stream);
        }
    }

    /// <summary>The value has up to 64 bits and the kind two more, so the first byte is made by hand.</summary>
    private void Write(DecisionKind kind, ulong value)
    {
        Reserve(TokenBytesMax);
        byte first = (byte)((value << DecisionLog.KindBits) & 0x7F | (ulong)kind);
        value >>= DecisionLog.BitsOfFirstByte;
        _bytes[_length++] = value == 0 ? first : (byte)(first | 0x80);
        for (; value != 0; value >>= 7)
        {
            _bytes[_length++] = value < 0x80 ? (byte)value : (byte)(value | 0x80);
        }
    }

    private void Reserve(int bytes)
    {
        if (_length + bytes > _bytes.Length)
        {
            Array.Resize(ref _bytes, _bytes.Length * 2);
        }
    }
}
