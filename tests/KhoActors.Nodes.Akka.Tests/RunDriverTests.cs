using Akka.Actor;
using Akka.TestKit;
using KhoActors.Nodes.Akka.Bootstrap;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Runs;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>Manager, driver and directory as clients and machines see them; the machines are played here.</summary>
public sealed class RunDriverTests : global::Akka.TestKit.Xunit2.TestKit
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly FleetPlan Plan = Fleets.Plan();
    private readonly TestProbe _region;
    private readonly TestProbe _client;
    private readonly NodeServices _services;
    private IActorRef _asker = ActorRefs.Nobody;
    private readonly ShardedRun _run = Fleets.Run(Plan);
    private readonly Dictionary<int, RestingMachine> _machines = [];

    public RunDriverTests()
        : base(NodeConfiguration.Of(new ClusterOptions(), [], 2, isAlone: true).Config, "driver")
    {
        _region = CreateTestProbe();
        _client = CreateTestProbe();
        _services = new NodeServices { Settings = Fleets.Settings, Region = _region };
    }

    [Fact]
    public void So_many_machines_have_a_turn_at_a_time_and_the_next_one_when_one_is_counted()
    {
        IActorRef manager = StartManager();
        int run = StartRun(manager, wantsSlices: false);
        List<RunSlice> orders = [NextOrder(), NextOrder(), NextOrder()];
        _region.ExpectNoMsg(TimeSpan.FromMilliseconds(300));

        Answer(orders[1]);

        RunSlice next = NextOrder();
        Assert.Equal([0, 1, 2], orders.Select(order => order.Machine));
        Assert.Equal(new RunSlice(run, 3, 0), next);
        _region.ExpectNoMsg(TimeSpan.FromMilliseconds(300));
    }

    [Fact]
    public void The_client_hears_of_every_slice_before_it_counts_and_of_the_end()
    {
        IActorRef manager = StartManager();
        StartRun(manager, wantsSlices: true);

        RunConcluded concluded = PlayToTheEnd(manager);

        FleetResult expected = Fleets.Expected(Plan);
        Assert.Equal((RunState.Finished, expected.Digest), (concluded.Over.State, concluded.Over.Digest));
        Assert.Equal((expected.Messages, expected.Generations), (concluded.Sums.Counted.Messages, concluded.Sums.Counted.Generations));
    }

    [Fact]
    public void A_ticket_that_is_heard_twice_is_one_run()
    {
        IActorRef manager = StartManager();
        manager.Tell(new StartRun(5, _run.Facts, false), _client);
        manager.Tell(new StartRun(5, _run.Facts, false), _client);
        manager.Tell(new StartRun(7, _run.Facts, false), _client);

        Assert.Equal([1, 1, 2], Enumerable.Range(0, 3).Select(_ => _client.ExpectMsg<RunStarted>(Patience).Run));
    }

    [Fact]
    public void A_driver_that_moves_goes_on_where_its_events_end()
    {
        for (int lost = 0; lost < 3; lost++)
        {
            IActorRef manager = StartManager();
            StartRun(manager, wantsSlices: false, ticket: (ulong)lost + 1);
            for (int slice = 0; slice < 4 * lost; slice++)
            {
                Answer(NextOrder());
            }

            Watch(manager);
            Sys.Stop(manager);
            ExpectTerminated(manager, Patience);
            while (_region.HasMessages)
            {
                _region.ReceiveOne(TimeSpan.Zero);
            }

            IActorRef moved = StartManager();
            moved.Tell(new FollowRun(lost + 1, true, false), _client);
            RunConcluded concluded = PlayToTheEnd(moved, lost + 1);

            Assert.Equal(Fleets.Expected(Plan).Digest, concluded.Over.Digest);
            Assert.Equal(36, concluded.Sums.Counted.Generations);
            Watch(moved);
            Sys.Stop(moved);
            ExpectTerminated(moved, Patience);
            _machines.Clear();
        }
    }

    [Fact]
    public void A_machine_that_does_not_answer_or_was_taken_up_elsewhere_is_asked_again()
    {
        IActorRef manager = StartManager();
        StartRun(manager, wantsSlices: false);
        List<RunSlice> first = [NextOrder(), NextOrder(), NextOrder()];

        manager.Tell(new MachineRecovered(1, first[1].Machine, 0), _region);
        Assert.Equal(first[1], NextOrder());
        Assert.Equivalent(first, new[] { NextOrder(), NextOrder(), NextOrder() });
    }

    [Fact]
    public void A_run_that_is_stopped_lets_its_machines_rest_and_goes_on_when_it_is_resumed()
    {
        IActorRef manager = StartManager();
        StartRun(manager, wantsSlices: false);
        Answer(NextOrder());
        RunSlice second = NextOrder();
        manager.Tell(new StopRun(1, false), _client);
        AwaitCondition(() => PlayCancels() && _client.HasMessages, Patience, TimeSpan.FromMilliseconds(5));
        RunConcluded stopped = _client.FishForMessage<RunConcluded>((RunConcluded message) => message is not null, Patience);

        Assert.Equal((RunState.Interrupted, ""), (stopped.Over.State, stopped.Over.Digest));
        Assert.Equal(0, second.FirstGeneration);
        manager.Tell(new ResumeRun(1, _run.Facts with { Seed = 8 }, false), _client);
        RunRefused refused = _client.FishForMessage<RunRefused>((RunRefused message) => message is RunRefused, Patience);
        Assert.Contains("another scenario, seed or order", refused.Reason, StringComparison.Ordinal);
        manager.Tell(new ResumeRun(1, _run.Facts, false), _client);
        _client.FishForMessage<RunStarted>((RunStarted message) => message is RunStarted, Patience);

        Assert.Equal(Fleets.Expected(Plan).Digest, PlayToTheEnd(manager).Over.Digest);
    }

    [Fact]
    public void There_is_no_run_that_was_never_begun()
    {
        IActorRef manager = StartManager();
        manager.Tell(new ResumeRun(4, _run.Facts, false), _client);
        Assert.Contains("no run 4", _client.ExpectMsg<RunRefused>(Patience).Reason, StringComparison.Ordinal);
        manager.Tell(new FindRun(4), _client);
        Assert.Equal(4, _client.ExpectMsg<RunUnknown>(Patience).Run);

        manager.Tell(new FollowRun(4, true, false), _client);
        Assert.Contains("does not know run 4", _client.ExpectMsg<RunRefused>(Patience).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_directory_asks_once_and_answers_everybody()
    {
        TestProbe driver = CreateTestProbe();
        NodeServices services = new() { Settings = Fleets.Settings with { RetryAfter = TimeSpan.FromMinutes(1) }, Driver = driver };
        IActorRef directory = Sys.ActorOf(Props.Create(() => new RunDirectory(services)));
        TestProbe other = CreateTestProbe();
        directory.Tell(new FindRun(1), _client);
        directory.Tell(new FindRun(1), other);

        driver.ExpectMsg<FindRun>(Patience);
        IActorRef asker = driver.LastSender;
        driver.ExpectNoMsg(TimeSpan.FromMilliseconds(100));
        asker.Tell(new RunFound(new RunBegun(1, _run.Facts, false)), driver);

        Assert.Equal(1, _client.ExpectMsg<RunKnown>(Patience).Run.Number);
        Assert.Same(other.ExpectMsg<RunKnown>(Patience).Run.Plan, Again(directory).Run.Plan);
    }

    [Fact]
    public void The_directory_says_that_this_node_cannot_carry_a_run()
    {
        TestProbe driver = CreateTestProbe();
        NodeServices services = new() { Settings = Fleets.Settings, Driver = driver };
        IActorRef directory = Sys.ActorOf(Props.Create(() => new RunDirectory(services)));
        directory.Tell(new FindRun(1), _client);
        driver.ExpectMsg<FindRun>(Patience);
        driver.Reply(new RunFound(new RunBegun(1, _run.Facts with { ModelVersion = Machine.ModelVersion + 1 }, false)));

        Assert.Contains("model version", _client.ExpectMsg<RunUnknown>(Patience).Reason, StringComparison.Ordinal);
    }

    private RunKnown Again(IActorRef directory)
    {
        directory.Tell(new FindRun(1), _client);
        return _client.ExpectMsg<RunKnown>(Patience);
    }

    private IActorRef StartManager() => Sys.ActorOf(Props.Create(() => new RunManager(_services)));

    private int StartRun(IActorRef manager, bool wantsSlices, ulong ticket = 1)
    {
        manager.Tell(new StartRun(ticket, _run.Facts, false), _client);
        int run = _client.ExpectMsg<RunStarted>(Patience).Run;
        manager.Tell(new FollowRun(run, wantsSlices, false), _client);
        return run;
    }

    private RunSlice NextOrder()
    {
        RunSlice order = _region.FishForMessage<RunSlice>((RunSlice message) => message is not null, Patience);
        _asker = _region.LastSender;
        return order;
    }

    private void Answer(RunSlice order) => _asker.Tell(new SliceFinished(SliceOf(order)), _region);

    private bool PlayCancels()
    {
        while (_region.HasMessages)
        {
            if (_region.ReceiveOne(TimeSpan.Zero) is CancelSlice cancel)
            {
                _region.LastSender.Tell(new SliceCancelled(cancel.Run, cancel.Machine, cancel.FirstGeneration), _region);
            }
        }

        return true;
    }

    /// <summary>Plays machines and client until the driver has said its last words.</summary>
    private RunConcluded PlayToTheEnd(IActorRef manager, int run = 1)
    {
        manager.Tell(new FollowRun(run, true, false), _client);
        RunConcluded? concluded = null;
        AwaitCondition(
            () =>
            {
                while (_region.HasMessages)
                {
                    if (_region.ReceiveOne(TimeSpan.Zero) is RunSlice order)
                    {
                        _asker = _region.LastSender;
                        Answer(order);
                    }
                }

                while (_client.HasMessages)
                {
                    object message = _client.ReceiveOne(TimeSpan.Zero);
                    concluded = message as RunConcluded ?? concluded;
                    if (message is SliceForClient { Slice: var slice })
                    {
                        _client.LastSender.Tell(new SliceTaken(slice.Run, slice.Machine, slice.FirstGeneration), _client);
                    }
                }

                return concluded is not null;
            },
            Patience,
            TimeSpan.FromMilliseconds(5));
        return concluded!;
    }

    private SliceRecorded SliceOf(RunSlice order)
    {
        if (!_machines.TryGetValue(order.Machine, out RestingMachine? resting))
        {
            _machines[order.Machine] = resting = new RestingMachine(order.Run, order.Machine);
        }

        if (resting.LastSlice?.FirstGeneration == order.FirstGeneration)
        {
            return resting.LastSlice;
        }

        using Machine machine = new();
        MachineTurn turn = new(new ShardedRun(order.Run, _run.Facts, _run.Order, Plan), machine, resting);
        while (!turn.IsDone)
        {
            turn.BeginGeneration();
            while (machine.NextDelivery(out Subsystems.Actors.Delivery delivery))
            {
                machine.Deliver(delivery);
            }

            turn.EndGeneration();
        }

        SliceRecorded slice = turn.ToEvent()!;
        resting.Rest(slice, turn.ToSnapshot());
        return slice;
    }
}
