using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace KhoActors.Nodes.History;

/// <summary>
/// Reads stored bytes. Input is hostile: every length is checked against what is left before anything is allocated, integers have one
/// encoding only, and whatever is wrong is a <see cref="HistoryDamageException"/> that says where.
/// </summary>
internal sealed class RecordReader(ReadOnlyMemory<byte> bytes, string subject)
{
    /// <summary>What is read, as messages begin.</summary>
    public string Subject { get; set; } = subject;

    /// <summary>Offset of the next byte.</summary>
    public int Position { get; private set; }

    /// <summary>Bytes that are left.</summary>
    public int Left => bytes.Length - Position;

    /// <summary>What is thrown for something wrong at the position.</summary>
    public HistoryDamageException Damage(string what) => DamageAt(Position, what);

    /// <summary>What is thrown for something wrong elsewhere.</summary>
    public HistoryDamageException DamageAt(int position, string what) => new($"{Subject}, byte {position}: {what}");

    public byte ReadByte(string what)
    {
        if (Left == 0)
        {
            throw Damage($"{what} is missing: nothing is left");
        }

        return bytes.Span[Position++];
    }

    /// <summary>Reads an integer of 1 to 10 bytes (LEB128).</summary>
    public ulong ReadVar(string what, ulong limit = ulong.MaxValue)
    {
        int at = Position;
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = ReadByte(what);
            if (shift > 63 || (shift == 63 && b > 1))
            {
                throw DamageAt(at, $"{what} is longer than 64 bits");
            }

            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return b == 0 && shift > 0 ? throw DamageAt(at, $"{what} is written longer than it needs to be")
                    : value > limit ? throw DamageAt(at, $"{what} is {value}, at most {limit} is accepted")
                    : value;
            }
        }
    }

    /// <summary>Reads an integer that a count or an index must not exceed.</summary>
    public int ReadCount(string what, int limit) => (int)ReadVar(what, (ulong)limit);

    /// <summary>Reads a word of 8 bytes, little-endian.</summary>
    public ulong ReadUInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(sizeof(ulong), what).Span);

    /// <summary>A view of the next bytes.</summary>
    public ReadOnlyMemory<byte> ReadBytes(int length, string what)
    {
        if (length > Left)
        {
            throw Damage($"{what} takes {length} bytes, {Left} are left");
        }

        ReadOnlyMemory<byte> view = bytes.Slice(Position, length);
        Position += length;
        return view;
    }

    /// <summary>A view of bytes behind their length.</summary>
    public ReadOnlyMemory<byte> ReadBlob(string what, int limit = int.MaxValue) => ReadBytes(ReadCount($"the length of {what}", limit), what);

    /// <summary>Reads UTF-8 behind its length.</summary>
    public string ReadText(string what, int limitBytes)
    {
        int at = Position;
        ReadOnlySpan<byte> text = ReadBlob(what, limitBytes).Span;
        return Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : throw DamageAt(at, $"{what} is not UTF-8");
    }

    /// <summary>Requires that everything was read.</summary>
    public void RequireEnd()
    {
        if (Left > 0)
        {
            throw Damage($"nothing is expected here, {Left} bytes follow");
        }
    }
}
