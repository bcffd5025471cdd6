using System.CommandLine;
using KhoActors.Host.Bench;

namespace KhoActors.Host.Commands;

/// <summary><c>kho bench</c>: figures of this computer, then figures of the simulator beside their budgets.</summary>
internal static class BenchCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Option<bool> json = CommonOptions.Json();
        Command command = new("bench", "Measure this computer, then the simulator against its budgets.") { json };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, bool asJson)
    {
        BenchReport report = new(Calibration.Measure(), [StartupWorkload.Measure()]);
        if (asJson)
        {
            report.WriteJson(terminal);
        }
        else
        {
            report.WriteTable(terminal);
        }

        return ExitCode.Held;
    }
}
