using System.Text.RegularExpressions;

namespace KhoActors.Host.Tests;

/// <summary>What docs/scenarios.md shows can be pasted: the files are valid, and the script's expectations are met.</summary>
public sealed partial class ScenariosPageTests
{
    private const string Frame =
        """
        name: page
        summary: The script of the page
        kernels: [7.3-rc7-lab]
        kexecs: 6
        hardware: [{ memory: 512 MiB }]
        command_line: kho=on kho_scratch=32M,64M,32M test_kho.max_mem=65536 pstore.compress=none

        """;

    [Fact]
    public void The_kernel_file_of_the_page_is_valid()
    {
        using TemporaryFolder folder = new();
        ProgramRun run = ProgramRun.Of("validate", folder.Write("mine.yaml", Example("name: mine")));

        Assert.Equal(ExitCode.Held, run.ExitCode);
    }

    [Fact]
    public void The_script_of_the_page_runs_and_comes_out_as_it_says()
    {
        using TemporaryFolder folder = new();
        ProgramRun run = ProgramRun.Of("run", folder.Write("page.yaml", Frame + Example("script:")), "--store", "none");

        Assert.Equal(string.Empty, string.Join('\n', run.Error.Split('\n').Where(static line => line.StartsWith("violation", StringComparison.Ordinal))));
        Assert.Equal(ExitCode.Held, run.ExitCode);
    }

    private static string Example(string start) =>
        YamlBlock().Matches(File.ReadAllText(ProgramRun.InTree("docs/scenarios.md")).ReplaceLineEndings("\n"))
            .Select(static match => match.Groups[1].Value)
            .Single(yaml => yaml.StartsWith(start, StringComparison.Ordinal));

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlBlock();
}
