using System.Buffers.Binary;
using System.Text;

namespace KhoActors.Subsystems.Actors;

/// <summary>A snapshot that cannot be read: truncated, of another version, or with values out of range.</summary>
public sealed class SnapshotFormatException : Exception
{
    /// <summary>Says what is wrong.</summary>
    /// <param name="message">One sentence with position, what was found and what is accepted.</param>
    public SnapshotFormatException(string message)
        : base(message)
    {
    }
}

/// <summary>Writes snapshots: variable-length integers, byte strings and texts, platform independent. Reused; grows as needed.</summary>
public sealed class SnapshotWriter
{
    private byte[] _buffer = new byte[4096];

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>Starts anew.</summary>
    public void Clear() => Length = 0;

    /// <summary>Writes an integer in 1 to 10 bytes, small ones short (LEB128).</summary>
    /// <param name="value">The value.</param>
    public void WriteVar(ulong value)
    {
        Span<byte> target = Reserve(10);
        int n = 0;
        for (; value >= 0x80; value >>= 7)
        {
            target[n++] = (byte)(value | 0x80);
        }

        target[n++] = (byte)value;
        Length += n;
    }

    /// <summary>Writes a word in 8 bytes, little-endian.</summary>
    /// <param name="value">The value.</param>
    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Reserve(8), value);
        Length += 8;
    }

    /// <summary>Writes bytes without their length.</summary>
    /// <param name="bytes">The bytes.</param>
    public void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Writes a text with its length in UTF-8.</summary>
    /// <param name="text">The text.</param>
    public void WriteText(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        WriteVar((ulong)length);
        Encoding.UTF8.GetBytes(text, Reserve(length));
        Length += length;
    }

    /// <summary>Writes a checksum of what was written since a position; see <see cref="SnapshotReader.ReadChecksum"/>.</summary>
    /// <param name="start">A <see cref="Length"/> from before.</param>
    public void WriteChecksum(int start) => WriteUInt64(Checksum64.Of(Written[start..]));

    private Span<byte> Reserve(int bytes)
    {
        if (Length + bytes > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + bytes));
        }

        return _buffer.AsSpan(Length, bytes);
    }
}

/// <summary>Reads what <see cref="SnapshotWriter"/> wrote. Input is hostile: every length is checked against what is left.</summary>
public sealed class SnapshotReader
{
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>Reads from memory.</summary>
    /// <param name="bytes">The whole snapshot.</param>
    public SnapshotReader(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>Offset of the next byte.</summary>
    public int Position { get; private set; }

    /// <summary>Whether everything was read.</summary>
    public bool AtEnd => Position == _bytes.Length;

    /// <summary>Reads an integer that <see cref="SnapshotWriter.WriteVar"/> wrote.</summary>
    /// <returns>The value.</returns>
    /// <exception cref="SnapshotFormatException">Truncated, or longer than 64 bits.</exception>
    public ulong ReadVar()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = ReadRaw(1)[0];
            if (shift > 63 || (shift == 63 && b > 1))
            {
                throw new SnapshotFormatException($"snapshot, byte {Position - 1}: an integer is longer than 64 bits");
            }

            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
    }

    /// <summary>Reads an integer that must not exceed a limit.</summary>
    /// <param name="limit">Largest value accepted.</param>
    /// <param name="what">What it is, for the error.</param>
    /// <returns>The value.</returns>
    /// <exception cref="SnapshotFormatException">Truncated, or above the limit.</exception>
    public int ReadCount(int limit, string what)
    {
        int at = Position;
        ulong value = ReadVar();
        return value <= (ulong)limit
            ? (int)value
            : throw new SnapshotFormatException($"snapshot, byte {at}: {what} is {value}, at most {limit} is accepted");
    }

    /// <summary>Reads a word of 8 bytes.</summary>
    /// <returns>The value.</returns>
    /// <exception cref="SnapshotFormatException">Truncated.</exception>
    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(ReadRaw(8));

    /// <summary>Reads bytes.</summary>
    /// <param name="length">How many.</param>
    /// <returns>A view of them.</returns>
    /// <exception cref="SnapshotFormatException">Fewer are left.</exception>
    public ReadOnlySpan<byte> ReadRaw(int length)
    {
        if (length < 0 || length > _bytes.Length - Position)
        {
            throw new SnapshotFormatException($"snapshot, byte {Position}: {length} bytes are wanted, {_bytes.Length - Position} are left");
        }

        ReadOnlySpan<byte> raw = _bytes.Span.Slice(Position, length);
        Position += length;
        return raw;
    }

    /// <summary>Reads a checksum and compares it with what was read since a position. Damage is found, forgery is not.</summary>
    /// <param name="start">A <see cref="Position"/> from before.</param>
    /// <exception cref="SnapshotFormatException">Truncated, or what was read is not what was written.</exception>
    public void ReadChecksum(int start)
    {
        ulong expected = Checksum64.Of(_bytes.Span[start..Position]);
        if (ReadUInt64() != expected)
        {
            throw new SnapshotFormatException($"snapshot, bytes {start} to {Position - 1}: damaged, the checksum does not match");
        }
    }

    /// <summary>Reads a text.</summary>
    /// <param name="limit">Largest length accepted, in bytes.</param>
    /// <returns>The text.</returns>
    /// <exception cref="SnapshotFormatException">Truncated or too long.</exception>
    public string ReadText(int limit = 1 << 20) => Encoding.UTF8.GetString(ReadRaw(ReadCount(limit, "the length of a text")));
}
