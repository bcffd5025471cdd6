using System.Buffers.Binary;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.TestKho;

/// <summary>
/// The blob of the kernel's test module (lib/test_kho.c): sub-tree <c>kho_test</c>, an FDT of 240 bytes with numbers in native order.
/// </summary>
/// <param name="Folios">nr_folios: entries of the array.</param>
/// <param name="Array">folios_info: the preserved vmalloc area with one u64 for each folio, its address OR-ed with its order.</param>
/// <param name="Checksum">csum: checksum over the content of all folios in the array's order.</param>
public readonly record struct TestKhoFdt(uint Folios, VmallocDescriptor Array, uint Checksum)
{
    /// <summary>Name of the sub-tree in the root FDT.</summary>
    public const string SubtreeName = "kho_test";

    /// <summary>The root node's <c>compatible</c>.</summary>
    public const string Compatible = "kho-test-v1";

    /// <summary>The root node's <c>magic</c>: "KHO!", the highest byte first.</summary>
    public const uint Magic = 0x4B48_4F21;

    /// <summary>Bytes of the blob, whatever it says.</summary>
    public const int SizeBytes = 240;

    private const string DataNode = "data";

    /// <summary>Writes the blob.</summary>
    /// <param name="buffer">Cleared first; property names grow down from its end while writing, and stay there as left-overs.</param>
    /// <returns>0, or libfdt's codes OR-ed together as the kernel does: below 0 when the buffer is too small.</returns>
    public int Write(Span<byte> buffer)
    {
        FdtSequentialWriter writer = new(buffer);
        int result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode(""u8);
        result |= writer.PropertyString("compatible"u8, Compatible);
        result |= writer.PropertyUInt32("magic"u8, Magic);
        result |= writer.BeginNode(DataNode);
        result |= writer.PropertyUInt32("nr_folios"u8, Folios);
        Span<byte> descriptor = stackalloc byte[VmallocDescriptor.SizeBytes];
        Array.Write(descriptor);
        result |= writer.Property("folios_info"u8, descriptor);
        result |= writer.PropertyUInt32("csum"u8, Checksum);
        result |= writer.EndNode();
        result |= writer.EndNode();
        return result | writer.Finish();
    }

    /// <summary>Reads a blob with the kernel's checks; every one that fails is -EINVAL there.</summary>
    /// <param name="fdt">The memory from its start on; hostile.</param>
    /// <param name="values">What it says.</param>
    /// <returns>Whether the kernel accepts it.</returns>
    public static bool TryRead(ReadOnlySpan<byte> fdt, out TestKhoFdt values)
    {
        values = default;
        if (FdtReader.NodeCheckCompatible(fdt, 0, Compatible) != 0 || !TryReadUInt32(fdt, 0, "magic"u8, out uint magic) || magic != Magic)
        {
            return false;
        }

        int data = FdtReader.SubnodeOffset(fdt, 0, DataNode);
        if (data < 0 || !TryReadUInt32(fdt, data, "nr_folios"u8, out uint folios) || !TryReadUInt32(fdt, data, "csum"u8, out uint checksum)
            || !TryGet(fdt, data, "folios_info"u8, VmallocDescriptor.SizeBytes, out ReadOnlySpan<byte> descriptor))
        {
            return false;
        }

        values = new TestKhoFdt(folios, VmallocDescriptor.Read(descriptor), checksum);
        return true;
    }

    private static bool TryReadUInt32(ReadOnlySpan<byte> fdt, int node, ReadOnlySpan<byte> name, out uint value)
    {
        bool found = TryGet(fdt, node, name, sizeof(uint), out ReadOnlySpan<byte> bytes);
        value = found ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;
        return found;
    }

    private static bool TryGet(ReadOnlySpan<byte> fdt, int node, ReadOnlySpan<byte> name, int sizeBytes, out ReadOnlySpan<byte> value) =>
        FdtReader.GetProperty(fdt, node, name, out value) >= 0 && value.Length == sizeBytes;
}
