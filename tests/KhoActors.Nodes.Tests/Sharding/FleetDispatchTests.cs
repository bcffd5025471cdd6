using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Sharding;
using KhoActors.Nodes.Tests.History;

namespace KhoActors.Nodes.Tests.Sharding;

public sealed class FleetDispatchTests : IDisposable
{
    private static readonly FleetPlan Plan = new(RecordedRun.Load("fleet", "machines=5", "kexecs=5"), 7);
    private readonly ShardedRun _run = new(1, FactsOf(Plan, sliceGenerations: 2), DeliveryOrder.Seeded, Plan);
    private readonly Machine _machine = new();
    private readonly Dictionary<int, RestingMachine> _resting = [];

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public void Whatever_is_counted_in_an_event_the_sums_are_those_of_the_local_engine(int slicesOfAnEvent)
    {
        FleetDispatch dispatch = new(_run);
        dispatch.Begin();

        Drive(dispatch, slicesOfAnEvent, []);

        AssertSame(dispatch.Conclude());
    }

    [Fact]
    public void A_driver_that_is_lost_anywhere_is_followed_by_one_that_counts_nothing_twice()
    {
        for (int lost = 0; lost < 15; lost++)
        {
            List<FleetAdvanced> journal = [];
            FleetDispatch first = new(_run);
            first.Begin();
            _resting.Clear();
            Drive(first, 1, journal, stopAfter: lost);
            FleetDispatch second = new(_run);
            foreach (FleetAdvanced advanced in journal)
            {
                second.Apply(Stored(advanced));
            }

            second.Begin();
            Drive(second, 2, journal);

            AssertSame(second.Conclude());
        }
    }

    [Fact]
    public void Turns_are_given_breadth_first_and_the_next_one_when_the_last_is_persisted()
    {
        FleetDispatch dispatch = new(_run);
        dispatch.Begin();
        List<SliceOrder> orders = [];
        while (dispatch.TryIssue(out SliceOrder order))
        {
            orders.Add(order);
        }

        Assert.Equal(Enumerable.Range(0, 5).Select(machine => new SliceOrder(machine, 0)), orders);
        dispatch.Count(dispatch.Accept(Run(orders[3]))!);
        Assert.False(dispatch.TryIssue(out _));
        Assert.Equal(5, dispatch.InFlight);

        dispatch.Apply(dispatch.TakeEvent()!);

        Assert.True(dispatch.TryIssue(out SliceOrder next));
        Assert.Equal(new SliceOrder(3, 2), next);
        Assert.Equal(5, dispatch.Conclude().AlivePeak);
    }

    [Fact]
    public void A_slice_that_comes_twice_is_taken_once()
    {
        FleetDispatch dispatch = new(_run);
        dispatch.Begin();
        dispatch.TryIssue(out SliceOrder order);
        SliceRecorded slice = Run(order);

        Assert.NotNull(dispatch.Accept(slice));
        Assert.Null(dispatch.Accept(slice));
        Assert.Null(dispatch.Accept(slice with { Machine = 4 }));
        Assert.Null(dispatch.Accept(slice with { Machine = 4_000 }));
        Assert.Null(dispatch.Accept(slice with { Run = 2 }));
    }

    [Fact]
    public void A_slice_that_is_not_what_it_says_is_damage()
    {
        FleetDispatch dispatch = new(_run);
        dispatch.Begin();
        dispatch.TryIssue(out SliceOrder zero);
        dispatch.TryIssue(out SliceOrder one);

        Assert.Throws<HistoryDamageException>(() => dispatch.Accept(Run(zero) with { Machine = one.Machine }));
        Assert.Throws<HistoryDamageException>(() => dispatch.Apply(new FleetAdvanced(1, [new MachineAdvance(5, 2, false, new byte[32])], new FleetResult())));
        Assert.Throws<HistoryDamageException>(() => dispatch.Apply(new FleetAdvanced(1, [new MachineAdvance(0, 7, false, new byte[32])], new FleetResult())));
    }

    [Fact]
    public void A_machine_that_is_taken_out_has_no_further_turn_and_a_run_that_is_stopped_is_interrupted()
    {
        FleetDispatch dispatch = new(_run);
        dispatch.Begin();
        dispatch.TryIssue(out SliceOrder zero);
        dispatch.TryIssue(out SliceOrder one);
        dispatch.TakeOut(zero, "machine 00000000: planted");
        dispatch.GiveUp(one);
        dispatch.Apply(dispatch.TakeEvent()!);

        Assert.Equal((0, 4, false), (dispatch.InFlight, dispatch.OpenMachines, dispatch.IsOver));
        FleetResult result = dispatch.Conclude();
        Assert.Equal((true, ""), (result.Interrupted, result.Digest));
        Assert.Equal(["machine 00000000: planted"], result.Defects);
    }

    [Fact]
    public void A_machine_is_taken_up_from_any_snapshot_and_the_records_behind_it()
    {
        List<SliceRecorded> slices = [];
        List<MachineRested> snapshots = [];
        for (int first = 0; first < 6; first += 2)
        {
            slices.Add(Run(new SliceOrder(2, first)));
            if (_resting[2].ToSnapshot() is { } rested)
            {
                snapshots.Add(rested);
            }
        }

        Assert.Equal(2, snapshots.Count);
        foreach (MachineRested? snapshot in (MachineRested?[])[null, .. snapshots])
        {
            RestingMachine again = new(1, 2);
            if (snapshot is not null)
            {
                again.Recover(snapshot);
            }

            foreach (SliceRecorded slice in slices.Take(2).Where(slice => slice.FirstGeneration >= (snapshot?.NextGeneration ?? 0)))
            {
                again.Recover(slice);
            }

            MachineTurn turn = new(_run, _machine, again);
            Carry(turn);

            Assert.Equal(slices[2].Encoded.ToArray(), turn.ToEvent()!.Encoded.ToArray());
        }
    }

    [Fact]
    public void A_journal_with_a_gap_or_of_another_machine_is_damage()
    {
        SliceRecorded first = Run(new SliceOrder(1, 0));
        SliceRecorded second = Run(new SliceOrder(1, 2));
        RestingMachine resting = new(1, 1);
        resting.Recover(first);

        Assert.Throws<HistoryDamageException>(() => resting.Recover(first));
        Assert.Throws<HistoryDamageException>(() => resting.Recover(second with { FirstGeneration = 4 }));
        Assert.Throws<HistoryDamageException>(() => resting.Recover(second with { Machine = 0 }));
        Assert.Throws<HistoryDamageException>(() => resting.Recover(second with { Run = 9 }));
    }

    [Fact]
    public void A_run_of_another_model_is_refused_by_its_node()
    {
        RunFacts facts = _run.Facts;

        Assert.Throws<EngineException>(() => ShardedRun.FromFacts(1, facts with { ModelVersion = 1 }, DeliveryOrder.Seeded));
        Assert.Throws<EngineException>(() => ShardedRun.FromFacts(1, facts with { Machines = 6 }, DeliveryOrder.Seeded));
        Assert.Throws<EngineException>(() => ShardedRun.FromFacts(1, facts with { ResolvedScenario = "{" }, DeliveryOrder.Seeded));
        Assert.Equal(Plan.SpecOf(3).Hardware, ShardedRun.FromFacts(1, facts, DeliveryOrder.Seeded).Plan.SpecOf(3).Hardware);
    }

    private static RunFacts FactsOf(FleetPlan plan, int sliceGenerations) => new()
    {
        Scenario = plan.Scenario.Name,
        ResolvedScenario = plan.Resolved.ToCanonicalText(),
        Seed = plan.Seed,
        Engine = "test",
        ModelVersion = Machine.ModelVersion,
        ProgramVersion = "test",
        OrderIsRecorded = false,
        SliceGenerations = sliceGenerations,
        Machines = plan.Scenario.Machines,
        Kexecs = plan.Scenario.Kexecs,
        Started = DateTimeOffset.UnixEpoch,
        Command = "kho run",
    };

    private static FleetAdvanced Stored(FleetAdvanced advanced) => (FleetAdvanced)JournalCodec.Read(JournalCodec.Advance, JournalCodec.Write(advanced), "here");

    private static void AssertSame(FleetResult result)
    {
        FleetResult expected = FleetRunner.Run(Plan, new FleetOptions { Workers = 1 });
        Assert.Equal(
            (expected.Digest, expected.Kexecs, expected.Messages, expected.Operations, expected.FailedRequests, expected.AlivePeak),
            (result.Digest, result.Kexecs, result.Messages, result.Operations, result.FailedRequests, result.AlivePeak));
        Assert.Equal(expected.Outcomes, result.Outcomes);
        Assert.Equal(expected.Transitions, result.Transitions);
    }

    private void Drive(FleetDispatch dispatch, int slicesOfAnEvent, List<FleetAdvanced> journal, int stopAfter = int.MaxValue)
    {
        Queue<SliceOrder> running = new();
        int counted = 0;
        while (!dispatch.IsOver)
        {
            while (dispatch.TryIssue(out SliceOrder order))
            {
                running.Enqueue(order);
            }

            for (int slice = 0; slice < slicesOfAnEvent && running.TryDequeue(out SliceOrder order); slice++)
            {
                dispatch.Count(dispatch.Accept(Run(order))!);
                if (++counted > stopAfter)
                {
                    return;
                }
            }

            FleetAdvanced advanced = dispatch.TakeEvent()!;
            journal.Add(advanced);
            dispatch.Apply(advanced);
        }
    }

    /// <summary>What a machine's actor does; a slice that it has run already is answered again.</summary>
    private SliceRecorded Run(SliceOrder order)
    {
        if (!_resting.TryGetValue(order.Machine, out RestingMachine? resting))
        {
            _resting[order.Machine] = resting = new RestingMachine(1, order.Machine);
        }

        if (resting.LastSlice?.FirstGeneration == order.FirstGeneration)
        {
            return resting.LastSlice;
        }

        MachineTurn turn = new(_run, _machine, resting);
        Carry(turn);
        SliceRecorded slice = turn.ToEvent()!;
        resting.Rest(slice, turn.ToSnapshot());
        return slice;
    }

    private static void Carry(MachineTurn turn)
    {
        while (!turn.IsDone)
        {
            turn.BeginGeneration();
            while (turn.Machine.NextDelivery(out Subsystems.Actors.Delivery delivery))
            {
                turn.Machine.Deliver(delivery);
            }

            turn.EndGeneration();
        }
    }
}
