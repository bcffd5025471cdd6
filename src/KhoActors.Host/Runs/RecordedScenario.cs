using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Runs;

/// <summary>What a recorded run executes: the scenario of its history, never that of a configuration file.</summary>
/// <param name="Resolved">The scenario with its kernels and clients.</param>
/// <param name="Plan">The fleet.</param>
internal sealed record RecordedScenario(ResolvedScenario Resolved, FleetPlan Plan)
{
    /// <summary>Reads the scenario of a run.</summary>
    /// <param name="facts">What was recorded of the run.</param>
    /// <param name="run">What to call the run in messages.</param>
    /// <param name="clients">Assemblies of the command line that bring its clients.</param>
    /// <returns>The scenario.</returns>
    /// <exception cref="UsageException">Its clients are not at hand.</exception>
    /// <exception cref="HistoryDamageException">The history holds no scenario that can be executed.</exception>
    public static RecordedScenario Read(RunFacts facts, string run, IReadOnlyList<string> clients)
    {
        if (facts.RecordFormat > RunFacts.CurrentRecordFormat)
        {
            throw new UsageException(
                $"{run} has record format {facts.RecordFormat}, this program reads up to {RunFacts.CurrentRecordFormat}: a newer kho made it");
        }

        ClientCatalog catalog = RunClients.CatalogFor(facts, run, clients);
        try
        {
            ResolvedScenario resolved = ResolvedScenario.Parse(facts.ResolvedScenario, $"{run}, scenario", catalog);
            return resolved.Scenario.Machines == facts.Machines && resolved.Scenario.Kexecs == facts.Kexecs
                ? new RecordedScenario(resolved, new FleetPlan(resolved, facts.Seed))
                : throw new HistoryDamageException(
                    $"{run}: its scenario has {resolved.Scenario.Machines} machines of {resolved.Scenario.Kexecs} kexecs, its row {facts.Machines} of {facts.Kexecs}");
        }
        catch (ScenarioException refusal)
        {
            throw new HistoryDamageException(refusal.Problems[0].ToString(), refusal);
        }
    }
}
