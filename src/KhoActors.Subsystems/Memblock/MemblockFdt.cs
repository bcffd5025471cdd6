using System.Buffers.Binary;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Subsystems.Memblock;

/// <summary>One <c>reserve_mem=</c> region as the memblock blob lists it.</summary>
/// <param name="Name">Its label, at most 15 characters.</param>
/// <param name="Start">Physical address of its first byte.</param>
/// <param name="SizeBytes">Bytes; 0 for an entry that was released.</param>
public readonly record struct MemblockFdtEntry(string Name, ulong Start, ulong SizeBytes);

/// <summary>How the lookup of a region in an incoming memblock blob ended, in the order in which the kernel checks.</summary>
public enum MemblockFdtLookup
{
    /// <summary>Found.</summary>
    Found,

    /// <summary>No child of that name: the line <c>FDT 'memblock' has no child</c>.</summary>
    ChildMissing,

    /// <summary>The child is not compatible: the line <c>Node '...' is incompatible with 'reserve-mem-v1'</c>.</summary>
    ChildIncompatible,

    /// <summary>Start or size is missing or not 8 bytes long: no line.</summary>
    RangeInvalid,
}

/// <summary>
/// The blob with which memblock hands its named reservations over: sub-tree <c>memblock</c> (mm/memblock.c, include/linux/kho/abi/memblock.h).
/// </summary>
public static class MemblockFdt
{
    /// <summary>Name of the sub-tree in the root FDT.</summary>
    public const string SubtreeName = "memblock";

    /// <summary>The blob's <c>compatible</c> string.</summary>
    public const string Compatible = "memblock-v1";

    /// <summary>The <c>compatible</c> string of each entry.</summary>
    public const string EntryCompatible = "reserve-mem-v1";

    /// <summary>Writes the blob. The kernel does so only when there is at least one entry.</summary>
    /// <param name="page">The page; cleared first.</param>
    /// <param name="entries">The regions in table order.</param>
    /// <returns>0, or libfdt's codes OR-ed together as the kernel does.</returns>
    public static int Write(Span<byte> page, ReadOnlySpan<MemblockFdtEntry> entries)
    {
        var writer = new FdtSequentialWriter(page);
        var result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode(""u8);
        result |= writer.PropertyString("compatible"u8, Compatible);
        foreach (var entry in entries)
        {
            result |= writer.BeginNode(entry.Name);
            result |= writer.PropertyString("compatible"u8, EntryCompatible);
            result |= writer.PropertyUInt64("start"u8, entry.Start);
            result |= writer.PropertyUInt64("size"u8, entry.SizeBytes);
            result |= writer.EndNode();
        }

        result |= writer.EndNode();
        return result | writer.Finish();
    }

    /// <summary>The compatible test of the blob. The header is not checked: a destroyed magic gives -1, as no property name can be read then.</summary>
    /// <param name="fdt">The blob in its page.</param>
    /// <returns>0 compatible, 1 not, or libfdt's negative code; the number that the kernel prints.</returns>
    public static int CheckCompatible(ReadOnlySpan<byte> fdt) => FdtReader.NodeCheckCompatible(fdt, 0, Compatible);

    /// <summary>Looks a region up by its label.</summary>
    /// <param name="fdt">The blob in its page; it passed <see cref="CheckCompatible"/>.</param>
    /// <param name="name">The label.</param>
    /// <param name="entry">The region when found.</param>
    /// <param name="code">The number that the kernel prints for a missing or incompatible child; else 0.</param>
    /// <returns>What was found.</returns>
    public static MemblockFdtLookup FindEntry(ReadOnlySpan<byte> fdt, string name, out MemblockFdtEntry entry, out int code)
    {
        entry = default;
        var node = FdtReader.SubnodeOffset(fdt, 0, name);
        code = Math.Min(node, 0);
        if (node < 0)
        {
            return MemblockFdtLookup.ChildMissing;
        }

        code = FdtReader.NodeCheckCompatible(fdt, node, EntryCompatible);
        if (code != 0)
        {
            return MemblockFdtLookup.ChildIncompatible;
        }

        if (FdtReader.GetProperty(fdt, node, "start"u8, out var start) < 0 || start.Length != sizeof(ulong)
            || FdtReader.GetProperty(fdt, node, "size"u8, out var size) < 0 || size.Length != sizeof(ulong))
        {
            return MemblockFdtLookup.RangeInvalid;
        }

        entry = new MemblockFdtEntry(name, BinaryPrimitives.ReadUInt64LittleEndian(start), BinaryPrimitives.ReadUInt64LittleEndian(size));
        return MemblockFdtLookup.Found;
    }
}
