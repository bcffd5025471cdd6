using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Nodes.Tests.UserSpace;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A machine is executed again from its records alone; the workload generator throws when it is asked.</summary>
public class ReplayTests
{
    public static TheoryData<string, string[], int[]> Scenarios { get; } = new()
    {
        { "tiny", [], [0] },
        { "smoke", ["machines=20", "kexecs=6"], [0, 7, 19] },
        { "fleet", ["machines=20", "kexecs=5"], [0, 1, 2, 3] },
        { "tmpfs-chain", ["kexecs=6"], [0] },
        { "client-drift", [], [0] },
        { "pstore-deflate", [], [0] },
        { "upstream-selftest", [], [0] },
        { "log-buf-shift-drift", [], [0] },
    };

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void A_machine_is_replayed_without_chance_and_equal_in_everything(string scenario, string[] settings, int[] machines)
    {
        foreach (int number in machines)
        {
            RecordedRun run = RecordedRun.Of(RecordedRun.Load(scenario, settings), seed: 7, number);
            using Machine machine = RecordedRun.MachineWithoutChance();
            List<GenerationReport> reports = [];

            ReplayDifference? difference = MachineReplay.Run(
                machine, run.Plan, run.Slices(), new MachineReplayOptions { GenerationDone = reports.Add });

            Assert.Null(difference);
            Assert.Equal(run.Records.Count, reports.Count);
            Assert.Equal(run.Records[^1].Digest.ToArray(), machine.Digest.ToArray());
        }
    }

    [Theory]
    [InlineData("smoke")]
    [InlineData("tmpfs-chain")]
    [InlineData("client-drift")]
    public void With_a_recorded_order_nothing_at_all_is_drawn(string scenario)
    {
        RecordedRun run = RecordedRun.Of(RecordedRun.Load(scenario, "kexecs=3"), seed: 7, order: true);
        using Machine machine = RecordedRun.MachineWithoutChance();
        DrawLog nothing = DrawLog.Record().Check();
        machine.PowerOff(run.Spec, nothing, new MachineRecording(Order: true));

        foreach (GenerationRecord record in run.Records)
        {
            machine.RunGeneration(record.Report.Generation == 3, replayed: record);
            RecordedRun.AssertSame(record, machine.LastRecord!);
        }

        Assert.All(run.Records, record => Assert.True(record.Order.Length > 1));
    }

    [Fact]
    public void Without_one_only_the_order_of_deliveries_is_drawn()
    {
        RecordedRun run = RecordedRun.Of(RecordedRun.Load("tmpfs-chain", "kexecs=3"), seed: 7);
        using Machine machine = RecordedRun.MachineWithoutChance();
        DrawLog log = DrawLog.Record();
        machine.PowerOff(run.Spec, log);

        foreach (GenerationRecord record in run.Records)
        {
            machine.RunGeneration(record.Report.Generation == 3, replayed: record);
        }

        Assert.Equal(run.Records[^1].DrawCounters[0], (ulong)log.Count);
    }

    [Fact]
    public void A_replay_that_is_recorded_gives_the_record_again()
    {
        RecordedRun run = RecordedRun.Of(RecordedRun.Load("tmpfs-chain", "kexecs=3"), seed: 7);
        using Machine machine = RecordedRun.MachineWithoutChance();
        machine.PowerOff(run.Spec, recording: new MachineRecording());

        foreach (GenerationRecord record in run.Records)
        {
            machine.RunGeneration(record.Report.Generation == 3, replayed: record);
            RecordedRun.AssertSame(record, machine.LastRecord!);
        }
    }

    [Fact]
    public void Recording_changes_no_digest()
    {
        MachineSpec spec = Lively().SpecOf(seed: 3);

        Assert.Equal(
            MachineBench.Run(spec).Digests,
            RecordedRun.Of(Lively().Resolve(), seed: 3).Records.Select(record => Convert.ToHexStringLower(record.Digest.Span)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_machine_that_hibernates_at_every_jump_leaves_the_same_records(bool order)
    {
        for (ulong seed = 1; seed <= 4; seed++)
        {
            RecordedRun run = RecordedRun.Of(Lively().Resolve(), seed, order: order);
            using Machine machine = new();
            machine.PowerOff(run.Spec, recording: new MachineRecording(order));
            foreach (GenerationRecord record in run.Records)
            {
                int generation = record.Report.Generation;
                machine.RunGeneration(generation == run.Spec.Scenario.Kexecs);
                RecordedRun.AssertSame(record, machine.LastRecord!);
                if (generation < run.Spec.Scenario.Kexecs)
                {
                    machine.WakeUp(run.Spec, MachineBench.Snapshot(machine), recording: new MachineRecording(order));
                    Assert.Null(machine.LastRecord);
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void From_every_checkpoint_on_and_to_every_generation_the_machine_is_the_same_and_goes_on_by_chance(bool order)
    {
        RecordedRun run = RecordedRun.Of(Lively().Resolve(), seed: 5, order: order);
        int last = run.Spec.Scenario.Kexecs;
        for (int from = 0; from < last; from++)
        {
            for (int to = from; to <= last; to++)
            {
                MachineCheckpoint? checkpoint = from == 0 ? null : new MachineCheckpoint(run.Spec.Number, from, run.Checkpoints[from - 1]);
                using Machine machine = new();
                machine.PowerOff(run.Spec, recording: new MachineRecording(order));
                MachineReplayOptions options = new() { EndGeneration = to, Recording = new MachineRecording(order) };

                Assert.Null(MachineReplay.Run(machine, run.Plan, run.Slices(2).Skip(from / 2), options, checkpoint));

                Assert.Equal(to, machine.NextGeneration);
                for (int generation = to; generation <= last; generation++)
                {
                    machine.RunGeneration(generation == last);
                    RecordedRun.AssertSame(run.Records[generation], machine.LastRecord!);
                }
            }
        }
    }

    [Fact]
    public void One_generation_is_looked_at_and_logs_are_kept_when_asked_for()
    {
        RecordedRun run = RecordedRun.Of(Lively().Resolve(), seed: 5);
        using Machine machine = RecordedRun.MachineWithoutChance();
        List<int> looked = [];
        List<GenerationReport> reports = [];

        MachineReplay.Run(machine, run.Plan, run.Slices(), new MachineReplayOptions
        {
            KeepLogs = true,
            EndGeneration = 3,
            LookAt = 2,
            Look = live => looked.Add(live.Number),
            GenerationDone = reports.Add,
        });

        Assert.Equal([2], looked);
        Assert.Equal(3, reports.Count);
        Assert.All(reports, report => Assert.True(report.Log.Count > 0 && report.Story.Count > report.Log.Count));
        Assert.All(run.Records, record => Assert.True(record.Report.Log.Count == 0 && record.Report.Story.Count == 0));
    }

    [Fact]
    public void A_replay_that_is_stopped_finds_nothing_and_goes_no_further()
    {
        RecordedRun run = RecordedRun.Of(Lively().Resolve(), seed: 5);
        using Machine machine = new();

        Assert.Null(MachineReplay.Run(machine, run.Plan, run.Slices(), new MachineReplayOptions { StopRequested = () => machine.NextGeneration == 2 }));

        Assert.Equal(2, machine.NextGeneration);
    }

    [Fact]
    public void What_the_programs_of_clients_from_outside_draw_is_recorded_as_they_use_it()
    {
        ResolvedScenario resolved = NoteBench.Resolve("""
            name: noted
            summary: A machine with a note
            kernels: [7.3-rc7]
            kexecs: 2
            clients: [note]
            workload: { operations_per_kexec: 20, operations_after_load: 2, mix: { note_put: 2, note_get: 1, allocate: 1 } }
            """);
        RecordedRun run = RecordedRun.Of(resolved, seed: 7);
        using Machine machine = RecordedRun.MachineWithoutChance();

        Assert.Null(MachineReplay.Run(machine, run.Plan, run.Slices(), new MachineReplayOptions()));

        DecisionLine[] lines = [.. DecisionListing.Read(run.Records[0].Decisions, resolved)];
        ulong[] puts = [.. lines.Where(line => line.Stream == "user program note").SelectMany(line => line.Values).Select(ulong.Parse)];
        Assert.True(puts.Length > 3);
        Assert.All(puts, put => Assert.InRange(put, 0UL, 999UL));
        Assert.Contains(lines, line => line.Operation == "note_put");
        Assert.Equal((ulong)puts.Length, run.Records[0].DrawCounters[^1]);
    }

    [Fact]
    public void Decisions_are_listed_in_words()
    {
        ResolvedScenario resolved = RecordedRun.Load("tmpfs-chain", "kexecs=1");
        RecordedRun run = RecordedRun.Of(resolved, seed: 7);

        string[] lines = [.. DecisionListing.Read(run.Records[0].Decisions, resolved).Select(line => line.ToString())];

        Assert.Contains(lines, line => line.EndsWith("end of generation: Kexec", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("workload: tmpfs_", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("user program tmpfs: ", StringComparison.Ordinal));
    }

    /// <summary>A machine on which things go wrong now and then.</summary>
    internal static Scenario Lively() => MachineBench.Small("7.2.13", "7.3-rc7") with
    {
        Kexecs = 5,
        Kexec = new LeavePlan
        {
            PanicWithoutHandoverPartsPerMillion = 100_000, ColdBootPartsPerMillion = 100_000, EmergencyRestartPartsPerMillion = 100_000,
        },
    };
}
