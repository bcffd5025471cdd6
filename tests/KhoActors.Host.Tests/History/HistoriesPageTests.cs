namespace KhoActors.Host.Tests.History;

/// <summary>The quick start of docs/histories.md, line by line, on a smaller fleet.</summary>
public sealed class HistoriesPageTests
{
    [Fact]
    public void Every_command_of_the_quick_start_succeeds()
    {
        using TemporaryFolder folder = new();
        string[] lines = [.. QuickStart().Where(static line => line.StartsWith("kho ", StringComparison.Ordinal))];
        Assert.Equal(11, lines.Length);
        foreach (string line in lines)
        {
            ProgramRun run = ProgramRun.Of(ArgumentsOf(line, folder));

            Assert.True(run.ExitCode == ExitCode.Held, $"{line}: {run.ExitCode}\n{run.Error}");
            Assert.NotEqual(string.Empty, run.Out + run.Error);
        }

        Assert.True(File.Exists(folder["rows.csv"]) && File.Exists(folder["m12.khist"]));
    }

    private static string[] QuickStart()
    {
        string page = File.ReadAllText(ProgramRun.InTree("docs/histories.md")).ReplaceLineEndings("\n");
        return page.Split("```sh\n")[1].Split("```")[0].Split('\n');
    }

    private static string[] ArgumentsOf(string line, TemporaryFolder folder)
    {
        string[] words = line.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = words[i] is "rows.csv" or "m12.khist" ? folder[words[i]] : words[i];
        }

        string[] size = words is ["run", "smoke"] ? ["--machines", "20", "--kexecs", "4"] : [];
        return [.. words, .. size, "--store", $"sqlite:{folder["page.db"]}"];
    }
}
