using System.CommandLine;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Host.Commands;

/// <summary><c>kho conformance DIR</c>: recorded vectors and captures, each reproduced or reported with its first differences.</summary>
internal static class ConformanceCommand
{
    private static readonly (Func<string, bool> Recognises, Func<string, Action<CaseResult>, IReadOnlyList<CaseResult>> Run)[] Suites =
    [
        (GoldenVectors.Recognises, static (directory, progress) => GoldenVectors.Run(directory, progress)),
        (RealCaptures.Recognises, static (directory, progress) => RealCaptures.Run(directory, new KernelsByRelease(SourceTree.Kernels()), progress)),
    ];

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Argument<string> directory = new("dir") { Description = "A folder of recorded vectors or captures, or one of its sub-folders." };
        Option<bool> json = CommonOptions.Json();
        Option<bool> all = new("--all") { Description = "List the cases that passed, too." };
        Command command = new("conformance", "Run recorded vectors or captures of real kernels and report each mismatch.") { directory, json, all };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(directory), parsed.GetValue(json), parsed.GetValue(all)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string directory, bool asJson, bool listsAll)
    {
        if (!Directory.Exists(directory))
        {
            throw new UsageException($"no folder '{directory}'");
        }

        ConformanceReport report = new(directory, RunSuites(terminal, directory));
        if (asJson)
        {
            report.WriteJson(terminal);
        }
        else
        {
            report.WriteText(terminal, listsAll);
        }

        return report.ExitCode;
    }

    private static List<CaseResult> RunSuites(Terminal terminal, string directory)
    {
        List<CaseResult> results = [];
        bool recognised = false;
        foreach ((Func<string, bool> recognises, Func<string, Action<CaseResult>, IReadOnlyList<CaseResult>> run) in Suites)
        {
            if (recognises(directory))
            {
                recognised = true;
                results.AddRange(run(directory, _ => terminal.Interrupted.ThrowIfCancellationRequested()));
            }
        }

        return recognised ? results : throw new UsageException($"{directory} holds neither recorded vectors nor captures");
    }
}
