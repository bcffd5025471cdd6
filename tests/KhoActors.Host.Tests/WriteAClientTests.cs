using System.Diagnostics;

namespace KhoActors.Host.Tests;

/// <summary>
/// docs/write-a-client.md, to the letter: its files are written, its commands run, and its output must come out. A code block
/// that names a file is that file; a diff takes lines out of one; a console block holds commands behind <c>$</c> and their output, with
/// three dots for what is left out.
/// </summary>
public sealed class WriteAClientTests : IDisposable
{
    private const string Program = "../KhoActors/kho ";
    private const string LeftOut = "...";

    // Nothing of this changes what is compiled; it keeps the build short, off the network, and without servers that stay behind.
    private static readonly string[] BuildSwitches =
    [
        "-v", "q", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:NuGetAudit=false", "-p:RunAnalyzers=false",
        $"-p:KhoActors={AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)}",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_text_compiles_runs_and_shows_what_it_says()
    {
        int commands = 0;
        foreach (Block block in BlocksOf(File.ReadAllLines(ProgramRun.InTree("docs/write-a-client.md"))))
        {
            switch (block.Language)
            {
                case "console":
                    commands += RunConsole(block.Lines);
                    break;
                case "diff":
                    TakeOut(block);
                    break;
                default:
                    Assert.NotEmpty(block.File);
                    _folder.Write(block.File, string.Join('\n', block.Lines) + "\n");
                    break;
            }
        }

        Assert.Equal(5, commands);
    }

    private int RunConsole(IReadOnlyList<string> lines)
    {
        int commands = 0;
        for (int i = 0; i < lines.Count;)
        {
            Assert.StartsWith("$ ", lines[i], StringComparison.Ordinal);
            string command = lines[i++][2..];
            List<string> expected = [];
            for (; i < lines.Count && !lines[i].StartsWith("$ ", StringComparison.Ordinal); i++)
            {
                expected.Add(lines[i]);
            }

            string output = Run(command);
            AssertShown(expected, output.Split('\n'), command, output);
            commands++;
        }

        return commands;
    }

    /// <summary>Every line in order; directly behind the one before unless dots stand between them. Dots at the end of a line leave out its rest.</summary>
    private static void AssertShown(List<string> expected, string[] found, string command, string output)
    {
        int at = 0;
        bool mayLeaveOut = false;
        foreach (string line in expected)
        {
            if (line == LeftOut)
            {
                mayLeaveOut = true;
                continue;
            }

            bool isCut = line.EndsWith(LeftOut, StringComparison.Ordinal);
            bool IsIt(string text) => isCut ? text.StartsWith(line[..^LeftOut.Length].TrimEnd(), StringComparison.Ordinal) : text.TrimEnd() == line;
            int next = mayLeaveOut ? Array.FindIndex(found, at, IsIt) : at < found.Length && IsIt(found[at]) ? at : -1;
            Assert.True(next >= 0, $"`{command}` does not show `{line}` there; it shows:\n{output}");
            at = next + 1;
            mayLeaveOut = false;
        }
    }

    private void TakeOut(Block block)
    {
        string text = File.ReadAllText(_folder[block.File]);
        foreach (string line in block.Lines)
        {
            Assert.StartsWith("-", line, StringComparison.Ordinal);
            Assert.Contains($"{line[1..]}\n", text, StringComparison.Ordinal);
            text = text.Replace($"{line[1..]}\n", string.Empty, StringComparison.Ordinal);
        }

        _folder.Write(block.File, text);
    }

    private string Run(string command)
    {
        bool isProgram = command.StartsWith(Program, StringComparison.Ordinal);
        Assert.True(isProgram || command == "dotnet build -c Release", $"`{command}` is not a command that this test knows");
        string[] arguments = isProgram
            ? ["exec", typeof(CommandLine).Assembly.Location, .. command[Program.Length..].Split(' ')]
            : ["build", "-c", "Release", .. BuildSwitches, .. Directory.Exists(_folder["obj"]) ? ["--no-restore"] : Array.Empty<string>()];
        ProcessStartInfo start = new("dotnet", arguments)
        {
            WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
        process.WaitForExit();
        Assert.True(isProgram || process.ExitCode == 0, $"the build failed:\n{output}");
        return output;
    }

    private static List<Block> BlocksOf(string[] lines)
    {
        List<Block> blocks = [];
        for (int i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                continue;
            }

            string[] header = lines[i][3..].Split(' ');
            int end = Array.IndexOf(lines, "```", i + 1);
            blocks.Add(new Block(header[0], header.Length > 1 ? header[1] : string.Empty, lines[(i + 1)..end]));
            i = end;
        }

        return blocks;
    }

    private sealed record Block(string Language, string File, IReadOnlyList<string> Lines);
}
