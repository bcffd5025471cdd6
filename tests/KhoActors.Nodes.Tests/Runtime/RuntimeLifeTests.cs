using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using static KhoActors.Nodes.Tests.Runtime.RuntimeBench;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>A runtime over its life: limits, pauses, snapshots at the jump, reuse for the next machine, allocations.</summary>
public sealed class RuntimeLifeTests
{
    private static readonly ScriptedActor Echo = new(static (in Delivery delivery, Outbox outbox) => outbox.Send(delivery.From, delivery.Message));

    [Fact]
    public void Actors_that_keep_each_other_busy_are_a_livelock_with_a_clear_error()
    {
        LocalRuntime runtime = PingPong(1);

        var livelock = Assert.Throws<LivelockException>(() => runtime.RunUntilIdle(1000));

        Assert.Matches(
            "^livelock in seed 1 / machine 0: not idle after 1000 deliveries, at delivery 1000; "
            + "5 pairs \\(such as \\d -> \\d\\) and 0 timers wait$",
            livelock.Message);
        Assert.Equal(RunOutcome.LimitReached, runtime.Run(500));
        Assert.Equal(1500UL, runtime.DeliveryNumber);
    }

    [Fact]
    public void The_limit_is_no_error_when_it_is_just_enough()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 1);
        runtime.Post(Id(0), Id(1), Word(1));
        runtime.Post(Id(0), Id(1), Word(2));
        Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(2));
    }

    [Fact]
    public void A_run_cut_into_slices_is_the_same_run()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            (LocalRuntime whole, Transcript expected) = Chatter(seed);
            whole.RunUntilIdle(10_000);
            (LocalRuntime sliced, Transcript found) = Chatter(seed);
            while (sliced.Run(1 + (seed % 7)) == RunOutcome.LimitReached)
            {
            }

            Assert.Equal(expected.Deliveries, found.Deliveries);
            Assert.Equal(expected.Ticks, found.Ticks);
        }
    }

    [Fact]
    public void A_pause_returns_after_the_delivery_in_progress_once()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 0);
        runtime.Start(Id(1), new ScriptedActor((in Delivery delivery, Outbox _) => PauseAt(2, delivery)), Id(0));
        for (ulong i = 1; i <= 4; i++)
        {
            runtime.Post(Id(0), Id(1), Word(i));
        }

        Assert.Equal(RunOutcome.Paused, runtime.RunUntilIdle(10));
        Assert.Equal("1 2", transcript.Words);
        Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(10));
        Assert.Equal("1 2 3 4", transcript.Words);

        void PauseAt(ulong word, in Delivery delivery)
        {
            if (delivery.Message.A == word)
            {
                runtime.Pause();
            }
        }
    }

    [Fact]
    public void A_pause_does_not_let_time_pass_to_the_next_timer()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 0);
        runtime.Start(Id(1), new ScriptedActor((in Delivery _, Outbox _) => runtime.Pause()), Id(0));
        runtime.Post(Id(0), Id(1), Word(1));
        runtime.Post(Id(0), Id(1), Word(2), delayTicks: 1_000_000);

        Assert.Equal(RunOutcome.Paused, runtime.RunUntilIdle(10));

        Assert.Equal(LocalRuntime.DefaultDeliveryCostTicks, runtime.NowTicks);
        Assert.Equal("1", transcript.Words);
    }

    [Fact]
    public void A_snapshot_at_rest_continues_elsewhere_as_if_nothing_had_happened()
    {
        (LocalRuntime through, Transcript expected) = Chatter(3);
        through.RunUntilIdle(10_000);
        var writer = new SnapshotWriter();
        through.Snapshot(writer);
        through.Stop(Id(0));

        var resumed = new LocalRuntime(Machine(99), Seeded(99));
        resumed.Reset(Machine(3), Seeded(3));
        var reader = new SnapshotReader(writer.Written.ToArray());
        resumed.Recover(reader);
        Assert.True(reader.AtEnd);
        Assert.Equal((through.NowTicks, through.DeliveryNumber, through.DeadLetters), (resumed.NowTicks, resumed.DeliveryNumber, resumed.DeadLetters));

        string[] ends = [.. new[] { through, resumed }.Select(Continue)];
        Assert.Equal(ends[0], ends[1]);

        static string Continue(LocalRuntime runtime)
        {
            if (runtime.IsRunning(Id(0)))
            {
                runtime.Stop(Id(0));
            }

            runtime.StartRoot(Id(0), ScriptedActor.Silent());
            var order = new List<ulong>();
            for (int i = 1; i <= 5; i++)
            {
                runtime.Start(Id(i), new ScriptedActor((in Delivery d, Outbox o) => order.Add(d.Message.A ^ o.NowTicks)), Id(0));
                runtime.Post(Id(0), Id(i), Word((ulong)i << 50));
                runtime.Post(Id(0), Id(i), Word((ulong)i << 50), delayTicks: 3000);
            }

            runtime.RunUntilIdle(100);
            return string.Join(' ', order);
        }
    }

    [Fact]
    public void A_snapshot_with_messages_waiting_is_refused()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 1);
        runtime.Post(Id(0), Id(1), Word(1), delayTicks: 5);
        var refusal = Assert.Throws<InvalidOperationException>(() => runtime.Snapshot(new SnapshotWriter()));
        Assert.Contains("0 pairs and 1 timers wait", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_snapshot_is_one_clear_error()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 1);
        var writer = new SnapshotWriter();
        runtime.Snapshot(writer);
        for (int length = 0; length < writer.Length; length++)
        {
            Assert.Throws<SnapshotFormatException>(() => runtime.Recover(new SnapshotReader(writer.Written[..length].ToArray())));
        }
    }

    [Fact]
    public void A_reused_runtime_runs_the_next_machine_as_a_new_one_does()
    {
        var reused = new LocalRuntime(Machine(0), Seeded(0));
        for (ulong seed = 0; seed < 300; seed++)
        {
            (LocalRuntime fresh, Transcript expected) = Chatter(seed);
            fresh.RunUntilIdle(10_000);

            reused.Reset(Machine(seed), Seeded(seed));
            Transcript found = Chatter(seed, reused);
            reused.RunUntilIdle(10_000);
            Assert.Equal(expected.Deliveries, found.Deliveries);
            Assert.Equal(expected.Ticks, found.Ticks);
            Assert.Equal(expected.DeadLetters, found.DeadLetters);

            Spoil(reused, seed);
        }
    }

    [Fact]
    public void A_run_cannot_be_nested()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 0);
        runtime.Start(Id(1), new ScriptedActor((in Delivery _, Outbox _) => runtime.Run(1)), Id(0));
        runtime.Post(Id(0), Id(1), Word(1));
        Assert.IsType<InvalidOperationException>(Assert.Throws<SimulatorDefectException>(() => runtime.Run(10)).InnerException);
    }

    [Fact]
    public void Deliveries_timers_and_digests_allocate_nothing_once_warm()
    {
        using var chain = new DigestChain("machine");
        LocalRuntime runtime = PingPong(1);
        runtime.Observe(new DeliveryDigest(chain));
        runtime.Start(Id(9), new ScriptedActor(static (in Delivery d, Outbox outbox) => outbox.SendAfter(1500, d.To, d.Message)), Id(0));
        runtime.Post(Id(9), Id(9), Word(1));
        runtime.Run(10_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        runtime.Run(100_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static LocalRuntime PingPong(ulong seed)
    {
        var runtime = new LocalRuntime(Machine(seed), Seeded(seed));
        runtime.StartRoot(Id(0), Echo);
        for (int i = 1; i <= 5; i++)
        {
            runtime.Start(Id(i), Echo, Id(0));
            runtime.Post(Id(0), Id(i), Word((ulong)i));
        }

        return runtime;
    }

    private static (LocalRuntime Runtime, Transcript Transcript) Chatter(ulong seed)
    {
        var runtime = new LocalRuntime(Machine(seed), Seeded(seed));
        return (runtime, Chatter(seed, runtime));
    }

    private static Transcript Chatter(ulong seed, LocalRuntime runtime)
    {
        var transcript = new Transcript();
        runtime.Observe(transcript);
        new ChatterProgram(seed, restarts: true, delays: true).Start(runtime);
        return transcript;
    }

    /// <summary>Leaves a machine in the worst state: messages, timers, watches and a pause pending, ended by a defect every other time.</summary>
    private static void Spoil(LocalRuntime runtime, ulong seed)
    {
        runtime.Start(Id(60), new ScriptedActor(static (in Delivery _, Outbox outbox) =>
        {
            outbox.Send(Id(0), Word(1, "left over"));
            throw new InvalidOperationException("planted");
        }), Id(0));
        runtime.Watch(Id(0), Id(60));
        runtime.Post(Id(60), Id(60), Word(1, "left over"));
        runtime.Post(Id(0), Id(0), Word(1, "left over"));
        runtime.Post(Id(60), Id(0), Word(1, "left over"), delayTicks: seed + 1);
        if (seed % 2 == 0)
        {
            // A defect ends the run with messages waiting; in the other half nothing was delivered at all.
            Assert.Throws<SimulatorDefectException>(() => runtime.RunUntilIdle(10_000));
        }

        runtime.Pause();
    }
}
