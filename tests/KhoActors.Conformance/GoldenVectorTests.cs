using KhoActors.Nodes.Conformance;

namespace KhoActors.Conformance;

/// <summary>Every recorded vector of the kernel's own code, folder by folder.</summary>
public class GoldenVectorTests
{
    private static readonly string Golden = Path.Combine(Fixtures.Root, "golden");

    [Theory]
    [InlineData("decode", 1)]
    [InlineData("fdt", 75)]
    [InlineData("keys", 2)]
    [InlineData("quirks", 2)]
    [InlineData("restore", 17)]
    [InlineData("v2-radix", 84)]
    [InlineData("v2-system", 20)]
    public void Every_vector_of_the_folder_is_reproduced(string folder, int vectors)
    {
        IReadOnlyList<CaseResult> results = GoldenVectors.Run(Path.Combine(Golden, folder));
        Assert.Equal(vectors, results.Count);
        Assert.All(results, result => Assert.True(result.Outcome == CaseOutcome.Passed, $"{result.Name}: {result.Detail}"));
    }

    [Theory]
    [InlineData("v1", 80)]
    [InlineData("v1-512", 18)]
    [InlineData("v4-block", 21)]
    public void Every_vector_of_the_folder_is_counted_as_unsupported_with_a_reason(string folder, int vectors)
    {
        IReadOnlyList<CaseResult> results = GoldenVectors.Run(Path.Combine(Golden, folder));
        Assert.Equal(vectors, results.Count);
        Assert.All(results, result => Assert.True(result.Outcome == CaseOutcome.Unsupported, $"{result.Name}: {result.Detail}"));
        Assert.All(results, result => Assert.EndsWith("not simulated yet", result.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public void The_collection_is_recognised_and_named_by_folder()
    {
        Assert.True(GoldenVectors.Recognises(Golden));
        Assert.True(GoldenVectors.Recognises(Path.Combine(Golden, "v2-radix")));
        Assert.False(GoldenVectors.Recognises(Path.Combine(Fixtures.Root, "real")));
        Assert.Equal("keys/decode", GoldenVectors.Run(Path.Combine(Golden, "keys"))[0].Name);
    }
}
