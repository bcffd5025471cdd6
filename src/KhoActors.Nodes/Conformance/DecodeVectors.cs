using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Runs recorded decoding vectors (<c>decode/</c> of the golden format): damaged root FDTs and the verdicts of the kernel's reading code. Verdicts and
/// values must agree; of <c>check_full</c>, which the kernel does not call, only accepted or refused, as its recorded numbers are of another libfdt.
/// </summary>
public static class DecodeVectors
{
    // In place of an address, this plus the length says that the property is not 8 bytes long.
    private const int WrongLength = 1000;

    /// <summary>Runs all cases of a file.</summary>
    /// <param name="caseName">Folder and name.</param>
    /// <param name="vector">The file's JSON.</param>
    /// <returns>Passed, or the first differences, each with the name of its case.</returns>
    /// <exception cref="VectorFormatException">The file lacks a field or has one of another type.</exception>
    public static CaseResult Run(string caseName, JsonElement vector)
    {
        var differences = new Differences();
        foreach (var inner in vector.GetItems("cases"))
        {
            RunCase(inner.GetText("name"), inner.GetBytes("hex"), inner.Get("expect"), differences);
        }

        return differences.Result(caseName);
    }

    private static void RunCase(string name, ReadOnlySpan<byte> fdt, JsonElement expect, Differences differences)
    {
        differences.Equal($"{name}: check_header", expect.GetInt("check_header", int.MinValue, int.MaxValue), FdtReader.CheckHeader(fdt));
        var refused = FdtReader.CheckFull(fdt) != 0;
        differences.Equal($"{name}: check_full refused", expect.GetInt("check_full", int.MinValue, int.MaxValue) != 0, refused);

        if (expect.Find("compatible_with_kho_v2") is { } compatible)
        {
            int expected = compatible.Int("compatible_with_kho_v2", int.MinValue, int.MaxValue);
            differences.Equal($"{name}: compatible", expected, FdtReader.NodeCheckCompatible(fdt, 0, "kho-v2"));
        }

        if (expect.Find("memory_map") is { } map)
        {
            differences.Equal($"{name}: memory_map", Text(map), Number(fdt, 0, "preserved-memory-map"));
        }

        if (expect.Find("memblock_subnode_found") is { } found)
        {
            var node = FdtReader.SubnodeOffset(fdt, 0, "memblock");
            differences.Equal($"{name}: memblock_subnode_found", found.Truth("memblock_subnode_found"), node >= 0);
            if (expect.Find("memblock_preserved_data") is { } data)
            {
                differences.Equal($"{name}: memblock_preserved_data", Text(data), Number(fdt, node, "preserved-data"));
            }
        }
    }

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static string Number(ReadOnlySpan<byte> fdt, int node, string property)
    {
        var code = FdtReader.GetProperty(fdt, node, property, out var value);
        if (code == 0 && value.Length == sizeof(ulong))
        {
            return "0x" + BinaryPrimitives.ReadUInt64LittleEndian(value).ToString("x", CultureInfo.InvariantCulture);
        }

        return (code < 0 ? code : WrongLength + value.Length).ToString(CultureInfo.InvariantCulture);
    }
}
