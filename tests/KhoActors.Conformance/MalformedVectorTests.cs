using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Conformance;

/// <summary>Vectors come from outside: whatever is wrong with one, its case fails with one message that names file and fault.</summary>
public sealed class MalformedVectorTests : IDisposable
{
    private const string Start = """{"format":1,"name":"x","abi":"kho-v2","setup":"tree","allocator":{"base_phys":"0x1000","alloc_limit":null},""";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("khoactors-vectors-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "the root must be an object")]
    [InlineData("{}", "field 'abi' is missing")]
    [InlineData("""{"abi":"kho-v9"}""", "'abi' must be one of")]
    [InlineData("""{"abi":7}""", "'abi' must be a string, found 7")]
    [InlineData("""{"abi":"kho-v2","allocator":{"base_phys":"0x1001"}}""", "'base_phys' must be a multiple of 4096")]
    [InlineData(Start + """ "ops":{},"expect":{}}""", "'ops' must be an array")]
    [InlineData(Start + """ "ops":[{"op":"preserve","pfn":-1,"nr_pages":1}],"expect":{}}""", "'pfn' must be a number")]
    [InlineData(Start + """ "ops":[{"op":"preserve","pfn":4503599627370495,"nr_pages":2}],"expect":{}}""", "'nr_pages' must be a number")]
    [InlineData(Start + """ "ops":[{"op":"preserve_folio","pfn":1,"order":52}],"expect":{}}""", "'order' must be an integer from 0 to 51")]
    [InlineData(Start + """ "ops":[{"op":"unpreserve_free","phys":"0x5000"}],"expect":{}}""", "0x5000 is not an allocated folio")]
    [InlineData(Start + """ "ops":[{"op":"add_subtree","name":"a","phys":"0x1000"}],"expect":{}}""", "has no root FDT")]
    [InlineData(Start + """ "ops":[]}""", "field 'expect' is missing")]
    [InlineData(Start + """ "ops":[],"expect":{"surprise":1}}""", "expectation 'surprise'")]
    [InlineData("""{"kind":"root-fdt","abi":"kho-v4","steps":7}""", "'steps' must be an array, found 7")]
    [InlineData("""{"kind":"memblock-fdt","content":{"entries":[]},"totalsize":1,"sha256":"","dtb":"../x"}""", "'../x' names no file beside the vector")]
    [InlineData("""{"kind":"memblock-fdt","content":{"entries":[]},"totalsize":1,"sha256":"","dtb":"x.dtb"}""", "x.dtb is missing")]
    [InlineData("""{"cases":[{"hex":"0","name":"a"}]}""", "'hex' must be bytes in hex")]
    public void A_malformed_file_is_a_failed_case_that_says_what_is_wrong(string content, string message)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "bad.json"), content);
        CaseResult result = Assert.Single(GoldenVectors.Run(_folder.FullName));
        Assert.Equal(CaseOutcome.Failed, result.Outcome);
        Assert.Contains(message, result.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bomb_is_refused()
    {
        using (var file = new GZipStream(File.Create(Path.Combine(_folder.FullName, "bomb.json.gz")), CompressionLevel.Fastest))
        {
            byte[] spaces = Encoding.ASCII.GetBytes(new string(' ', 1 << 20));
            for (int i = 0; i <= 64; i++)
            {
                file.Write(spaces);
            }
        }

        Assert.Equal("bomb.json.gz: holds more than 64 MiB", Assert.Single(GoldenVectors.Run(_folder.FullName)).Detail);
    }

    [Fact]
    public void Damaged_compression_is_a_failed_case()
    {
        File.WriteAllBytes(Path.Combine(_folder.FullName, "cut.json.gz"), [1, 2, 3, 4]);
        Assert.StartsWith("cut.json.gz: cannot be read", Assert.Single(GoldenVectors.Run(_folder.FullName)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_deep_nesting_is_a_failed_case()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "deep.json"), "{\"a\":" + new string('[', 100) + new string(']', 100) + "}");
        Assert.StartsWith("deep.json: not valid JSON", Assert.Single(GoldenVectors.Run(_folder.FullName)).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fdt/v2-add-unit-address-clash")]
    [InlineData("fdt/v1seq-1")]
    [InlineData("fdt/memblock-1")]
    [InlineData("fdt/kho-test-small")]
    [InlineData("fdt/v4-kexec-metadata")]
    [InlineData("decode/root-fdt-damaged-1")]
    [InlineData("restore/folio-each-order-twice")]
    [InlineData("v2-radix/hand-range-1-2")]
    [InlineData("v2-system/init-only")]
    [InlineData("quirks/reserve-size-overflow")]
    public void A_value_of_another_type_in_any_place_never_escapes_as_an_exception(string vector)
    {
        string source = Path.Combine(Fixtures.Golden, vector);
        foreach (string beside in Directory.GetFiles(Path.GetDirectoryName(source)!, Path.GetFileName(source) + ".dt?"))
        {
            File.Copy(beside, Path.Combine(_folder.FullName, Path.GetFileName(beside)));
        }

        JsonNode root = JsonNode.Parse(File.ReadAllBytes(source + ".json"))!;
        string[] others = ["null", "-1", "1e30", "18446744073709551616", "\"\"", "\"0x\"", "\"zz\"", "[]", "[[1]]", "{}", "true"];
        JsonNode?[] places = [.. Below(root).Take(400)];
        for (int place = 0; place < places.Length; place++)
        {
            Action<JsonNode?> replace = ReplacementOf(places[place]!);
            replace(JsonNode.Parse(others[place % others.Length]));
            File.WriteAllText(Path.Combine(_folder.FullName, Path.GetFileName(source) + ".json"), root.ToJsonString());
            Assert.Single(GoldenVectors.Run(_folder.FullName));
            replace(places[place]);
        }
    }

    private static IEnumerable<JsonNode> Below(JsonNode node)
    {
        IEnumerable<JsonNode?> children = node switch
        {
            JsonObject fields => fields.Select(field => field.Value),
            JsonArray items => items,
            _ => [],
        };
        return children.OfType<JsonNode>().SelectMany(child => Below(child).Prepend(child));
    }

    private static Action<JsonNode?> ReplacementOf(JsonNode node)
    {
        if (node.Parent is JsonArray items)
        {
            int index = items.IndexOf(node);
            return other => items[index] = other;
        }

        JsonObject fields = node.Parent!.AsObject();
        string name = node.GetPropertyName();
        return other => fields[name] = other;
    }
}
