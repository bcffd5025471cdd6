using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Checkpoints save work and nothing else: a run continues without them, and never from a wrong one. Records are not dispensable.</summary>
public sealed class CheckpointTests
{
    private const string Instead = "; it is replayed from its first power-on";

    [Fact]
    public void Of_a_round_every_machine_leaves_a_checkpoint_or_none_does()
    {
        MemoryHistory history = new(FleetBench.Fleet, FleetBench.Seed, sliceGenerations: 1) { WantsRound = static round => round is 2 or 5 };
        List<string> seen = [];

        history.Run(workers: 1, done: Note);

        Assert.Equal((8, 2), (history.RoundsAsked, history.RoundsOfCheckpoints));
        Assert.Equal(["", "", "2 x 12", "2 x 12", "2 x 12", "5 x 12", "5 x 12", "5 x 12"], seen);

        void Note(int machine, GenerationReport report)
        {
            if (machine == 0)
            {
                seen.Add(string.Join(", ", history.Checkpoints.Values.GroupBy(each => each.NextGeneration).Select(each => $"{each.Key} x {each.Count()}")));
            }
        }
    }

    [Fact]
    public void A_round_that_was_cut_short_is_not_said_to_be_whole()
    {
        MemoryHistory history = new(FleetBench.Fleet, FleetBench.Seed) { WantsRound = static _ => true };

        history.Run(workers: 1, stopAfter: 20);

        Assert.Equal((1, 0, 5), (history.RoundsAsked, history.RoundsOfCheckpoints, history.Checkpoints.Count));
    }

    [Fact]
    public void A_machine_with_a_checkpoint_repeats_nothing()
    {
        MemoryHistory history = Interrupted();

        FleetResult result = history.Run(workers: 2);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.Equal(0, history.MachinesRead);
    }

    [Fact]
    public void A_checkpoint_that_is_damaged_anywhere_is_said_and_does_no_harm()
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            SplitMix64 random = new(seed);
            MemoryHistory history = Interrupted();
            int machine = random.Index(12);
            history.Damage(machine, random.Index(3) switch
            {
                0 => bytes => bytes[..random.Index(bytes.Length)],
                1 => bytes => [.. bytes, 0],
                _ => bytes =>
                {
                    bytes[random.Index(bytes.Length)] ^= (byte)(1 << random.Index(8));
                    return bytes;
                },
            });

            FleetResult result = history.Run(workers: 2);

            Assert.Equal($"{seed}\n{FleetBench.Undisturbed}", $"{seed}\n{FleetBench.Text(result)}");
            string warning = Assert.Single(result.Warnings);
            Assert.StartsWith($"machine {machine:d8}: its checkpoint cannot be used (snapshot, byte", warning, StringComparison.Ordinal);
            Assert.EndsWith(Instead, warning, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_checkpoint_of_another_machine_is_not_mistaken_for_its_own()
    {
        MemoryHistory history = Interrupted();
        MachineCheckpoint other = history.Checkpoints[3] with { Machine = 8 };
        history.GiveCheckpoint(8, other);

        FleetResult result = history.Run(workers: 2);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.Equal(["machine 00000008: its checkpoint cannot be used (its digest is not the recorded one)" + Instead], result.Warnings);
    }

    [Fact]
    public void A_checkpoint_that_lies_behind_its_label_is_not_used()
    {
        MemoryHistory history = Interrupted(sliceGenerations: 2);
        MachineCheckpoint checkpoint = history.Checkpoints[2];
        Assert.Equal(4, checkpoint.NextGeneration);
        history.GiveCheckpoint(2, checkpoint with { NextGeneration = 2 });

        FleetResult result = history.Run(workers: 2);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.Equal(
            ["machine 00000002: its checkpoint cannot be used (it says generation 2, holds a machine before generation 4, and 4 are recorded)" + Instead],
            result.Warnings);
    }

    [Fact]
    public void From_an_older_checkpoint_the_records_behind_it_are_replayed()
    {
        MemoryHistory history = Interrupted(sliceGenerations: 2, stopAfter: 24);
        SortedDictionary<int, MachineCheckpoint> older = new(history.Checkpoints.ToDictionary());
        history.Run(workers: 2, stopAfter: 24);
        for (int machine = 0; machine < 12; machine++)
        {
            Assert.Equal(2, older[machine].NextGeneration);
            Assert.Equal(4, history.Checkpoints[machine].NextGeneration);
            history.GiveCheckpoint(machine, older[machine]);
        }

        FleetResult result = history.Run(workers: 2);

        Assert.Equal(FleetBench.Undisturbed, FleetBench.Text(result));
        Assert.Empty(result.Warnings);
        history.AssertSums(result);
    }

    [Fact]
    public void A_machine_that_does_not_repeat_its_record_stops_and_the_others_come_to_their_end()
    {
        MemoryHistory history = Interrupted();
        history.GiveCheckpoint(9, null);
        history.GiveCheckpoint(5, null);
        history.Forge(9, 0, record => record.WithDigest(3, new byte[32]));
        history.Forge(5, 0, record => record.WithDigest(2, new byte[32]));

        FleetResult result = history.Run(workers: 2);

        Assert.Equal((2, 5, 2), (result.DifferingMachines, result.FirstDifference!.Machine, result.FirstDifference.Generation));
        Assert.Equal(ReplayAspect.Digest, result.FirstDifference.Aspect);
        Assert.Equal((0, false, null), (result.Defects.Count, result.Interrupted, result.Failure));
        Assert.Equal((12 * 8) - 8, result.Generations);
    }

    [Fact]
    public void A_record_that_is_damaged_where_it_is_needed_stops_the_run_and_is_named()
    {
        MemoryHistory history = Interrupted();
        history.GiveCheckpoint(4, null);
        history.DamagedWhenRead = (4, 0);

        FleetResult result = history.Run(workers: 2);

        HistoryDamageException damage = Assert.IsType<HistoryDamageException>(result.Failure);
        Assert.StartsWith("memory:, run 1: machine 4, generations from 0: the record", damage.Message, StringComparison.Ordinal);
        Assert.Empty(result.Digest);
    }

    [Fact]
    public void A_run_of_another_model_is_refused_before_anything_is_done()
    {
        MemoryHistory history = Interrupted();
        history.Facts = history.Facts with { ModelVersion = Machine.ModelVersion + 1 };

        string refusal = Assert.Throws<ResumeException>(() => history.Run(workers: 2)).Message;

        Assert.Equal(
            $"memory:, run 1 was recorded by model version {Machine.ModelVersion + 1}; it cannot be continued by model version {Machine.ModelVersion}", refusal);
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("machines")]
    [InlineData("kexecs")]
    [InlineData("order")]
    public void A_run_is_not_continued_as_another_one(string what)
    {
        MemoryHistory history = Interrupted();
        history.Facts = what switch
        {
            "seed" => history.Facts with { Seed = 8 },
            "machines" => history.Facts with { Machines = 13 },
            "kexecs" => history.Facts with { Kexecs = 8 },
            _ => history.Facts with { OrderIsRecorded = true },
        };

        Assert.StartsWith("memory:, run 1 was recorded ", Assert.Throws<ResumeException>(() => history.Run(workers: 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sums_that_are_not_those_of_the_records_are_no_start()
    {
        MemoryHistory history = Interrupted();
        StoredRun before = history.Current;
        history.Run(workers: 1, stopAfter: 8);
        ResumePoint torn = new(history, before, history.Codec);

        string refusal = Assert.Throws<ResumeException>(() => FleetRunner.Run(
            new FleetPlan(FleetBench.Fleet, FleetBench.Seed), new FleetOptions { Workers = 1, Resume = torn, Recorder = history })).Message;

        Assert.Equal("memory:, run 1 counts 48 generations and has records of 56: another process may be running it", refusal);
    }

    /// <summary>Every machine has run half of its chain, and rests.</summary>
    private static MemoryHistory Interrupted(int sliceGenerations = 4, int stopAfter = 48)
    {
        MemoryHistory history = new(FleetBench.Fleet, FleetBench.Seed, sliceGenerations);
        history.Run(workers: 1, stopAfter);
        return history;
    }
}
