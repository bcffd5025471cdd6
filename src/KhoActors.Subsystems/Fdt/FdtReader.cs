using static KhoActors.Subsystems.Fdt.FdtFormat;

namespace KhoActors.Subsystems.Fdt;

/// <summary>
/// Reads flattened device trees as the kernel's libfdt does (scripts/dtc/libfdt/fdt.c, fdt_ro.c), with its rules and its codes.
/// The blob is hostile: no call throws for what is in it, reads outside the span, or takes more than time linear in its length.
/// Nodes and properties are offsets into the structure block; the root is 0. A span longer than the blob (its page) is fine.
/// </summary>
public static class FdtReader
{
    /// <summary>
    /// fdt_check_header: magic, versions, alignment, and that the blocks lie within totalsize. Looks at the header only: a totalsize above
    /// the span's length passes, as a kernel that has mapped one page accepts it.
    /// </summary>
    /// <param name="fdt">The blob.</param>
    /// <returns>0; -BADMAGIC, -BADVERSION, -ALIGNMENT or -TRUNCATED.</returns>
    public static int CheckHeader(ReadOnlySpan<byte> fdt)
    {
        if (fdt.Length < ShortestHeaderBytes)
        {
            return -FdtError.Truncated;
        }

        if (Read(fdt, Field.Magic) != Magic)
        {
            return -FdtError.BadMagic;
        }

        var version = Read(fdt, Field.Version);
        var lastCompatible = Read(fdt, Field.LastCompatibleVersion);
        if (version < FirstSupportedVersion || lastCompatible > LastSupportedVersion || version < lastCompatible)
        {
            return -FdtError.BadVersion;
        }

        return CheckBlocks(fdt, HeaderBytesOf(version), version >= LastSupportedVersion);
    }

    private static int CheckBlocks(ReadOnlySpan<byte> fdt, uint headerBytes, bool hasStructSize)
    {
        var total = Read(fdt, Field.TotalSize);
        var reserveMap = Read(fdt, Field.ReserveMapOffset);
        var structure = Read(fdt, Field.StructOffset);
        if (total < headerBytes || total > int.MaxValue)
        {
            return -FdtError.Truncated;
        }

        if (reserveMap % sizeof(ulong) != 0 || structure % TagBytes != 0)
        {
            return -FdtError.Alignment;
        }

        var within = BlockWithin(reserveMap, 0)
            && BlockWithin(structure, hasStructSize ? Read(fdt, Field.StructSize) : 0)
            && BlockWithin(Read(fdt, Field.StringsOffset), Read(fdt, Field.StringsSize));
        return within ? 0 : -FdtError.Truncated;

        bool BlockWithin(uint offset, uint size) => offset >= headerBytes && (ulong)offset + size <= total;
    }

    /// <summary>fdt_check_full: the header, and every tag, name and string; what passes can be read to its end.</summary>
    /// <param name="fdt">The blob; must hold all of its totalsize.</param>
    /// <returns>0 or the negative code of the first defect.</returns>
    public static int CheckFull(ReadOnlySpan<byte> fdt)
    {
        if (fdt.Length < ShortestHeaderBytes || fdt.Length < HeaderBytesOf(Read(fdt, Field.Version)))
        {
            return -FdtError.Truncated;
        }

        var header = CheckHeader(fdt);
        if (header != 0)
        {
            return header;
        }

        if ((uint)fdt.Length < Read(fdt, Field.TotalSize))
        {
            return -FdtError.Truncated;
        }

        var view = new FdtView(fdt);
        var reservations = view.ReservationCount();
        return reservations < 0 ? reservations : CheckTags(view);
    }

    private static int CheckTags(FdtView view)
    {
        var depth = 0;
        var rootEnded = false;
        var strings = view.Strings;
        var lastStringEnd = strings.LastEnd();
        var next = 0;
        while (true)
        {
            var offset = next;
            var tag = view.NextTag(offset, out next);
            if (next < 0)
            {
                return next;
            }

            if (rootEnded && tag is not (End or Nop))
            {
                return -FdtError.BadStructure;
            }

            switch (tag)
            {
                case End:
                    return depth == 0 ? 0 : -FdtError.BadStructure;

                case BeginNode:
                    depth++;
                    var result = depth == 1 ? CheckRootName(view, offset) : 0;
                    if (result < 0)
                    {
                        return result;
                    }

                    break;

                case EndNode:
                    if (depth == 0)
                    {
                        return -FdtError.BadStructure;
                    }

                    depth--;
                    rootEnded = depth == 0;
                    break;

                case Property:
                    var named = strings.Check(Read(view.Structure, offset + NameOffsetInProperty), lastStringEnd);
                    if (named < 0)
                    {
                        return named;
                    }

                    break;
            }
        }
    }

    private static int CheckRootName(FdtView view, int node)
    {
        var result = view.NodeName(node, out var name);
        return result < 0 ? result : name.IsEmpty ? 0 : -FdtError.BadStructure;
    }

    /// <summary>The header's totalsize, unchecked.</summary>
    /// <param name="fdt">The blob.</param>
    /// <returns>Bytes; 0 when the span is shorter than the field.</returns>
    public static uint TotalSize(ReadOnlySpan<byte> fdt) => Read(fdt, Field.TotalSize);

    /// <summary>How many memory reservations the blob lists (fdt_num_mem_rsv).</summary>
    /// <param name="fdt">The blob.</param>
    /// <returns>The count, or the negative code.</returns>
    public static int ReservationCount(ReadOnlySpan<byte> fdt) => new FdtView(fdt).ReservationCount();

    /// <summary>The first subnode (fdt_first_subnode).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="parent">A node.</param>
    /// <returns>The subnode, or -NOTFOUND for every reason.</returns>
    public static int FirstSubnode(ReadOnlySpan<byte> fdt, int parent)
    {
        var depth = 0;
        var node = new FdtView(fdt).NextNode(parent, ref depth);
        return node < 0 || depth != 1 ? -FdtError.NotFound : node;
    }

    /// <summary>The next subnode of the same parent (fdt_next_subnode).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="subnode">A subnode.</param>
    /// <returns>Its sibling, or -NOTFOUND for every reason.</returns>
    public static int NextSubnode(ReadOnlySpan<byte> fdt, int subnode)
    {
        var view = new FdtView(fdt);
        var depth = 1;
        var node = subnode;
        do
        {
            node = view.NextNode(node, ref depth);
            if (node < 0 || depth < 1)
            {
                return -FdtError.NotFound;
            }
        }
        while (depth > 1);

        return node;
    }

    /// <summary>The direct subnode of a name (fdt_subnode_offset): the first in blob order; a name without '@' also finds <c>name@unit</c>.</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="parent">A node.</param>
    /// <param name="name">The name without NUL.</param>
    /// <returns>The subnode, -NOTFOUND, or the negative code of what is broken.</returns>
    public static int SubnodeOffset(ReadOnlySpan<byte> fdt, int parent, ReadOnlySpan<byte> name) => new FdtView(fdt).SubnodeOffset(parent, name);

    /// <inheritdoc cref="SubnodeOffset(ReadOnlySpan{byte}, int, ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The name cannot be a C string.</exception>
    public static int SubnodeOffset(ReadOnlySpan<byte> fdt, int parent, string name)
    {
        var buffer = name.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[name.Length];
        return new FdtView(fdt).SubnodeOffset(parent, Encode(name, buffer));
    }

    /// <summary>The name of a node with its unit address (fdt_get_name).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="node">A node.</param>
    /// <param name="name">The name without NUL, within the blob.</param>
    /// <returns>0 or the negative code.</returns>
    public static int NodeName(ReadOnlySpan<byte> fdt, int node, out ReadOnlySpan<byte> name) => new FdtView(fdt).NodeName(node, out name);

    /// <summary>The value of a node's property (fdt_getprop): the first of that name in blob order.</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="node">A node.</param>
    /// <param name="name">The property's name without NUL.</param>
    /// <param name="value">The value, within the blob.</param>
    /// <returns>0, -NOTFOUND, or the negative code of what is broken.</returns>
    public static int GetProperty(ReadOnlySpan<byte> fdt, int node, scoped ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var view = new FdtView(fdt);
        var property = view.PropertyOffset(node, name);
        value = property < 0 ? default : view.Value(property);
        return Math.Min(property, 0);
    }

    /// <inheritdoc cref="GetProperty(ReadOnlySpan{byte}, int, ReadOnlySpan{byte}, out ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The name cannot be a C string.</exception>
    public static int GetProperty(ReadOnlySpan<byte> fdt, int node, string name, out ReadOnlySpan<byte> value)
    {
        var buffer = name.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[name.Length];
        return GetProperty(fdt, node, Encode(name, buffer), out value);
    }

    /// <summary>The first property of a node (fdt_first_property_offset).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="node">A node.</param>
    /// <returns>The property, -NOTFOUND, or the negative code of what is broken.</returns>
    public static int FirstProperty(ReadOnlySpan<byte> fdt, int node)
    {
        var view = new FdtView(fdt);
        var inside = view.InsideNode(node);
        return inside < 0 ? inside : view.PropertyFrom(inside, out _);
    }

    /// <summary>The next property of the same node (fdt_next_property_offset).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="property">A property.</param>
    /// <returns>The property, -NOTFOUND, or the negative code of what is broken.</returns>
    public static int NextProperty(ReadOnlySpan<byte> fdt, int property)
    {
        var view = new FdtView(fdt);
        var next = view.BehindProperty(property);
        return next < 0 ? next : view.PropertyFrom(next, out _);
    }

    /// <summary>Name and value of a property (fdt_getprop_by_offset).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="property">A property.</param>
    /// <param name="name">The name without NUL, within the blob.</param>
    /// <param name="value">The value, within the blob.</param>
    /// <returns>0 or the negative code.</returns>
    public static int PropertyAt(ReadOnlySpan<byte> fdt, int property, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var view = new FdtView(fdt);
        name = default;
        value = default;
        var result = view.BehindProperty(property);
        if (result < 0)
        {
            return result;
        }

        result = view.Strings.String(Read(view.Structure, property + NameOffsetInProperty), out name);
        if (result == 0)
        {
            value = view.Value(property);
        }

        return result;
    }

    /// <summary>Whether one entry of a node's <c>compatible</c> string list is that string (fdt_node_check_compatible).</summary>
    /// <param name="fdt">The blob.</param>
    /// <param name="node">A node.</param>
    /// <param name="compatible">The string without NUL.</param>
    /// <returns>
    /// 0 match, 1 no match, or the negative code: -NOTFOUND also for a blob whose magic is destroyed, because then no property has a readable name.
    /// </returns>
    public static int NodeCheckCompatible(ReadOnlySpan<byte> fdt, int node, ReadOnlySpan<byte> compatible)
    {
        var view = new FdtView(fdt);
        var property = view.PropertyOffset(node, "compatible"u8);
        if (property < 0)
        {
            return property;
        }

        // libfdt compares the NUL of the last entry even where it lies just behind the value, in its padding or in what follows.
        var list = view.BufferFrom(view.ValueOffset(property, out var left));
        while (left >= compatible.Length)
        {
            if (list.StartsWith(compatible) && list.Length > compatible.Length && list[compatible.Length] == 0)
            {
                return 0;
            }

            var entry = list[..left].IndexOf((byte)0);
            if (entry < 0)
            {
                return 1;
            }

            left -= entry + 1;
            list = list[(entry + 1)..];
        }

        return 1;
    }

    /// <inheritdoc cref="NodeCheckCompatible(ReadOnlySpan{byte}, int, ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">The string cannot be a C string.</exception>
    public static int NodeCheckCompatible(ReadOnlySpan<byte> fdt, int node, string compatible)
    {
        var buffer = compatible.Length <= StackNameBytes ? stackalloc byte[StackNameBytes] : new byte[compatible.Length];
        return NodeCheckCompatible(fdt, node, Encode(compatible, buffer));
    }
}
