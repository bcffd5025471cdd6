namespace KhoActors.Subsystems;

/// <summary>CRC-32 of IEEE 802.3: reflected 0xEDB88320, all ones at the start and inverted at the end, as zlib and crc32_le of the kernel.</summary>
public static class Crc32
{
    /// <summary>Eight tables of 256: table k is the CRC of a byte with k zero bytes behind it.</summary>
    private static readonly uint[] Tables = MakeTables();

    /// <summary>The CRC of bytes, or of more bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="previous">The CRC of what comes before them; 0 for nothing.</param>
    /// <returns>The CRC.</returns>
    public static uint Of(ReadOnlySpan<byte> bytes, uint previous = 0)
    {
        uint[] tables = Tables;
        uint crc = ~previous;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            ulong word = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ crc;
            crc = tables[(7 * 256) + (int)(word & 0xFF)] ^ tables[(6 * 256) + (int)((word >> 8) & 0xFF)]
                ^ tables[(5 * 256) + (int)((word >> 16) & 0xFF)] ^ tables[(4 * 256) + (int)((word >> 24) & 0xFF)]
                ^ tables[(3 * 256) + (int)((word >> 32) & 0xFF)] ^ tables[(2 * 256) + (int)((word >> 40) & 0xFF)]
                ^ tables[256 + (int)((word >> 48) & 0xFF)] ^ tables[(int)(word >> 56)];
        }

        foreach (byte value in bytes)
        {
            crc = (crc >> 8) ^ tables[(int)((crc ^ value) & 0xFF)];
        }

        return ~crc;
    }

    private static uint[] MakeTables()
    {
        uint[] tables = new uint[8 * 256];
        for (uint value = 0; value < 256; value++)
        {
            uint crc = value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }

            tables[value] = crc;
        }

        for (int i = 256; i < tables.Length; i++)
        {
            tables[i] = (tables[i - 256] >> 8) ^ tables[(int)(tables[i - 256] & 0xFF)];
        }

        return tables;
    }
}
