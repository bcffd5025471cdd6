using System.Text.Json;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Host.Tests;

public class ConformanceCommandTests
{
    [Fact]
    public void A_capture_is_checked_and_counted()
    {
        JsonElement json = ProgramRun.Of("conformance", ProgramRun.InTree("tests/data/real/v4-7.3-explicit"), "--json").Json;

        Assert.Equal(["dir", "passed", "failed", "unsupported", "cases"], ProgramRun.Fields(json));
        JsonElement[] cases = [.. json.GetProperty("cases").EnumerateArray()];
        Assert.NotEmpty(cases);
        Assert.All(cases, static each => Assert.Equal(["name", "result", "detail"], ProgramRun.Fields(each)));
        int counted = json.GetProperty("passed").GetInt32() + json.GetProperty("failed").GetInt32() + json.GetProperty("unsupported").GetInt32();
        Assert.Equal(cases.Length, counted);
    }

    [Fact]
    public void A_folder_without_vectors_is_refused()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("conformance", folder.Path).ExitCode);
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("conformance", folder["missing"]).ExitCode);
    }

    [Fact]
    public void Failed_wins_over_unsupported_and_nothing_checked_is_inconclusive()
    {
        CaseResult passed = CaseResult.Pass("a"), failed = CaseResult.Fail("b", "differs"), unsupported = CaseResult.Skip("c", "missing");
        Assert.Equal(ExitCode.Held, Code(passed));
        Assert.Equal(ExitCode.Inconclusive, Code(passed, unsupported));
        Assert.Equal(ExitCode.Violated, Code(passed, failed, unsupported));
        Assert.Equal(ExitCode.Inconclusive, Code());
    }

    private static ExitCode Code(params CaseResult[] cases) => new ConformanceReport("dir", cases).ExitCode;
}
