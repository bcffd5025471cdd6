using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.History;

/// <summary>A slice as a row: what can be asked of it without decoding the record, and the record.</summary>
internal readonly record struct SliceRow
{
    public required int Run { get; init; }

    public required int Machine { get; init; }

    public required int FirstGeneration { get; init; }

    public required RunSums Sums { get; init; }

    /// <summary>The machine's digest after the slice, 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Digest { get; init; }

    /// <summary>The encoding.</summary>
    public required ReadOnlyMemory<byte> Record { get; init; }

    public static SliceRow From(int run, EncodedSlice slice) => new()
    {
        Run = run,
        Machine = slice.Record.Machine,
        FirstGeneration = slice.Record.FirstGeneration,
        Sums = SumsOf(slice.Record),
        Digest = slice.Record.Generations[^1].Digest,
        Record = slice.Encoded,
    };

    /// <summary>Counts a record.</summary>
    public static RunSums SumsOf(SliceRecord record)
    {
        RunSums sums = default;
        foreach (GenerationRecord generation in record.Generations)
        {
            GenerationReport report = generation.Report;
            sums = sums.Plus(new RunSums
            {
                Generations = 1,
                Kexecs = report.WasKexec ? 1 : 0,
                ColdBoots = report.WasKexec ? 0 : 1,
                Messages = report.Messages,
                Operations = report.Operations,
                FailedRequests = report.FailedRequests,
                Violations = report.ViolationCount,
            });
        }

        return sums;
    }

    public long Checksum()
    {
        RowChecksum sum = new();
        sum.Add(Run);
        sum.Add(Machine);
        sum.Add(FirstGeneration);
        Sums.AddTo(ref sum);
        sum.Add(Digest.Span);
        sum.Add(Record.Span);
        return sum.Value;
    }
}

/// <summary>A violation as a row.</summary>
/// <param name="Run">The run.</param>
/// <param name="Machine">The machine.</param>
/// <param name="Position">Its place among the violations of its generation.</param>
/// <param name="Violation">The violation.</param>
internal readonly record struct ViolationRow(int Run, int Machine, int Position, Violation Violation)
{
    public long Checksum()
    {
        RowChecksum sum = new();
        sum.Add(Run);
        sum.Add(Machine);
        sum.Add(Violation.Generation);
        sum.Add(Position);
        sum.Add(Violation.Invariant);
        sum.Add(Violation.Detail);
        return sum.Value;
    }
}

/// <summary>Checksums of the other rows, and what sums are made of.</summary>
internal static class HistoryRows
{
    public static RunSums Plus(this RunSums sums, in RunSums more) => new()
    {
        Generations = checked(sums.Generations + more.Generations),
        Kexecs = checked(sums.Kexecs + more.Kexecs),
        ColdBoots = checked(sums.ColdBoots + more.ColdBoots),
        Messages = checked(sums.Messages + more.Messages),
        Operations = checked(sums.Operations + more.Operations),
        FailedRequests = checked(sums.FailedRequests + more.FailedRequests),
        FaultsInjected = checked(sums.FaultsInjected + more.FaultsInjected),
        Violations = checked(sums.Violations + more.Violations),
    };

    public static void AddTo(this in RunSums sums, ref RowChecksum sum)
    {
        sum.Add(sums.Generations);
        sum.Add(sums.Kexecs);
        sum.Add(sums.ColdBoots);
        sum.Add((long)sums.Messages);
        sum.Add(sums.Operations);
        sum.Add(sums.FailedRequests);
        sum.Add(sums.FaultsInjected);
        sum.Add(sums.Violations);
    }

    /// <summary>Of what a run depends on; the text of the scenario and the assemblies are part of it.</summary>
    public static long ChecksumOf(int run, RunFacts facts)
    {
        RowChecksum sum = new();
        sum.Add(run);
        sum.Add(facts.Scenario);
        sum.Add(facts.ResolvedScenario);
        sum.Add((long)facts.Seed);
        sum.Add(facts.Engine);
        sum.Add(facts.RecordFormat);
        sum.Add(facts.ModelVersion);
        sum.Add(facts.ProgramVersion);
        sum.Add(facts.OrderIsRecorded ? 1 : 0);
        sum.Add(facts.SliceGenerations);
        sum.Add(facts.Machines);
        sum.Add(facts.Kexecs);
        sum.Add(facts.Started.UtcTicks);
        sum.Add(facts.Command);
        sum.Add(facts.ClientAssemblies.Count);
        foreach (ClientAssemblyFact assembly in facts.ClientAssemblies)
        {
            sum.Add(assembly.Path);
            sum.Add(assembly.Sha256);
        }

        return sum.Value;
    }

    /// <summary>Of how far a run has come.</summary>
    public static long ChecksumOf(int run, RunProgress progress)
    {
        RowChecksum sum = new();
        sum.Add(run);
        sum.Add((int)progress.State);
        sum.Add(progress.Ended?.UtcTicks ?? -1);
        sum.Add(progress.Digest);
        progress.Sums.AddTo(ref sum);
        return sum.Value;
    }

    public static long ChecksumOf(int run, FleetTransition transition)
    {
        RowChecksum sum = new();
        sum.Add(run);
        sum.Add(transition.From);
        sum.Add(transition.To);
        sum.Add(transition.Count);
        sum.Add(transition.Restored);
        sum.Add(transition.Lost);
        sum.Add(transition.Violations);
        return sum.Value;
    }

    public static long ChecksumOf(int run, KeyValuePair<string, long> outcome)
    {
        RowChecksum sum = new();
        sum.Add(run);
        sum.Add(outcome.Key);
        sum.Add(outcome.Value);
        return sum.Value;
    }

    public static long ChecksumOf(int run, MachineCheckpoint checkpoint)
    {
        RowChecksum sum = new();
        sum.Add(run);
        sum.Add(checkpoint.Machine);
        sum.Add(checkpoint.NextGeneration);
        sum.Add(checkpoint.Snapshot.Span);
        return sum.Value;
    }

    /// <summary>Of a history's own row: the number of the next run, and how many there are.</summary>
    public static long ChecksumOf(int nextRun, int runs)
    {
        RowChecksum sum = new();
        sum.Add(nextRun);
        sum.Add(runs);
        return sum.Value;
    }
}

/// <summary>What changes in a run's row while it runs.</summary>
internal readonly record struct RunProgress(RunState State, DateTimeOffset? Ended, string Digest, RunSums Sums);
