using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Runs;

/// <summary>
/// The clients from outside of a recorded run. Their code is not in the history: whoever executes the run again brings the same assemblies,
/// and that they are the same is checked.
/// </summary>
internal static class RunClients
{
    private const int ShaLettersShown = 16;

    /// <summary>The clients that a recorded run may name.</summary>
    /// <param name="facts">What was recorded.</param>
    /// <param name="run">What to call the run in messages.</param>
    /// <param name="given">Assemblies of the command line.</param>
    /// <returns>The catalog.</returns>
    /// <exception cref="UsageException">An assembly is missing, is another one, is too much or cannot be loaded.</exception>
    public static ClientCatalog CatalogFor(RunFacts facts, string run, IReadOnlyList<string> given)
    {
        List<ClientAssemblyFact> brought = [.. ClientAssemblies.FactsOf(given)];
        List<string> files = [];
        foreach (ClientAssemblyFact wanted in facts.ClientAssemblies)
        {
            int index = brought.FindIndex(each => each.Sha256 == wanted.Sha256);
            if (index < 0)
            {
                throw new UsageException(Missing(wanted, run, brought));
            }

            files.Add(brought[index].Path);
            brought.RemoveAt(index);
        }

        return brought.Count == 0
            ? ClientAssemblies.CatalogWith(files)
            : throw new UsageException(
                $"--clients {brought[0].Path}: {run} was made {(facts.ClientAssemblies.Count == 0 ? "without clients from outside" : "without this assembly")}");
    }

    private static string Missing(ClientAssemblyFact wanted, string run, List<ClientAssemblyFact> brought)
    {
        string needed = Terminal.Printable($"{run} was made with clients of {wanted.Path}, SHA-256 {Start(wanted.Sha256)}");
        return brought.Count == 0
            ? $"{needed}: --clients FILE.dll must name that assembly"
            : $"--clients {brought[0].Path} has SHA-256 {Start(brought[0].Sha256)}, but {needed}: the same file is needed";
    }

    private static string Start(string sha256) => sha256.Length > ShaLettersShown ? $"{sha256[..ShaLettersShown]}..." : sha256;
}
