using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;
using static KhoActors.Nodes.Tests.Runtime.RuntimeBench;

namespace KhoActors.Nodes.Tests.Runtime;

public sealed class VirtualTimeTests
{
    [Fact]
    public void Each_delivery_costs_the_same_virtual_time()
    {
        var runtime = new LocalRuntime(Machine(1), Seeded(1), deliveryCostTicks: 250);
        Transcript transcript = Populate(runtime, 1);
        for (ulong i = 0; i < 4; i++)
        {
            runtime.Post(Id(0), Id(1), Word(i));
        }

        runtime.RunUntilIdle(10);

        Assert.Equal([250UL, 500, 750, 1000], transcript.Ticks);
        Assert.Equal(1000UL, runtime.NowTicks);
    }

    [Fact]
    public void Timers_fire_in_the_order_of_time_then_of_sending()
    {
        // A model: what is due, sorted by time and then by when it was set. One pair, so the scheduler has no say.
        for (ulong seed = 0; seed < 1000; seed++)
        {
            (LocalRuntime runtime, Transcript transcript) = WithSilentActors(seed, 1);
            var delays = new RandomStream(Machine(seed).Child("delays"));
            var model = new List<(ulong Delay, ulong Number)>();
            for (ulong number = 0; number < 60; number++)
            {
                ulong delay = 1 + delays.NextBelow(20);
                model.Add((delay * 10_000, number));
                runtime.Post(Id(1), Id(1), Word(number), delayTicks: delay * 10_000);
            }

            runtime.RunUntilIdle(100);

            string expected = string.Join(' ', model.OrderBy(t => t.Delay).ThenBy(t => t.Number).Select(t => t.Number));
            Assert.True(expected == transcript.Words, $"seed {seed}: {transcript.Words}");
        }
    }

    [Fact]
    public void With_nothing_to_deliver_time_jumps_to_the_next_timer_and_never_back()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 1);
        runtime.Post(Id(1), Id(1), Word(1), delayTicks: 5_000_000_000);
        runtime.Post(Id(1), Id(1), Word(2), delayTicks: 1);
        runtime.Post(Id(0), Id(1), Word(3));

        runtime.RunUntilIdle(10);

        Assert.Equal("3 2 1", transcript.Words);
        Assert.Equal([1000UL, 2000, 5_000_001_000], transcript.Ticks);
    }

    [Fact]
    public void A_message_that_is_due_competes_with_those_that_wait()
    {
        // Once due, a timer's message is one pair among others: neither first nor last by right.
        var orders = new HashSet<string>();
        for (ulong seed = 0; seed < 50; seed++)
        {
            (LocalRuntime runtime, Transcript transcript) = WithSilentActors(seed, 2);
            runtime.Post(Id(2), Id(2), Word(9), delayTicks: 500);
            runtime.Post(Id(0), Id(1), Word(1));
            runtime.Post(Id(0), Id(1), Word(2));
            runtime.RunUntilIdle(10);
            orders.Add(transcript.Words);
        }

        Assert.Equal(["1 2 9", "1 9 2"], orders.Order());
    }

    [Fact]
    public void An_actor_sees_the_time_of_its_delivery()
    {
        ulong seen = 0;
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 0);
        runtime.Start(Id(1), new ScriptedActor((in Delivery _, Outbox outbox) => seen = outbox.NowTicks), Id(0));
        runtime.Post(Id(1), Id(1), Word(1), delayTicks: 7777);

        runtime.RunUntilIdle(10);

        Assert.Equal(8777UL, seen);
        Assert.Equal(seen, transcript.Ticks[0]);
    }

    [Fact]
    public void A_delay_beyond_the_end_of_time_is_a_defect()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 0);
        runtime.Start(Id(1), new ScriptedActor((in Delivery d, Outbox outbox) => outbox.SendAfter(ulong.MaxValue, d.To, d.Message)), Id(0));
        runtime.Post(Id(1), Id(1), Word(1));

        Assert.IsType<OverflowException>(Assert.Throws<SimulatorDefectException>(() => runtime.Run(10)).InnerException);
    }
}
