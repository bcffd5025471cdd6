using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using static KhoActors.Nodes.Tests.Runtime.RuntimeBench;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>The loop and the steps are two pieces of code with one meaning; and a host that chooses the order itself forgets no message.</summary>
public sealed class SteppedRuntimeTests
{
    [Fact]
    public void Steps_do_what_the_loop_does()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            bool restarts = seed % 2 == 1;
            bool delays = seed % 4 >= 2;
            (LocalRuntime looped, Transcript expected) = Chatter(seed, restarts, delays);
            (LocalRuntime stepped, Transcript found) = Chatter(seed, restarts, delays);

            Assert.Equal(RunOutcome.Idle, looped.RunUntilIdle(100_000));
            Step(stepped);

            AssertSame(seed, expected, found);
            Assert.Equal((looped.NowTicks, looped.DeliveryNumber, looped.DeadLetters), (stepped.NowTicks, stepped.DeliveryNumber, stepped.DeadLetters));
        }
    }

    [Fact]
    public void An_oops_is_supervised_and_a_pause_is_kept_in_steps_too()
    {
        (LocalRuntime looped, Transcript expected) = Crashing();
        (LocalRuntime stepped, Transcript found) = Crashing();

        Assert.Equal(RunOutcome.Paused, looped.RunUntilIdle(100));
        Assert.Equal(RunOutcome.Idle, looped.RunUntilIdle(100));
        Step(stepped);
        Assert.False(stepped.IsIdle);
        Step(stepped);

        AssertSame(0, expected, found);
        Assert.False(stepped.IsRunning(Id(2)));
    }

    [Fact]
    public void What_fails_in_a_step_is_a_defect_that_names_its_delivery_and_leaves_the_runtime_of_use()
    {
        LocalRuntime runtime = new(Machine(1), Seeded(1));
        runtime.StartRoot(Id(0), new ScriptedActor(static (in Delivery _, Outbox _) => throw new InvalidOperationException("planted")));
        runtime.Post(Id(0), Id(0), Word(1));
        Assert.True(runtime.TryTake(out Delivery delivery));

        SimulatorDefectException defect = Assert.Throws<SimulatorDefectException>(() => runtime.Carry(delivery));

        Assert.Equal((1UL, delivery), (defect.DeliveryNumber, defect.Delivery));
        runtime.Reset(Machine(2), Seeded(2));
        Assert.True(runtime.IsIdle);
    }

    [Fact]
    public void A_delivery_that_is_out_keeps_everything_else_waiting_but_a_reset()
    {
        (LocalRuntime runtime, _) = Chatter(1, restarts: false, delays: false);
        Assert.True(runtime.TryTake(out _));

        foreach (Action misuse in (Action[])[() => runtime.Run(1), () => runtime.TryTake(out _), () => runtime.Snapshot(new SnapshotWriter())])
        {
            InvalidOperationException refusal = Assert.Throws<InvalidOperationException>(misuse);
            Assert.Contains("delivery 1 was taken and must be carried first", refusal.Message, StringComparison.Ordinal);
        }

        runtime.Reset(Machine(2), Seeded(2));
        Assert.Equal(RunOutcome.Idle, runtime.Run(1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_host_that_chooses_forgets_no_message_keeps_pairs_in_order_and_is_replayed(bool dropsNoticesOfTheStopped)
    {
        for (ulong seed = 0; seed < 400; seed++)
        {
            // What is delayed may be overtaken in its pair: without delays the order is strict.
            bool delays = seed % 2 == 0;
            OrderRecorder order = new();
            order.Clear(everyPick: true);
            (LocalRuntime runtime, Transcript chosen) = Choose(seed, order, delays, dropsNoticesOfTheStopped);

            (LocalRuntime replayed, Transcript found) = Chatter(seed, restarts: true, delays, new RecordedScheduler(order.Written.ToArray()));
            Assert.Equal(RunOutcome.Idle, replayed.RunUntilIdle(100_000));

            AssertSame(seed, chosen, found);
            Assert.Equal((runtime.NowTicks, runtime.DeadLetters), (replayed.NowTicks, replayed.DeadLetters));
            if (!delays)
            {
                AssertPairsInOrder(seed, chosen);
            }
        }
    }

    private static (LocalRuntime Runtime, Transcript Transcript) Choose(ulong seed, OrderRecorder order, bool delays, bool dropsNoticesOfTheStopped)
    {
        ChosenOrder chosen = new();
        SplitMix64 random = new(seed);
        Notices host = new(dropsNoticesOfTheStopped);
        LocalRuntime runtime = new(Machine(seed), new RecordingScheduler(chosen, order, everyPick: true));
        runtime.Attach(host, messagesToo: true);
        Transcript transcript = new();
        runtime.Observe(transcript);
        new ChatterProgram(seed, restarts: true, delays).Start(runtime);
        while (!runtime.Settle())
        {
            Assert.True(host.Waiting.Count > 0, $"seed {seed}: something is ready and the host was not told");
            int index = random.Index(host.Waiting.Count);
            ActorPair pair = host.Waiting[index];
            host.Waiting.RemoveAt(index);
            if (runtime.SpendNotice(pair))
            {
                chosen.Next = pair;
                Assert.True(runtime.TryTake(out Delivery delivery));
                runtime.Carry(delivery);
            }
        }

        Assert.True(runtime.IsIdle, $"seed {seed}: not idle");
        return (runtime, transcript);
    }

    private static void Step(LocalRuntime runtime)
    {
        while (runtime.TryTake(out Delivery delivery))
        {
            runtime.Carry(delivery);
        }
    }

    private static (LocalRuntime Runtime, Transcript Transcript) Chatter(ulong seed, bool restarts, bool delays, IScheduler? scheduler = null)
    {
        LocalRuntime runtime = new(Machine(seed), scheduler ?? Seeded(seed));
        Transcript transcript = new();
        runtime.Observe(transcript);
        new ChatterProgram(seed, restarts, delays).Start(runtime);
        return (runtime, transcript);
    }

    /// <summary>Actor 2 crashes over its third message; the machine pauses when it hears of it, with messages left.</summary>
    private static (LocalRuntime Runtime, Transcript Transcript) Crashing()
    {
        LocalRuntime runtime = new(Machine(5), Seeded(5));
        Transcript transcript = new();
        runtime.Observe(transcript);
        runtime.StartRoot(Id(0), new ScriptedActor((in Delivery delivery, Outbox _) =>
        {
            if (delivery.Message.Kind == RuntimeMessages.Oops)
            {
                runtime.Pause();
            }
        }));
        runtime.Start(Id(1), ScriptedActor.Silent(), Id(0));
        runtime.Start(Id(2), new ScriptedActor(static (in Delivery delivery, Outbox outbox) =>
        {
            outbox.Send(Id(1), delivery.Message);
            if (delivery.Message.A == 3)
            {
                throw new SimulatedOopsException("planted");
            }
        }), Id(0));
        for (ulong i = 1; i <= 6; i++)
        {
            runtime.Post(Id(0), Id(2), Word(i));
            runtime.Post(Id(0), Id(1), Word(i), delayTicks: i * 5000);
        }

        return (runtime, transcript);
    }

    private static void AssertSame(ulong seed, Transcript expected, Transcript found)
    {
        Assert.True(expected.Deliveries.SequenceEqual(found.Deliveries), $"seed {seed}: deliveries");
        Assert.True(expected.Ticks.SequenceEqual(found.Ticks), $"seed {seed}: times");
        Assert.True(expected.DeadLetters.SequenceEqual(found.DeadLetters), $"seed {seed}: dead letters");
    }

    /// <summary>Words of a chatter count up in each pair.</summary>
    private static void AssertPairsInOrder(ulong seed, Transcript transcript)
    {
        IEnumerable<Delivery> words = transcript.Deliveries.Where(each => each.Message.Kind == Work);
        foreach (IGrouping<ActorPair, Delivery> pair in words.GroupBy(each => new ActorPair(each.From, each.To)))
        {
            ulong[] places = [.. pair.Select(each => each.Message.A)];
            Assert.True(places.SequenceEqual(places.Order()), $"seed {seed}: {pair.Key} is out of order");
        }
    }

    /// <summary>A host that keeps what it was told, and may be slow to learn that an actor is gone.</summary>
    private sealed class Notices(bool dropsThoseOfTheStopped) : IDeliveryHost
    {
        public List<ActorPair> Waiting { get; } = [];

        public void ActorStarted(ActorId actor)
        {
        }

        public void ActorStopped(ActorId actor)
        {
            if (dropsThoseOfTheStopped)
            {
                Waiting.RemoveAll(pair => pair.To == actor);
            }
        }

        public void MessageReady(ActorPair pair) => Waiting.Add(pair);
    }
}
