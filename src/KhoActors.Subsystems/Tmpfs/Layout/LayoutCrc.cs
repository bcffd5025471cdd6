using System.Buffers.Binary;

namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>
/// CRC-32 (IEEE 802.3, reflected 0xEDB88320, all ones in and out), the checksum of tmpfs-kho-v1. Pages of the format are mostly zero behind
/// their fields: zeros at the end of what is added cost a few steps whatever their number, because a zero byte is a linear map of the state.
/// </summary>
public struct LayoutCrc
{
    private const uint Polynomial = 0xEDB8_8320;
    private const int Slices = 8;
    private static readonly uint[] Tables = MakeTables();
    private static readonly uint[] ZeroRuns = MakeZeroRuns();

    // The state without the final inversion, kept inverted once more so that a default value is an empty checksum.
    private uint _inverted;

    /// <summary>The checksum of what was added.</summary>
    public readonly uint Value => _inverted;

    /// <summary>The checksum of bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>Their CRC-32.</returns>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        LayoutCrc crc = default;
        crc.Add(bytes);
        return crc.Value;
    }

    /// <summary>The checksum of a structure that contains it: the field itself counts as zero.</summary>
    /// <param name="structure">The whole structure.</param>
    /// <param name="fieldOffset">Where its 32-bit checksum stands.</param>
    /// <returns>The CRC-32 that the field must hold.</returns>
    public static uint OfStructure(ReadOnlySpan<byte> structure, int fieldOffset)
    {
        LayoutCrc crc = default;
        crc.Add(structure[..fieldOffset]);
        crc.AddZeros(sizeof(uint));
        crc.Add(structure[(fieldOffset + sizeof(uint))..]);
        return crc.Value;
    }

    /// <summary>Adds bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        int used = bytes.LastIndexOfAnyExcept((byte)0) + 1;
        uint state = ~_inverted;
        ReadOnlySpan<byte> rest = bytes[..used];
        ReadOnlySpan<uint> tables = Tables;
        while (rest.Length >= Slices)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(rest) ^ state;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            state = tables[(7 * 256) + (byte)low] ^ tables[(6 * 256) + (byte)(low >> 8)]
                ^ tables[(5 * 256) + (byte)(low >> 16)] ^ tables[(4 * 256) + (int)(low >> 24)]
                ^ tables[(3 * 256) + (byte)high] ^ tables[(2 * 256) + (byte)(high >> 8)]
                ^ tables[256 + (byte)(high >> 16)] ^ tables[(int)(high >> 24)];
            rest = rest[Slices..];
        }

        foreach (byte value in rest)
        {
            state = (state >> 8) ^ tables[(byte)(state ^ value)];
        }

        _inverted = ~state;
        AddZeros(bytes.Length - used);
    }

    /// <summary>Adds zero bytes.</summary>
    /// <param name="count">How many.</param>
    public void AddZeros(int count)
    {
        uint state = ~_inverted;
        for (int power = 0; count != 0; power++, count >>= 1)
        {
            if ((count & 1) != 0)
            {
                state = Apply(ZeroRuns.AsSpan(power * 32, 32), state);
            }
        }

        _inverted = ~state;
    }

    /// <summary>Multiplies a matrix over GF(2), a column for each bit of the state, with a state.</summary>
    private static uint Apply(ReadOnlySpan<uint> columns, uint state)
    {
        uint result = 0;
        foreach (uint column in columns)
        {
            result ^= column & (0 - (state & 1));
            state >>= 1;
        }

        return result;
    }

    private static uint[] MakeTables()
    {
        uint[] tables = new uint[Slices * 256];
        for (uint value = 0; value < 256; value++)
        {
            uint state = value;
            for (int bit = 0; bit < 8; bit++)
            {
                state = (state >> 1) ^ (Polynomial & (0 - (state & 1)));
            }

            tables[value] = state;
        }

        for (int at = 256; at < tables.Length; at++)
        {
            uint previous = tables[at - 256];
            tables[at] = (previous >> 8) ^ tables[(byte)previous];
        }

        return tables;
    }

    /// <summary>The matrices of 2^k zero bytes, k = 0..31: each is the square of the one before.</summary>
    private static uint[] MakeZeroRuns()
    {
        uint[] runs = new uint[32 * 32];
        for (int bit = 0; bit < 32; bit++)
        {
            uint state = 1u << bit;
            runs[bit] = (state >> 8) ^ Tables[(byte)state];
        }

        for (int power = 1; power < 32; power++)
        {
            ReadOnlySpan<uint> half = runs.AsSpan((power - 1) * 32, 32);
            for (int bit = 0; bit < 32; bit++)
            {
                runs[(power * 32) + bit] = Apply(half, half[bit]);
            }
        }

        return runs;
    }
}
