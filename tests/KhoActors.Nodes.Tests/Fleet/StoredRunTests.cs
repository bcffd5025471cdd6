using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Tests.History;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>A run in a SQLite file, written by the writer's own thread: interrupted and resumed by several processes' worth of stores, then replayed.</summary>
public sealed class StoredRunTests
{
    private static readonly FleetPlan Plan = new(FleetBench.Fleet, FleetBench.Seed);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void It_ends_as_if_it_had_never_been_interrupted_and_replays(int seed)
    {
        SplitMix64 random = new((ulong)seed);
        using HistoryFolder folder = new();
        int run = Begin(folder);
        FleetResult result;
        int sessions = 0;
        do
        {
            result = Session(folder, run, random, isLast: ++sessions > 6);
        }
        while (result.Interrupted);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        using IHistoryStore store = folder.Open(HistoryAccess.Read);
        StoredRun stored = store.FindRun(run)!;
        Assert.Equal((RunState.Finished, FleetBench.Digest), (stored.State, stored.Digest));
        Assert.Equal(
            (result.Kexecs, result.ColdBoots, result.Messages, result.ViolationCount),
            (stored.Sums.Kexecs, stored.Sums.ColdBoots, stored.Sums.Messages, stored.Sums.Violations));
        Assert.Equal(result.Violations, store.ReadViolations(run, FleetResult.LimitViolationsKept));
        store.Verify(static damage => Assert.Fail(damage));
        FleetReplayResult replay = FleetReplay.Run(
            Plan, new FleetReplayOptions { Workers = 3 }, new RecordedSlices(store, run, new SliceCodec(FleetBench.Fleet)).Read);
        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(replay.Sums));
    }

    private static int Begin(HistoryFolder folder)
    {
        using IHistoryStore store = folder.Open(HistoryAccess.Create);
        return store.BeginRun(new MemoryHistory(FleetBench.Fleet, FleetBench.Seed).Facts);
    }

    private static FleetResult Session(HistoryFolder folder, int run, SplitMix64 random, bool isLast)
    {
        SliceCodec codec = new(FleetBench.Fleet);
        using IHistoryStore reading = folder.Open(HistoryAccess.Write);
        reading.ReopenRun(run);
        ResumePoint resume = new(reading, reading.FindRun(run)!, codec);
        using IHistoryStore writing = folder.Open(HistoryAccess.Write);
        int stopAfter = isLast ? int.MaxValue : random.Index(50);
        int generations = 0;
        FleetResult result;
        using (HistoryWriter writer = new(writing, run, codec, static () => Environment.TickCount64))
        {
            result = FleetRunner.Run(Plan, new FleetOptions
            {
                Workers = 1 + random.Index(3),
                Recorder = writer,
                Resume = resume,
                HibernatedBytesMax = random.Index(2) * 20_000,
                StopRequested = () => Volatile.Read(ref generations) >= stopAfter,
                GenerationDone = (_, _) => Interlocked.Increment(ref generations),
            });
            Assert.Null(result.Failure);
            if (random.Index(3) != 0 || !result.Interrupted)
            {
                writer.Complete();
            }
        }

        writing.EndRun(run, result.Interrupted ? RunState.Interrupted : RunState.Finished, result.Digest, DateTimeOffset.UnixEpoch);
        return result;
    }
}
