using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>The blocks of a blob that is edited: their order, and the moves of memory that make or close room.</summary>
internal static class FdtBlocks
{
    /// <summary>Whether the blocks are not in the order header, reservations, structure, strings, or do not end within totalsize.</summary>
    public static bool Misordered(ReadOnlySpan<byte> fdt, long reservationBytes, long structSize)
    {
        long reserveMap = Read(fdt, Field.ReserveMapOffset);
        long structure = Read(fdt, Field.StructOffset);
        long strings = Read(fdt, Field.StringsOffset);
        return reserveMap < HeaderBytes
            || structure < reserveMap + reservationBytes
            || strings < structure + structSize
            || Read(fdt, Field.TotalSize) < strings + Read(fdt, Field.StringsSize);
    }

    /// <summary>Bytes of the blob without gaps.</summary>
    public static long PackedBytes(ReadOnlySpan<byte> fdt, int reservationBytes, int structSize) =>
        (long)HeaderBytes + reservationBytes + structSize + Read(fdt, Field.StringsSize);

    /// <summary>
    /// Moves the blocks together at a destination within the buffer and notes their places in the header there. All must lie within the buffer.
    /// </summary>
    public static void Pack(Span<byte> fdt, int destination, int reservationBytes, int structSize)
    {
        var stringsSize = (int)Read(fdt, Field.StringsSize);
        var structure = HeaderBytes + reservationBytes;
        var strings = structure + structSize;
        var target = fdt[destination..];

        // Source and destination may overlap: the order of moves and header writes is libfdt's.
        fdt.Slice((int)Read(fdt, Field.ReserveMapOffset), reservationBytes).CopyTo(target[HeaderBytes..]);
        Write(target, Field.ReserveMapOffset, HeaderBytes);
        fdt.Slice((int)Read(fdt, Field.StructOffset), structSize).CopyTo(target[structure..]);
        Write(target, Field.StructOffset, (uint)structure);
        Write(target, Field.StructSize, (uint)structSize);
        fdt.Slice((int)Read(fdt, Field.StringsOffset), stringsSize).CopyTo(target[strings..]);
        Write(target, Field.StringsOffset, (uint)strings);
        Write(target, Field.StringsSize, (uint)stringsSize);
    }

    /// <summary>Where the strings, the last block, end.</summary>
    public static long DataEnd(ReadOnlySpan<byte> fdt) => Read(fdt, Field.StringsOffset) + (long)Read(fdt, Field.StringsSize);

    /// <summary>Replaces bytes of the structure block by room for others; everything behind, the strings included, moves.</summary>
    /// <returns>0, -BADOFFSET or -NOSPACE.</returns>
    public static int SpliceStructure(Span<byte> fdt, int offset, int oldBytes, int newBytes)
    {
        var at = Read(fdt, Field.StructOffset) + (long)offset;
        var end = DataEnd(fdt);
        if (at + oldBytes > end)
        {
            return -FdtError.BadOffset;
        }

        var delta = newBytes - oldBytes;
        if (end + delta > Read(fdt, Field.TotalSize))
        {
            return -FdtError.NoSpace;
        }

        fdt[(int)(at + oldBytes)..(int)end].CopyTo(fdt[(int)(at + newBytes)..]);
        Write(fdt, Field.StructSize, (uint)(Read(fdt, Field.StructSize) + delta));
        Write(fdt, Field.StringsOffset, (uint)(Read(fdt, Field.StringsOffset) + delta));
        return 0;
    }
}
