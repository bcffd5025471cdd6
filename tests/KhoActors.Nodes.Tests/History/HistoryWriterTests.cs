using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>The writer loses nothing in silence, groups, holds back, and stops at the first failure.</summary>
public sealed class HistoryWriterTests : IDisposable
{
    private readonly HistoryFolder _folder = new();
    private readonly PlantedStore _store;
    private readonly RunFacts _facts = HistoryBench.Facts(machines: 8);
    private readonly int _run;
    private long _now;

    public HistoryWriterTests()
    {
        _store = new PlantedStore(_folder.Open(HistoryAccess.Create));
        _run = _store.BeginRun(_facts);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_several_workers_add_is_all_there_when_it_is_complete()
    {
        using HistoryWriter writer = Writer();
        Parallel.For(0, _facts.Machines, machine =>
        {
            for (int first = 0; first <= _facts.Kexecs; first += 4)
            {
                writer.Add(HistoryBench.Slice(_facts, machine, first).Record, first == 8 ? null : HistoryBench.Checkpoint(machine, first + 4), first == 8);
            }
        });
        writer.Complete();
        Assert.Equal(80, _store.FindRun(_run)?.Sums.Generations);
        Assert.Equal(HistoryBench.Slices(_facts).Sum(slice => slice.Encoded.Length), _store.ReadSlices(_run).Sum(slice => slice.Encoded.Length));
        Assert.Equal(_store.ReadSlices(_run).Sum(slice => slice.Encoded.Length), writer.RecordBytes);
        Assert.Null(_store.ReadCheckpoint(_run, 3));
        Assert.Empty(HistoryBench.Problems(_store));
    }

    [Fact]
    public void Dispose_writes_what_waits()
    {
        using (HistoryWriter writer = Writer())
        {
            writer.Add(HistoryBench.Slice(_facts, 0, 0).Record, null, isFinished: false);
        }

        Assert.Equal(4, _store.FindRun(_run)?.Sums.Generations);
    }

    [Fact]
    public void A_row_waits_for_others_for_a_fifth_of_a_second_at_most()
    {
        using HistoryWriter writer = Writer();
        writer.Add(HistoryBench.Slice(_facts, 0, 0).Record, null, isFinished: false);
        Interlocked.Add(ref _now, HistoryWriter.GroupMilliseconds);
        writer.Add(HistoryBench.Slice(_facts, 1, 0).Record, null, isFinished: false);
        Assert.True(_store.Committed.Wait(TimeSpan.FromSeconds(30)), "nothing was committed before the writer was complete");
        writer.Complete();
    }

    [Fact]
    public async Task Workers_are_held_back_while_the_queue_is_full()
    {
        _store.Blocked.Reset();
        using HistoryWriter writer = Writer();
        MachineCheckpoint large = new(0, 4, new byte[HistoryWriter.QueueBytes]);
        writer.Add(HistoryBench.Slice(_facts, 0, 0).Record, large, isFinished: false);
        Assert.True(_store.Entered.Wait(TimeSpan.FromSeconds(30)));
        writer.Add(HistoryBench.Slice(_facts, 1, 0).Record, large with { Machine = 1 }, isFinished: false);
        Task held = Task.Run(() => writer.Add(HistoryBench.Slice(_facts, 2, 0).Record, null, isFinished: false));
        await Task.WhenAny(held, Task.Delay(100));
        bool wasHeld = !held.IsCompleted;
        _store.Blocked.Set();
        Assert.True(wasHeld);
        await held.WaitAsync(TimeSpan.FromSeconds(30));
        writer.Complete();
        Assert.Equal(12, _store.FindRun(_run)?.Sums.Generations);
    }

    [Fact]
    public void The_first_failure_ends_it_and_says_how_much_is_safe()
    {
        using HistoryWriter writer = Writer();
        writer.Add(HistoryBench.Slice(_facts, 0, 0).Record, null, isFinished: false);
        Interlocked.Add(ref _now, HistoryWriter.GroupMilliseconds);
        writer.Add(HistoryBench.Slice(_facts, 1, 0).Record, null, isFinished: false);
        Assert.True(_store.Committed.Wait(TimeSpan.FromSeconds(30)));
        _store.Failure = new HistoryUnavailableException("sqlite:x: the disk is full");
        HistoryUnavailableException failure = Assert.Throws<HistoryUnavailableException>(() => AddUntilItFails(writer));
        Assert.Contains("the disk is full; the ", failure.Message, StringComparison.Ordinal);
        HistoryUnavailableException thrown = Assert.Throws<HistoryUnavailableException>(writer.Complete);
        Assert.Equal(failure.Message, thrown.Message);
        _store.Failure = null;
        long safe = _store.FindRun(_run)?.Sums.Generations / 4 ?? -1;
        Assert.Contains($"the {safe} slices of run {_run} that were written before are safe", thrown.Message, StringComparison.Ordinal);
        Assert.Empty(HistoryBench.Problems(_store));
    }

    [Fact]
    public void A_divergent_record_is_passed_on_as_such()
    {
        _store.Commit(_run, HistoryBench.Batch(HistoryBench.Slice(_facts, 0, 0, salt: 1)));
        using HistoryWriter writer = Writer();
        writer.Add(HistoryBench.Slice(_facts, 0, 0).Record, null, isFinished: false);
        DivergentRecordException divergent = Assert.Throws<DivergentRecordException>(writer.Complete);
        Assert.Contains("machine 0", divergent.Message, StringComparison.Ordinal);
    }

    private HistoryWriter Writer() => new(_store, _run, SliceBench.Codec, () => Interlocked.Read(ref _now));

    private void AddUntilItFails(HistoryWriter writer)
    {
        for (int i = 0; i < 100_000; i++)
        {
            writer.Add(HistoryBench.Slice(_facts, 2, 0).Record, null, isFinished: false);
        }
    }
}
