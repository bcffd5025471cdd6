using System.CommandLine;
using System.Text.Json;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary><c>kho scenarios</c> and <c>kho kernels</c>: list what there is, or show one with every value that it leaves to defaults.</summary>
internal static class CatalogCommands
{
    /// <summary>Makes <c>kho scenarios</c>.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command CreateScenarios(Terminal terminal) => Create(
        terminal,
        "scenarios",
        "List the scenarios, or show one as JSON with every default filled in.",
        static clients => SourceTree.Scenarios(clients).List(),
        static (clients, name) => CanonicalText.Of(SourceTree.Scenarios(clients).Load(name).Scenario));

    /// <summary>Makes <c>kho kernels</c>.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command CreateKernels(Terminal terminal) => Create(
        terminal,
        "kernels",
        "List the simulated kernels, or show one as JSON with every default filled in.",
        static _ => SourceTree.Kernels().List(),
        static (_, name) => CanonicalText.Of(SourceTree.Kernels().Load(name)));

    private static Command Create(
        Terminal terminal,
        string name,
        string description,
        Func<ClientCatalog, IReadOnlyList<CatalogEntry>> list,
        Func<ClientCatalog, string, string> show)
    {
        Argument<string?> one = new("name") { Description = "A name or a file.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> json = CommonOptions.Json();
        json.Description = "Write the list as JSON with stable field names.";
        Option<string[]> clients = CommonOptions.Clients();
        Command command = new(name, description) { one, clients, json };
        command.SetAction(parsed =>
        {
            ClientCatalog known = ClientAssemblies.CatalogWith(parsed.GetValue(clients));
            if (parsed.GetValue(one) is not { } chosen)
            {
                return (int)new CatalogReport(list(known)).Write(terminal, parsed.GetValue(json));
            }

            using JsonDocument shown = JsonDocument.Parse(show(known, chosen));
            JsonReport.Write(terminal, shown.RootElement.WriteTo);
            return (int)ExitCode.Held;
        });
        return command;
    }
}
