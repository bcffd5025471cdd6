using System.Buffers.Binary;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>What user space writes into files and expects to read again: byte i of a file is byte i of the endless pattern of a seed.</summary>
public static class TmpfsPattern
{
    /// <summary>The CRC-32 (IEEE) of a part of a pattern.</summary>
    /// <param name="seed">Tells one pattern from another.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">How many.</param>
    /// <returns>The CRC; 0 for no bytes.</returns>
    public static uint ChecksumOf(ulong seed, ulong offset, ulong bytes)
    {
        PagePattern pattern = new(seed, 0);
        Span<byte> chunk = stackalloc byte[512];
        uint crc = 0;
        ulong at = offset & ~7UL;
        ulong end = offset + bytes;
        while (at < end)
        {
            ulong chunkStart = at;
            int filled = 0;
            for (; filled < chunk.Length && at < end; filled += sizeof(ulong), at += sizeof(ulong))
            {
                ulong word = pattern.WordAt(at >> PageGeometry.Shift, (int)(at & (PageGeometry.SizeBytes - 1)) >> 3);
                BinaryPrimitives.WriteUInt64LittleEndian(chunk[filled..], word);
            }

            int skip = chunkStart < offset ? (int)(offset - chunkStart) : 0;
            int surplus = at > end ? (int)(at - end) : 0;
            crc = Crc32.Of(chunk[skip..(filled - surplus)], crc);
        }

        return crc;
    }
}
