using System.CommandLine;
using KhoActors.Host.Doctor;
using KhoActors.Host.Reports;

namespace KhoActors.Host.Commands;

/// <summary><c>kho doctor</c>: what this computer has, lacks, and how to mend it.</summary>
internal static class DoctorCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Option<bool> json = CommonOptions.Json();
        Command command = new("doctor", "Check what this computer has and lacks, and say how to mend it.") { json };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, bool asJson)
    {
        IReadOnlyList<Check> checks = Examination.OfThisComputer();
        if (asJson)
        {
            WriteJson(terminal, checks);
        }
        else
        {
            SummaryTable table = new("", "check", "found");
            foreach (Check check in checks)
            {
                table.Row(Name(check.Verdict), check.Name, check.Advice.Length == 0 ? check.Found : $"{check.Found}: {check.Advice}");
            }

            table.Write(terminal);
        }

        return checks.Any(static check => check.Verdict == Verdict.Missing) ? ExitCode.Inconclusive : ExitCode.Held;
    }

    private static void WriteJson(Terminal terminal, IReadOnlyList<Check> checks) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartArray();
        foreach (Check check in checks)
        {
            json.WriteStartObject();
            json.WriteString("name", check.Name);
            json.WriteString("result", Name(check.Verdict));
            json.WriteString("found", check.Found);
            json.WriteString("advice", check.Advice);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static string Name(Verdict verdict) => verdict switch
    {
        Verdict.Ok => "ok",
        Verdict.Warning => "warn",
        _ => "missing",
    };
}
