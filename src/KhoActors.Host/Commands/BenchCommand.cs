using System.CommandLine;
using KhoActors.Host.Bench;

namespace KhoActors.Host.Commands;

/// <summary><c>kho bench</c>: figures of this computer, then figures of the simulator beside their budgets.</summary>
internal static class BenchCommand
{
    private const int DefaultRepetitions = 5;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Option<bool> json = CommonOptions.Json();
        Option<int> repetitions = new("--repetitions")
        {
            Description = "How often each workload of the radix tree runs; its figure is the median.",
            DefaultValueFactory = static _ => DefaultRepetitions,
        };
        repetitions.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--repetitions must be at least 1");
            }
        });
        Command command = new("bench", "Measure this computer, then the simulator against its budgets.") { repetitions, json };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetValue(repetitions), parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, int repetitions, bool asJson)
    {
        Calibration calibration = Calibration.Measure();
        List<BenchRow> rows = [StartupWorkload.Measure()];
        bool verified = true;
        foreach (RadixWorkloadResult result in RadixWorkloads.Run(repetitions))
        {
            rows.Add(new BenchRow(result.Name, "ns/" + result.Unit, result.NsPerUnit, result.BudgetNsPerUnit, BudgetKind.AtMost));
            if (!result.Verified)
            {
                verified = false;
                terminal.Complain($"{result.Name}: count, checksum or pages differ from the reference");
            }
        }

        BenchReport report = new(calibration, rows);
        if (asJson)
        {
            report.WriteJson(terminal);
        }
        else
        {
            report.WriteTable(terminal);
        }

        return verified ? ExitCode.Held : ExitCode.Violated;
    }
}
