using System.CommandLine;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Invariants;

namespace KhoActors.Host.Commands;

/// <summary><c>kho invariants</c>: what every machine is judged by.</summary>
internal static class InvariantsCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Option<bool> json = CommonOptions.Json();
        Command command = new("invariants", "List the invariants that every machine is judged by.") { json };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(json))
            {
                JsonReport.Write(terminal, writer =>
                {
                    writer.WriteStartArray();
                    foreach (Invariant invariant in InvariantCatalog.All)
                    {
                        writer.WriteStartObject();
                        writer.WriteString("name", invariant.Name);
                        writer.WriteString("summary", invariant.Summary);
                        writer.WriteEndObject();
                    }

                    writer.WriteEndArray();
                });
                return (int)ExitCode.Held;
            }

            SummaryTable table = new("name", "what must hold");
            foreach (Invariant invariant in InvariantCatalog.All)
            {
                table.Row(invariant.Name, invariant.Summary);
            }

            table.Write(terminal);
            return (int)ExitCode.Held;
        });
        return command;
    }
}
