using System.Buffers.Binary;
using System.Text;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// Reads the tree that the kernel before handed over. Nothing in it is trusted: what cannot be read ends in -EINVAL, and no step costs more than
/// the tree is long.
/// </summary>
internal static class PocTreeReader
{
    /// <summary>
    /// Whether there is anything for tmpfs: the root is one of the KHO of 2024 and has a node <c>tmpfs</c>. The KHO of 2024 switches itself off,
    /// with a warning, when the root is another one.
    /// </summary>
    /// <param name="tree">The tree.</param>
    /// <param name="node">The node <c>/tmpfs</c>; negative when there is none.</param>
    /// <returns>0, or -EINVAL for a root that cannot be read or is not compatible.</returns>
    public static int FindTmpfs(ReadOnlySpan<byte> tree, out int node)
    {
        node = -1;
        if (FdtReader.CheckHeader(tree) != 0 || FdtReader.NodeCheckCompatible(tree, 0, PocTree.RootCompatible) != 0)
        {
            return -Errno.EINVAL;
        }

        node = FdtReader.SubnodeOffset(tree, 0, "tmpfs"u8);
        return 0;
    }

    /// <summary>Whether a node is compatible.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="node">The node.</param>
    /// <param name="compatible">The string.</param>
    /// <returns>False also when the property is missing or broken.</returns>
    public static bool IsCompatible(ReadOnlySpan<byte> tree, int node, string compatible) => FdtReader.NodeCheckCompatible(tree, node, compatible) == 0;

    /// <summary>The pieces of memory in a node's <c>mem</c>; a rest of less than an entry is passed over.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="node">The node.</param>
    /// <returns>The entries in their order; none when there is no such property.</returns>
    public static List<PocRange> ReadMem(ReadOnlySpan<byte> tree, int node)
    {
        List<PocRange> ranges = [];
        if (FdtReader.GetProperty(tree, node, "mem"u8, out ReadOnlySpan<byte> value) == 0)
        {
            for (; value.Length >= PocRange.EntryBytes; value = value[PocRange.EntryBytes..])
            {
                ranges.Add(new PocRange(BinaryPrimitives.ReadUInt64LittleEndian(value), BinaryPrimitives.ReadUInt64LittleEndian(value[sizeof(ulong)..])));
            }
        }

        return ranges;
    }

    /// <summary>Reads the slab's node.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="tmpfs">The node <c>/tmpfs</c>.</param>
    /// <param name="blocks">The slab's blocks.</param>
    /// <param name="firstFree">The first free slot, a virtual address.</param>
    /// <returns>0, or -EINVAL: no such node, not compatible, another slot size, or a property missing or of another length.</returns>
    public static int ReadSlab(ReadOnlySpan<byte> tree, int tmpfs, out List<PocRange> blocks, out ulong firstFree)
    {
        blocks = [];
        firstFree = 0;
        int node = FdtReader.SubnodeOffset(tree, tmpfs, "inodes"u8);
        if (node < 0
            || !IsCompatible(tree, node, PocTree.SlabCompatible)
            || !Read64(tree, node, "slabsize"u8, out ulong slotBytes)
            || slotBytes != PocInode.SizeBytes
            || !Read64(tree, node, "first-free"u8, out firstFree))
        {
            return -Errno.EINVAL;
        }

        blocks = ReadMem(tree, node);
        return 0;
    }

    /// <summary>The names of the file systems that were handed over, with the nodes that describe them, in the order of the tree.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="tmpfs">The node <c>/tmpfs</c>.</param>
    /// <returns>Names and nodes; names may be there more than once.</returns>
    public static List<(string Name, int Node)> ReadNames(ReadOnlySpan<byte> tree, int tmpfs)
    {
        List<(string, int)> names = [];
        int supers = FdtReader.SubnodeOffset(tree, tmpfs, "supers"u8);
        int node = supers < 0 ? supers : FdtReader.FirstSubnode(tree, supers);
        for (; node >= 0; node = FdtReader.NextSubnode(tree, node))
        {
            if (FdtReader.NodeName(tree, node, out ReadOnlySpan<byte> name) >= 0)
            {
                names.Add((Encoding.Latin1.GetString(name), node));
            }
        }

        return names;
    }

    /// <summary>Reads a file system's node.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="node">The node.</param>
    /// <param name="name">Its name.</param>
    /// <returns>What it says, or null: not compatible, or a property missing or of another length.</returns>
    public static PocSuper? ReadSuper(ReadOnlySpan<byte> tree, int node, string name)
    {
        return IsCompatible(tree, node, PocTree.SuperCompatible)
            && Read32(tree, node, "uid"u8, out uint uid)
            && Read32(tree, node, "gid"u8, out uint gid)
            && Read32(tree, node, "mode"u8, out uint mode)
            && Read64(tree, node, "max-blocks"u8, out ulong maxBlocks)
            && Read64(tree, node, "max-inodes"u8, out ulong maxInodes)
            && Read64(tree, node, "free-ispace"u8, out ulong freeInodeSpace)
            && Read64(tree, node, "flags"u8, out ulong flags)
            && Read64(tree, node, "root"u8, out ulong root)
            ? new PocSuper(name, uid, gid, mode, maxBlocks, maxInodes, freeInodeSpace, flags, root)
            : null;
    }

    private static bool Read32(ReadOnlySpan<byte> tree, int node, ReadOnlySpan<byte> name, out uint value)
    {
        bool found = FdtReader.GetProperty(tree, node, name, out ReadOnlySpan<byte> bytes) == 0 && bytes.Length == sizeof(uint);
        value = found ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;
        return found;
    }

    private static bool Read64(ReadOnlySpan<byte> tree, int node, ReadOnlySpan<byte> name, out ulong value)
    {
        bool found = FdtReader.GetProperty(tree, node, name, out ReadOnlySpan<byte> bytes) == 0 && bytes.Length == sizeof(ulong);
        value = found ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : 0;
        return found;
    }
}
