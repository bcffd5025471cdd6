using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>
/// Edits a blob in place as libfdt does (scripts/dtc/libfdt/fdt_rw.c), with the same moves of memory: the bytes that a move or a pack
/// leaves behind the blob are the kernel's, too. Offsets of nodes behind an edit change with it.
/// Every call returns a negative <see cref="FdtError"/> on failure and has changed nothing then, apart from the text of a name that was taken back.
/// A damaged blob is refused with libfdt's code; where libfdt would move memory outside the buffer, with -BADLAYOUT or -TRUNCATED.
/// </summary>
public static class FdtEditor
{
    /// <summary>Makes the whole buffer available for editing (fdt_open_into with source and destination the same).</summary>
    /// <param name="buffer">The blob and the room behind it; one page in the kernel.</param>
    /// <returns>0; -NOSPACE, or what is broken.</returns>
    public static int OpenInto(Span<byte> buffer)
    {
        var view = new FdtView(buffer);
        var reservations = view.ReservationCount();
        if (reservations < 0)
        {
            return reservations;
        }

        var structSize = StructSizeOf(buffer, view);
        if (structSize < 0)
        {
            return structSize;
        }

        if (FdtReader.TotalSize(buffer) > (uint)buffer.Length)
        {
            return -FdtError.NoSpace;
        }

        var reservationBytes = (reservations + 1) * ReservationBytes;
        if (FdtBlocks.Misordered(buffer, reservationBytes, structSize))
        {
            var result = Reorder(buffer, reservationBytes, structSize);
            if (result < 0)
            {
                return result;
            }

            Write(buffer, Field.Magic, Magic);
            Write(buffer, Field.LastCompatibleVersion, LastCompatibleVersion);
        }

        Write(buffer, Field.Version, LastSupportedVersion);
        Write(buffer, Field.StructSize, (uint)structSize);
        Write(buffer, Field.TotalSize, (uint)buffer.Length);
        return 0;
    }

    /// <summary>Adds an empty subnode behind the parent's properties, before its other subnodes (fdt_add_subnode).</summary>
    /// <param name="fdt">An opened blob.</param>
    /// <param name="parent">A node.</param>
    /// <param name="name">The name without NUL.</param>
    /// <returns>The new node; -EXISTS also when <c>name@unit</c> exists and the name has no '@'; -NOSPACE; or what is broken.</returns>
    public static int AddSubnode(Span<byte> fdt, int parent, ReadOnlySpan<byte> name)
    {
        var result = ProbeForEditing(fdt);
        if (result < 0)
        {
            return result;
        }

        var view = new FdtView(fdt);
        var existing = view.SubnodeOffset(parent, name);
        if (existing != -FdtError.NotFound)
        {
            return existing >= 0 ? -FdtError.Exists : existing;
        }

        if (view.NextTag(parent, out var next) != BeginNode)
        {
            return -FdtError.Internal;
        }

        int node;
        uint tag;
        do
        {
            node = next;
            tag = view.NextTag(node, out next);
        }
        while (tag is Property or Nop);

        var nameBytes = AlignTag(name.Length + 1);
        result = FdtBlocks.SpliceStructure(fdt, node, 0, TagBytes + nameBytes + TagBytes);
        if (result < 0)
        {
            return result;
        }

        var room = fdt[((int)Read(fdt, Field.StructOffset) + node)..];
        Write(room, 0, BeginNode);
        room.Slice(TagBytes, nameBytes).Clear();
        name.CopyTo(room[TagBytes..]);
        Write(room, TagBytes + nameBytes, EndNode);
        return node;
    }

    /// <inheritdoc cref="AddSubnode(Span{byte}, int, ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The name cannot be a C string.</exception>
    public static int AddSubnode(Span<byte> fdt, int parent, string name)
    {
        var buffer = name.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[name.Length];
        return AddSubnode(fdt, parent, Encode(name, buffer));
    }

    /// <summary>
    /// Sets a property (fdt_setprop): in place when it exists, else as the first one of the node, its name looked up or appended to the strings.
    /// </summary>
    /// <param name="fdt">An opened blob.</param>
    /// <param name="node">A node.</param>
    /// <param name="name">The property's name without NUL.</param>
    /// <param name="value">The value; the padding behind it keeps what the memory held.</param>
    /// <returns>0; -NOSPACE, with a name that was appended for it taken back; or what is broken.</returns>
    public static int SetProperty(Span<byte> fdt, int node, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var result = ProbeForEditing(fdt);
        if (result < 0)
        {
            return result;
        }

        var property = new FdtView(fdt).PropertyOffset(node, name);
        property = property switch
        {
            >= 0 => ResizeProperty(fdt, property, value.Length),
            -FdtError.NotFound => InsertProperty(fdt, node, name, value.Length),
            _ => property,
        };

        if (property < 0)
        {
            return property;
        }

        value.CopyTo(fdt[((int)Read(fdt, Field.StructOffset) + property + PropertyHeaderBytes)..]);
        return 0;
    }

    /// <inheritdoc cref="SetProperty(Span{byte}, int, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The name cannot be a C string.</exception>
    public static int SetProperty(Span<byte> fdt, int node, string name, ReadOnlySpan<byte> value)
    {
        var buffer = name.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[name.Length];
        return SetProperty(fdt, node, Encode(name, buffer), value);
    }

    /// <summary>Deletes a node with everything below it (fdt_del_node). Its strings stay.</summary>
    /// <param name="fdt">An opened blob.</param>
    /// <param name="node">A node.</param>
    /// <returns>0, or what is broken.</returns>
    public static int DeleteNode(Span<byte> fdt, int node)
    {
        var result = ProbeForEditing(fdt);
        if (result < 0)
        {
            return result;
        }

        var view = new FdtView(fdt);
        var depth = 0;
        var end = node;
        while (end >= 0 && depth >= 0)
        {
            end = view.NextNode(end, ref depth);
        }

        return end < 0 ? end : FdtBlocks.SpliceStructure(fdt, node, end - node, 0);
    }

    /// <summary>
    /// Closes the gaps between the blocks and cuts totalsize to the content (fdt_pack): reservations to 40, structure and strings right behind.
    /// </summary>
    /// <param name="fdt">The blob.</param>
    /// <returns>0, or what is broken.</returns>
    public static int Pack(Span<byte> fdt)
    {
        var result = ProbeForEditing(fdt);
        if (result < 0)
        {
            return result;
        }

        var reservations = new FdtView(fdt).ReservationCount();
        if (reservations < 0)
        {
            return reservations;
        }

        var reservationBytes = (reservations + 1) * ReservationBytes;
        var structSize = (int)Read(fdt, Field.StructSize);
        if (FdtBlocks.PackedBytes(fdt, reservationBytes, structSize) > fdt.Length)
        {
            return -FdtError.BadLayout;
        }

        FdtBlocks.Pack(fdt, 0, reservationBytes, structSize);
        Write(fdt, Field.TotalSize, Read(fdt, Field.StringsOffset) + Read(fdt, Field.StringsSize));
        return 0;
    }

    private static int ProbeForEditing(Span<byte> fdt)
    {
        if (fdt.Length < HeaderBytes)
        {
            return -FdtError.Truncated;
        }

        var probe = new FdtView(fdt).Probe;
        if (probe < 0)
        {
            return probe;
        }

        var version = Read(fdt, Field.Version);
        if (version < LastSupportedVersion)
        {
            return -FdtError.BadVersion;
        }

        if (Read(fdt, Field.TotalSize) > (uint)fdt.Length)
        {
            return -FdtError.Truncated;
        }

        if (FdtBlocks.Misordered(fdt, ReservationBytes, Read(fdt, Field.StructSize)))
        {
            return -FdtError.BadLayout;
        }

        if (version > LastSupportedVersion)
        {
            Write(fdt, Field.Version, LastSupportedVersion);
        }

        return 0;
    }

    // Version 16 has no such field: the structure ends with its End tag.
    private static int StructSizeOf(ReadOnlySpan<byte> fdt, FdtView view)
    {
        var version = Read(fdt, Field.Version);
        if (version >= LastSupportedVersion)
        {
            var size = Read(fdt, Field.StructSize);
            return size <= (uint)fdt.Length ? (int)size : -FdtError.BadLayout;
        }

        if (version != 16)
        {
            return -FdtError.BadVersion;
        }

        var next = 0;
        while (view.NextTag(next, out next) != End)
        {
        }

        return next;
    }

    // Builds the ordered blob behind the old one, then moves it to the front.
    private static int Reorder(Span<byte> buffer, int reservationBytes, int structSize)
    {
        var behind = (int)FdtReader.TotalSize(buffer);
        var needed = FdtBlocks.PackedBytes(buffer, reservationBytes, structSize);
        if (behind + needed > buffer.Length)
        {
            return -FdtError.NoSpace;
        }

        if (Read(buffer, Field.StructOffset) + (long)structSize > buffer.Length
            || Read(buffer, Field.StringsOffset) + (long)Read(buffer, Field.StringsSize) > buffer.Length)
        {
            return -FdtError.BadLayout;
        }

        FdtBlocks.Pack(buffer, behind, reservationBytes, structSize);
        buffer.Slice(behind, (int)needed).CopyTo(buffer);
        return 0;
    }

    private static int ResizeProperty(Span<byte> fdt, int property, int valueBytes)
    {
        var start = (int)Read(fdt, Field.StructOffset) + property;
        var oldBytes = (int)Read(fdt, start + TagBytes);
        var result = FdtBlocks.SpliceStructure(fdt, property + PropertyHeaderBytes, AlignTag(oldBytes), AlignTag(valueBytes));
        if (result < 0)
        {
            return result;
        }

        Write(fdt, start + TagBytes, (uint)valueBytes);
        return property;
    }

    private static int InsertProperty(Span<byte> fdt, int node, ReadOnlySpan<byte> name, int valueBytes)
    {
        var property = new FdtView(fdt).InsideNode(node);
        if (property < 0)
        {
            return property;
        }

        var stringsSize = Read(fdt, Field.StringsSize);
        var nameOffset = FindOrAppendString(fdt, name);
        if (nameOffset < 0)
        {
            return nameOffset;
        }

        var result = FdtBlocks.SpliceStructure(fdt, property, 0, PropertyHeaderBytes + AlignTag(valueBytes));
        if (result < 0)
        {
            Write(fdt, Field.StringsSize, stringsSize);
            return result;
        }

        var room = fdt[((int)Read(fdt, Field.StructOffset) + property)..];
        Write(room, 0, Property);
        Write(room, 4, (uint)valueBytes);
        Write(room, 8, (uint)nameOffset);
        return property;
    }

    private static int FindOrAppendString(Span<byte> fdt, ReadOnlySpan<byte> name)
    {
        var size = (int)Read(fdt, Field.StringsSize);
        var strings = fdt[(int)Read(fdt, Field.StringsOffset)..];
        var found = FindString(strings[..size], name);
        if (found >= 0)
        {
            return found;
        }

        if (FdtBlocks.DataEnd(fdt) + name.Length + 1 > Read(fdt, Field.TotalSize))
        {
            return -FdtError.NoSpace;
        }

        name.CopyTo(strings[size..]);
        strings[size + name.Length] = 0;
        Write(fdt, Field.StringsSize, (uint)(size + name.Length + 1));
        return size;
    }
}
