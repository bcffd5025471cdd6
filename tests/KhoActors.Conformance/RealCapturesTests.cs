using KhoActors.Nodes.Conformance;

namespace KhoActors.Conformance;

public sealed class RealCapturesTests
{
    public static TheoryData<string> Cases()
    {
        TheoryData<string> cases = [];
        foreach (string folder in Directory.EnumerateDirectories(Fixtures.Real).Order(StringComparer.Ordinal))
        {
            cases.Add(Path.GetFileName(folder));
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_captured_chain_is_reproduced(string name)
    {
        IReadOnlyList<CaseResult> results = RealCaptures.Run(Path.Combine(Fixtures.Real, name));

        Assert.NotEmpty(results);
        Assert.Empty(results.Where(result => result.Outcome == CaseOutcome.Failed).Select(result => $"{result.Name}: {result.Detail}"));
    }
}
