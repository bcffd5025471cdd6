using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>The machines of a run are executed again from their records; what is wrong with one is said and stops no other.</summary>
public sealed class FleetReplayTests
{
    private static readonly FleetPlan Plan = new(FleetBench.Fleet, FleetBench.Seed);

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 4)]
    [InlineData(2, 1)]
    [InlineData(2, 8)]
    public void A_run_is_replayed_to_its_sums_and_its_digest(int workers, int sliceGenerations)
    {
        MemoryHistory history = FleetBench.Recorded(sliceGenerations);

        FleetReplayResult result = Replay(history, new FleetReplayOptions { Workers = workers });

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result.Sums));
        Assert.Equal((96, 12, 0), (result.Compared, result.MachinesHeld, result.MachinesWithoutRecord));
        Assert.Empty(result.Damage);
        history.AssertSums(result.Sums);
    }

    [Fact]
    public void One_machine_is_replayed_alone()
    {
        MemoryHistory history = FleetBench.Recorded();
        List<(int, int)> done = [];

        FleetReplayResult result = Replay(
            history, new FleetReplayOptions { Workers = 1, Machine = 7, KeepLogs = true, GenerationDone = (machine, report) => done.Add((machine, report.Log.Count)) });

        Assert.Equal((8, 1, ""), (result.Compared, result.MachinesHeld, result.Digest));
        Assert.Equal(Convert.ToHexStringLower(history.Records.Last(record => record.Machine == 7).Generations[^1].Digest.Span), result.MachineDigest);
        Assert.Equal(8, done.Count);
        Assert.All(done, each => Assert.True(each is (7, > 0)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    public void A_replay_ends_behind_the_generation_that_was_asked_for(int to)
    {
        FleetReplayResult result = Replay(FleetBench.Recorded(), new FleetReplayOptions { Workers = 2, ToGeneration = to });

        Assert.Equal((12 * (to + 1), 12), (result.Compared, result.MachinesHeld));
        Assert.Equal(to == 7 ? FleetBench.Digest : "", result.Digest);
        Assert.False(result.Sums.Interrupted);
    }

    [Fact]
    public void Of_an_interrupted_run_is_replayed_what_is_recorded()
    {
        MemoryHistory history = new(FleetBench.Fleet, FleetBench.Seed);
        history.Run(workers: 1, stopAfter: 30);

        FleetReplayResult result = Replay(history, new FleetReplayOptions { Workers = 2 });

        Assert.Equal((28, 7, 5, ""), (result.Compared, result.MachinesHeld, result.MachinesWithoutRecord, result.Digest));
    }

    [Fact]
    public void The_first_difference_is_that_of_the_least_machine_and_all_are_counted()
    {
        MemoryHistory history = FleetBench.Recorded();
        history.Forge(3, 4, record => record.WithDigest(6, new byte[32]));
        history.Forge(9, 0, record => record.WithDigest(1, new byte[32]));
        history.Forge(11, 0, record => record.WithDigest(0, new byte[32]));
        for (int workers = 1; workers <= 4; workers++)
        {
            FleetReplayResult result = Replay(history, new FleetReplayOptions { Workers = workers });

            Assert.Equal((3, 3, 6), (result.Sums.DifferingMachines, result.FirstDifference!.Machine, result.FirstDifference.Generation));
            Assert.Equal(((9 * 8) + 6 + 1 + 0, 9, ""), (result.Compared, result.MachinesHeld, result.Digest));
        }
    }

    [Fact]
    public void A_damaged_record_ends_its_machine_and_no_other()
    {
        MemoryHistory history = FleetBench.Recorded();
        history.DamageSlice(10, 0, bytes => [.. bytes.Reverse()]);
        history.DamageSlice(2, 4, bytes => bytes[..10]);
        for (int workers = 1; workers <= 4; workers++)
        {
            FleetReplayResult result = Replay(history, new FleetReplayOptions { Workers = workers });

            Assert.Equal(2, result.Damage.Count);
            Assert.StartsWith("memory:, run 1: machine 2, generations from 4: the record", result.Damage[0], StringComparison.Ordinal);
            Assert.StartsWith("memory:, run 1: machine 10, generations from 0: the record", result.Damage[1], StringComparison.Ordinal);
            Assert.Equal(((10 * 8) + 4, 10, ""), (result.Compared, result.MachinesHeld, result.Digest));
            Assert.Equal((false, null), (result.Sums.Interrupted, result.FirstDifference));
        }
    }

    [Fact]
    public void A_missing_record_is_damage()
    {
        MemoryHistory history = FleetBench.Recorded();
        history.RemoveSlice(6, 0);

        FleetReplayResult result = Replay(history, new FleetReplayOptions { Workers = 1 });

        Assert.Equal(["memory:, run 1: machine 6: the record of generations from 0 is missing; the next one begins with 4"], result.Damage);
    }

    [Fact]
    public void A_replay_that_is_asked_to_stop_says_so()
    {
        int generations = 0;

        FleetReplayResult result = Replay(
            FleetBench.Recorded(), new FleetReplayOptions { Workers = 1, GenerationDone = (_, _) => generations++, StopRequested = () => generations >= 10 });

        Assert.Equal((true, 10, ""), (result.Sums.Interrupted, result.Compared, result.Digest));
    }

    [Fact]
    public void Records_that_cannot_be_read_any_more_end_the_replay()
    {
        HistoryUnavailableException failure = Assert.Throws<HistoryUnavailableException>(() => FleetReplay.Run(
            Plan, new FleetReplayOptions { Workers = 2 }, machine => machine < 3 ? [] : throw new HistoryUnavailableException("memory: gone")));

        Assert.Equal("memory: gone", failure.Message);
    }

    [Theory]
    [InlineData(12, null, "scenario small has no machine 12; it has 0 to 11")]
    [InlineData(null, 8, "scenario small has no generation 8; it has 0 to 7")]
    public void What_there_is_not_cannot_be_replayed(int? machine, int? generation, string message)
    {
        FleetReplayOptions options = new() { Workers = 1, Machine = machine, ToGeneration = generation };

        Assert.Equal(message, Assert.Throws<MachineVisitException>(() => FleetReplay.Run(Plan, options, _ => [])).Message);
    }

    private static FleetReplayResult Replay(MemoryHistory history, FleetReplayOptions options) =>
        FleetReplay.Run(Plan, options, new RecordedSlices(history, 1, history.Codec).Read);
}
