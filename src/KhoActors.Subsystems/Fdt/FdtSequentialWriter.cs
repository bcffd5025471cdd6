using System.Buffers.Binary;
using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>
/// Writes a blob from front to back into a caller's buffer, with the layout of libfdt's sequential writer
/// (scripts/dtc/libfdt/fdt_sw.c): reservations at 48, structure behind them, property names growing downwards from the end of the buffer until
/// <see cref="Finish"/> moves them behind the structure. The state is in the buffer's header, as in libfdt; the writer itself is only a view.
/// Every call returns 0 or a negative <see cref="FdtError"/>: -BADSTATE out of order, -BADMAGIC before <see cref="Create"/>, -NOSPACE.
/// </summary>
/// <param name="buffer">Where the blob comes to be; one page in the kernel.</param>
public readonly ref struct FdtSequentialWriter(Span<byte> buffer)
{
    // The header, rounded up to whole reservations.
    private const int ReserveMapStart = (HeaderBytes + ReservationBytes - 1) / ReservationBytes * ReservationBytes;

    private readonly Span<byte> fdt = buffer;

    private uint TotalSize => Read(fdt, Field.TotalSize);

    private uint StructSize => Read(fdt, Field.StructSize);

    private uint StructOffset => Read(fdt, Field.StructOffset);

    private uint StringsSize => Read(fdt, Field.StringsSize);

    /// <summary>Clears the buffer and begins (fdt_create).</summary>
    /// <returns>0, or -NOSPACE below 48 bytes.</returns>
    public int Create()
    {
        if (fdt.Length < ReserveMapStart)
        {
            return -FdtError.NoSpace;
        }

        fdt.Clear();
        Write(fdt, Field.Magic, UnfinishedMagic);
        Write(fdt, Field.Version, LastSupportedVersion);
        Write(fdt, Field.TotalSize, (uint)fdt.Length);
        Write(fdt, Field.ReserveMapOffset, ReserveMapStart);
        Write(fdt, Field.StructOffset, ReserveMapStart);
        return 0;
    }

    /// <summary>Adds a memory reservation (fdt_add_reservemap_entry); only before <see cref="FinishReservemap"/>.</summary>
    /// <param name="address">Physical address.</param>
    /// <param name="sizeBytes">Bytes; 0 ends the list.</param>
    /// <returns>0 or the negative code.</returns>
    public int AddReservation(ulong address, ulong sizeBytes)
    {
        var result = ProbeState(inStructure: false);
        if (result < 0)
        {
            return result;
        }

        var offset = (int)StructOffset;
        if (offset + ReservationBytes > fdt.Length)
        {
            return -FdtError.NoSpace;
        }

        BinaryPrimitives.WriteUInt64BigEndian(fdt[offset..], address);
        BinaryPrimitives.WriteUInt64BigEndian(fdt[(offset + 8)..], sizeBytes);
        Write(fdt, Field.StructOffset, (uint)(offset + ReservationBytes));
        return 0;
    }

    /// <summary>Ends the reservations (fdt_finish_reservemap); nodes and properties may follow.</summary>
    /// <returns>0 or the negative code.</returns>
    public int FinishReservemap()
    {
        var result = AddReservation(0, 0);
        if (result == 0)
        {
            Write(fdt, Field.StringsOffset, TotalSize);
        }

        return result;
    }

    /// <summary>Begins a node (fdt_begin_node).</summary>
    /// <param name="name">Its name without NUL; empty for the root.</param>
    /// <returns>0 or the negative code.</returns>
    public int BeginNode(ReadOnlySpan<byte> name)
    {
        var result = Grab(TagBytes + AlignTag(name.Length + 1), out var room);
        if (result == 0)
        {
            Write(room, 0, FdtFormat.BeginNode);
            name.CopyTo(room[TagBytes..]);
            room[TagBytes + name.Length] = 0;
        }

        return result;
    }

    /// <inheritdoc cref="BeginNode(ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The name cannot be a C string.</exception>
    public int BeginNode(string name)
    {
        var bytes = name.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[name.Length];
        return BeginNode(Encode(name, bytes));
    }

    /// <summary>Ends the innermost node (fdt_end_node). Whether one is open is not checked, as in libfdt.</summary>
    /// <returns>0 or the negative code.</returns>
    public int EndNode()
    {
        var result = Grab(TagBytes, out var room);
        if (result == 0)
        {
            Write(room, 0, FdtFormat.EndNode);
        }

        return result;
    }

    /// <summary>Adds a property whose value the caller fills in, now or later (fdt_property_placeholder).</summary>
    /// <param name="name">The property's name without NUL.</param>
    /// <param name="valueBytes">Bytes of the value.</param>
    /// <param name="value">Where the value belongs; stays valid through <see cref="Finish"/>.</param>
    /// <returns>0 or the negative code; on -NOSPACE a name that was added for this property is taken back.</returns>
    public int PropertyPlaceholder(ReadOnlySpan<byte> name, int valueBytes, out Span<byte> value)
    {
        value = default;
        var result = ProbeState(inStructure: true);
        if (result < 0)
        {
            return result;
        }

        var stringsSize = StringsSize;
        var nameOffset = FindOrAddString(name);
        if (nameOffset == 0)
        {
            return -FdtError.NoSpace;
        }

        result = Grab(PropertyHeaderBytes + AlignTag(valueBytes), out var room);
        if (result < 0)
        {
            Write(fdt, Field.StringsSize, stringsSize);
            return result;
        }

        Write(room, 0, FdtFormat.Property);
        Write(room, 4, (uint)valueBytes);
        Write(room, 8, unchecked((uint)nameOffset));
        value = room.Slice(PropertyHeaderBytes, valueBytes);
        return 0;
    }

    /// <summary>Adds a property (fdt_property).</summary>
    /// <param name="name">Its name without NUL.</param>
    /// <param name="value">Its value.</param>
    /// <returns>0 or the negative code.</returns>
    public int Property(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var result = PropertyPlaceholder(name, value.Length, out var room);
        if (result == 0)
        {
            value.CopyTo(room);
        }

        return result;
    }

    /// <inheritdoc cref="Property(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The name cannot be a C string.</exception>
    public int Property(string name, ReadOnlySpan<byte> value)
    {
        var bytes = name.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[name.Length];
        return Property(Encode(name, bytes), value);
    }

    /// <summary>Adds a string property: the bytes and a NUL (fdt_property_string).</summary>
    /// <param name="name">Its name without NUL.</param>
    /// <param name="value">The string.</param>
    /// <returns>0 or the negative code.</returns>
    /// <exception cref="ArgumentException">The string cannot be a C string.</exception>
    public int PropertyString(ReadOnlySpan<byte> name, string value)
    {
        var result = PropertyPlaceholder(name, value.Length + 1, out var room);
        if (result == 0)
        {
            Encode(value, room);
            room[^1] = 0;
        }

        return result;
    }

    /// <summary>Adds a 32-bit number in native (little-endian) order, as KHO stores numbers.</summary>
    /// <param name="name">Its name without NUL.</param>
    /// <param name="value">The number.</param>
    /// <returns>0 or the negative code.</returns>
    public int PropertyUInt32(ReadOnlySpan<byte> name, uint value)
    {
        var result = PropertyPlaceholder(name, sizeof(uint), out var room);
        if (result == 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(room, value);
        }

        return result;
    }

    /// <summary>Adds a 64-bit number in native (little-endian) order, as KHO stores numbers.</summary>
    /// <param name="name">Its name without NUL.</param>
    /// <param name="value">The number.</param>
    /// <returns>0 or the negative code.</returns>
    public int PropertyUInt64(ReadOnlySpan<byte> name, ulong value)
    {
        var result = PropertyPlaceholder(name, sizeof(ulong), out var room);
        if (result == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(room, value);
        }

        return result;
    }

    /// <summary>Ends the structure, moves the strings behind it and makes the blob complete (fdt_finish).</summary>
    /// <returns>0 or the negative code.</returns>
    public int Finish()
    {
        var result = Grab(TagBytes, out var room);
        if (result < 0)
        {
            return result;
        }

        Write(room, 0, End);
        var stringsSize = StringsSize;
        var stringsOffset = StructOffset + StructSize;
        fdt[^(int)stringsSize..].CopyTo(fdt[(int)stringsOffset..]);
        Write(fdt, Field.StringsOffset, stringsOffset);

        result = MakeNameOffsetsAbsolute(stringsSize);
        if (result < 0)
        {
            return result;
        }

        Write(fdt, Field.TotalSize, stringsOffset + stringsSize);
        Write(fdt, Field.LastCompatibleVersion, LastCompatibleVersion);
        Write(fdt, Field.Magic, Magic);
        return 0;
    }

    private int MakeNameOffsetsAbsolute(uint stringsSize)
    {
        var view = new FdtView(fdt);
        var structure = fdt.Slice((int)StructOffset, (int)StructSize);
        var next = 0;
        while (true)
        {
            var offset = next;
            switch (view.NextTag(offset, out next))
            {
                case FdtFormat.Property:
                    Write(structure, offset + 8, unchecked(Read(structure, offset + 8) + stringsSize));
                    break;

                case End:
                    return Math.Min(next, 0);
            }
        }
    }

    private int ProbeState(bool inStructure)
    {
        if (fdt.Length < HeaderBytes)
        {
            return -FdtError.BadMagic;
        }

        var magic = Read(fdt, Field.Magic);
        if (magic != UnfinishedMagic)
        {
            return magic == Magic ? -FdtError.BadState : -FdtError.BadMagic;
        }

        if (Read(fdt, Field.StringsOffset) != (inStructure ? TotalSize : 0))
        {
            return -FdtError.BadState;
        }

        // Whatever happened to the buffer since the last call, the blocks must lie within it and behind the header.
        var sound = TotalSize == (uint)fdt.Length
            && StructOffset >= ReserveMapStart
            && (ulong)StructOffset + StructSize + StringsSize <= TotalSize;
        return sound ? 0 : -FdtError.Internal;
    }

    private int Grab(int bytes, out Span<byte> room)
    {
        room = default;
        var result = ProbeState(inStructure: true);
        if (result < 0)
        {
            return result;
        }

        var used = StructSize;
        if ((long)used + bytes > TotalSize - StructOffset - StringsSize)
        {
            return -FdtError.NoSpace;
        }

        Write(fdt, Field.StructSize, used + (uint)bytes);
        room = fdt.Slice((int)(StructOffset + used), bytes);
        return 0;
    }

    // The name's offset, counted backwards from the end of the buffer; 0 when there is no room.
    private int FindOrAddString(ReadOnlySpan<byte> name)
    {
        var size = (int)StringsSize;
        var found = FindString(fdt[^size..], name);
        if (found >= 0)
        {
            return found - size;
        }

        size += name.Length + 1;
        if (fdt.Length - size < (long)StructOffset + StructSize)
        {
            return 0;
        }

        name.CopyTo(fdt[^size..]);
        fdt[^(size - name.Length)] = 0;
        Write(fdt, Field.StringsSize, (uint)size);
        return -size;
    }
}
