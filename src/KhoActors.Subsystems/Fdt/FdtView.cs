using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>
/// A blob with its header decoded once, and the walk over its tags. Nothing in the blob is trusted: every access is bounded by what the
/// header claims and by the buffer that is really there, and fails with libfdt's code. Where libfdt would read past the buffer (a
/// totalsize above the page that was mapped), this returns what libfdt returns at the end of the blob.
/// </summary>
internal readonly ref struct FdtView
{
    private readonly ReadOnlySpan<byte> bytes;
    private readonly ReadOnlySpan<byte> structure;
    private readonly uint totalSize;
    private readonly uint version;

    /// <summary>What every reading call checks first: 0, or the negative code.</summary>
    public readonly int Probe;

    public FdtView(ReadOnlySpan<byte> fdt)
    {
        bytes = fdt;
        if (fdt.Length < ShortestHeaderBytes)
        {
            Probe = -FdtError.Truncated;
            return;
        }

        totalSize = Read(fdt, Field.TotalSize);
        version = Read(fdt, Field.Version);
        var structSize = Read(fdt, Field.StructSize);
        structure = StructureWithin(fdt, Read(fdt, Field.StructOffset), totalSize, version >= LastSupportedVersion ? structSize : uint.MaxValue);
        Probe = ProbeHeader(Read(fdt, Field.Magic), totalSize, version, Read(fdt, Field.LastCompatibleVersion), structSize);
    }

    /// <summary>The structure block, as far as it is really there.</summary>
    public ReadOnlySpan<byte> Structure => structure;

    /// <summary>The buffer from an offset of the structure block on, also beyond the block.</summary>
    public ReadOnlySpan<byte> BufferFrom(int offset) => bytes[((int)Read(bytes, Field.StructOffset) + offset)..];

    /// <summary>The strings block.</summary>
    public FdtStrings Strings => new(bytes, Probe);

    private static ReadOnlySpan<byte> StructureWithin(ReadOnlySpan<byte> fdt, uint offset, uint totalSize, uint structSize)
    {
        var end = Math.Min(totalSize, (uint)fdt.Length);
        return offset >= end ? default : fdt.Slice((int)offset, (int)Math.Min(end - offset, structSize));
    }

    private static int ProbeHeader(uint magic, uint totalSize, uint version, uint lastCompatible, uint structSize)
    {
        if (magic == Magic)
        {
            if (version < FirstSupportedVersion || lastCompatible > LastSupportedVersion)
            {
                return -FdtError.BadVersion;
            }
        }
        else if (magic != UnfinishedMagic)
        {
            return -FdtError.BadMagic;
        }
        else if (structSize == 0)
        {
            return -FdtError.BadState;
        }

        return totalSize < int.MaxValue ? 0 : -FdtError.Truncated;
    }

    /// <summary>Reads the tag at an offset of the structure block.</summary>
    /// <param name="start">Where it starts.</param>
    /// <param name="next">Where the next one starts; a negative code when the tag is not whole, and then the tag is <see cref="End"/>.</param>
    public uint NextTag(int start, out int next)
    {
        if ((uint)start > (uint)structure.Length || structure.Length - start < TagBytes)
        {
            next = -FdtError.Truncated;
            return End;
        }

        next = -FdtError.BadStructure;
        var rest = structure[start..];
        var tag = Read(rest, 0);
        long length = TagBytes;
        switch (tag)
        {
            case BeginNode:
                var nameBytes = rest[TagBytes..].IndexOf((byte)0);
                if (nameBytes < 0)
                {
                    return End;
                }

                length += nameBytes + 1;
                break;

            case Property:
                if (rest.Length < PropertyHeaderBytes - TagBytes)
                {
                    return End;
                }

                var valueBytes = Read(rest, TagBytes);
                length = PropertyHeaderBytes + (long)valueBytes;
                if (RealignsValue(start, valueBytes))
                {
                    length += TagBytes;
                }

                break;

            case EndNode or Nop or End:
                break;

            default:
                return End;
        }

        if (length > rest.Length)
        {
            return End;
        }

        next = AlignTag(start + (int)length);
        return tag;
    }

    // Before version 16 values of 8 bytes and more were aligned to 8.
    private bool RealignsValue(int property, uint valueBytes) =>
        version < 16 && valueBytes >= 8 && (property + PropertyHeaderBytes) % 8 != 0;

    /// <summary>The offset behind a node's start tag and name, or the negative code when there is no node.</summary>
    public int InsideNode(int node)
    {
        if (node < 0 || node % TagBytes != 0)
        {
            return -FdtError.BadOffset;
        }

        return NextTag(node, out var next) == BeginNode ? next : -FdtError.BadOffset;
    }

    /// <summary>The next node in blob order, at any depth (fdt_next_node).</summary>
    /// <param name="node">A node, or a negative number to start.</param>
    /// <param name="depth">Follows the depth; below 0 the walk has left the tree in which it began, and the result is the offset behind it.</param>
    public int NextNode(int node, ref int depth)
    {
        var next = node >= 0 ? InsideNode(node) : 0;
        if (next < 0)
        {
            return next;
        }

        while (true)
        {
            var offset = next;
            switch (NextTag(offset, out next))
            {
                case BeginNode:
                    depth++;
                    return offset;

                case EndNode:
                    depth--;
                    if (depth < 0)
                    {
                        return next;
                    }

                    break;

                case End:
                    return next >= 0 ? -FdtError.NotFound : next;
            }
        }
    }

    /// <summary>The name of a node, or the negative code.</summary>
    public int NodeName(int node, out ReadOnlySpan<byte> name)
    {
        name = default;
        if (Probe < 0)
        {
            return Probe;
        }

        var next = InsideNode(node);
        if (next < 0)
        {
            return next;
        }

        name = structure[(node + TagBytes)..];
        name = name[..name.IndexOf((byte)0)];
        if (version < 16)
        {
            // Old blobs hold whole paths.
            var slash = name.LastIndexOf((byte)'/');
            if (slash < 0)
            {
                name = default;
                return -FdtError.BadStructure;
            }

            name = name[(slash + 1)..];
        }

        return 0;
    }

    /// <summary>The direct subnode of that name; a name without '@' also finds <c>name@unit</c>.</summary>
    public int SubnodeOffset(int parent, scoped ReadOnlySpan<byte> name)
    {
        if (Probe < 0 || parent < 0)
        {
            return Probe < 0 ? Probe : parent;
        }

        var anyUnit = !name.Contains((byte)'@');
        var depth = 0;
        var node = NextNode(parent, ref depth);
        while (node >= 0 && depth >= 0)
        {
            if (depth == 1 && NameMatches(node, name, anyUnit))
            {
                return node;
            }

            node = NextNode(node, ref depth);
        }

        return depth < 0 ? -FdtError.NotFound : node;
    }

    private bool NameMatches(int node, ReadOnlySpan<byte> name, bool anyUnit) =>
        NodeName(node, out var found) == 0
        && found.StartsWith(name)
        && (found.Length == name.Length || (anyUnit && found[name.Length] == '@'));

    /// <summary>The first property at or behind an offset within a node, or the negative code.</summary>
    /// <param name="offset">Behind the node's name or a property.</param>
    /// <param name="next">The offset behind the property.</param>
    public int PropertyFrom(int offset, out int next)
    {
        while (true)
        {
            switch (NextTag(offset, out next))
            {
                case Property:
                    return offset;

                case Nop:
                    offset = next;
                    break;

                case End:
                    return next >= 0 ? -FdtError.BadStructure : next;

                default:
                    return -FdtError.NotFound;
            }
        }
    }

    /// <summary>The offset of a node's property of that name, or the negative code.</summary>
    public int PropertyOffset(int node, scoped ReadOnlySpan<byte> name)
    {
        var strings = Strings;
        var property = InsideNode(node);
        while (property >= 0)
        {
            property = PropertyFrom(property, out var next);
            if (property < 0 || strings.Matches(Read(structure, property + NameOffsetInProperty), name))
            {
                return property;
            }

            property = next;
        }

        return property;
    }

    /// <summary>The offset behind a property, or the negative code when there is no property.</summary>
    public int BehindProperty(int property)
    {
        if (property < 0 || property % TagBytes != 0)
        {
            return -FdtError.BadOffset;
        }

        return NextTag(property, out var next) == Property ? next : -FdtError.BadOffset;
    }

    /// <summary>Where a property's value starts in the structure block; the property must be whole.</summary>
    public int ValueOffset(int property, out int valueBytes)
    {
        valueBytes = (int)Read(structure, property + TagBytes);
        return property + PropertyHeaderBytes + (RealignsValue(property, (uint)valueBytes) ? TagBytes : 0);
    }

    /// <summary>The value of a property; the property must be whole.</summary>
    public ReadOnlySpan<byte> Value(int property)
    {
        var start = ValueOffset(property, out var valueBytes);
        return structure.Slice(start, valueBytes);
    }

    /// <summary>How many memory reservations precede the terminator, or the negative code.</summary>
    public int ReservationCount()
    {
        if (Probe < 0)
        {
            return Probe;
        }

        long map = Read(bytes, Field.ReserveMapOffset);
        var end = Math.Min(totalSize, (uint)bytes.Length);
        for (var count = 0; map + ReservationBytes <= end; count++, map += ReservationBytes)
        {
            if (System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes[((int)map + 8)..]) == 0)
            {
                return count;
            }
        }

        return -FdtError.Truncated;
    }
}
