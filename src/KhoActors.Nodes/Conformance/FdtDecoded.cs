using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Nodes.Conformance;

/// <summary>Compares what our reader finds in a blob with a recorded decoding (<c>decoded</c> of the FDT vectors).</summary>
internal static class FdtDecoded
{
    private static readonly string[] HeaderFields =
    [
        "magic", "totalsize", "off_dt_struct", "off_dt_strings", "off_mem_rsvmap",
        "version", "last_comp_version", "boot_cpuid_phys", "size_dt_strings", "size_dt_struct",
    ];

    /// <summary>Compares header, reservations, strings, and the tree in block order.</summary>
    public static void Compare(ReadOnlySpan<byte> fdt, JsonElement decoded, DifferenceList differences)
    {
        var header = decoded.GetProperty("header");
        for (var field = 0; field < HeaderFields.Length; field++)
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(fdt[(field * sizeof(uint))..]);
            var recorded = header.GetProperty(HeaderFields[field]);
            var expected = recorded.ValueKind == JsonValueKind.String ? Hex(recorded.GetString()!) : recorded.GetUInt32();
            differences.Check($"decoded.header.{HeaderFields[field]}", expected, value);
        }

        differences.Check("decoded.reserve_map", decoded.GetProperty("reserve_map").GetArrayLength(), FdtReader.ReservationCount(fdt));
        CompareStrings(fdt, decoded, differences);
        CompareNode(fdt, 0, decoded.GetProperty("root"), "root", differences);
    }

    private static void CompareStrings(ReadOnlySpan<byte> fdt, JsonElement decoded, DifferenceList differences)
    {
        var start = BinaryPrimitives.ReadInt32BigEndian(fdt[12..]);
        var size = BinaryPrimitives.ReadInt32BigEndian(fdt[32..]);
        var expected = string.Concat(decoded.GetProperty("strings").EnumerateArray().Select(text => text.GetString() + "\0"));
        differences.Check("decoded.strings", expected, Encoding.Latin1.GetString(fdt.Slice(start, size)));
    }

    private static void CompareNode(ReadOnlySpan<byte> fdt, int node, JsonElement expected, string path, DifferenceList differences)
    {
        FdtReader.NodeName(fdt, node, out var name);
        differences.Check($"{path}.name", expected.GetProperty("name").GetString(), Encoding.Latin1.GetString(name));

        var property = FdtReader.FirstProperty(fdt, node);
        foreach (var recorded in expected.GetProperty("props").EnumerateArray())
        {
            CompareProperty(fdt, property, recorded, path, differences);
            property = FdtReader.NextProperty(fdt, property);
        }

        differences.Check($"{path}: end of properties", -FdtError.NotFound, property);

        var subnode = FdtReader.FirstSubnode(fdt, node);
        var index = 0;
        foreach (var recorded in expected.GetProperty("nodes").EnumerateArray())
        {
            if (subnode < 0)
            {
                differences.Check($"{path}: subnode {index}", 0, subnode);
                return;
            }

            CompareNode(fdt, subnode, recorded, $"{path}.nodes[{(index++).ToString(CultureInfo.InvariantCulture)}]", differences);
            subnode = FdtReader.NextSubnode(fdt, subnode);
        }

        differences.Check($"{path}: end of subnodes", -FdtError.NotFound, subnode);
    }

    private static void CompareProperty(ReadOnlySpan<byte> fdt, int property, JsonElement recorded, string path, DifferenceList differences)
    {
        var expectedName = recorded.GetProperty("name").GetString()!;
        var where = $"{path}.{expectedName}";
        differences.Check($"{where}: code", 0, FdtReader.PropertyAt(fdt, property, out var name, out var value));
        differences.Check($"{where}: name", expectedName, Encoding.Latin1.GetString(name));
        differences.Check($"{where}: length", recorded.GetProperty("len").GetInt32(), value.Length);
        differences.Check($"{where}: value", recorded.GetProperty("hex").GetString(), Convert.ToHexStringLower(value));
        if (recorded.TryGetProperty("u64", out var number) && value.Length == sizeof(ulong))
        {
            differences.Check($"{where}: u64", Hex(number.GetString()!), BinaryPrimitives.ReadUInt64LittleEndian(value));
        }
        else if (recorded.TryGetProperty("u32", out number) && value.Length == sizeof(uint))
        {
            differences.Check($"{where}: u32", Hex(number.GetString()!), BinaryPrimitives.ReadUInt32LittleEndian(value));
        }
        else if (recorded.TryGetProperty("string", out var text))
        {
            differences.Check($"{where}: string", text.GetString() + "\0", Encoding.Latin1.GetString(value));
        }
    }

    private static ulong Hex(string text) => ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
