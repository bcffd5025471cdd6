using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>A run that is interrupted anywhere, any number of times, ends as if nothing had happened.</summary>
public sealed class ResumeTests
{
    private const ulong Seed = FleetBench.Seed;
    private static readonly ResolvedScenario Fleet = FleetBench.Fleet;

    [Fact]
    public void Recording_changes_nothing_and_records_every_generation_once()
    {
        MemoryHistory history = new(Fleet, Seed) { WantsRound = static _ => true };

        FleetResult result = history.Run(workers: 2);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.Equal(24, result.ViolationCount);
        Assert.Equal(12 * 8, history.Current.Sums.Generations);
        Assert.Equal((2, 2), (history.RoundsAsked, history.RoundsOfCheckpoints));
        Assert.Empty(history.Checkpoints);
        history.AssertSums(result);
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(1, true)]
    [InlineData(3, true)]
    public void Stopped_after_each_number_of_generations_it_continues_to_the_same_end(int sliceGenerations, bool wantsCheckpoints)
    {
        int generations = Fleet.Scenario.Machines * (Fleet.Scenario.Kexecs + 1);
        for (int stopAfter = 0; stopAfter <= generations; stopAfter++)
        {
            MemoryHistory history = new(Fleet, Seed, sliceGenerations) { WantsRound = _ => wantsCheckpoints };
            FleetResult stopped = history.Run(workers: 1, stopAfter);
            Assert.Equal(stopAfter < generations, stopped.Interrupted);
            Assert.Equal(stopAfter, stopped.Generations);
            AssertEveryMachineHasItsCheckpoint(history);

            FleetResult result = history.Run(workers: 2);

            Assert.Equal($"{stopAfter}\n{FleetBench.Undisturbed}", $"{stopAfter}\n{FleetBench.Text(result)}");
            Assert.Equal(Fleet.Scenario.Machines, result.AlivePeak);
            Assert.Empty(result.Warnings);
            history.AssertSums(result);
        }
    }

    [Fact]
    public void Interrupted_and_resumed_by_chance_it_continues_to_the_same_end()
    {
        for (ulong seed = 0; seed < 150; seed++)
        {
            SplitMix64 random = new(seed);
            MemoryHistory history = new(Fleet, Seed, 1 + random.Index(5)) { WantsRound = _ => random.Index(3) == 0 };
            FleetResult result;
            int sessions = 0;
            do
            {
                Assert.True(++sessions < 100, $"seed {seed}: no progress");
                Disturb(history, random);
                history.FailingAdd = random.Index(3) == 0 ? 1 + random.Index(15) : 0;
                int stopAfter = sessions > 12 || random.Index(4) == 0 ? int.MaxValue : random.Index(60);
                result = history.Run(1 + random.Index(4), stopAfter, random.Index(2) == 0 ? 0 : random.Index(40_000));
            }
            while (result.Interrupted || result.Failure is not null);

            Assert.Equal($"{seed}\n{FleetBench.Undisturbed}", $"{seed}\n{FleetBench.Text(result)}");
            history.AssertSums(result);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_recorder_that_fails_at_any_record_stops_the_run_and_nothing_is_lost(int workers)
    {
        for (int failing = 1; failing <= 25; failing++)
        {
            MemoryHistory history = new(Fleet, Seed) { FailingAdd = failing };
            FleetResult failed = history.Run(workers);
            Assert.Equal(failing <= 24, failed.Failure is HistoryUnavailableException { Message: "memory: the disk is full" });
            Assert.Equal((false, 0, 0), (failed.Interrupted, failed.Defects.Count, failed.DifferingMachines));
            Assert.Equal(failing <= 24 ? "" : failed.Digest, failed.Digest);
            Assert.InRange(history.AddsAfterFailure, 0, workers - 1);
            Assert.Empty(history.Checkpoints);
            history.FailingAdd = 0;

            FleetResult result = history.Run(workers: 2);

            Assert.Equal($"{failing}\n{FleetBench.Undisturbed}", $"{failing}\n{FleetBench.Text(result)}");
            history.AssertSums(result);
        }
    }

    [Fact]
    public void A_recorder_that_fails_when_the_run_is_stopped_is_the_reason_that_is_given()
    {
        MemoryHistory history = new(Fleet, Seed) { FailingAdd = 10 };

        FleetResult result = history.Run(workers: 1, stopAfter: 4 * 9);

        Assert.IsType<HistoryUnavailableException>(result.Failure);
        Assert.False(result.Interrupted);
    }

    [Fact]
    public void A_record_that_is_in_the_history_already_and_differs_stops_the_run()
    {
        MemoryHistory history = new(Fleet, Seed) { FailingAdd = 3, Failure = static () => new DivergentRecordException("another record") };

        FleetResult result = history.Run(workers: 2);

        Assert.IsType<DivergentRecordException>(result.Failure);
        Assert.Empty(result.Defects);
    }

    [Fact]
    public void A_finished_run_runs_nothing_again()
    {
        MemoryHistory history = new(Fleet, Seed);
        history.Run(workers: 2);
        int ran = 0;

        FleetResult result = history.Run(workers: 2, done: (_, _) => ran++);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.Equal((0, 12), (ran, result.AlivePeak));
    }

    [Fact]
    public void Generations_that_are_replayed_are_not_reported_again()
    {
        MemoryHistory history = new(Fleet, Seed);
        SortedSet<(int Machine, int Generation)> reported = [];
        Lock gate = new();
        history.Run(workers: 1, stopAfter: 30, done: Report);
        int unrecorded = reported.Count - (int)history.Current.Sums.Generations;
        reported.RemoveWhere(each => each.Machine == 7);
        foreach (int machine in history.Checkpoints.Keys.ToArray())
        {
            history.GiveCheckpoint(machine, null);
        }

        history.Run(workers: 2, done: Report);

        Assert.Equal((2, 96), (unrecorded, reported.Count));

        void Report(int machine, GenerationReport report)
        {
            lock (gate)
            {
                Assert.True(reported.Add((machine, report.Generation)), $"machine {machine}, generation {report.Generation} twice");
            }
        }
    }

    [Fact]
    public void Of_a_run_of_two_rounds_and_more_every_machine_is_alive_at_one_time()
    {
        foreach ((int kexecs, int workers) in new[] { (1, 1), (2, 3), (3, 1), (4, 2), (5, 1) })
        {
            FleetResult result = FleetRunner.Run(new FleetPlan(FleetBench.Mixed(kexecs: kexecs), Seed), new FleetOptions { Workers = workers });

            Assert.Equal(12, result.AlivePeak);
        }
    }

    [Fact]
    public void Machines_that_come_to_their_end_in_one_slice_are_alive_while_they_have_their_turn()
    {
        FleetResult result = FleetRunner.Run(new FleetPlan(Fleet, Seed), new FleetOptions { Workers = 1, SliceGenerations = 8 });

        Assert.Equal(1, result.AlivePeak);
    }

    [Fact]
    public void Machines_that_were_never_powered_on_are_not_alive()
    {
        MemoryHistory history = new(Fleet, Seed);

        FleetResult first = history.Run(workers: 1, stopAfter: 4 * 5);
        FleetResult second = history.Run(workers: 1, stopAfter: 4);

        Assert.Equal((5, 6), (first.AlivePeak, second.AlivePeak));
    }

    private static void Disturb(MemoryHistory history, SplitMix64 random)
    {
        foreach (int machine in history.Checkpoints.Keys.ToArray())
        {
            switch (random.Index(8))
            {
                case 0:
                    history.GiveCheckpoint(machine, null);
                    break;
                case 1:
                    history.Damage(machine, bytes => bytes[..random.Index(bytes.Length)]);
                    break;
                case 2:
                    history.LoseTail(machine, 1);
                    break;
            }
        }
    }

    private static void AssertEveryMachineHasItsCheckpoint(MemoryHistory history)
    {
        foreach (MachineProgress progress in history.ReadProgress(1))
        {
            bool isFinished = progress.RecordedGenerations == history.Facts.Kexecs + 1;
            Assert.Equal(isFinished ? 0 : progress.RecordedGenerations, progress.CheckpointGeneration);
        }
    }
}
