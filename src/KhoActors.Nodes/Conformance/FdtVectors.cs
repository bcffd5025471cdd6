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
    private const int BlobBytesMax = 1 << 20;

    /// <summary>Runs one vector.</summary>
    /// <param name="caseName">Folder and name.</param>
    /// <param name="vector">The vector's JSON.</param>
    /// <param name="folder">Where its <c>.dtb</c> and <c>.dts</c> are.</param>
    /// <returns>Passed, or the first differences; unsupported for an unknown kind, operation or ABI.</returns>
    /// <exception cref="VectorFormatException">The vector lacks a field or has one of another type, or a file beside it cannot be read.</exception>
    public static CaseResult Run(string caseName, JsonElement vector, string folder)
    {
        var differences = new Differences();
        try
        {
            var page = Make(vector, differences);
            var totalSize = (int)Math.Min(FdtReader.TotalSize(page), (uint)page.Length);
            Compare(vector, folder, page.AsSpan(0, totalSize), differences);
        }
        catch (NotSimulatedException unknown)
        {
            return CaseResult.Skip(caseName, unknown.Message);
        }

        return differences.Result(caseName);
    }

    private static byte[] Make(JsonElement vector, Differences differences) => vector.GetText("kind") switch
    {
        "root-fdt" => MakeStepwise(vector, differences),
        "root-fdt-sequential" => MakeSequential(vector, differences),
        "memblock-fdt" => MakeMemblock(vector, differences),
        "kho-test-fdt" => MakeKhoTest(vector, differences),
        var kind => throw new NotSimulatedException($"unknown kind '{kind}'"),
    };

    private static KhoAbi AbiOf(JsonElement vector)
    {
        var name = vector.GetText("abi");
        return KhoAbi.Find(name) ?? throw new NotSimulatedException($"unknown abi '{name}'");
    }

    private static byte[] MakeStepwise(JsonElement vector, Differences differences)
    {
        var abi = AbiOf(vector);
        var page = new byte[PageGeometry.SizeBytes];
        var index = 0;
        foreach (var step in vector.GetItems("steps"))
        {
            var where = $"steps[{index++}]";
            RunStep(step, abi, page, where, differences);
            var totalSize = (int)Math.Min(FdtReader.TotalSize(page), (uint)page.Length);
            differences.Equal($"{where}.totalsize", step.GetInt("totalsize", 0, int.MaxValue), totalSize);
            differences.Equal($"{where}.sha256", step.GetText("sha256"), Sha256(page.AsSpan(0, totalSize)));
        }

        return page;
    }

    private static void RunStep(JsonElement step, KhoAbi abi, Span<byte> page, string where, Differences differences)
    {
        switch (step.GetText("op"))
        {
            case "setup":
                differences.Equal($"{where}.ret", 0, RootFdt.Setup(page, abi, step.GetNumber("memory_map")));
                break;

            case "add_subtree":
                var size = step.Find("size")?.Number("size") ?? 0;
                var result = RootFdt.AddSubtree(page, abi, step.GetText("name"), step.GetNumber("phys"), size);
                differences.Equal($"{where}.ret", step.GetInt("ret", int.MinValue, int.MaxValue), result);
                break;

            case "remove_subtree":
                RootFdt.RemoveSubtree(page, abi, step.GetNumber("phys"));
                break;

            case "set_memory_map":
                differences.Equal($"{where}.ret", 0, RootFdt.SetMemoryMap(page, step.GetNumber("value")));
                break;

            case var operation:
                throw new NotSimulatedException($"unknown operation '{operation}'");
        }
    }

    private static byte[] MakeSequential(JsonElement vector, Differences differences)
    {
        var content = vector.Get("content");
        var subtrees = content.GetItems("subtrees")
            .Select(pair => (pair.Item(0, "subtrees").Text("subtrees"), pair.Item(1, "subtrees").Number("subtrees")))
            .ToArray();
        var page = new byte[PageGeometry.SizeBytes];
        differences.Equal("ret", 0, RootFdt.WriteSequential(page, AbiOf(vector), content.GetNumber("memory_map"), subtrees));
        return page;
    }

    private static byte[] MakeMemblock(JsonElement vector, Differences differences)
    {
        var entries = vector.Get("content").GetItems("entries")
            .Select(entry => new MemblockFdtEntry(entry.GetText("name"), entry.GetNumber("start"), entry.GetNumber("size")))
            .ToArray();
        var page = new byte[PageGeometry.SizeBytes];
        differences.Equal("ret", 0, MemblockFdt.Write(page, entries));
        differences.Equal("compatible", 0, MemblockFdt.CheckCompatible(page));
        foreach (var entry in entries)
        {
            differences.Equal($"lookup of {entry.Name}", MemblockFdtLookup.Found, MemblockFdt.FindEntry(page, entry.Name, out var found, out _));
            differences.Equal($"entry {entry.Name}", entry, found);
        }

        return page;
    }

    // The blob of the kernel's own test module (lib/test_kho.c); no client of ours, so it is written here.
    private static byte[] MakeKhoTest(JsonElement vector, Differences differences)
    {
        var content = vector.Get("content");
        var buffer = new byte[content.GetInt("buffer_size", 0, BlobBytesMax)];
        var writer = new FdtSequentialWriter(buffer);
        var result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode(""u8);
        result |= writer.PropertyString("compatible"u8, "kho-test-v1");
        result |= writer.PropertyUInt32("magic"u8, 0x4b484f21);
        result |= writer.BeginNode("data"u8);
        result |= writer.PropertyUInt32("nr_folios"u8, (uint)content.GetNumber("nr_folios", uint.MaxValue));
        result |= writer.Property("folios_info"u8, content.GetBytes("folios_info"));
        result |= writer.PropertyUInt32("csum"u8, (uint)content.GetNumber("csum", uint.MaxValue));
        result |= writer.EndNode();
        result |= writer.EndNode();
        result |= writer.Finish();
        differences.Equal("ret", 0, result);
        return buffer;
    }

    private static void Compare(JsonElement vector, string folder, ReadOnlySpan<byte> blob, Differences differences)
    {
        differences.Equal("totalsize", vector.GetInt("totalsize", 0, int.MaxValue), blob.Length);
        differences.Equal("sha256", vector.GetText("sha256"), Sha256(blob));

        var dtb = vector.GetText("dtb");
        var expected = VectorFile.ReadBeside(folder, dtb).Span;
        var same = blob.CommonPrefixLength(expected);
        if (same < Math.Max(blob.Length, expected.Length))
        {
            differences.Add($"byte {same}", At(expected, same), At(blob, same));
        }

        var soundness = FdtReader.CheckFull(expected);
        differences.Equal("check_full", 0, soundness);
        if (soundness != 0)
        {
            return;
        }

        FdtDecoded.Compare(expected, vector.Get("decoded"), differences);

        using var printed = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        FdtDts.Print(expected, printed);
        var source = Encoding.UTF8.GetString(VectorFile.ReadBeside(folder, Path.ChangeExtension(dtb, ".dts")).Span);
        CompareLines(source.TrimEnd('\n').Split('\n'), printed.ToString().TrimEnd('\n').Split('\n'), differences);
    }

    private static void CompareLines(string[] expected, string[] found, Differences differences)
    {
        for (var line = 0; line < Math.Max(expected.Length, found.Length); line++)
        {
            differences.Equal($"dts line {line + 1}", expected.ElementAtOrDefault(line), found.ElementAtOrDefault(line));
        }
    }

    private static string At(ReadOnlySpan<byte> bytes, int index) =>
        index < bytes.Length ? bytes[index].ToString("x2", CultureInfo.InvariantCulture) : "end";

    private static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
