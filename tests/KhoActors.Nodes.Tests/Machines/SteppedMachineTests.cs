using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.History;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>Delivery by delivery, a machine is what it is in one call: an engine outside may carry each delivery on whatever thread it likes.</summary>
public class SteppedMachineTests
{
    [Theory]
    [InlineData("tiny", false)]
    [InlineData("smoke", true)]
    [InlineData("fleet", false)]
    [InlineData("tmpfs-chain", false)]
    [InlineData("client-drift", false)]
    [InlineData("pstore-deflate", true)]
    [InlineData("upstream-selftest", false)]
    public void Steps_and_one_call_are_the_same_machine(string scenario, bool order)
    {
        MachineSpec spec = SpecOf(scenario);
        MachineRecording recording = new(order);
        using Machine whole = new();
        using Machine stepped = new();
        whole.PowerOff(spec, recording: recording);
        stepped.PowerOff(spec, recording: recording);
        for (int generation = 0; generation <= spec.Scenario.Kexecs; generation++)
        {
            bool isLast = generation == spec.Scenario.Kexecs;
            List<int> looks = [];
            GenerationReport expected = whole.RunGeneration(isLast, keepLog: true, look: _ => looks.Add(generation));

            GenerationReport found = Step(stepped, isLast, keepLog: true, look: _ => looks.Add(generation));

            Assert.Equal([generation, generation], looks);
            AssertSame(expected, found);
            AssertSame(whole.LastRecord!, stepped.LastRecord!);
            Assert.Equal(whole.Digest.ToArray(), stepped.Digest.ToArray());
            Assert.Equal(MachineBench.Snapshot(whole), MachineBench.Snapshot(stepped));
            Assert.Empty(stepped.LiveActors);
        }
    }

    [Theory]
    [InlineData("tiny", false)]
    [InlineData("smoke", true)]
    public void A_record_replays_in_steps_without_chance(string scenario, bool order)
    {
        RecordedRun run = RecordedRun.Of(RecordedRun.Load(scenario), seed: 7, order: order);
        using Machine machine = RecordedRun.MachineWithoutChance();
        machine.PowerOff(run.Spec, recording: new MachineRecording(order));
        foreach (GenerationRecord record in run.Records)
        {
            AssertSame(record.Report, Step(machine, record.Report.Generation == run.Spec.Scenario.Kexecs, replayed: record));
            AssertSame(record, machine.LastRecord!);
        }
    }

    [Theory]
    [InlineData(ReplayAspect.Delivery)]
    [InlineData(ReplayAspect.Decision)]
    [InlineData(ReplayAspect.Digest)]
    public void A_record_that_differs_is_told_in_its_place_in_steps_too(ReplayAspect aspect)
    {
        RecordedRun run = RecordedRun.Of(RecordedRun.Load("tiny"), seed: 7);
        GenerationRecord record = run.Records[0];
        byte[] trail = record.Trail.ToArray();
        trail[3] ^= 1;
        GenerationRecord changed = aspect switch
        {
            // Found when the next delivery is seen, while one is carried, and at the end.
            ReplayAspect.Delivery => record with { Trail = trail },
            ReplayAspect.Decision => record with { Decisions = record.Decisions[..4] },
            _ => record with { Digest = new byte[DigestChain.LinkBytes] },
        };
        using Machine whole = new();
        using Machine stepped = new();
        whole.PowerOff(run.Spec);
        stepped.PowerOff(run.Spec);

        ReplayDifference expected = Assert.Throws<ReplayDivergenceException>(() => whole.RunGeneration(false, replayed: changed)).Difference;
        ReplayDifference found = Assert.Throws<ReplayDivergenceException>(() => Step(stepped, false, replayed: changed)).Difference;

        Assert.Equal(aspect, expected.Aspect);
        Assert.Equal(expected.Deliveries, found.Deliveries);
        Assert.Equal(expected with { Deliveries = [] }, found with { Deliveries = [] });
    }

    [Fact]
    public void Every_delivery_may_be_carried_by_another_thread()
    {
        MachineSpec spec = SpecOf("tiny");
        using Machine whole = new();
        using Machine stepped = new();
        whole.PowerOff(spec);
        stepped.PowerOff(spec);
        GenerationReport expected = whole.RunGeneration(false);

        stepped.BeginGeneration(false);
        for (int n = 0; stepped.NextDelivery(out Delivery delivery); n++)
        {
            if (n % 16 == 0)
            {
                Thread carrier = new(() => stepped.Deliver(delivery));
                carrier.Start();
                carrier.Join();
            }
            else
            {
                stepped.Deliver(delivery);
            }
        }

        AssertSame(expected, stepped.EndGeneration());
        Assert.Equal(whole.Digest.ToArray(), stepped.Digest.ToArray());
    }

    [Fact]
    public void A_machine_that_is_thrown_away_anywhere_leaves_nothing_behind()
    {
        MachineSpec spec = SpecOf("tiny");
        using Machine whole = new();
        using Machine stepped = new();
        whole.PowerOff(spec);
        GenerationReport expected = whole.RunGeneration(false);
        byte[] checkpoint = MachineBench.Snapshot(whole);
        GenerationReport next = whole.RunGeneration(false);
        for (int deliveries = 0; deliveries < 200; deliveries += 7)
        {
            stepped.PowerOff(spec);
            Abandon(stepped, deliveries, carryLast: deliveries % 2 == 0);
            stepped.PowerOff(spec);
            AssertSame(expected, stepped.RunGeneration(false));
            Abandon(stepped, deliveries, carryLast: deliveries % 2 != 0);
            stepped.WakeUp(spec, checkpoint);
            AssertSame(next, stepped.RunGeneration(false));
        }
    }

    [Fact]
    public void Misuse_says_what_was_expected()
    {
        MachineSpec spec = SpecOf("tiny");
        using Machine machine = new();
        machine.PowerOff(spec);
        Refuses("no generation was begun", () => machine.NextDelivery(out _));
        Refuses("no generation was begun", () => machine.Deliver(default));
        Refuses("no generation was begun", () => machine.EndGeneration());
        Refuses("nobody is there to choose", () => machine.BeginGeneration(false, order: DeliveryOrder.Concurrent));

        machine.BeginGeneration(false);
        Refuses("is going on", () => machine.BeginGeneration(false));
        Refuses("is going on", () => machine.RunGeneration(false));
        Refuses("is going on", () => MachineBench.Snapshot(machine));
        Refuses("is not over", () => machine.EndGeneration());
        Refuses("not the host's to choose", () => machine.TakePair(default, out _));
        Refuses("that is none", () => machine.Deliver(default));

        Assert.True(machine.NextDelivery(out Delivery delivery));
        Refuses("must be carried first", () => machine.NextDelivery(out _));
        Refuses("is not over", () => machine.EndGeneration());
        Refuses("that is delivery 1", () => machine.Deliver(delivery with { Correlation = delivery.Correlation + 1 }));
        machine.Deliver(delivery);
        Refuses("that is none", () => machine.Deliver(delivery));

        while (machine.NextDelivery(out delivery))
        {
            machine.Deliver(delivery);
        }

        Assert.True(machine.IsGenerationOver);
        Assert.False(machine.NextDelivery(out _));
        machine.EndGeneration();
        Refuses("no generation was begun", () => machine.EndGeneration());
    }

    internal static MachineSpec SpecOf(string scenario) => RecordedRun.Load(scenario).SpecOf(seed: 7);

    internal static void AssertSame(GenerationReport expected, GenerationReport found)
    {
        Assert.Equal(expected.Log.Select(line => line.ToString()), found.Log.Select(line => line.ToString()));
        Assert.Equal(expected.Story, found.Story);
        Assert.Equal(expected.Violations, found.Violations);
        Assert.Equal(expected with { Log = [], Story = [], Violations = [] }, found with { Log = [], Story = [], Violations = [] });
    }

    internal static void AssertSame(GenerationRecord expected, GenerationRecord found)
    {
        AssertSame(expected.Report, found.Report);
        Assert.Equal(expected.Decisions.ToArray(), found.Decisions.ToArray());
        Assert.Equal(expected.DrawCounters, found.DrawCounters);
        Assert.Equal(expected.Order.ToArray(), found.Order.ToArray());
        Assert.Equal(expected.Trail.ToArray(), found.Trail.ToArray());
        Assert.Equal(expected.Digest.ToArray(), found.Digest.ToArray());
    }

    private static GenerationReport Step(
        Machine machine, bool isLast, bool keepLog = false, Action<LiveGeneration>? look = null, GenerationRecord? replayed = null)
    {
        machine.BeginGeneration(isLast, keepLog, look, replayed);
        while (machine.NextDelivery(out Delivery delivery))
        {
            machine.Deliver(delivery);
        }

        return machine.EndGeneration();
    }

    private static void Abandon(Machine machine, int deliveries, bool carryLast)
    {
        machine.BeginGeneration(false);
        for (int n = 0; n <= deliveries && machine.NextDelivery(out Delivery delivery); n++)
        {
            if (n < deliveries || carryLast)
            {
                machine.Deliver(delivery);
            }
        }
    }

    private static void Refuses(string part, Action action) =>
        Assert.Contains(part, Assert.Throws<InvalidOperationException>(action).Message, StringComparison.Ordinal);
}
