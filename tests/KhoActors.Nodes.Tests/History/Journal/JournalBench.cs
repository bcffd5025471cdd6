using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;

namespace KhoActors.Nodes.Tests.History.Journal;

/// <summary>Runs as the Akka engine leaves them in its journal.</summary>
internal static class JournalBench
{
    /// <summary>Enters a run: its announcement, its driver's events and its machines' slices.</summary>
    /// <param name="tables">The journal.</param>
    /// <param name="run">Its number.</param>
    /// <param name="facts">Its facts.</param>
    /// <param name="slices">Its slices; those of a machine in the order of generations.</param>
    public static void Begin(this JournalTables tables, int run, RunFacts facts, params IEnumerable<EncodedSlice> slices)
    {
        tables.Append(JournalNames.Runs, new RunAnnounced(run, (ulong)run));
        tables.Append(JournalNames.Run(run), new RunBegun(run, facts, IsConcurrent: false));
        foreach (EncodedSlice[] some in slices.Chunk(5))
        {
            tables.Append(run, some);
            tables.Append(JournalNames.Run(run), Advance(run, some));
        }
    }

    /// <summary>Ends a run, which its manager hears of.</summary>
    public static void End(this JournalTables tables, int run, RunState state, string digest)
    {
        tables.Append(JournalNames.Run(run), new RunOver(run, state, digest, HistoryBench.Started.AddMinutes(1)));
        tables.Append(JournalNames.Runs, new RunClosed(run));
    }

    /// <summary>A whole run that is finished.</summary>
    public static void RecordAll(this JournalTables tables, int run, RunFacts facts)
    {
        tables.Begin(run, facts, HistoryBench.Slices(facts));
        tables.End(run, RunState.Finished, HistoryBench.Digest(facts));
    }

    /// <summary>Changes the stored bytes of an event.</summary>
    public static void Update(this JournalTables tables, string id, long sequence, string assignment) =>
        tables.Execute($"UPDATE journal SET {assignment} WHERE persistence_id = '{id}' AND sequence_number = {sequence}");

    /// <summary>What a driver counts of slices.</summary>
    private static FleetAdvanced Advance(int run, IReadOnlyCollection<EncodedSlice> slices)
    {
        FleetResult counted = new();
        foreach (EncodedSlice slice in slices)
        {
            foreach (GenerationRecord generation in slice.Record.Generations)
            {
                counted.Add(slice.Record.Machine, generation.Report);
            }
        }

        MachineAdvance[] machines =
        [
            .. from slice in slices
               group slice.Record by slice.Record.Machine into records
               let last = records.Last()
               select new MachineAdvance(last.Machine, last.EndGeneration, false, last.Generations[^1].Digest),
        ];
        return new FleetAdvanced(run, machines, counted);
    }
}
