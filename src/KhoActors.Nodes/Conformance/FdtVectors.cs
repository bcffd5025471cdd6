using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Runs recorded FDT vectors (<c>fdt/</c> of the golden format): makes each blob with our writer and editor and compares every step's
/// result, size and SHA-256, the final bytes, what our reader finds in them and what is printed for them.
/// </summary>
public static class FdtVectors
{
    /// <summary>Runs one vector.</summary>
    /// <param name="caseName">Folder and name.</param>
    /// <param name="vector">The vector's JSON.</param>
    /// <param name="folder">Where its <c>.dtb</c> and <c>.dts</c> are.</param>
    /// <returns>Passed, or the first differences; unsupported for an unknown kind, operation or ABI.</returns>
    /// <exception cref="JsonException">The vector lacks a field or has one of another type.</exception>
    public static CaseResult Run(string caseName, JsonElement vector, string folder)
    {
        var differences = new DifferenceList();
        try
        {
            var page = Make(vector, differences);
            var totalSize = (int)Math.Min(FdtReader.TotalSize(page), (uint)page.Length);
            Compare(vector, folder, page.AsSpan(0, totalSize), differences);
        }
        catch (NotSupportedException unknown)
        {
            return CaseResult.Skip(caseName, unknown.Message);
        }
        catch (Exception malformed) when (malformed is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new JsonException($"{caseName}: {malformed.Message}", malformed);
        }

        return differences.ToResult(caseName);
    }

    private static byte[] Make(JsonElement vector, DifferenceList differences) => vector.GetProperty("kind").GetString() switch
    {
        "root-fdt" => MakeStepwise(vector, differences),
        "root-fdt-sequential" => MakeSequential(vector, differences),
        "memblock-fdt" => MakeMemblock(vector, differences),
        "kho-test-fdt" => MakeKhoTest(vector, differences),
        var kind => throw new NotSupportedException($"unknown kind '{kind}'"),
    };

    private static KhoAbi AbiOf(JsonElement vector)
    {
        var name = vector.GetProperty("abi").GetString()!;
        return KhoAbi.Find(name) ?? throw new NotSupportedException($"unknown abi '{name}'");
    }

    private static byte[] MakeStepwise(JsonElement vector, DifferenceList differences)
    {
        var abi = AbiOf(vector);
        var page = new byte[PageGeometry.SizeBytes];
        var index = 0;
        foreach (var step in vector.GetProperty("steps").EnumerateArray())
        {
            var where = $"steps[{index++}]";
            RunStep(step, abi, page, where, differences);
            var totalSize = (int)Math.Min(FdtReader.TotalSize(page), (uint)page.Length);
            differences.Check($"{where}.totalsize", step.GetProperty("totalsize").GetInt32(), totalSize);
            differences.Check($"{where}.sha256", step.GetProperty("sha256").GetString(), Sha256(page.AsSpan(0, totalSize)));
        }

        return page;
    }

    private static void RunStep(JsonElement step, KhoAbi abi, Span<byte> page, string where, DifferenceList differences)
    {
        switch (step.GetProperty("op").GetString())
        {
            case "setup":
                differences.Check($"{where}.ret", 0, RootFdt.Setup(page, abi, Number(step, "memory_map")));
                break;

            case "add_subtree":
                var size = step.TryGetProperty("size", out _) ? Number(step, "size") : 0;
                var result = RootFdt.AddSubtree(page, abi, step.GetProperty("name").GetString()!, Number(step, "phys"), size);
                differences.Check($"{where}.ret", step.GetProperty("ret").GetInt32(), result);
                break;

            case "remove_subtree":
                RootFdt.RemoveSubtree(page, abi, Number(step, "phys"));
                break;

            case "set_memory_map":
                differences.Check($"{where}.ret", 0, RootFdt.SetMemoryMap(page, Number(step, "value")));
                break;

            case var operation:
                throw new NotSupportedException($"unknown operation '{operation}'");
        }
    }

    private static byte[] MakeSequential(JsonElement vector, DifferenceList differences)
    {
        var content = vector.GetProperty("content");
        var subtrees = content.GetProperty("subtrees").EnumerateArray()
            .Select(pair => (pair[0].GetString()!, ParseNumber(pair[1].GetString()!)))
            .ToArray();
        var page = new byte[PageGeometry.SizeBytes];
        differences.Check("ret", 0, RootFdt.WriteSequential(page, AbiOf(vector), Number(content, "memory_map"), subtrees));
        return page;
    }

    private static byte[] MakeMemblock(JsonElement vector, DifferenceList differences)
    {
        var entries = vector.GetProperty("content").GetProperty("entries").EnumerateArray()
            .Select(entry => new MemblockFdtEntry(entry.GetProperty("name").GetString()!, Number(entry, "start"), Number(entry, "size")))
            .ToArray();
        var page = new byte[PageGeometry.SizeBytes];
        differences.Check("ret", 0, MemblockFdt.Write(page, entries));
        differences.Check("compatible", 0, MemblockFdt.CheckCompatible(page));
        foreach (var entry in entries)
        {
            differences.Check($"lookup of {entry.Name}", MemblockFdtLookup.Found, MemblockFdt.FindEntry(page, entry.Name, out var found, out _));
            differences.Check($"entry {entry.Name}", entry, found);
        }

        return page;
    }

    // The blob of the kernel's own test module (lib/test_kho.c); no client of ours, so it is written here.
    private static byte[] MakeKhoTest(JsonElement vector, DifferenceList differences)
    {
        var content = vector.GetProperty("content");
        var buffer = new byte[content.GetProperty("buffer_size").GetInt32()];
        var writer = new FdtSequentialWriter(buffer);
        var result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode(""u8);
        result |= writer.PropertyString("compatible"u8, "kho-test-v1");
        result |= writer.PropertyUInt32("magic"u8, 0x4b484f21);
        result |= writer.BeginNode("data"u8);
        result |= writer.PropertyUInt32("nr_folios"u8, content.GetProperty("nr_folios").GetUInt32());
        result |= writer.Property("folios_info"u8, Convert.FromHexString(content.GetProperty("folios_info").GetString()!));
        result |= writer.PropertyUInt32("csum"u8, content.GetProperty("csum").GetUInt32());
        result |= writer.EndNode();
        result |= writer.EndNode();
        result |= writer.Finish();
        differences.Check("ret", 0, result);
        return buffer;
    }

    private static void Compare(JsonElement vector, string folder, ReadOnlySpan<byte> blob, DifferenceList differences)
    {
        differences.Check("totalsize", vector.GetProperty("totalsize").GetInt32(), blob.Length);
        differences.Check("sha256", vector.GetProperty("sha256").GetString(), Sha256(blob));

        var dtb = Path.Combine(folder, vector.GetProperty("dtb").GetString()!);
        var expected = File.ReadAllBytes(dtb);
        var same = blob.CommonPrefixLength(expected);
        if (same < Math.Max(blob.Length, expected.Length))
        {
            differences.Add($"byte {same}", At(expected, same), At(blob, same));
        }

        differences.Check("check_full", 0, FdtReader.CheckFull(expected));
        FdtDecoded.Compare(expected, vector.GetProperty("decoded"), differences);

        using var printed = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        FdtDts.Print(expected, printed);
        CompareLines(File.ReadAllLines(Path.ChangeExtension(dtb, ".dts")), printed.ToString().TrimEnd('\n').Split('\n'), differences);
    }

    private static void CompareLines(string[] expected, string[] found, DifferenceList differences)
    {
        for (var line = 0; line < Math.Max(expected.Length, found.Length); line++)
        {
            differences.Check($"dts line {line + 1}", expected.ElementAtOrDefault(line), found.ElementAtOrDefault(line));
        }
    }

    private static string At(ReadOnlySpan<byte> bytes, int index) =>
        index < bytes.Length ? bytes[index].ToString("x2", CultureInfo.InvariantCulture) : "end";

    private static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static ulong Number(JsonElement parent, string name) => ParseNumber(parent.GetProperty(name).GetString()!);

    private static ulong ParseNumber(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        : throw new FormatException($"'{text}' is not a hexadecimal number");
}
