using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using static KhoActors.Nodes.Tests.Runtime.RuntimeBench;

namespace KhoActors.Nodes.Tests.Runtime;

public sealed class ActorTreeTests
{
    [Fact]
    public void Stop_ends_children_first_and_tells_watchers_in_that_order()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 2);
        runtime.Start(Id(10), ScriptedActor.Silent(), Id(1));
        runtime.Start(Id(11), ScriptedActor.Silent(), Id(10));
        runtime.Start(Id(12), ScriptedActor.Silent(), Id(1));
        foreach (int actor in new[] { 1, 10, 11, 12 })
        {
            runtime.Watch(Id(2), Id(actor));
            runtime.Post(Id(0), Id(actor), Word((ulong)actor));
        }

        runtime.Stop(Id(1));

        Assert.Equal([11UL, 10, 12, 1], transcript.DeadLetters.Select(d => d.Delivery.Message.A));
        Assert.All(new[] { 1, 10, 11, 12 }, actor => Assert.False(runtime.IsRunning(Id(actor))));
        Assert.True(runtime.IsRunning(Id(2)));
        runtime.RunUntilIdle(10);
        ulong[] told = [.. transcript.Deliveries.Where(d => d.Message.Kind == RuntimeMessages.Terminated).Select(d => d.Message.A).Order()];
        Assert.Equal([1UL, 10, 11, 12], told);
        Assert.All(transcript.Deliveries, d => Assert.Equal(Id(2), d.To));
    }

    [Fact]
    public void An_orderly_stop_lets_what_was_sent_arrive_and_an_abrupt_one_does_not()
    {
        foreach (StopKind kind in new[] { StopKind.Orderly, StopKind.Abrupt })
        {
            (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 2);
            runtime.Post(Id(1), Id(2), Word(1));
            runtime.Post(Id(1), Id(2), Word(2), delayTicks: 100_000);

            runtime.Stop(Id(1), kind);
            runtime.RunUntilIdle(10);

            Assert.Equal(kind == StopKind.Orderly ? "1 2" : string.Empty, transcript.Words);
            Assert.Equal(kind == StopKind.Orderly ? 0UL : 2UL, runtime.DeadLetters);
            Assert.All(transcript.DeadLetters, d => Assert.Equal(DeadLetterReason.SenderCut, d.Reason));
        }
    }

    [Fact]
    public void No_message_or_timer_reaches_a_successor_of_the_same_number()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 2);
        runtime.Post(Id(2), Id(1), Word(1));
        runtime.Post(Id(1), Id(1), Word(2), delayTicks: 50);
        runtime.Post(Id(2), Id(2), Word(3), delayTicks: 60);

        runtime.Stop(Id(0), StopKind.Abrupt);
        runtime.StartRoot(Id(0), ScriptedActor.Silent());
        runtime.Start(Id(1), ScriptedActor.Silent(), Id(0));
        runtime.Start(Id(2), ScriptedActor.Silent(), Id(0));
        runtime.RunUntilIdle(10);

        Assert.Empty(transcript.Deliveries);
        Assert.Equal([1UL, 2, 3], transcript.DeadLetters.Select(d => d.Delivery.Message.A));
        Assert.All(transcript.DeadLetters, d => Assert.Equal(DeadLetterReason.ReceiverStopped, d.Reason));
    }

    [Fact]
    public void What_an_actor_sent_before_it_stops_the_receiver_in_the_same_delivery_is_a_dead_letter_of_the_old_one()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 1);
        var restarter = new ScriptedActor((in Delivery _, Outbox outbox) =>
        {
            outbox.Send(Id(1), Word(100));
            runtime.Stop(Id(1));
            outbox.Send(Id(1), Word(200));
            runtime.Start(Id(1), ScriptedActor.Silent(), Id(0));
            outbox.Send(Id(1), Word(300));
        });
        runtime.Start(Id(2), restarter, Id(0));
        runtime.Post(Id(0), Id(2), Word(1));

        runtime.RunUntilIdle(10);

        Assert.Equal("1 300", transcript.Words);
        Assert.Equal(
            [(DeadLetterReason.ReceiverStopped, 100UL), (DeadLetterReason.NotRunning, 200UL)],
            transcript.DeadLetters.Select(d => (d.Reason, d.Delivery.Message.A)));
    }

    [Fact]
    public void Watching_one_that_is_not_running_tells_at_once_and_a_stopped_watcher_is_told_nothing()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 3);
        runtime.Watch(Id(1), Id(30));
        runtime.Watch(Id(2), Id(3));
        runtime.Stop(Id(2));
        runtime.Start(Id(2), ScriptedActor.Silent(), Id(0));
        runtime.Stop(Id(3));

        runtime.RunUntilIdle(10);

        Delivery told = Assert.Single(transcript.Deliveries);
        Assert.Equal(new Delivery(Id(30), Id(1), 0, new Message(RuntimeMessages.Terminated, 30)), told);
        Assert.Equal(0UL, runtime.DeadLetters);
    }

    [Fact]
    public void Touching_a_page_of_another_owner_stops_the_actor_like_an_oops_and_says_which_it_was()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 1);
        runtime.Start(Id(5), new ScriptedActor(static (in Delivery _, Outbox _) => throw ForeignPage()), Id(1));
        runtime.Post(Id(0), Id(5), Word(1));

        Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(10));

        Assert.Equal(new Message(RuntimeMessages.Oops, 5, 1, Text: ForeignPage().Message), transcript.Deliveries[^1].Message);
        Assert.False(runtime.IsRunning(Id(5)));

        static PageOwnershipException ForeignPage() => new("is written", 0x1000, PageOwner.Workload, PageOwner.Kho);
    }

    [Fact]
    public void An_oops_stops_the_actor_and_tells_its_parent_after_what_it_sent_before()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 1);
        runtime.Start(Id(5), new ScriptedActor(OopsAfterSending), Id(1));
        runtime.Start(Id(6), ScriptedActor.Silent(), Id(5));
        runtime.Post(Id(0), Id(5), Word(1));
        runtime.Post(Id(0), Id(5), Word(2));

        Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(10));

        Assert.Equal(3, transcript.Deliveries.Count);
        Assert.Equal(new Delivery(Id(5), Id(1), 0, Word(7)), transcript.Deliveries[1]);
        Assert.Equal(new Delivery(Id(5), Id(1), 0, new Message(RuntimeMessages.Oops, 5, Text: "kernel BUG")), transcript.Deliveries[2]);
        Assert.False(runtime.IsRunning(Id(5)) || runtime.IsRunning(Id(6)));
        Assert.Equal(2UL, Assert.Single(transcript.DeadLetters).Delivery.Message.A);

        static void OopsAfterSending(in Delivery delivery, Outbox outbox)
        {
            outbox.Send(Id(1), Word(7));
            throw new SimulatedOopsException("kernel BUG");
        }
    }

    [Fact]
    public void An_oops_of_the_machine_is_told_to_itself_and_a_second_over_that_is_a_defect()
    {
        var runtime = new LocalRuntime(Machine(1), Seeded(1));
        var seen = new List<MessageKind>();
        bool again = false;
        runtime.StartRoot(Id(0), new ScriptedActor((in Delivery delivery, Outbox _) =>
        {
            seen.Add(delivery.Message.Kind);
            if (again || delivery.Message.Kind == Work)
            {
                throw new SimulatedOopsException("early");
            }
        }));
        runtime.Post(Id(0), Id(0), Word(1));
        runtime.RunUntilIdle(10);
        Assert.Equal([Work, RuntimeMessages.Oops], seen);
        Assert.True(runtime.IsRunning(Id(0)));

        again = true;
        runtime.Post(Id(0), Id(0), Word(1));
        Assert.Throws<SimulatorDefectException>(() => runtime.RunUntilIdle(10));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_observer_that_fails_while_an_oops_is_handled_is_a_defect_and_the_runtime_can_be_reset(bool failsLikeAKernel)
    {
        (LocalRuntime runtime, _) = WithSilentActors(7, 1);
        Exception cause = failsLikeAKernel ? new SimulatedOopsException("not a kernel") : new InvalidDataException("disk full");
        runtime.Observe(new FailsAtDeadLetters(cause));
        runtime.Start(Id(2), new ScriptedActor((in Delivery _, Outbox _) => throw new SimulatedOopsException("kernel BUG")), Id(1));
        runtime.Post(Id(1), Id(2), Word(42));
        runtime.Post(Id(1), Id(2), Word(43));

        var defect = Assert.Throws<SimulatorDefectException>(() => runtime.Run(10));

        Assert.Same(cause, defect.InnerException);
        Assert.Equal((1UL, 42UL), (defect.DeliveryNumber, defect.Delivery.Message.A));
        runtime.Reset(Machine(8), Seeded(8));
        Transcript transcript = Populate(runtime, 1);
        runtime.Post(Id(0), Id(1), Word(1));
        runtime.RunUntilIdle(10);
        Assert.Equal("1", transcript.Words);
    }

    [Fact]
    public void An_oops_of_an_actor_that_was_stopped_in_the_same_delivery_is_a_defect()
    {
        (LocalRuntime runtime, _) = WithSilentActors(7, 1);
        runtime.Start(Id(2), new ScriptedActor((in Delivery _, Outbox _) =>
        {
            runtime.Stop(Id(2));
            throw new SimulatedOopsException("kernel BUG");
        }), Id(1));
        runtime.Post(Id(1), Id(2), Word(42));

        var defect = Assert.Throws<SimulatorDefectException>(() => runtime.Run(10));

        Assert.Contains("actor 2 crashed after it was stopped", defect.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_other_exception_is_a_defect_that_names_machine_delivery_and_cause()
    {
        (LocalRuntime runtime, _) = WithSilentActors(7, 1);
        var cause = new InvalidDataException("page has no owner");
        runtime.Start(Id(2), new ScriptedActor((in Delivery _, Outbox _) => throw cause), Id(1));
        runtime.Post(Id(1), Id(2), Word(42));

        var defect = Assert.Throws<SimulatorDefectException>(() => runtime.Run(10));

        Assert.Equal(
            "simulator defect in seed 7 / machine 0 at delivery 1 (from 1 to 2, kind 0x0201): InvalidDataException: page has no owner",
            defect.Message);
        Assert.Same(cause, defect.InnerException);
        Assert.Equal(new Delivery(Id(1), Id(2), 0, Word(42)), defect.Delivery);
        Assert.Equal(1UL, defect.DeliveryNumber);
    }

    [Fact]
    public void Misuse_of_the_tree_is_refused()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 1);
        Assert.Throws<InvalidOperationException>(() => runtime.StartRoot(Id(3), ScriptedActor.Silent()));
        Assert.Throws<InvalidOperationException>(() => runtime.Start(Id(1), ScriptedActor.Silent(), Id(0)));
        Assert.Throws<InvalidOperationException>(() => runtime.Start(Id(3), ScriptedActor.Silent(), Id(9)));
        Assert.Throws<InvalidOperationException>(() => runtime.Stop(Id(9)));
        Assert.Throws<ArgumentException>(() => runtime.Watch(Id(1), Id(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => runtime.Start(Id(64), ScriptedActor.Silent(), Id(0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => runtime.Post(Id(64), Id(0), Word(1)));
    }

    [Fact]
    public void A_message_to_nobody_is_a_dead_letter()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 1);
        runtime.Post(Id(1), Id(40), Word(5));
        runtime.Post(Id(1), Id(200), Word(6));
        Assert.Equal(RunOutcome.Idle, runtime.Run(10));
        Assert.Equal(2UL, runtime.DeadLetters);
        Assert.All(transcript.DeadLetters, d => Assert.Equal(DeadLetterReason.NotRunning, d.Reason));
    }

    private sealed class FailsAtDeadLetters(Exception cause) : IDeliveryObserver
    {
        public void Delivered(ulong number, ulong nowTicks, in Delivery delivery)
        {
        }

        public void DeadLetter(DeadLetterReason reason, in Delivery delivery) => throw cause;
    }
}
