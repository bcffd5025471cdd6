using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.TestKit;
using KhoActors.Nodes.Akka.Bootstrap;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Runs;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Sharding;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>A machine as its driver, its shard and its journal see it.</summary>
public sealed class MachineEntityTests : global::Akka.TestKit.Xunit2.TestKit
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly FleetPlan Small = Fleets.Plan();
    private readonly TestProbe _driver;
    private readonly TestProbe _directory;
    private TestProbe _shard;

    public MachineEntityTests()
        : base(NodeConfiguration.Of(new ClusterOptions(), [], 2, isAlone: true).Config, "machine")
    {
        _driver = CreateTestProbe();
        _directory = CreateTestProbe();
        _shard = CreateTestProbe();
    }

    [Fact]
    public void A_slice_is_run_recorded_and_answered_and_asked_again_answered_the_same()
    {
        IActorRef machine = Start(2);

        SliceRecorded slice = Run(machine, Small, 2, 0);
        machine.Tell(new RunSlice(1, 2, 0), _driver);

        Assert.Equal((0, 2), (slice.FirstGeneration, slice.EndGeneration));
        Assert.Equal(slice, _driver.ExpectMsg<SliceFinished>(Patience).Slice);
    }

    [Fact]
    public void Slice_by_slice_it_comes_to_the_digest_of_the_local_runtime()
    {
        IActorRef machine = Start(2);

        Assert.Equal(Fleets.DigestOf(Small, 2), DigestOf(RunToEnd(machine, Small, 2)));
        Assert.IsType<Passivate>(_shard.ExpectMsg<Passivate>(Patience));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(100)]
    public void Killed_after_each_slice_it_is_taken_up_from_its_journal(int snapshotEverySlices)
    {
        NodeSettings settings = Fleets.Settings with { SnapshotEverySlices = snapshotEverySlices };
        SliceRecorded? last = null;
        for (int first = 0; first < 6; first += 2)
        {
            IActorRef machine = Start(3, settings);
            if (last is not null)
            {
                Assert.Equal(new MachineRecovered(1, 3, first), _driver.ExpectMsg<MachineRecovered>(Patience));
                machine.Tell(new RunSlice(1, 3, last.FirstGeneration), _driver);
                Assert.Equal(last.Encoded.ToArray(), _driver.ExpectMsg<SliceFinished>(Patience).Slice.Encoded.ToArray());
            }

            last = Run(machine, Small, 3, first);
            Kill(machine);
        }

        Assert.Equal(Fleets.DigestOf(Small, 3), DigestOf(last!));
    }

    [Fact]
    public void Killed_in_the_middle_of_a_slice_it_runs_it_again_to_the_same_bytes()
    {
        byte[] expected = Run(Start(1, run: 8), Small, 1, 0, run: 8).Encoded.ToArray();
        for (int attempt = 0; attempt < 5; attempt++)
        {
            IActorRef machine = Start(1, run: 9);
            machine.Tell(new RunSlice(9, 1, 0), _driver);
            _directory.ExpectMsg<FindRun>(Patience);
            _directory.Reply(new RunKnown(new ShardedRun(9, Fleets.Facts(Small), DeliveryOrder.Seeded, Small)));
            if (attempt < 4)
            {
                Kill(machine);
                while (_driver.HasMessages)
                {
                    _driver.ReceiveOne(TimeSpan.Zero);
                }
            }
        }

        SliceFinished? finished = _driver.FishForMessage<SliceFinished>((SliceFinished message) => message is SliceFinished, Patience);
        Assert.Equal(expected, finished.Slice.Encoded.ToArray());
    }

    [Fact]
    public void What_its_journal_lost_it_runs_again_until_it_is_where_its_driver_is()
    {
        IActorRef machine = Start(4);

        SliceRecorded third = Run(machine, Small, 4, 4);

        Assert.Equal(4, third.FirstGeneration);
        Assert.Equal(Fleets.DigestOf(Small, 4), DigestOf(third));
    }

    [Fact]
    public void Concurrent_order_is_in_the_record_and_another_host_replays_it()
    {
        ShardedRun run = Fleets.Run(Small, DeliveryOrder.Concurrent);
        IActorRef machine = Start(0);
        List<SliceRecord> records = [];
        for (int first = 0; first < 6; first += 2)
        {
            SliceRecorded slice = Run(machine, Small, 0, first, order: DeliveryOrder.Concurrent);
            records.Add(run.Codec.Decode(new StoredSlice(0, first, slice.Encoded), "test"));
        }

        using Machine local = new();
        Assert.Null(MachineReplay.Run(local, Small, records, new MachineReplayOptions()));
        Assert.Equal(6, local.NextGeneration);
        Assert.All(records.SelectMany(record => record.Generations), generation => Assert.True(OrderLog.HasEveryPick(generation.Order.Span)));
    }

    [Fact]
    public void A_generation_s_crew_is_gone_when_the_slice_is_answered()
    {
        IActorRef machine = Start(2);

        Run(machine, Small, 2, 0);

        Assert.Throws<ActorNotFoundException>(() => Wait(() => Sys.ActorSelection(machine.Path / "kho").ResolveOne(TimeSpan.FromSeconds(1))));
    }

    [Fact]
    public void A_slice_that_is_cancelled_leaves_nothing_behind()
    {
        IActorRef machine = Start(2);
        machine.Tell(new RunSlice(1, 2, 0), _driver);
        _directory.ExpectMsg<FindRun>(Patience);
        machine.Tell(new CancelSlice(1, 2, 0), _driver);

        Assert.Equal(new SliceCancelled(1, 2, 0), _driver.ExpectMsg<SliceCancelled>(Patience));
        _directory.Reply(new RunKnown(Fleets.Run(Small)));
        Assert.Equal(0, Run(machine, Small, 2, 0).FirstGeneration);
    }

    [Fact]
    public void A_machine_that_must_stop_finishes_its_generation_and_says_so()
    {
        IActorRef machine = Start(2);
        Watch(machine);
        machine.Tell(new RunSlice(1, 2, 0), _driver);
        _directory.ExpectMsg<FindRun>(Patience);
        machine.Tell(new RunKnown(Fleets.Run(Small)), _directory);
        machine.Tell(StopMachine.Instance, _shard);

        Assert.Equal(new SliceCancelled(1, 2, 0), _driver.ExpectMsg<SliceCancelled>(Patience));
        ExpectTerminated(machine, Patience);
        Assert.Equal(0, Run(Start(2), Small, 2, 0).FirstGeneration);
    }

    [Fact]
    public void A_defect_names_path_and_delivery_and_what_came_before_it()
    {
        FleetPlan plan = Fleets.Plan(Fleets.Small + "clients: [brittle]\n", Brittle.Catalog);
        ShardedRun run = Fleets.Run(plan);
        int defects = 0;
        for (int number = 0; number < 6; number++)
        {
            IActorRef machine = Start(number);
            for (int first = 0; first < 6; first += 2)
            {
                Ask(machine, run, number, first);
                object answer = _driver.ReceiveOne(Patience);
                if (answer is SliceFailed failed)
                {
                    defects++;
                    Assert.Equal((SliceFailure.Defect, first), (failed.Kind, failed.FirstGeneration));
                    Assert.Matches(
                        $@"^machine 0000000{number}: simulator defect in seed 7 / fleet / machine {number} "
                        + @"at delivery \d+ \(from \d+ to 16, kind 0x\w+\): InvalidOperationException: planted$",
                        failed.Text);
                    Assert.True(failed.Done is null || failed.Done.FirstGeneration == first);
                    break;
                }

                Assert.IsType<SliceFinished>(answer);
            }
        }

        Assert.InRange(defects, 1, 6);
    }

    [Fact]
    public void A_record_that_does_not_replay_is_a_difference_and_ends_the_machine()
    {
        IActorRef machine = Start(2, Fleets.Settings with { SnapshotEverySlices = 100 });
        Run(machine, Small, 2, 0);
        Kill(machine);
        FleetPlan other = new(Small.Resolved, 8);

        IActorRef again = Start(2);
        _driver.ExpectMsg<MachineRecovered>(Patience);
        Ask(again, new ShardedRun(1, Fleets.Facts(other), DeliveryOrder.Seeded, other), 2, 2);

        SliceDiffers differs = _driver.ExpectMsg<SliceDiffers>(Patience);
        Assert.Equal((2, 2), (differs.FirstGeneration, differs.Difference.Machine));
    }

    [Fact]
    public void A_machine_that_rests_long_leaves_a_snapshot_and_asks_to_be_passivated()
    {
        NodeSettings settings = Fleets.Settings with { PassivateAfter = TimeSpan.FromMilliseconds(300), SnapshotEverySlices = 100 };
        IActorRef machine = Start(5, settings);
        Run(machine, Small, 5, 0);
        _shard.ExpectMsg<Passivate>(Patience);
        Watch(machine);
        machine.Tell(StopMachine.Instance, _shard);
        ExpectTerminated(machine, Patience);

        IActorRef again = Start(5);

        Assert.Equal(new MachineRecovered(1, 5, 2), _driver.ExpectMsg<MachineRecovered>(Patience));
        Assert.Equal(Fleets.DigestOf(Small, 5), DigestOf(RunToEnd(again, Small, 5, first: 2)));
    }

    [Fact]
    public void A_node_that_does_not_know_the_run_says_why()
    {
        IActorRef machine = Start(2);
        machine.Tell(new RunSlice(1, 2, 0), _driver);
        _directory.ExpectMsg<FindRun>(Patience);
        _directory.Reply(new RunUnknown(1, "of another version"));

        SliceFailed failed = _driver.ExpectMsg<SliceFailed>(Patience);
        Assert.Equal((SliceFailure.Refused, "of another version"), (failed.Kind, failed.Text));
    }

    [Fact]
    public void A_driver_that_lags_behind_its_machine_by_more_than_a_slice_is_damage()
    {
        IActorRef machine = Start(2);
        Run(machine, Small, 2, 0);
        Run(machine, Small, 2, 2);

        machine.Tell(new RunSlice(1, 2, 0), _driver);

        Assert.Equal(SliceFailure.Damage, _driver.ExpectMsg<SliceFailed>(Patience).Kind);
    }

    private static byte[] DigestOf(SliceRecorded slice) => Fleets.Run(Small).Codec
        .Decode(new StoredSlice(slice.Machine, slice.FirstGeneration, slice.Encoded), "test").Generations[^1].Digest.ToArray();

    private static void Wait(Func<Task> task) => task().GetAwaiter().GetResult();

    private IActorRef Start(int number, NodeSettings? settings = null, int run = 1)
    {
        NodeServices services = new() { Settings = settings ?? Fleets.Settings, Directory = _directory, Driver = _driver };
        _shard = CreateTestProbe();
        return _shard.ChildActorOf(MachineEntity.PropsOf(new MachineId(run, number).ToString(), services));
    }

    private SliceRecorded Run(IActorRef machine, FleetPlan plan, int number, int first, DeliveryOrder order = DeliveryOrder.Seeded, int run = 1)
    {
        Ask(machine, new ShardedRun(run, Fleets.Facts(plan), order, plan), number, first);
        return _driver.ExpectMsg<SliceFinished>(Patience).Slice;
    }

    /// <summary>Asks for a slice, and tells the machine what its run is when it wants to know.</summary>
    private void Ask(IActorRef machine, ShardedRun run, int number, int first)
    {
        machine.Tell(new RunSlice(run.Number, number, first), _driver);
        AwaitCondition(() => _directory.HasMessages || _driver.HasMessages, Patience, TimeSpan.FromMilliseconds(5));
        if (_directory.HasMessages)
        {
            _directory.ExpectMsg<FindRun>(Patience);
            _directory.Reply(new RunKnown(run));
        }
    }

    private SliceRecorded RunToEnd(IActorRef machine, FleetPlan plan, int number, int first = 0)
    {
        SliceRecorded slice = Run(machine, plan, number, first);
        while (slice.EndGeneration <= plan.Scenario.Kexecs)
        {
            slice = Run(machine, plan, number, slice.EndGeneration);
        }

        return slice;
    }

    private void Kill(IActorRef machine)
    {
        Watch(machine);
        Sys.Stop(machine);
        ExpectTerminated(machine, Patience);
    }

    /// <summary>A client whose code fails in some generations, by the machine's own chance.</summary>
    private sealed class Brittle(ClientKernel kernel) : SequentialClient
    {
        public static ClientCatalog Catalog { get; } = ClientCatalog.BuiltIn.With([new KhoClient
        {
            Name = "brittle",
            Summary = "fails",
            Actor = new ActorId(16),
            Create = kernel => new Brittle(kernel),
        }]);

        protected override IEnumerator<KernelCall> Serve(ClientRequest request)
        {
            if (kernel.NextRandom() % 8 == 0)
            {
                throw new InvalidOperationException("planted");
            }

            request.Return(0);
            yield break;
        }
    }
}
