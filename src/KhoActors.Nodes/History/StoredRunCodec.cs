using System.Globalization;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History;

/// <summary>The encoding of a run in a <c>.khist</c> file and, its facts, in a journal: its facts, and how far it had come when the file was written.</summary>
internal static class StoredRunCodec
{
    private const int Version = 1;

    public static void Write(SnapshotWriter writer, StoredRun run)
    {
        RunRules.Check(run.Facts);
        writer.WriteVar(Version);
        WriteFacts(writer, run.Facts);
        writer.WriteVar((ulong)run.Number);
        writer.WriteVar((ulong)CodeOf(run.State));
        writer.WriteVar(run.Ended is null ? 0UL : 1);
        if (run.Ended is { } ended)
        {
            writer.WriteVar((ulong)ended.UtcTicks);
        }

        foreach (long sum in (ReadOnlySpan<long>)
            [
                run.Sums.Generations, run.Sums.Kexecs, run.Sums.ColdBoots, (long)run.Sums.Messages,
                run.Sums.Operations, run.Sums.FailedRequests, run.Sums.FaultsInjected, run.Sums.Violations,
            ])
        {
            writer.WriteVar((ulong)sum);
        }

        writer.WriteText(run.Digest);
    }

    public static StoredRun Read(RecordReader reader)
    {
        if (reader.ReadVar("the version") is var version && version != Version)
        {
            throw reader.DamageAt(0, $"the version of the run's facts is {version}, this program reads {Version}");
        }

        RunFacts facts = ReadFacts(reader);
        int number = reader.ReadCount("the number of the run", int.MaxValue);
        RunState state = StateOf(reader.ReadCount("the state", 4), reader);
        DateTimeOffset? ended = reader.ReadVar("whether it has ended", 1) == 1 ? ReadTime(reader, "the end") : null;
        RunSums sums = new()
        {
            Generations = ReadSum(reader),
            Kexecs = ReadSum(reader),
            ColdBoots = ReadSum(reader),
            Messages = reader.ReadVar("a sum"),
            Operations = ReadSum(reader),
            FailedRequests = ReadSum(reader),
            FaultsInjected = ReadSum(reader),
            Violations = ReadSum(reader),
        };
        StoredRun run = new(number, facts, state, ended, sums, reader.ReadText("the digest", HistoryLimits.NameBytes));
        reader.RequireEnd();
        return run;
    }

    /// <summary>Writes what a run depends on.</summary>
    public static void WriteFacts(SnapshotWriter writer, RunFacts facts)
    {
        writer.WriteText(facts.Scenario);
        writer.WriteText(facts.ResolvedScenario);
        writer.WriteUInt64(facts.Seed);
        writer.WriteText(facts.Engine);
        writer.WriteVar((ulong)facts.RecordFormat);
        writer.WriteVar((ulong)facts.ModelVersion);
        writer.WriteText(facts.ProgramVersion);
        writer.WriteVar(facts.OrderIsRecorded ? 1UL : 0);
        writer.WriteVar((ulong)facts.SliceGenerations);
        writer.WriteVar((ulong)facts.Machines);
        writer.WriteVar((ulong)facts.Kexecs);
        writer.WriteVar((ulong)facts.Started.UtcTicks);
        writer.WriteText(facts.Command);
        writer.WriteVar((ulong)facts.ClientAssemblies.Count);
        foreach (ClientAssemblyFact assembly in facts.ClientAssemblies)
        {
            writer.WriteText(assembly.Path);
            writer.WriteText(assembly.Sha256);
        }
    }

    /// <summary>Reads what a run depends on.</summary>
    public static RunFacts ReadFacts(RecordReader reader) => new()
    {
        Scenario = reader.ReadText("the scenario", HistoryLimits.NameBytes),
        ResolvedScenario = reader.ReadText("the resolved scenario", HistoryLimits.ScenarioBytes),
        Seed = reader.ReadUInt64("the seed"),
        Engine = reader.ReadText("the engine", HistoryLimits.NameBytes),
        RecordFormat = reader.ReadCount("the format of records", int.MaxValue),
        ModelVersion = reader.ReadCount("the model version", int.MaxValue),
        ProgramVersion = reader.ReadText("the program's version", HistoryLimits.NameBytes),
        OrderIsRecorded = reader.ReadVar("whether the order is recorded", 1) == 1,
        SliceGenerations = reader.ReadCount("the generations of a slice", int.MaxValue),
        Machines = reader.ReadCount("the machines", int.MaxValue),
        Kexecs = reader.ReadCount("the kexecs", int.MaxValue),
        Started = ReadTime(reader, "the start"),
        Command = reader.ReadText("the command", HistoryLimits.TextBytes),
        ClientAssemblies = ReadAssemblies(reader),
    };

    private static ClientAssemblyFact[] ReadAssemblies(RecordReader reader)
    {
        ClientAssemblyFact[] assemblies = new ClientAssemblyFact[reader.ReadCount("the number of client assemblies", HistoryLimits.ClientAssemblies)];
        for (int i = 0; i < assemblies.Length; i++)
        {
            string path = reader.ReadText("the path of a client assembly", HistoryLimits.TextBytes);
            assemblies[i] = new ClientAssemblyFact(path, reader.ReadText("the hash of a client assembly", HistoryLimits.NameBytes));
        }

        return assemblies;
    }

    /// <summary>Reads a moment.</summary>
    public static DateTimeOffset ReadTime(RecordReader reader, string what)
    {
        long ticks = (long)reader.ReadVar($"the time of {what}", (ulong)DateTimeOffset.MaxValue.UtcTicks);
        return new DateTimeOffset(ticks, TimeSpan.Zero);
    }

    private static long ReadSum(RecordReader reader) => (long)reader.ReadVar("a sum");

    // Codes of the file, whatever order the program's own type has.
    public static int CodeOf(RunState state) => state switch
    {
        RunState.Running => 1,
        RunState.Finished => 2,
        RunState.Interrupted => 3,
        RunState.Defect => 4,
        _ => throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A run in state {state} cannot be stored.")),
    };

    public static RunState StateOf(int code, RecordReader reader) => code switch
    {
        1 => RunState.Running,
        2 => RunState.Finished,
        3 => RunState.Interrupted,
        4 => RunState.Defect,
        _ => throw reader.Damage($"the run's state is {code}, 1 to 4 are accepted"),
    };
}
