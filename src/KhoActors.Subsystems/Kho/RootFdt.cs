using System.Buffers.Binary;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Subsystems.Kho;

/// <summary>What the memory map property of an incoming root FDT says.</summary>
public enum MemoryMapLookup
{
    /// <summary>It is there and 8 bytes long; the address may still be 0.</summary>
    Found,

    /// <summary>It is missing, or the blob cannot be read.</summary>
    Missing,

    /// <summary>It is not 8 bytes long.</summary>
    WrongLength,
}

/// <summary>How the lookup of a sub-tree ended (kho_retrieve_subtree), in the order in which the kernel checks.</summary>
public enum SubtreeLookup
{
    /// <summary>Found; the result is 0.</summary>
    Found,

    /// <summary>No node of that name: ENOENT.</summary>
    NodeMissing,

    /// <summary>The address property is missing or not 8 bytes long: EINVAL.</summary>
    AddressInvalid,

    /// <summary>The size property is missing or not 8 bytes long: EINVAL and the line <c>broken KHO subnode</c>; the address is stored already.</summary>
    SizeInvalid,
}

/// <summary>
/// The root FDT of a hand-over: one page that lists the tracker and the clients' blobs (kernel/liveupdate/kexec_handover.c,
/// include/linux/kho/abi/kexec_handover.h). Container fields are big-endian, numbers in values are little-endian.
/// </summary>
public static class RootFdt
{
    /// <summary>Name of the property that points to the tracker: its first chunk or radix root.</summary>
    public const string MapPropertyName = "preserved-memory-map";

    private static ReadOnlySpan<byte> MapProperty => "preserved-memory-map"u8;

    /// <summary>Writes the root FDT without sub-trees, as kho_init does.</summary>
    /// <param name="page">The page; cleared first.</param>
    /// <param name="abi">The ABI generation.</param>
    /// <param name="memoryMap">Address of the radix root; 0 in kho-v1, which sets it when it finalizes.</param>
    /// <returns>0, or libfdt's codes OR-ed together as the kernel does.</returns>
    public static int Setup(Span<byte> page, KhoAbi abi, ulong memoryMap) => WriteSequential(page, abi, memoryMap, []);

    /// <summary>Writes the root FDT in one go, as kernels up to 6.18 do when they finalize.</summary>
    /// <param name="page">The page; cleared first.</param>
    /// <param name="abi">The ABI generation; it must have no size property.</param>
    /// <param name="memoryMap">Address of the first chunk.</param>
    /// <param name="subtrees">Names and addresses in the order in which the clients registered.</param>
    /// <returns>0, or libfdt's codes OR-ed together as the kernel does.</returns>
    public static int WriteSequential(Span<byte> page, KhoAbi abi, ulong memoryMap, ReadOnlySpan<(string Name, ulong Phys)> subtrees)
    {
        var writer = new FdtSequentialWriter(page);
        var result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode(""u8);
        result |= writer.PropertyString("compatible"u8, abi.Compatible);
        result |= writer.PropertyUInt64(MapProperty, memoryMap);
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        foreach (var (name, phys) in subtrees)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(value, phys);
            result |= writer.BeginNode(name);
            result |= writer.Property(abi.AddressProperty, value);
            result |= writer.EndNode();
        }

        result |= writer.EndNode();
        return result | writer.Finish();
    }

    /// <summary>Adds a sub-tree (kho_add_subtree). The page is packed whatever happens.</summary>
    /// <param name="page">The root FDT's page.</param>
    /// <param name="abi">The ABI generation.</param>
    /// <param name="name">The client's name; not empty.</param>
    /// <param name="phys">Physical address of its blob; not checked.</param>
    /// <param name="sizeBytes">Size of the blob; stored only where the generation has a size property.</param>
    /// <returns>
    /// 0; -EEXIST when the name is taken, -ENOMEM when the page is full or damaged. Generations with <see cref="KhoAbi.FailedAddLeavesNode"/> keep
    /// the half-built node when a property does not fit and return libfdt's -3.
    /// </returns>
    public static int AddSubtree(Span<byte> page, KhoAbi abi, string name, ulong phys, ulong sizeBytes)
    {
        if (FdtEditor.OpenInto(page) < 0)
        {
            return -Errno.ENOMEM;
        }

        var result = AddOpened(page, abi, name, phys, sizeBytes);
        FdtEditor.Pack(page);
        return result;
    }

    private static int AddOpened(Span<byte> page, KhoAbi abi, string name, ulong phys, ulong sizeBytes)
    {
        var node = FdtEditor.AddSubnode(page, 0, name);
        if (node < 0)
        {
            return node == -FdtError.Exists ? -Errno.EEXIST : -Errno.ENOMEM;
        }

        var result = SetNumber(page, node, abi.AddressProperty, phys);
        if (result == 0 && abi.SizeProperty is not null)
        {
            result = SetNumber(page, node, abi.SizeProperty, sizeBytes);
        }

        if (result == 0 || abi.FailedAddLeavesNode)
        {
            return result;
        }

        FdtEditor.DeleteNode(page, node);
        return -Errno.ENOMEM;
    }

    private static int SetNumber(Span<byte> page, int node, string property, ulong number)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, number);
        return FdtEditor.SetProperty(page, node, property, value);
    }

    /// <summary>Removes the first sub-tree in blob order whose address matches (kho_remove_subtree). The page is packed also when nothing was found.</summary>
    /// <param name="page">The root FDT's page.</param>
    /// <param name="abi">The ABI generation.</param>
    /// <param name="phys">Physical address of the client's blob.</param>
    /// <returns>Whether one was removed.</returns>
    public static bool RemoveSubtree(Span<byte> page, KhoAbi abi, ulong phys)
    {
        if (FdtEditor.OpenInto(page) < 0)
        {
            return false;
        }

        var node = FdtReader.FirstSubnode(page, 0);
        while (node >= 0 && !(TryReadNumber(page, node, abi.AddressProperty, out var found) && found == phys))
        {
            node = FdtReader.NextSubnode(page, node);
        }

        var removed = node >= 0 && FdtEditor.DeleteNode(page, node) == 0;
        FdtEditor.Pack(page);
        return removed;
    }

    /// <summary>Overwrites the memory map address in place (kho-v1, when it finalizes or aborts).</summary>
    /// <param name="page">The root FDT's page.</param>
    /// <param name="memoryMap">Address of the first chunk, or 0.</param>
    /// <returns>0; libfdt's code when the property is missing, -NOSPACE when it is not 8 bytes long.</returns>
    public static int SetMemoryMap(Span<byte> page, ulong memoryMap)
    {
        var result = FdtReader.GetProperty(page, 0, MapProperty, out var value);
        if (result < 0 || value.Length != sizeof(ulong))
        {
            return result < 0 ? result : -FdtError.NoSpace;
        }

        page.Overlaps(value, out var offset);
        BinaryPrimitives.WriteUInt64LittleEndian(page[offset..], memoryMap);
        return 0;
    }

    /// <summary>
    /// Whether a generation can read an incoming root FDT: the compatible test of kho_populate, which follows <see cref="FdtReader.CheckHeader"/>.
    /// </summary>
    /// <param name="fdt">The incoming root FDT, in its page.</param>
    /// <param name="abi">The reading kernel's generation.</param>
    /// <returns>0 compatible, 1 not, or libfdt's negative code; the number that the kernel prints.</returns>
    public static int Compatible(ReadOnlySpan<byte> fdt, KhoAbi abi) => FdtReader.NodeCheckCompatible(fdt, 0, abi.Compatible);

    /// <summary>Reads the address of the first chunk or the radix root.</summary>
    /// <param name="fdt">The incoming root FDT, in its page.</param>
    /// <param name="address">The address; 0 when there is none.</param>
    /// <returns>What the property is like.</returns>
    public static MemoryMapLookup MemoryMap(ReadOnlySpan<byte> fdt, out ulong address)
    {
        address = 0;
        if (FdtReader.GetProperty(fdt, 0, MapProperty, out var value) < 0)
        {
            return MemoryMapLookup.Missing;
        }

        if (value.Length != sizeof(ulong))
        {
            return MemoryMapLookup.WrongLength;
        }

        address = BinaryPrimitives.ReadUInt64LittleEndian(value);
        return MemoryMapLookup.Found;
    }

    /// <summary>Looks a sub-tree up (kho_retrieve_subtree, without its checks for an absent incoming FDT).</summary>
    /// <param name="fdt">The incoming root FDT, in its page.</param>
    /// <param name="abi">The reading kernel's generation.</param>
    /// <param name="name">The client's name; <c>name@unit</c> matches, too.</param>
    /// <param name="phys">Physical address of the blob; set also when the size is broken.</param>
    /// <param name="sizeBytes">Its size; null in generations without sizes.</param>
    /// <returns>What was found.</returns>
    public static SubtreeLookup FindSubtree(ReadOnlySpan<byte> fdt, KhoAbi abi, string name, out ulong phys, out ulong? sizeBytes)
    {
        phys = 0;
        sizeBytes = null;
        var node = FdtReader.SubnodeOffset(fdt, 0, name);
        return node < 0 ? SubtreeLookup.NodeMissing : ReadSubtree(fdt, node, abi, out phys, out sizeBytes);
    }

    /// <summary>Reads what a sub-node says of its blob.</summary>
    internal static SubtreeLookup ReadSubtree(ReadOnlySpan<byte> fdt, int node, KhoAbi abi, out ulong phys, out ulong? sizeBytes)
    {
        sizeBytes = null;
        if (!TryReadNumber(fdt, node, abi.AddressProperty, out phys))
        {
            return SubtreeLookup.AddressInvalid;
        }

        if (abi.SizeProperty is null)
        {
            return SubtreeLookup.Found;
        }

        if (!TryReadNumber(fdt, node, abi.SizeProperty, out var size))
        {
            return SubtreeLookup.SizeInvalid;
        }

        sizeBytes = size;
        return SubtreeLookup.Found;
    }

    /// <summary>The errno of a lookup.</summary>
    /// <param name="lookup">How it ended.</param>
    /// <returns>0, -ENOENT or -EINVAL.</returns>
    public static int ErrnoOf(SubtreeLookup lookup) => lookup switch
    {
        SubtreeLookup.Found => 0,
        SubtreeLookup.NodeMissing => -Errno.ENOENT,
        _ => -Errno.EINVAL,
    };

    private static bool TryReadNumber(ReadOnlySpan<byte> fdt, int node, string property, out ulong number)
    {
        var whole = FdtReader.GetProperty(fdt, node, property, out var value) == 0 && value.Length == sizeof(ulong);
        number = whole ? BinaryPrimitives.ReadUInt64LittleEndian(value) : 0;
        return whole;
    }
}
