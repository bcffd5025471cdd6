using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Fleet;

namespace KhoActors.Nodes.Tests.History.Journal;

/// <summary>Histories of the Akka engine read like our own, from SQLite and from PostgreSQL.</summary>
public sealed class JournalHistoryTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_finished_run_reads_as_in_a_history_of_our_own(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts() with { ClientAssemblies = [new ClientAssemblyFact("a.dll", new string('a', 64))] };
        using HistoryFolder own = new();
        using IHistoryStore expected = own.Open(HistoryAccess.Create);
        HistoryBench.RecordAll(expected, facts);
        using JournalTables tables = Tables(inPostgres);
        tables.RecordAll(1, facts);

        using IHistoryStore store = tables.Open();

        Assert.Equal(HistoryBench.Read(expected, 1), HistoryBench.Read(store, 1));
        Assert.Equal(expected.ReadSlices(1, 1, 4).Select(Shown), store.ReadSlices(1, 1, 4).Select(Shown));
        Assert.Equal(expected.ReadSlices(1, 1, 5).Select(Shown), store.ReadSlices(1, 1, 5).Select(Shown));
        Assert.Equal(expected.ReadViolations(1, 2), store.ReadViolations(1, 2));
        Assert.Equal(HistoryBench.Text(expected.FindRun(1)), HistoryBench.Text(Assert.Single(store.ReadRuns(Fail))));
        Assert.Empty(store.ReadSlices(1, 99));
        Assert.Empty(store.ReadSlices(1, -1));
        Assert.Empty(store.ReadSlices(99));
        Assert.Null(store.FindRun(99));
        Assert.Empty(HistoryBench.Problems(store));
        Assert.InRange(store.ReadSizeBytes(), 1, 1 << 30);
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_real_fleet_is_replayed_from_it_to_its_digest(bool inPostgres)
    {
        MemoryHistory history = FleetBench.Recorded();
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(1, history.Facts, history.Records.Select(record => new EncodedSlice(record, history.Codec.Encode(record))));
        tables.End(1, RunState.Finished, FleetBench.Digest);
        using IHistoryStore store = tables.Open();

        FleetReplayResult result = FleetReplay.Run(
            new FleetPlan(FleetBench.Fleet, FleetBench.Seed), new FleetReplayOptions { Workers = 2 }, new RecordedSlices(store, 1, history.Codec).Read);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result.Sums));
        Assert.Empty(result.Damage);
        Assert.Equal(history.Current.Sums, store.FindRun(1)!.Sums);
        Assert.Equal(history.ReadTransitions(1), store.ReadTransitions(1));
        Assert.Equal(history.ReadOutcomes(1), store.ReadOutcomes(1));
        Assert.Equal(history.ReadViolations(1, int.MaxValue), store.ReadViolations(1, int.MaxValue));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_run_that_is_not_over_is_read_as_far_as_it_goes(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        EncodedSlice[] slices = [HistoryBench.Slice(facts, 0, 0), HistoryBench.Slice(facts, 0, 4), HistoryBench.Slice(facts, 2, 0)];
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(1, facts, slices);
        SumsModel model = new();
        foreach (EncodedSlice slice in slices)
        {
            model.Add(slice.Record);
        }

        using (IHistoryStore store = tables.Open())
        {
            model.AssertEqual(store, 1);
            Assert.Equal(RunState.Running, store.FindRun(null)!.State);
            Assert.Equal([(0, 0), (0, 4), (2, 0)], store.ReadSlices(1).Select(slice => (slice.Machine, slice.FirstGeneration)));
            Assert.Equal([(0, 8, 0), (2, 4, 0)], store.ReadProgress(1).Select(each => (each.Machine, each.RecordedGenerations, each.CheckpointGeneration)));
            Assert.Empty(HistoryBench.Problems(store));
        }

        // Recorded, and not counted by the driver yet, as when it dies in between.
        tables.Append(1, [HistoryBench.Slice(facts, 1, 0)]);
        model.Add(HistoryBench.Slice(facts, 1, 0).Record);
        using IHistoryStore later = tables.Open();
        model.AssertEqual(later, 1);
        Assert.Empty(HistoryBench.Problems(later));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_run_goes_through_interruption_and_resumption(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(1, facts);
        tables.End(1, RunState.Interrupted, string.Empty);
        Assert.Equal(RunState.Interrupted, Run(tables)!.State);
        Assert.Equal(HistoryBench.Started.AddMinutes(1), Run(tables)!.Ended);

        tables.Append(JournalNames.Runs, new RunAnnounced(1, 0));
        tables.Append(JournalNames.Run(1), new RunReopened(1));
        Assert.Equal((RunState.Running, null), (Run(tables)!.State, Run(tables)!.Ended));

        tables.End(1, RunState.Defect, string.Empty);
        Assert.Equal(RunState.Defect, Run(tables)!.State);
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Runs_are_listed_in_order_and_one_that_has_not_begun_is_none_yet(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts(machines: 1, kexecs: 0);
        using JournalTables tables = Tables(inPostgres);
        tables.RecordAll(1, facts with { Seed = 11 });
        tables.RecordAll(2, facts with { Seed = 12 });
        tables.Append(JournalNames.Runs, new RunAnnounced(3, 3));

        using IHistoryStore store = tables.Open();

        Assert.Equal([(1, 11UL), (2, 12UL)], store.ReadRuns(Fail).Select(run => (run.Number, run.Facts.Seed)));
        Assert.Equal(2, store.FindRun(null)!.Number);
        Assert.Null(store.FindRun(3));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_slice_that_was_recorded_twice_counts_once(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(
            1, facts, HistoryBench.Slice(facts, 1, 0), HistoryBench.Slice(facts, 1, 0), HistoryBench.Slice(facts, 1, 4), HistoryBench.Slice(facts, 1, 4),
            HistoryBench.Slice(facts, 1, 0), HistoryBench.Slice(facts, 1, 8));
        using IHistoryStore store = tables.Open();

        Assert.Equal([0, 4, 8], store.ReadSlices(1, 1).Select(slice => slice.FirstGeneration));
        Assert.Equal([4, 8], store.ReadSlices(1, 1, 4).Select(slice => slice.FirstGeneration));
        Assert.Equal([8], store.ReadSlices(1, 1, 8).Select(slice => slice.FirstGeneration));
        Assert.Equal(10, store.FindRun(1)!.Sums.Generations);
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void The_newest_snapshot_is_the_checkpoint(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(1, facts, HistoryBench.Slice(facts, 1, 0));
        tables.AppendSnapshot(JournalNames.Machine(1, 1), Rested(facts, 4, [1, 2, 3]));
        tables.Append(1, [HistoryBench.Slice(facts, 1, 4)]);
        tables.AppendSnapshot(JournalNames.Machine(1, 1), Rested(facts, 8, [4, 5]));
        using IHistoryStore store = tables.Open();

        MachineCheckpoint checkpoint = store.ReadCheckpoint(1, 1)!;

        Assert.Equal((1, 8, "0405"), (checkpoint.Machine, checkpoint.NextGeneration, Convert.ToHexStringLower(checkpoint.Snapshot.Span)));
        Assert.Null(store.ReadCheckpoint(1, 0));
        Assert.Equal([(1, 8, 8)], store.ReadProgress(1).Select(each => (each.Machine, each.RecordedGenerations, each.CheckpointGeneration)));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_long_chain_is_read_in_pages(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts(machines: 1, kexecs: 1_199);
        using JournalTables tables = Tables(inPostgres);
        tables.RecordAll(1, facts);
        using IHistoryStore store = tables.Open();

        Assert.Equal(Enumerable.Range(0, 300).Select(slice => slice * 4), store.ReadSlices(1, 0).Select(slice => slice.FirstGeneration));
        Assert.Equal(1_200, store.FindRun(1)!.Sums.Generations);
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Sums_stay_those_of_the_first_look_while_the_engine_writes(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(1, facts, HistoryBench.Slice(facts, 1, 0));
        using IHistoryStore store = tables.Open();
        RunSums before = store.FindRun(1)!.Sums;

        tables.Append(1, [HistoryBench.Slice(facts, 1, 4)]);

        Assert.Equal(before, store.FindRun(1)!.Sums);
        Assert.Equal(before.Generations, store.ReadOutcomes(1).Sum(outcome => outcome.Value));
        Assert.Equal(2, store.ReadSlices(1, 1).Count());
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Nobody_else_writes_there(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        using JournalTables tables = Tables(inPostgres);
        tables.Begin(1, facts);
        foreach (HistoryAccess access in Enum.GetValues<HistoryAccess>())
        {
            using IHistoryStore store = HistoryStores.Open(tables.Address, access);
            Action[] writes =
            [
                () => store.BeginRun(facts), () => store.Commit(1, HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0))),
                () => store.EndRun(1, RunState.Finished, string.Empty, HistoryBench.Started), () => store.ReopenRun(1), () => store.DeleteRun(1),
            ];
            foreach (Action write in writes)
            {
                string refusal = Assert.Throws<HistoryUnavailableException>(write).Message;
                Assert.Contains("written by the Akka engine", refusal, StringComparison.Ordinal);
            }

            Assert.Empty(HistoryBench.Problems(store));
        }
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Clusters_keep_events_of_their_own_beside(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts(machines: 1, kexecs: 0);
        using JournalTables tables = Tables(inPostgres);
        tables.RecordAll(1, facts);
        tables.Insert("/sharding/machineShard/7", 1, "EB", [1, 2, 3], 13);
        tables.InsertSnapshot("/sharding/machineShard/7", 1, null, [1], null);

        using IHistoryStore store = tables.Open();

        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Where_clients_of_others_took_part_the_drivers_sums_are_read(bool inPostgres)
    {
        RunFacts facts = HistoryBench.Facts();
        RunFacts others = facts with
        {
            ResolvedScenario = facts.ResolvedScenario.Replace("pstore", "not-here", StringComparison.Ordinal),
            ClientAssemblies = [new ClientAssemblyFact("a.dll", new string('a', 64))],
        };
        using JournalTables tables = Tables(inPostgres);
        tables.RecordAll(1, facts);
        tables.RecordAll(2, others);
        Assert.Throws<ScenarioException>(() => ResolvedScenario.Parse(others.ResolvedScenario, "others"));

        using IHistoryStore store = tables.Open();

        Assert.Equal(store.FindRun(1)!.Sums, store.FindRun(2)!.Sums);
        Assert.Equal(store.ReadTransitions(1), store.ReadTransitions(2));
        Assert.Equal(store.ReadOutcomes(1), store.ReadOutcomes(2));
        Assert.Equal(store.ReadViolations(1, 100), store.ReadViolations(2, 100));
        Assert.Equal(store.ReadSlices(1).Select(Shown), store.ReadSlices(2).Select(Shown));
        Assert.Empty(HistoryBench.Problems(store));
        tables.Update("run-2-machine-1", 2, "identifier = 1");
        Assert.Contains("run 2, machine 1, event 2: serializer 1", Assert.Single(HistoryBench.Problems(store)), StringComparison.Ordinal);
    }

    internal static MachineRested Rested(RunFacts facts, int next, byte[] machine) =>
        new(1, 1, next, machine, next - facts.SliceGenerations, HistoryBench.Slice(facts, 1, next - facts.SliceGenerations).Encoded);

    private static void Fail(string damage) => Assert.Fail(damage);

    private static string Shown(StoredSlice slice) => $"{slice.Machine} {slice.FirstGeneration} {Convert.ToHexStringLower(slice.Encoded.Span)}";

    private static StoredRun? Run(JournalTables tables)
    {
        using IHistoryStore store = tables.Open();
        return store.FindRun(1);
    }

    private JournalTables Tables(bool inPostgres) => JournalTables.Create(inPostgres ? server : null);
}
