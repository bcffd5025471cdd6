namespace KhoActors.Subsystems.Tmpfs.Layout;

/// <summary>
/// CRC-32 (IEEE), the checksum of tmpfs-kho-v1, computed piece by piece. Pages of the format are mostly zero behind their fields: zeros at the end
/// of what is added cost a few steps whatever their number, because a zero byte is a linear map of the state.
/// </summary>
public struct LayoutCrc
{
    private const uint Polynomial = 0xEDB8_8320;
    private const int StateBits = 32;
    private static readonly uint[] ZeroRuns = MakeZeroRuns();

    /// <summary>The checksum of what was added.</summary>
    public uint Value { get; private set; }

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
        Value = Crc32.Of(bytes[..used], Value);
        AddZeros(bytes.Length - used);
    }

    private void AddZeros(int count)
    {
        uint state = ~Value;
        for (int power = 0; count != 0; power++, count >>= 1)
        {
            if ((count & 1) != 0)
            {
                state = Apply(ZeroRuns.AsSpan(power * StateBits, StateBits), state);
            }
        }

        Value = ~state;
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

    /// <summary>The matrices of 2^k zero bytes, k = 0..31: each is the square of the one before.</summary>
    private static uint[] MakeZeroRuns()
    {
        uint[] runs = new uint[StateBits * StateBits];
        for (int bit = 0; bit < StateBits; bit++)
        {
            uint state = 1u << bit;
            for (int step = 0; step < 8; step++)
            {
                state = (state >> 1) ^ (Polynomial & (0 - (state & 1)));
            }

            runs[bit] = state;
        }

        for (int power = 1; power < StateBits; power++)
        {
            ReadOnlySpan<uint> half = runs.AsSpan((power - 1) * StateBits, StateBits);
            for (int bit = 0; bit < StateBits; bit++)
            {
                runs[(power * StateBits) + bit] = Apply(half, half[bit]);
            }
        }

        return runs;
    }
}
