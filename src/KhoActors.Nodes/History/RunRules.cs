namespace KhoActors.Nodes.History;

/// <summary>What a run's row must be, for every kind of database.</summary>
internal static class RunRules
{
    /// <summary>Checks a run that begins.</summary>
    /// <param name="facts">Its facts.</param>
    /// <exception cref="ArgumentException">A number or a length is out of range.</exception>
    public static void Check(RunFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        Require(facts.Machines > 0 && facts.Kexecs >= 0 && facts.Kexecs < int.MaxValue && facts.SliceGenerations > 0, "a run without machines, generations or slices");
        Require(facts.RecordFormat > 0 && facts.ModelVersion >= 0, "a run without versions");
        Require(facts.ClientAssemblies.Count <= HistoryLimits.ClientAssemblies, $"a run with {facts.ClientAssemblies.Count} client assemblies");
        RequireLength(facts.ResolvedScenario, HistoryLimits.ScenarioBytes, "resolved scenario");
        RequireLength(facts.Scenario, HistoryLimits.NameBytes, "scenario");
        RequireLength(facts.Engine, HistoryLimits.NameBytes, "engine");
        RequireLength(facts.ProgramVersion, HistoryLimits.NameBytes, "program version");
        RequireLength(facts.Command, HistoryLimits.TextBytes, "command");
        foreach (ClientAssemblyFact assembly in facts.ClientAssemblies)
        {
            RequireLength(assembly.Path, HistoryLimits.TextBytes, "path of a client assembly");
            RequireLength(assembly.Sha256, HistoryLimits.NameBytes, "digest of a client assembly");
        }
    }

    /// <summary>Checks how a run ends.</summary>
    /// <param name="state">Its state.</param>
    /// <param name="digest">Its digest.</param>
    /// <exception cref="ArgumentException">It still runs, or the digest is none.</exception>
    public static void CheckEnd(RunState state, string digest)
    {
        ArgumentNullException.ThrowIfNull(digest);
        Require(state is RunState.Finished or RunState.Interrupted or RunState.Defect, "a run ends finished, interrupted or with a defect");
        Require(digest.Length is 0 or (2 * HistoryLimits.DigestBytes), "a digest has 64 hexadecimal digits");
    }

    private static void RequireLength(string text, int mostBytes, string what) =>
        Require(System.Text.Encoding.UTF8.GetByteCount(text) <= mostBytes, $"the {what} is longer than {mostBytes} bytes");

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException(otherwise);
        }
    }
}
