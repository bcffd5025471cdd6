using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Tests.History;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>An engine's own concurrency chooses the order; what was recorded replays exactly by the machine alone.</summary>
public class ConcurrentOrderTests
{
    [Theory]
    [InlineData("tiny", 40)]
    [InlineData("smoke", 4)]
    [InlineData("fleet", 4)]
    [InlineData("tmpfs-chain", 1)]
    [InlineData("client-drift", 2)]
    [InlineData("upstream-selftest", 1)]
    [InlineData("pstore-deflate", 2)]
    public void Whatever_order_is_chosen_its_record_replays_exactly(string scenario, int runs)
    {
        MachineSpec spec = SteppedMachineTests.SpecOf(scenario);
        HashSet<string> digests = [];
        for (ulong seed = 1; seed <= (ulong)runs; seed++)
        {
            RandomHost host = new(seed);

            List<GenerationRecord> records = Run(spec, host.Run);

            digests.Add(Convert.ToHexString(records[^1].Digest.Span));
            Assert.All(records, record => Assert.True(OrderLog.HasEveryPick(record.Order.Span)));
            Assert.Equal(host.Delivered.Select(each => new ActorPair(each.From, each.To)), records.SelectMany(PicksOf));
            Replay(spec, records);
        }

        Assert.True(runs == 1 || digests.Count > 1, "every order gave the same digest: nothing was chosen");
    }

    [Fact]
    public void Real_threads_choose_and_every_record_replays_exactly()
    {
        MachineSpec spec = SteppedMachineTests.SpecOf("tiny");
        HashSet<string> digests = [];
        for (int run = 0; run < 60; run++)
        {
            ThreadedHost host = new();

            List<GenerationRecord> records = Run(spec, host.Run);

            digests.Add(Convert.ToHexString(records[^1].Digest.Span));
            Replay(spec, records);
        }

        Assert.True(digests.Count > 1, "60 runs on threads had one order");
    }

    [Fact]
    public void The_same_choices_are_the_same_machine()
    {
        MachineSpec spec = SteppedMachineTests.SpecOf("smoke");

        List<GenerationRecord> one = Run(spec, new RandomHost(5).Run);
        List<GenerationRecord> other = Run(spec, new RandomHost(5).Run);

        for (int i = 0; i < one.Count; i++)
        {
            SteppedMachineTests.AssertSame(one[i], other[i]);
        }
    }

    [Fact]
    public void Nobody_draws_the_order_while_it_is_chosen_and_chance_goes_on_where_it_was()
    {
        MachineSpec spec = SteppedMachineTests.SpecOf("smoke");
        RandomHost host = new(3);
        using Machine machine = new();
        machine.PowerOff(spec, recording: new MachineRecording());
        List<GenerationRecord> records = [];
        for (int generation = 0; generation <= spec.Scenario.Kexecs; generation++)
        {
            bool isLast = generation == spec.Scenario.Kexecs;
            ulong before = records.Count == 0 ? 0 : records[^1].DrawCounters[0];
            if (generation % 2 == 1)
            {
                host.Run(machine, isLast);
                Assert.Equal(before, machine.LastRecord!.DrawCounters[0]);
            }
            else
            {
                machine.RunGeneration(isLast);
                Assert.True(machine.LastRecord!.DrawCounters[0] > before);
                Assert.True(machine.LastRecord!.Order.IsEmpty);
            }

            records.Add(machine.LastRecord!);
            if (!isLast)
            {
                machine.WakeUp(spec, MachineBench.Snapshot(machine), recording: new MachineRecording());
            }
        }

        Replay(spec, records);
    }

    [Fact]
    public void Another_pick_in_the_record_is_found()
    {
        MachineSpec spec = SteppedMachineTests.SpecOf("tiny");
        List<GenerationRecord> records = Run(spec, new RandomHost(1).Run);
        List<ActorPair> picks = [.. PicksOf(records[0])];
        int swapped = Enumerable.Range(20, picks.Count).First(i => picks[i] != picks[i + 1]);
        (picks[swapped], picks[swapped + 1]) = (picks[swapped + 1], picks[swapped]);
        OrderRecorder order = new();
        order.Clear(everyPick: true);
        picks.ForEach(order.Add);
        using Machine machine = new();
        machine.PowerOff(spec);

        ReplayDifference difference = Assert.Throws<ReplayDivergenceException>(
            () => machine.RunGeneration(false, replayed: records[0] with { Order = order.Written.ToArray() })).Difference;

        Assert.True(difference.Aspect is ReplayAspect.Order or ReplayAspect.Delivery, difference.Aspect.ToString());
        Assert.InRange(swapped + 1, (int)difference.FirstDelivery - DeliveryTrail.WindowDeliveries, (int)difference.LastDelivery + 1);
    }

    [Fact]
    public void Misuse_says_what_was_expected()
    {
        MachineSpec spec = SteppedMachineTests.SpecOf("tiny");
        using Machine machine = new();
        machine.PowerOff(spec, recording: new MachineRecording());
        Notices notices = new();
        machine.Host = notices;
        GenerationRecord record = Run(spec, new RandomHost(1).Run)[0];
        Assert.Throws<ArgumentException>(() => machine.BeginGeneration(false, replayed: record, order: DeliveryOrder.Concurrent));

        machine.BeginGeneration(false, order: DeliveryOrder.Concurrent);
        Assert.Contains("by pairs", Assert.Throws<InvalidOperationException>(() => machine.NextDelivery(out _)).Message, StringComparison.Ordinal);
        Assert.False(machine.TakePair(new ActorPair(ActorId.Workload, ActorId.Workload), out _));
        Assert.True(machine.TakePair(notices.Last, out Delivery delivery));
        Assert.Throws<InvalidOperationException>(() => machine.TakePair(notices.Last, out _));
        machine.Deliver(delivery);
        machine.PowerOff(spec);
        Assert.Empty(machine.LiveActors);
    }

    private static List<GenerationRecord> Run(MachineSpec spec, Func<Machine, bool, GenerationReport> run)
    {
        using Machine machine = new();
        machine.PowerOff(spec, recording: new MachineRecording());
        List<GenerationRecord> records = [];
        for (int generation = 0; generation <= spec.Scenario.Kexecs; generation++)
        {
            GenerationReport report = run(machine, generation == spec.Scenario.Kexecs);
            Assert.Empty(report.Violations);
            records.Add(machine.LastRecord!);
        }

        return records;
    }

    /// <summary>From its records alone, recording again: the same in everything, order included.</summary>
    private static void Replay(MachineSpec spec, List<GenerationRecord> records)
    {
        using Machine machine = RecordedRun.MachineWithoutChance();
        machine.PowerOff(spec, recording: new MachineRecording());
        foreach (GenerationRecord record in records)
        {
            machine.RunGeneration(record.Report.Generation == spec.Scenario.Kexecs, replayed: record);
            SteppedMachineTests.AssertSame(record, machine.LastRecord!);
        }
    }

    private static IEnumerable<ActorPair> PicksOf(GenerationRecord record)
    {
        OrderReader reader = new(record.Order);
        while (reader.TryRead(out ActorPair pair))
        {
            yield return pair;
        }
    }

    private sealed class Notices : IDeliveryHost
    {
        public ActorPair Last { get; private set; }

        public void ActorStarted(ActorId actor)
        {
        }

        public void ActorStopped(ActorId actor)
        {
        }

        public void MessageReady(ActorPair pair) => Last = pair;
    }
}
