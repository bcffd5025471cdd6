using System.Text.Json;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Conformance;

/// <summary>The recorded FDT and decoding vectors, each as a test of its own.</summary>
public sealed class FdtVectorTests
{
    public static TheoryData<string> FdtNames => [.. NamesIn("fdt")];

    public static TheoryData<string> DecodeNames => [.. NamesIn("decode")];

    [Theory]
    [MemberData(nameof(FdtNames))]
    public void Fdt_vector_is_reproduced(string name)
    {
        using var vector = Open("fdt", name);
        var result = FdtVectors.Run($"fdt/{name}", vector.RootElement, Path.Combine(Golden(), "fdt"));
        Assert.True(result.Outcome == CaseOutcome.Passed, result.Detail);
    }

    [Theory]
    [MemberData(nameof(DecodeNames))]
    public void Decode_vector_is_reproduced(string name)
    {
        using var vector = Open("decode", name);
        var result = DecodeVectors.Run($"decode/{name}", vector.RootElement);
        Assert.True(result.Outcome == CaseOutcome.Passed, result.Detail);
    }

    [Fact]
    public void All_recorded_vectors_are_here()
    {
        Assert.Equal(75, NamesIn("fdt").Count());
        Assert.Single(NamesIn("decode"));
    }

    [Fact]
    public void A_wrong_result_code_is_reported()
    {
        var altered = File.ReadAllText(Path.Combine(Golden(), "fdt", "v2-add-duplicate.json"))
            .Replace("\"ret\": -17", "\"ret\": -16", StringComparison.Ordinal);
        using var vector = JsonDocument.Parse(altered);
        var result = FdtVectors.Run("altered", vector.RootElement, Path.Combine(Golden(), "fdt"));
        Assert.Equal(CaseOutcome.Failed, result.Outcome);
        Assert.Contains("ret: expected -16, found -17", result.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_kind_is_unsupported()
    {
        using var vector = JsonDocument.Parse("""{"kind": "overlay", "abi": "kho-v4"}""");
        Assert.Equal(CaseOutcome.Unsupported, FdtVectors.Run("x", vector.RootElement, ".").Outcome);
    }

    private static IEnumerable<string> NamesIn(string folder) => Directory.GetFiles(Path.Combine(Golden(), folder), "*.json")
        .Select(file => Path.GetFileNameWithoutExtension(file))
        .Order(StringComparer.Ordinal);

    private static JsonDocument Open(string folder, string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Golden(), folder, name + ".json")));

    private static string Golden()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder?.FullName ?? throw new DirectoryNotFoundException("KhoActors.sln"), "tests", "data", "golden");
    }
}
