using System.CommandLine;
using KhoActors.Host.Bench;

namespace KhoActors.Host.Commands;

/// <summary>
/// <c>kho bench</c>: figures of this computer, then figures of the simulator beside their budgets. A budget that is missed is reported and
/// changes no exit code: figures depend on the computer and on what else it does. A workload that did the wrong work is a violation.
/// </summary>
internal static class BenchCommand
{
    private const int DefaultRepetitions = 5;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Option<bool> json = CommonOptions.Json();
        Option<string?> only = new("--only") { Description = "Measure only the rows whose name contains this, in capitals or not.", HelpName = "PATTERN" };
        Option<int?> repetitions = CommonOptions.Count(
            "--repetitions",
            $"How often each workload runs; its figure is the median. [default: {DefaultRepetitions}]");
        Command command = new("bench", "Measure this computer, then the simulator against its budgets.") { only, repetitions, json };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetValue(only), parsed.GetValue(repetitions) ?? DefaultRepetitions, parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string? only, int repetitions, bool asJson)
    {
        List<BenchPart> parts = [.. BenchParts.All().Where(part => part.Names.Any(IsWanted))];
        if (parts.Count == 0)
        {
            string names = string.Join(", ", BenchParts.All().SelectMany(part => part.Names));
            throw new UsageException($"--only {only}: no row has that in its name; accepted: {names}");
        }

        Calibration calibration = Calibration.Measure();
        List<BenchRow> rows = [.. parts.SelectMany(part => part.Measure(repetitions)).Where(row => IsWanted(row.Name))];
        BenchReport report = new(calibration, rows);
        if (asJson)
        {
            report.WriteJson(terminal);
        }
        else
        {
            report.WriteTable(terminal);
        }

        List<BenchRow> wrong = [.. rows.Where(row => row.Proof is { Verified: false })];
        foreach (BenchRow row in wrong)
        {
            terminal.Complain($"{row.Name}: count, checksum or pages differ from the reference");
        }

        return wrong.Count == 0 ? ExitCode.Held : ExitCode.Violated;

        bool IsWanted(string name) => only is null || name.Contains(only, StringComparison.OrdinalIgnoreCase);
    }
}
