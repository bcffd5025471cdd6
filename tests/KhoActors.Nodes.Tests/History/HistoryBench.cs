using System.Globalization;
using System.Text;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Tests.History;

/// <summary>Runs, batches and what a store must answer for them.</summary>
internal static class HistoryBench
{
    public const int SliceGenerations = 4;

    public static DateTimeOffset Started { get; } = new(2026, 11, 20, 16, 0, 0, 123, TimeSpan.Zero);

    /// <summary>A run of some machines whose chains have ten generations: two full slices and one of two.</summary>
    public static RunFacts Facts(int machines = 3, int kexecs = 9, ulong seed = 7) => new()
    {
        Scenario = "bench",
        ResolvedScenario = SliceBench.Run.ToCanonicalText(),
        Seed = seed,
        Engine = "local",
        ModelVersion = 1,
        ProgramVersion = "0.1.0",
        OrderIsRecorded = false,
        SliceGenerations = SliceGenerations,
        Machines = machines,
        Kexecs = kexecs,
        Started = Started,
        Command = $"kho run bench --seed {seed}",
    };

    /// <summary>The slice of a machine that begins there: kernels, ends, counts and sometimes violations follow from the numbers and the salt.</summary>
    public static EncodedSlice Slice(RunFacts facts, int machine, int first, ulong salt = 0)
    {
        SplitMix64 random = new((ulong)((machine * 1_000) + first) + (salt << 32));
        int count = Math.Min(facts.SliceGenerations, facts.Kexecs + 1 - first);
        SliceRecord ordinary = SliceBench.Ordinary(machine, first, count);
        SliceRecord record = ordinary with { Generations = [.. ordinary.Generations.Select(each => Vary(each, random))] };
        return new EncodedSlice(record, SliceBench.Codec.Encode(record));
    }

    /// <summary>All slices of a run, breadth first.</summary>
    public static IEnumerable<EncodedSlice> Slices(RunFacts facts)
    {
        for (int first = 0; first <= facts.Kexecs; first += facts.SliceGenerations)
        {
            for (int machine = 0; machine < facts.Machines; machine++)
            {
                yield return Slice(facts, machine, first);
            }
        }
    }

    public static HistoryBatch Batch(params IEnumerable<EncodedSlice> slices)
    {
        HistoryBatch batch = new();
        batch.Slices.AddRange(slices);
        return batch;
    }

    public static MachineCheckpoint Checkpoint(int machine, int nextGeneration) =>
        new(
            machine,
            nextGeneration,
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"snapshot of machine {machine} before {nextGeneration}")));

    /// <summary>The digest of a fleet that came to its end.</summary>
    public static string Digest(RunFacts facts)
    {
        int last = facts.Kexecs / facts.SliceGenerations * facts.SliceGenerations;
        byte[] digests = [.. Enumerable.Range(0, facts.Machines).SelectMany(machine => Slice(facts, machine, last).Record.Generations[^1].Digest.ToArray())];
        byte[] digest = new byte[DigestChain.LinkBytes];
        DigestChain.Fleet(digests, digest);
        return Convert.ToHexStringLower(digest);
    }

    /// <summary>Begins a run, records all of it and ends it.</summary>
    public static int RecordAll(IHistoryStore store, RunFacts facts)
    {
        int run = store.BeginRun(facts);
        store.Commit(run, Batch(Slices(facts)));
        store.EndRun(run, RunState.Finished, Digest(facts), Started.AddMinutes(1));
        return run;
    }

    /// <summary>What <see cref="IHistoryStore.Verify"/> finds.</summary>
    public static List<string> Problems(IHistoryStore store)
    {
        List<string> problems = [];
        store.Verify(problems.Add);
        return problems;
    }

    /// <summary>Everything that can be read of a run, as text: two that read the same are the same.</summary>
    public static string Read(IHistoryStore store, int run)
    {
        StringBuilder text = new();
        text.AppendLine(Text(store.FindRun(run)));
        foreach (StoredSlice slice in store.ReadSlices(run))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"slice {slice.Machine} {slice.FirstGeneration} {Convert.ToHexStringLower(slice.Encoded.Span)}");
        }

        foreach (MachineProgress progress in store.ReadProgress(run))
        {
            string digest = Convert.ToHexStringLower(progress.Digest.Span);
            text.AppendLine(
                CultureInfo.InvariantCulture, $"machine {progress.Machine} {progress.RecordedGenerations} {progress.CheckpointGeneration} {digest}");
            if (store.ReadCheckpoint(run, progress.Machine) is { } checkpoint)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"checkpoint {checkpoint.NextGeneration} {Convert.ToHexStringLower(checkpoint.Snapshot.Span)}");
            }
        }

        text.AppendJoin('\n', store.ReadTransitions(run)).AppendLine();
        text.AppendJoin('\n', store.ReadOutcomes(run)).AppendLine();
        text.AppendJoin('\n', store.ReadViolations(run, int.MaxValue)).AppendLine();
        return text.ToString();
    }

    public static string Text(StoredRun? run) => run is null ? "no run"
        : $"{run with { Facts = run.Facts with { ClientAssemblies = [] } }} {string.Join(", ", run.Facts.ClientAssemblies)}";

    private static GenerationRecord Vary(GenerationRecord generation, SplitMix64 random)
    {
        GenerationReport report = generation.Report;
        int number = report.Generation;
        string[] kernels = SliceBench.Kernels;
        bool wasKexec = number > 0 && random.Index(5) != 0;
        Violation[] violations = random.Index(6) == 0
            ? [new("preserved-content", number, $"page {random.Index(1000)} differs"), new("kernel-alive", number, "oops")]
            : [];
        byte[] digest = new byte[DigestChain.LinkBytes];
        for (int i = 0; i < digest.Length; i++)
        {
            digest[i] = (byte)random.Next();
        }

        return generation with
        {
            Digest = digest,
            Report = report with
            {
                Kernel = kernels[random.Index(kernels.Length)],
                PreviousKernel = number == 0 ? string.Empty : kernels[random.Index(kernels.Length)],
                WasKexec = wasKexec,
                HandedOver = wasKexec && random.Index(3) != 0,
                End = (GenerationEnd)(1 + random.Index(9)),
                Operations = random.Index(100),
                FailedRequests = random.Index(10),
                Messages = random.Below(10_000),
                Violations = violations,
                ViolationCount = violations.Length,
            },
        };
    }
}
