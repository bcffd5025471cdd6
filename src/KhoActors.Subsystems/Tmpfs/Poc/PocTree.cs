using System.Buffers.Binary;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>What the tree says of a mounted file system (<c>/tmpfs/supers/NAME</c>).</summary>
/// <param name="Name">The mount's <c>kho=</c>, a character a byte; names need not be unique.</param>
/// <param name="Uid">uid= of the mount.</param>
/// <param name="Gid">gid= of the mount.</param>
/// <param name="Mode">mode= of the mount.</param>
/// <param name="MaxBlocks">Limit in pages; 0 for none.</param>
/// <param name="MaxInodes">Limit of inodes; 0 for none.</param>
/// <param name="FreeInodeSpace">Inode space that is left, in bytes.</param>
/// <param name="Flags">SB_* of the VFS.</param>
/// <param name="Root">Inode number of the root: a virtual address.</param>
internal sealed record PocSuper(
    string Name, uint Uid, uint Gid, uint Mode, ulong MaxBlocks, ulong MaxInodes, ulong FreeInodeSpace, ulong Flags, ulong Root);

/// <summary>A piece of memory in a <c>mem</c> property: 16 bytes, native byte order.</summary>
/// <param name="Phys">Physical address.</param>
/// <param name="SizeBytes">Bytes.</param>
internal readonly record struct PocRange(ulong Phys, ulong SizeBytes)
{
    /// <summary>Bytes of an entry.</summary>
    public const int EntryBytes = 2 * sizeof(ulong);
}

/// <summary>
/// The one device tree of the KHO of 2024, as it is when tmpfs is the only client: the root <c>kho-v1</c> and the proof of concept's nodes below
/// <c>/tmpfs</c>. Numbers are big-endian, as libfdt's helpers write them; <c>mem</c> is native.
/// </summary>
internal static class PocTree
{
    /// <summary>
    /// Name of the sub-tree under which the port publishes it. Not <c>tmpfs-kho</c>, where tmpfs-kho-v1 has its anchor page: neither finds the
    /// other's data. Should somebody hand it over all the same, a device tree begins with another magic number than an anchor.
    /// </summary>
    public const string SubtreeName = "tmpfs-poc";

    /// <summary><c>compatible</c> of the root: the KHO of 2024.</summary>
    public const string RootCompatible = "kho-v1";

    /// <summary><c>compatible</c> of <c>/tmpfs</c>.</summary>
    public const string Compatible = "tmpfs-kho-v1";

    /// <summary><c>compatible</c> of <c>/tmpfs/inodes</c>.</summary>
    public const string SlabCompatible = "simple-slab-v1";

    /// <summary><c>compatible</c> of a super block.</summary>
    public const string SuperCompatible = "tmpfs-kho-super-v1";

    /// <summary>
    /// Largest tree. The KHO of 2024 allowed 10 MiB (dt_max); in the port the tree is one preserved folio, and the largest one has 4 MiB: room for
    /// about 262,000 data pages.
    /// </summary>
    public const int LimitBytes = PageGeometry.SizeBytes << 10;

    private const int SmallestBytes = 4096;

    /// <summary>Writes the tree.</summary>
    /// <param name="dataPages">Page frame numbers of all data pages, ascending.</param>
    /// <param name="slabBlocks">Physical addresses of the slab's blocks.</param>
    /// <param name="firstFree">The slab's first free slot, a virtual address; 0 for none.</param>
    /// <param name="supers">The mounted file systems, newest first.</param>
    /// <returns>The tree, trimmed; null when it does not fit into <see cref="LimitBytes"/>.</returns>
    public static byte[]? Write(IReadOnlyList<ulong> dataPages, IReadOnlyList<ulong> slabBlocks, ulong firstFree, IReadOnlyList<PocSuper> supers)
    {
        for (int bytes = SmallestBytes; bytes <= LimitBytes; bytes *= 2)
        {
            var buffer = new byte[bytes];
            if (TryWrite(buffer, dataPages, slabBlocks, firstFree, supers))
            {
                return buffer[..(int)FdtReader.TotalSize(buffer)];
            }
        }

        return null;
    }

    private static bool TryWrite(
        Span<byte> buffer, IReadOnlyList<ulong> dataPages, IReadOnlyList<ulong> slabBlocks, ulong firstFree, IReadOnlyList<PocSuper> supers)
    {
        FdtSequentialWriter writer = new(buffer);
        int result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode("");
        result |= writer.PropertyString("compatible"u8, RootCompatible);
        result |= writer.BeginNode("tmpfs");
        result |= writer.PropertyString("compatible"u8, Compatible);
        if (dataPages.Count != 0)
        {
            result |= WritePages(writer, dataPages);
        }

        result |= WriteSlab(writer, slabBlocks, firstFree);
        result |= writer.BeginNode("supers");
        foreach (PocSuper super in supers)
        {
            result |= WriteSuper(writer, super);
        }

        result |= writer.EndNode();
        result |= writer.EndNode();
        result |= writer.EndNode();
        return (result | writer.Finish()) >= 0;
    }

    private static int WritePages(FdtSequentialWriter writer, IReadOnlyList<ulong> pfns)
    {
        int result = writer.PropertyPlaceholder("mem"u8, pfns.Count * PocRange.EntryBytes, out Span<byte> value);
        for (int i = 0; result == 0 && i < pfns.Count; i++)
        {
            WriteRange(value[(i * PocRange.EntryBytes)..], PageGeometry.PhysOf(pfns[i]), PageGeometry.SizeBytes);
        }

        return result;
    }

    private static int WriteSlab(FdtSequentialWriter writer, IReadOnlyList<ulong> blocks, ulong firstFree)
    {
        int result = writer.BeginNode("inodes");
        result |= writer.PropertyString("compatible"u8, SlabCompatible);
        result |= writer.PropertyPlaceholder("mem"u8, blocks.Count * PocRange.EntryBytes, out Span<byte> value);
        for (int i = 0; result == 0 && i < blocks.Count; i++)
        {
            WriteRange(value[(i * PocRange.EntryBytes)..], blocks[i], PocSlab.BlockBytes);
        }

        result |= Write64(writer, "slabsize"u8, PocInode.SizeBytes);
        result |= Write64(writer, "first-free"u8, firstFree);
        return result | writer.EndNode();
    }

    private static int WriteSuper(FdtSequentialWriter writer, PocSuper super)
    {
        int result = writer.BeginNode(super.Name);
        result |= writer.PropertyString("compatible"u8, SuperCompatible);
        result |= Write32(writer, "uid"u8, super.Uid);
        result |= Write32(writer, "gid"u8, super.Gid);
        result |= Write32(writer, "mode"u8, super.Mode);
        result |= Write64(writer, "max-blocks"u8, super.MaxBlocks);
        result |= Write64(writer, "max-inodes"u8, super.MaxInodes);
        result |= Write64(writer, "free-ispace"u8, super.FreeInodeSpace);
        result |= Write64(writer, "flags"u8, super.Flags);
        result |= Write64(writer, "root"u8, super.Root);
        return result | writer.EndNode();
    }

    private static void WriteRange(Span<byte> entry, ulong phys, ulong sizeBytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(entry, phys);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[sizeof(ulong)..], sizeBytes);
    }

    private static int Write32(FdtSequentialWriter writer, ReadOnlySpan<byte> name, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return writer.Property(name, bytes);
    }

    private static int Write64(FdtSequentialWriter writer, ReadOnlySpan<byte> name, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return writer.Property(name, bytes);
    }
}
