using System.Text.Json;

namespace KhoActors.Host.Tests;

public class CatalogTests
{
    [Theory]
    [InlineData("scenarios")]
    [InlineData("kernels")]
    public void A_catalog_as_JSON_names_and_summarises_each_file(string command)
    {
        ProgramRun run = ProgramRun.Of(command, "--json");

        Assert.NotEqual(ExitCode.Defect, run.ExitCode);
        Assert.All(run.Json.EnumerateArray(), static entry => Assert.Equal(["name", "summary", "path", "problem"], ProgramRun.Fields(entry)));
    }

    [Fact]
    public void The_shipped_scenarios_are_listed()
    {
        IEnumerable<string?> names = ProgramRun.Of("scenarios", "--json").Json.EnumerateArray().Select(static entry => entry.GetProperty("name").GetString());

        Assert.Superset(new HashSet<string?> { "tiny", "fleet" }, new HashSet<string?>(names));
    }

    [Theory]
    [InlineData("scenarios")]
    [InlineData("kernels")]
    public void A_name_that_does_not_exist_is_refused(string command)
    {
        ProgramRun run = ProgramRun.Of(command, "no-such-name");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("'no-such-name'", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void An_invalid_file_is_refused_with_line_and_column()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("bad.yaml", "name: bad\nsummary: A scenario with a misspelt key\nmashines: 3\n");

        ProgramRun run = ProgramRun.Of("validate", file);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("bad.yaml:3:1: unknown key 'mashines'", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Problems_as_JSON_have_their_place()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("bad.yaml", "name: bad\nsummary: A scenario with a misspelt key\nmashines: 3\n");

        JsonElement json = ProgramRun.Of("validate", file, "--json").Json;

        Assert.Equal(["file", "kind", "valid", "problems"], ProgramRun.Fields(json));
        Assert.Equal("scenario", json.GetProperty("kind").GetString());
        Assert.False(json.GetProperty("valid").GetBoolean());
        JsonElement problem = json.GetProperty("problems")[0];
        Assert.Equal(["source", "line", "column", "path", "message"], ProgramRun.Fields(problem));
        Assert.Equal(3, problem.GetProperty("line").GetInt32());
    }

    [Fact]
    public void A_file_with_a_release_is_judged_as_a_kernel()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("kernel.yaml", "name: kernel\nrelease: 7.3.0\nunknown: 1\n");

        Assert.Equal("kernel", ProgramRun.Of("validate", file, "--json").Json.GetProperty("kind").GetString());
    }

    [Fact]
    public void A_missing_file_is_refused() => Assert.Contains("no file", ProgramRun.Of("validate", "no-such-file").ErrorLine, StringComparison.Ordinal);
}
