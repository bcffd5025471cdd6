using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>Finds the clients that a kernel and a scenario name together.</summary>
internal static class ClientList
{
    /// <summary>The clients of a kernel in a scenario, in the order in which they start: by initcall level, then as they are named.</summary>
    /// <param name="kernel">The kernel; its own clients come first.</param>
    /// <param name="scenario">The scenario.</param>
    /// <param name="catalog">Where the clients are.</param>
    /// <param name="checks">Receives what is wrong.</param>
    /// <param name="kernelPath">Path of the kernel in the text that is checked, or empty when it stands elsewhere.</param>
    /// <param name="scenarioPath">Path of the scenario with a dot at its end, or empty.</param>
    public static KhoClient[] Of(
        KernelBuild kernel,
        Scenario scenario,
        ClientCatalog catalog,
        CrossChecks checks,
        string kernelPath,
        string scenarioPath)
    {
        List<KhoClient> found = [];
        for (int i = 0; i < kernel.Clients.Count; i++)
        {
            Add(kernel.Clients[i], kernelPath.Length == 0 ? $"{scenarioPath}kernels" : $"{kernelPath}.clients[{i}]");
        }

        for (int i = 0; i < scenario.Clients.Count; i++)
        {
            Add(scenario.Clients[i], $"{scenarioPath}clients[{i}]");
        }

        // OrderBy is stable.
        return [.. found.OrderBy(client => client.Level)];

        void Add(string name, string path)
        {
            if (catalog.Find(name) is not { } client)
            {
                checks.Require(false, path, $"kernel {kernel.Name}: no client {ConfigScalar.Quote(name)}; {NameSuggestion.For(name, catalog.Names)}");
            }
            else if (found.Find(other => other.Actor == client.Actor) is { } other)
            {
                bool isSame = ReferenceEquals(client, other);
                checks.Require(isSame, path, $"kernel {kernel.Name}: clients {other.Name} and {client.Name} are variants of one; a kernel has one of them");
            }
            else
            {
                found.Add(client);
            }
        }
    }
}
