using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Scenarios;
using KhoActors.Subsystems.Actors;
using Xunit.Abstractions;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>A machine hibernates at its jump: RAM, the loader's numbers, clock, draw counters and the model, nothing else.</summary>
public class SnapshotTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("7.3-rc7")]
    [InlineData("7.1.13", "7.2.13", "7.3-rc7-debug")]
    public void A_machine_that_hibernates_at_every_jump_takes_the_same_draws_and_has_the_same_digests(params string[] kernels)
    {
        Scenario scenario = (MachineBench.Small(kernels) with
        {
            Kexecs = 8,
            Kexec = new LeavePlan { PanicWithoutHandoverPartsPerMillion = 100_000, ColdBootPartsPerMillion = 100_000 },
        }).WithTwoNodes();
        for (ulong seed = 1; seed <= 4; seed++)
        {
            MachineSpec spec = scenario.SpecOf(seed);
            DrawLog recorded = DrawLog.Record();
            MachineRun straight = MachineBench.Run(spec, recorded);

            DrawLog check = recorded.Check();
            MachineRun hibernating = RunHibernating(spec, check);

            check.Finish();
            Assert.Equal(straight.Digests, hibernating.Digests);
            Assert.Equal(straight.Reports.Select(Summary), hibernating.Reports.Select(Summary));
        }
    }

    [Fact]
    public void A_snapshot_of_what_was_read_back_is_the_same_snapshot()
    {
        MachineSpec spec = MachineBench.Small().SpecOf(seed: 5);
        using Machine machine = MachineBench.AtJump(spec, generation: 2);
        byte[] snapshot = MachineBench.Snapshot(machine);
        using Machine woken = new();

        woken.WakeUp(spec, snapshot);

        Assert.Equal(snapshot, MachineBench.Snapshot(woken));
    }

    [Fact]
    public void A_truncated_snapshot_is_refused_at_every_length()
    {
        (MachineSpec spec, byte[] snapshot) = Smallest();
        using Machine machine = new();
        for (int length = 0; length < snapshot.Length; length++)
        {
            ReadOnlyMemory<byte> cut = snapshot.AsMemory(0, length);
            Assert.Throws<SnapshotFormatException>(() => machine.WakeUp(spec, cut));
        }

        Assert.Throws<SnapshotFormatException>(() => machine.WakeUp(spec, new byte[snapshot.Length + 1]));
        Assert.Throws<SnapshotFormatException>(() => machine.WakeUp(spec, (byte[])[.. snapshot, 0]));
    }

    [Fact]
    public void A_damaged_snapshot_is_refused_wherever_a_byte_changed()
    {
        (MachineSpec spec, byte[] snapshot) = Smallest();
        using Machine machine = new();
        for (int i = 0; i < snapshot.Length * 2; i++)
        {
            byte[] damaged = [.. snapshot];
            damaged[i / 2] ^= (byte)((i & 1) == 0 ? 1 << (i / 2 % 8) : 0xFF);

            Assert.Throws<SnapshotFormatException>(() => machine.WakeUp(spec, damaged));
        }
    }

    /// <summary>Behind a forged checksum every field is checked again: reading never fails otherwise, whatever the bytes.</summary>
    [Fact]
    public void A_forged_snapshot_is_refused_or_read_and_nothing_else()
    {
        (MachineSpec spec, byte[] snapshot) = Smallest();
        using Machine machine = new();
        int refused = 0;
        for (int i = 0; i < (snapshot.Length - sizeof(ulong)) * 2; i++)
        {
            SnapshotWriter forged = new();
            forged.WriteRaw(snapshot.AsSpan(0, snapshot.Length - sizeof(ulong)));
            byte[] body = forged.Written.ToArray();
            body[i / 2] ^= (byte)((i & 1) == 0 ? 1 << (i / 2 % 8) : 0xFF);
            forged.Clear();
            forged.WriteRaw(body);
            forged.WriteChecksum(0);
            refused += IsRefused(machine, spec, forged.Written.ToArray()) ? 1 : 0;
        }

        Assert.InRange(refused, 100, (snapshot.Length * 2) - 1);
    }

    [Fact]
    public void A_machine_object_that_refused_a_snapshot_carries_the_next_machine()
    {
        (MachineSpec spec, byte[] snapshot) = Smallest();
        using Machine machine = new();
        Assert.Throws<SnapshotFormatException>(() => machine.WakeUp(spec, snapshot.AsMemory(0, snapshot.Length - 1)));

        machine.WakeUp(spec, snapshot);

        Assert.Equal(MachineBench.Run(spec).Digests.Skip(1), MachineBench.Continue(machine, spec).Digests);
    }

    [Fact]
    public void A_hibernated_machine_of_the_fleet_scenario_is_small()
    {
        ResolvedScenario fleet = new ScenarioCatalog(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder)).Load("fleet");
        List<int> sizes = [];
        for (int number = 0; number < 12; number++)
        {
            MachineSpec spec = fleet.SpecOf(seed: 7, number);
            using Machine machine = new();
            machine.PowerOff(spec);
            for (int generation = 0; generation < spec.Scenario.Kexecs; generation++)
            {
                machine.RunGeneration(isLast: false);
                sizes.Add(MachineBench.Snapshot(machine).Length);
            }
        }

        sizes.Sort();
        output.WriteLine($"{sizes.Count} snapshots: median {sizes[sizes.Count / 2]}, largest {sizes[^1]} bytes");
        Assert.InRange(sizes[sizes.Count / 2], 1, 8192);
    }

    private static (MachineSpec Spec, byte[] Snapshot) Smallest()
    {
        Scenario scenario = MachineBench.Small();
        MachineSpec spec = (scenario with { Workload = scenario.Workload with { OperationsPerKexec = 6, OperationsAfterLoad = 1 } }).SpecOf(seed: 7);
        using Machine machine = MachineBench.AtJump(spec);
        return (spec, MachineBench.Snapshot(machine));
    }

    /// <summary>A machine object per generation, with nothing between them but bytes.</summary>
    private static MachineRun RunHibernating(MachineSpec spec, DrawLog log)
    {
        MachineRun run = new();
        byte[]? snapshot = null;
        for (int generation = 0; generation <= spec.Scenario.Kexecs; generation++)
        {
            using Machine machine = new();
            if (snapshot is null)
            {
                machine.PowerOff(spec, log);
            }
            else
            {
                machine.WakeUp(spec, snapshot, log);
            }

            run.Step(machine, spec);
            snapshot = MachineBench.Snapshot(machine);
        }

        return run;
    }

    private static bool IsRefused(Machine machine, MachineSpec spec, byte[] snapshot)
    {
        try
        {
            machine.WakeUp(spec, snapshot);
            return false;
        }
        catch (SnapshotFormatException)
        {
            return true;
        }
    }

    private static string Summary(GenerationReport report) =>
        $"{report.Generation} {report.Kernel} {report.End} {report.HandedOver} {report.Survived} {report.Restored} {report.Messages} {report.ViolationCount}";
}
