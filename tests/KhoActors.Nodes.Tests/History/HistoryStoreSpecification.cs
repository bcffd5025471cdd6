using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>What every store of histories must do, on a history of its own that begins empty.</summary>
public abstract class HistoryStoreSpecification
{
    /// <summary>Opens the test's history; several times, where a test plays several processes.</summary>
    /// <param name="access">What for.</param>
    protected abstract IHistoryStore Open(HistoryAccess access);

    [Fact]
    public void A_new_history_is_empty()
    {
        using IHistoryStore store = Open(HistoryAccess.Create);
        Assert.Null(store.FindRun(null));
        Assert.Null(store.FindRun(1));
        Assert.Empty(store.ReadRuns(Fail));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void A_run_is_read_back_with_all_that_it_depends_on()
    {
        RunFacts facts = HistoryBench.Facts(seed: ulong.MaxValue) with
        {
            OrderIsRecorded = true,
            ClientAssemblies = [new ClientAssemblyFact("b/second.dll", new string('a', 64)), new ClientAssemblyFact("a/first.dll", new string('b', 64))],
            Command = "kho run bench --seed 18446744073709551615 # \u00e4\u20ac",
        };
        using (IHistoryStore store = Open(HistoryAccess.Create))
        {
            Assert.Equal(1, store.BeginRun(facts));
        }

        using IHistoryStore again = Open(HistoryAccess.Read);
        StoredRun expected = new(1, facts, RunState.Running, null, default, string.Empty);
        Assert.Equal(HistoryBench.Text(expected), HistoryBench.Text(again.FindRun(1)));
        Assert.Equal(HistoryBench.Text(expected), HistoryBench.Text(again.FindRun(null)));
        Assert.Empty(HistoryBench.Problems(again));
    }

    [Fact]
    public void Runs_are_listed_oldest_first_and_the_newest_is_the_last()
    {
        using IHistoryStore store = Open(HistoryAccess.Create);
        for (int run = 1; run <= 3; run++)
        {
            Assert.Equal(run, store.BeginRun(HistoryBench.Facts(seed: (ulong)run)));
        }

        Assert.Equal([1, 2, 3], store.ReadRuns(Fail).Select(run => run.Number));
        Assert.Equal(3, store.FindRun(null)?.Number);
    }

    [Fact]
    public void Records_are_read_back_by_machine_and_generation()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = HistoryBench.RecordAll(store, facts);
        (int, int, string)[] expected = [.. HistoryBench.Slices(facts).Select(Shown).Order()];
        Assert.Equal(9, expected.Length);
        Assert.Equal(expected, store.ReadSlices(run).Select(Shown));
        Assert.Equal(expected.Where(each => each.Item1 == 1), store.ReadSlices(run, 1).Select(Shown));
        Assert.Empty(store.ReadSlices(run, 99));
        Assert.Empty(store.ReadSlices(99));
    }

    [Fact]
    public void Sums_follow_the_records()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        SumsModel model = new();
        foreach (EncodedSlice slice in HistoryBench.Slices(facts))
        {
            store.Commit(run, HistoryBench.Batch(slice));
            model.Add(slice.Record);
            model.AssertEqual(store, run);
        }

        Assert.Contains(store.ReadOutcomes(run), outcome => outcome.Value > 1);
        Assert.NotEmpty(store.ReadViolations(run, 100));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void A_batch_that_is_recorded_already_changes_nothing()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = HistoryBench.RecordAll(store, facts);
        string before = HistoryBench.Read(store, run);
        store.Commit(run, HistoryBench.Batch([.. HistoryBench.Slices(facts), HistoryBench.Slice(facts, 0, 0)]));
        Assert.Equal(before, HistoryBench.Read(store, run));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void Another_record_of_the_same_slice_is_refused_with_its_whole_batch()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts, 1, 0)));
        string before = HistoryBench.Read(store, run);

        HistoryBatch batch = HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0), HistoryBench.Slice(facts, 1, 0, salt: 1));
        DivergentRecordException divergent = Assert.Throws<DivergentRecordException>(() => store.Commit(run, batch));

        Assert.Contains("run 1, machine 1", divergent.Message, StringComparison.Ordinal);
        Assert.Contains("generations 0 to 3", divergent.Message, StringComparison.Ordinal);
        Assert.Equal(before, HistoryBench.Read(store, run));
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0)));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void Slices_that_are_not_whole_and_machines_that_are_not_there_are_the_callers_mistake()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        SliceRecord whole = HistoryBench.Slice(facts, 0, 0).Record;
        SliceRecord cut = whole with { Generations = [.. whole.Generations.Take(3)] };
        Assert.Throws<ArgumentException>(() => store.Commit(run, HistoryBench.Batch(new EncodedSlice(cut, new byte[] { 1 }))));
        Assert.Throws<ArgumentException>(() => store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts, 3, 0))));
        Assert.Throws<ArgumentException>(() => store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts with { SliceGenerations = 2 }, 0, 2))));
        Assert.Throws<HistoryUnavailableException>(() => store.Commit(2, HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0))));
        Assert.Equal(default(RunSums), store.FindRun(run)?.Sums);
    }

    [Fact]
    public void Progress_counts_what_is_recorded_without_a_gap()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0), HistoryBench.Slice(facts, 0, 4), HistoryBench.Slice(facts, 0, 8)));
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts, 2, 8), HistoryBench.Slice(facts, 2, 0)));
        MachineProgress[] progress = [.. store.ReadProgress(run)];
        Assert.Equal([(0, 10, 0), (2, 4, 0)], progress.Select(each => (each.Machine, each.RecordedGenerations, each.CheckpointGeneration)));
        Assert.Equal(HistoryBench.Slice(facts, 0, 8).Record.Generations[^1].Digest.ToArray(), progress[0].Digest.ToArray());
        Assert.Equal(HistoryBench.Slice(facts, 2, 0).Record.Generations[^1].Digest.ToArray(), progress[1].Digest.ToArray());
    }

    [Fact]
    public void A_gap_is_damage_where_it_is_reached()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slice(facts, 2, 0), HistoryBench.Slice(facts, 2, 8)));
        List<StoredSlice> read = [];
        HistoryDamageException damage = Assert.Throws<HistoryDamageException>(() => read.AddRange(store.ReadSlices(run, 2)));
        Assert.Contains("run 1, machine 2, record of generation 4: it is missing", damage.Message, StringComparison.Ordinal);
        Assert.Contains(
            HistoryBench.Problems(store),
            problem => problem.Contains("machine 2: the records of generations 4 to 7 are missing", StringComparison.Ordinal));
    }

    [Fact]
    public void The_newest_checkpoint_of_a_machine_stays_and_none_of_a_finished_one()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        HistoryBatch slices = HistoryBench.Batch(HistoryBench.Slice(facts, 1, 0), HistoryBench.Slice(facts, 1, 4));
        store.Commit(run, With(slices, HistoryBench.Checkpoint(1, 4), HistoryBench.Checkpoint(1, 8)));
        Assert.Equal(8, store.ReadCheckpoint(run, 1)?.NextGeneration);
        Assert.Equal(HistoryBench.Checkpoint(1, 8).Snapshot.ToArray(), store.ReadCheckpoint(run, 1)?.Snapshot.ToArray());

        store.Commit(run, With(new HistoryBatch(), HistoryBench.Checkpoint(1, 4)));
        Assert.Equal(8, store.ReadCheckpoint(run, 1)?.NextGeneration);
        Assert.Equal((8, 8), store.ReadProgress(run).Select(each => (each.RecordedGenerations, each.CheckpointGeneration)).Single());

        HistoryBatch last = HistoryBench.Batch(HistoryBench.Slice(facts, 1, 8));
        last.FinishedMachines.Add(1);
        store.Commit(run, last);
        Assert.Null(store.ReadCheckpoint(run, 1));
        store.Commit(run, With(new HistoryBatch(), HistoryBench.Checkpoint(1, 8)));
        Assert.Null(store.ReadCheckpoint(run, 1));
        Assert.Null(store.ReadCheckpoint(run, 0));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void A_checkpoint_ahead_of_the_records_is_refused()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        HistoryBatch batch = With(HistoryBench.Batch(HistoryBench.Slice(facts, 1, 0)), HistoryBench.Checkpoint(1, 8));
        Assert.Throws<ArgumentException>(() => store.Commit(run, batch));
        Assert.Empty(store.ReadSlices(run));
    }

    [Fact]
    public void A_run_ends_and_is_opened_again()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        DateTimeOffset ended = HistoryBench.Started.AddHours(2);
        store.EndRun(run, RunState.Interrupted, string.Empty, ended);
        Assert.Equal((RunState.Interrupted, ended), StateOf(store, run));
        store.ReopenRun(run);
        Assert.Equal((RunState.Running, null), StateOf(store, run));
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slices(facts)));
        store.EndRun(run, RunState.Finished, HistoryBench.Digest(facts), ended.ToOffset(TimeSpan.FromHours(5)));
        Assert.Equal((RunState.Finished, ended), StateOf(store, run));
        Assert.Equal(HistoryBench.Digest(facts), store.FindRun(run)?.Digest);
        Assert.Throws<InvalidOperationException>(() => store.ReopenRun(run));
        Assert.Throws<HistoryUnavailableException>(() => store.ReopenRun(9));
        Assert.Throws<HistoryUnavailableException>(() => store.EndRun(9, RunState.Finished, string.Empty, ended));
        Assert.Empty(HistoryBench.Problems(store));
    }

    /// <summary>Two processes carry one run: the second is interrupted when the first has finished it.</summary>
    [Theory]
    [InlineData(RunState.Interrupted)]
    [InlineData(RunState.Defect)]
    public void A_run_that_is_finished_stays_finished(RunState later)
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore first = Open(HistoryAccess.Create);
        int run = first.BeginRun(facts);
        using IHistoryStore second = Open(HistoryAccess.Write);
        first.Commit(run, HistoryBench.Batch(HistoryBench.Slices(facts)));
        first.EndRun(run, RunState.Finished, HistoryBench.Digest(facts), HistoryBench.Started);

        second.EndRun(run, later, string.Empty, HistoryBench.Started.AddHours(1));

        Assert.Equal((RunState.Finished, HistoryBench.Started), StateOf(first, run));
        Assert.Equal(HistoryBench.Digest(facts), first.FindRun(run)?.Digest);
        Assert.Empty(HistoryBench.Problems(first));
    }

    [Fact]
    public void A_finished_run_must_be_complete_and_have_the_digest_of_its_machines()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = store.BeginRun(facts);
        store.Commit(run, HistoryBench.Batch(HistoryBench.Slices(facts).SkipLast(1)));
        store.EndRun(run, RunState.Finished, HistoryBench.Digest(facts), HistoryBench.Started);
        List<string> problems = HistoryBench.Problems(store);
        Assert.Contains(problems, problem => problem.Contains("30 generations of a finished run", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("digest is not that of its machines", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_is_deleted_with_all_that_belongs_to_it_and_its_number_is_not_used_again()
    {
        RunFacts facts = HistoryBench.Facts();
        using IHistoryStore store = Open(HistoryAccess.Create);
        int first = HistoryBench.RecordAll(store, facts);
        int second = HistoryBench.RecordAll(store, facts);
        store.Commit(second, HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0)));
        string kept = HistoryBench.Read(store, first);

        Assert.True(store.DeleteRun(second));
        Assert.False(store.DeleteRun(second));

        Assert.Null(store.FindRun(second));
        Assert.Empty(store.ReadSlices(second));
        Assert.Empty(store.ReadTransitions(second));
        Assert.Empty(store.ReadOutcomes(second));
        Assert.Empty(store.ReadViolations(second, 10));
        Assert.Throws<HistoryUnavailableException>(() => store.Commit(second, HistoryBench.Batch(HistoryBench.Slice(facts, 0, 0))));
        Assert.Equal(kept, HistoryBench.Read(store, first));
        Assert.Equal(3, store.BeginRun(facts));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void Violations_come_by_machine_and_generation_up_to_a_limit()
    {
        RunFacts facts = HistoryBench.Facts(machines: 20);
        using IHistoryStore store = Open(HistoryAccess.Create);
        int run = HistoryBench.RecordAll(store, facts);
        IReadOnlyList<MachineViolation> all = store.ReadViolations(run, int.MaxValue);
        Assert.Equal(store.FindRun(run)?.Sums.Violations, all.Count);
        Assert.Equal(all.OrderBy(each => each.Machine).ThenBy(each => each.Violation.Generation), all);
        Assert.Equal(all.Take(5), store.ReadViolations(run, 5));
    }

    [Fact]
    public async Task Two_writers_record_different_runs_and_a_reader_sees_whole_groups()
    {
        RunFacts facts = HistoryBench.Facts(machines: 8);
        using IHistoryStore one = Open(HistoryAccess.Create);
        using IHistoryStore other = Open(HistoryAccess.Create);
        using IHistoryStore reader = Open(HistoryAccess.Read);
        int first = one.BeginRun(facts);
        int second = other.BeginRun(facts with { Seed = 8 });
        Assert.NotEqual(first, second);
        Task[] writers =
        [
            Task.Run(() => CommitOneByOne(one, first, facts)),
            Task.Run(() => CommitOneByOne(other, second, facts)),
        ];
        Task all = Task.WhenAll(writers);
        while (!all.IsCompleted)
        {
            foreach (StoredRun run in reader.ReadRuns(Fail))
            {
                Assert.Equal(run.Sums.Generations, run.Sums.Kexecs + run.Sums.ColdBoots);
            }
        }

        await all;
        Assert.Equal(80, reader.FindRun(first)?.Sums.Generations);
        Assert.Equal(80, reader.FindRun(second)?.Sums.Generations);
        Assert.Empty(HistoryBench.Problems(reader));
    }

    /// <summary>Batches by chance, again and again, from two stores: the sums are those of the set of slices.</summary>
    [Fact]
    public void Any_order_and_repetition_of_batches_gives_the_sums_of_the_set()
    {
        RunFacts facts = HistoryBench.Facts(machines: 4);
        using IHistoryStore one = Open(HistoryAccess.Create);
        using IHistoryStore other = Open(HistoryAccess.Create);
        for (ulong seed = 0; seed < 40; seed++)
        {
            SplitMix64 random = new(seed);
            int run = one.BeginRun(facts with { Seed = seed });
            SumsModel model = new();
            for (int i = 0; i < 15; i++)
            {
                HistoryBatch batch = RandomBatch(facts, random, model);
                (random.Index(2) == 0 ? one : other).Commit(run, batch);
            }

            model.AssertEqual(random.Index(2) == 0 ? one : other, run);
        }

        List<string> problems = HistoryBench.Problems(other);
        Assert.DoesNotContain(problems, problem => !problem.Contains("are missing", StringComparison.Ordinal));
    }

    private static HistoryBatch RandomBatch(RunFacts facts, SplitMix64 random, SumsModel model)
    {
        HistoryBatch batch = new();
        for (int i = random.Index(6); i > 0; i--)
        {
            EncodedSlice slice = HistoryBench.Slice(facts, random.Index(facts.Machines), 4 * random.Index(3));
            batch.Slices.Add(slice);
            model.Add(slice.Record);
        }

        for (int i = random.Index(3); i > 0; i--)
        {
            (int machine, int slice) = (random.Index(facts.Machines), 4 * random.Index(2));
            if (model.Has(machine, slice))
            {
                batch.Checkpoints.Add(HistoryBench.Checkpoint(machine, slice + 4));
                model.AddCheckpoint(machine, slice + 4);
            }
        }

        // The order of a fleet: the last slice says that its machine is finished.
        batch.FinishedMachines.AddRange(batch.Slices.Where(slice => slice.Record.FirstGeneration == 8).Select(slice => slice.Record.Machine));
        return batch;
    }

    private static void CommitOneByOne(IHistoryStore store, int run, RunFacts facts)
    {
        foreach (EncodedSlice slice in HistoryBench.Slices(facts))
        {
            store.Commit(run, HistoryBench.Batch(slice));
        }
    }

    private static HistoryBatch With(HistoryBatch batch, params MachineCheckpoint[] checkpoints)
    {
        batch.Checkpoints.AddRange(checkpoints);
        return batch;
    }

    private static (RunState State, DateTimeOffset? Ended) StateOf(IHistoryStore store, int run) =>
        store.FindRun(run) is { } found ? (found.State, found.Ended) : throw new InvalidOperationException("no run");

    private static (int Machine, int First, string Encoded) Shown(EncodedSlice slice) =>
        (slice.Record.Machine, slice.Record.FirstGeneration, Convert.ToHexStringLower(slice.Encoded.Span));

    private static (int Machine, int First, string Encoded) Shown(StoredSlice slice) =>
        (slice.Machine, slice.FirstGeneration, Convert.ToHexStringLower(slice.Encoded.Span));

    private static void Fail(string damage) => Assert.Fail(damage);
}
