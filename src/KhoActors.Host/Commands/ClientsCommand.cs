using System.CommandLine;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Host.Commands;

/// <summary><c>kho clients</c>: the KHO clients that kernel files and scenarios may name, and what user space can do with each.</summary>
internal static class ClientsCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Option<string[]> clients = CommonOptions.Clients();
        Option<bool> json = CommonOptions.Json();
        Command command = new("clients", "List the KHO clients that kernels and scenarios may name, with the operations of user space.") { clients, json };
        command.SetAction(parsed =>
        {
            IReadOnlyList<KhoClient> all = ClientAssemblies.CatalogWith(parsed.GetValue(clients)).All;
            if (parsed.GetValue(json))
            {
                WriteJson(terminal, all);
            }
            else
            {
                WriteTable(terminal, all);
            }

            return (int)ExitCode.Held;
        });
        return command;
    }

    private static IReadOnlyList<string> OperationsOf(KhoClient client) => client.UserProgram?.Invoke().Operations ?? [];

    private static void WriteTable(Terminal terminal, IReadOnlyList<KhoClient> all)
    {
        SummaryTable table = new("name", "actor", "summary", "operations of user space");
        foreach (KhoClient client in all)
        {
            table.Row(client.Name, $"{client.Actor.Value}", client.Summary, string.Join(", ", OperationsOf(client)));
        }

        table.Write(terminal);
    }

    private static void WriteJson(Terminal terminal, IReadOnlyList<KhoClient> all) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartArray();
        foreach (KhoClient client in all)
        {
            json.WriteStartObject();
            json.WriteString("name", client.Name);
            json.WriteString("summary", client.Summary);
            json.WriteNumber("actor", client.Actor.Value);
            json.WriteStartArray("operations");
            foreach (string operation in OperationsOf(client))
            {
                json.WriteStringValue(operation);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
