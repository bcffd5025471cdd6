using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace KhoActors.Nodes.History;

/// <summary>
/// CRC-32C over the values of one row, keys included, so that a value that changed and a row that moved are both found. Every text and blob
/// counts with its length. The same in every kind of database.
/// </summary>
internal struct RowChecksum
{
    private uint _crc;

    /// <summary>Starts a checksum.</summary>
    public RowChecksum() => _crc = uint.MaxValue;

    /// <summary>The checksum as it is stored: 0 to 2^32 - 1.</summary>
    public readonly long Value => ~_crc;

    /// <summary>Counts a number.</summary>
    public void Add(long value) => _crc = BitOperations.Crc32C(_crc, (ulong)value);

    /// <summary>Counts a text.</summary>
    public void Add(string text) => Add(Encoding.UTF8.GetBytes(text));

    /// <summary>Counts bytes.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        uint crc = _crc;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte rest in bytes)
        {
            crc = BitOperations.Crc32C(crc, rest);
        }

        _crc = crc;
    }
}
