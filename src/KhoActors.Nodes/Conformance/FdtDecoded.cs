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
    public static void Compare(ReadOnlySpan<byte> fdt, JsonElement decoded, Differences differences)
    {
        var header = decoded.Get("header");
        for (var field = 0; field < HeaderFields.Length; field++)
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(fdt[(field * sizeof(uint))..]);
            differences.Equal($"decoded.header.{HeaderFields[field]}", header.GetNumber(HeaderFields[field]), value);
        }

        differences.Equal("decoded.reserve_map", decoded.GetItems("reserve_map").Count(), FdtReader.ReservationCount(fdt));
        CompareStrings(fdt, decoded, differences);
        CompareNode(fdt, 0, decoded.Get("root"), "root", differences);
    }

    private static void CompareStrings(ReadOnlySpan<byte> fdt, JsonElement decoded, Differences differences)
    {
        var start = BinaryPrimitives.ReadInt32BigEndian(fdt[12..]);
        var size = BinaryPrimitives.ReadInt32BigEndian(fdt[32..]);
        var expected = string.Concat(decoded.GetItems("strings").Select(text => text.Text("strings") + "\0"));
        differences.Equal("decoded.strings", expected, Encoding.Latin1.GetString(fdt.Slice(start, size)));
    }

    private static void CompareNode(ReadOnlySpan<byte> fdt, int node, JsonElement expected, string path, Differences differences)
    {
        FdtReader.NodeName(fdt, node, out var name);
        differences.Equal($"{path}.name", expected.GetText("name"), Encoding.Latin1.GetString(name));

        var property = FdtReader.FirstProperty(fdt, node);
        foreach (var recorded in expected.GetItems("props"))
        {
            CompareProperty(fdt, property, recorded, path, differences);
            property = FdtReader.NextProperty(fdt, property);
        }

        differences.Equal($"{path}: end of properties", -FdtError.NotFound, property);

        var subnode = FdtReader.FirstSubnode(fdt, node);
        var index = 0;
        foreach (var recorded in expected.GetItems("nodes"))
        {
            if (subnode < 0)
            {
                differences.Equal($"{path}: subnode {index}", 0, subnode);
                return;
            }

            CompareNode(fdt, subnode, recorded, $"{path}.nodes[{(index++).ToString(CultureInfo.InvariantCulture)}]", differences);
            subnode = FdtReader.NextSubnode(fdt, subnode);
        }

        differences.Equal($"{path}: end of subnodes", -FdtError.NotFound, subnode);
    }

    private static void CompareProperty(ReadOnlySpan<byte> fdt, int property, JsonElement recorded, string path, Differences differences)
    {
        var expectedName = recorded.GetText("name");
        var where = $"{path}.{expectedName}";
        differences.Equal($"{where}: code", 0, FdtReader.PropertyAt(fdt, property, out var name, out var value));
        differences.Equal($"{where}: name", expectedName, Encoding.Latin1.GetString(name));
        differences.Equal($"{where}: length", recorded.GetInt("len", 0, int.MaxValue), value.Length);
        differences.Equal($"{where}: value", recorded.GetText("hex"), Convert.ToHexStringLower(value));
        if (recorded.Find("u64") is { } wide && value.Length == sizeof(ulong))
        {
            differences.Equal($"{where}: u64", wide.Number("u64"), BinaryPrimitives.ReadUInt64LittleEndian(value));
        }
        else if (recorded.Find("u32") is { } narrow && value.Length == sizeof(uint))
        {
            differences.Equal($"{where}: u32", narrow.Number("u32"), BinaryPrimitives.ReadUInt32LittleEndian(value));
        }
        else if (recorded.Find("string") is { } text)
        {
            differences.Equal($"{where}: string", text.Text("string") + "\0", Encoding.Latin1.GetString(value));
        }
    }
}
