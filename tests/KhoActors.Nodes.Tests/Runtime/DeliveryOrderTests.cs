using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;
using static KhoActors.Nodes.Tests.Runtime.RuntimeBench;

namespace KhoActors.Nodes.Tests.Runtime;

public sealed class DeliveryOrderTests
{
    private const ulong LimitDeliveries = 10_000;

    [Fact]
    public void Messages_of_a_pair_arrive_in_order_and_none_is_lost_in_thousands_of_random_programs()
    {
        for (ulong seed = 0; seed < 3000; seed++)
        {
            var runtime = new LocalRuntime(Machine(seed), Seeded(seed));
            var transcript = new Transcript();
            runtime.Observe(transcript);
            var program = new ChatterProgram(seed);
            program.Start(runtime);

            Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(LimitDeliveries));

            AssertPairsInOrder(transcript, seed, gapless: true);
            Assert.True(program.Sent == (ulong)transcript.Deliveries.Count, $"seed {seed}: {program.Sent} sent, {transcript.Deliveries.Count} delivered");
        }
    }

    [Fact]
    public void With_stops_and_restarts_each_message_is_delivered_in_order_or_a_dead_letter_exactly_once()
    {
        for (ulong seed = 0; seed < 3000; seed++)
        {
            var runtime = new LocalRuntime(Machine(seed), Seeded(seed));
            var transcript = new Transcript();
            runtime.Observe(transcript);
            var program = new ChatterProgram(seed, restarts: true);
            program.Start(runtime);
            runtime.RunUntilIdle(LimitDeliveries);

            AssertPairsInOrder(transcript, seed, gapless: false);
            var fates = transcript.Deliveries.Concat(transcript.DeadLetters.Select(d => d.Delivery)).Select(d => (d.From, d.To, d.Message.A)).ToList();
            Assert.True(
                fates.Distinct().Count() == fates.Count && (ulong)fates.Count == program.Sent,
                $"seed {seed}: {program.Sent} sent, {fates.Count} fates");
            Assert.Equal((ulong)transcript.DeadLetters.Count, runtime.DeadLetters);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_execution_draw_by_draw()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            DrawLog record = DrawLog.Record();
            Transcript first = Execute(seed, record);
            DrawLog check = record.Check();
            Transcript second = Execute(seed, check);
            check.Finish();
            Assert.Equal(first.Deliveries, second.Deliveries);
            Assert.Equal(first.Ticks, second.Ticks);
            Assert.Equal(first.DeadLetters, second.DeadLetters);
        }
    }

    [Fact]
    public void Other_seeds_give_other_orders()
    {
        var orders = Enumerable.Range(0, 1000).Select(seed => OrderOf((ulong)seed, 5, 3)).ToList();

        // 15 messages of 5 pairs have 168,168,000 orders: of 1000 uniform ones, hardly any two are equal.
        Assert.True(orders.Distinct().Count() >= 990);
    }

    [Fact]
    public void Every_interleaving_that_pair_order_allows_is_reached_and_no_other()
    {
        var reached = Enumerable.Range(0, 2000).Select(seed => OrderOf((ulong)seed, 3, 2)).ToHashSet();

        Assert.Equal(90, reached.Count); // 6! / (2! 2! 2!)
        Assert.All(reached, order => Assert.All(Enumerable.Range(1, 3), pair =>
            Assert.True(order.IndexOf($"{pair}1", StringComparison.Ordinal) < order.IndexOf($"{pair}2", StringComparison.Ordinal))));
    }

    [Fact]
    public void The_first_pick_is_uniform()
    {
        var counts = new int[6];
        for (ulong seed = 0; seed < 10_000; seed++)
        {
            counts[OrderOf(seed, 5, 1)[0] - '0']++;
        }

        Assert.All(counts[1..], count => Assert.InRange(count, 1850, 2150)); // 2000, within 4 standard deviations
    }

    [Fact]
    public void A_pick_without_a_choice_draws_nothing()
    {
        var stream = new RandomStream(Machine(1).Child("schedule"));
        var scheduler = new SeededScheduler(stream);
        var pair = new ActorPair(Id(0), Id(1));
        Assert.Equal(0, scheduler.Pick([pair]));
        Assert.Equal(0UL, stream.Counter);
        scheduler.Pick([pair, new ActorPair(Id(1), Id(0))]);
        Assert.Equal(1UL, stream.Counter);
    }

    [Fact]
    public void A_recorded_order_replays_identically_under_any_program_that_sends_the_same()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            bool everyPick = seed % 2 == 0;
            OrderRecorder order = new();
            order.Clear(everyPick);
            Transcript first = Execute(seed, new RecordingScheduler(Seeded(seed), order, everyPick));
            RecordedScheduler replay = new(order.Written.ToArray());
            Transcript second = Execute(seed, replay);
            Assert.Equal(first.Deliveries, second.Deliveries);
            replay.Finish();
        }
    }

    [Fact]
    public void A_recorded_order_that_does_not_fit_names_the_first_pick_that_differs()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 2);
        runtime.Reset(Machine(1), Replay(new ActorPair(Id(0), Id(1)), new ActorPair(Id(0), Id(2))));
        Populate(runtime, 2);
        runtime.Post(Id(0), Id(1), Word(1));
        runtime.Post(Id(0), Id(1), Word(2));

        var divergence = Assert.Throws<DivergenceException>(() => runtime.Run(10));

        Assert.Equal("pick 1 of the recorded order is 0 -> 2, which has nothing to deliver now", divergence.Message);
    }

    [Fact]
    public void A_replay_continues_where_its_snapshot_was_taken()
    {
        ActorPair[] order = [new(Id(0), Id(1)), new(Id(0), Id(2)), new(Id(1), Id(2))];
        RecordedScheduler replay = Replay(order);
        replay.Pick(order);
        var writer = new SnapshotWriter();
        replay.Snapshot(writer);

        RecordedScheduler resumed = Replay(order);
        resumed.Recover(new SnapshotReader(writer.Written.ToArray()));

        Assert.Equal(1, resumed.Pick(order));
        Assert.Equal(2, resumed.Pick(order));
        AssertAtEnd(resumed, order.Length);
    }

    [Fact]
    public void A_recorded_order_that_is_too_short_says_so()
    {
        (LocalRuntime runtime, _) = WithSilentActors(1, 1);
        runtime.Reset(Machine(1), Replay());
        Populate(runtime, 1);
        runtime.Post(Id(0), Id(1), Word(1));

        Assert.Contains("has 0 picks", Assert.Throws<DivergenceException>(() => runtime.Run(10)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ring_that_grows_while_wrapped_keeps_its_order_and_its_texts()
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(1, 1);
        ulong next = 1;
        for (int round = 0; round < 200; round++)
        {
            for (int i = 0; i < 3; i++, next++)
            {
                runtime.Post(Id(0), Id(1), Word(next, next % 2 == 0 ? $"text {next}" : null), correlation: (uint)next);
            }

            runtime.Run(2);
        }

        runtime.RunUntilIdle(1000);

        Assert.Equal(600, transcript.Deliveries.Count);
        for (int i = 0; i < 600; i++)
        {
            ulong number = (ulong)i + 1;
            Assert.Equal(new Delivery(Id(0), Id(1), (uint)number, Word(number, number % 2 == 0 ? $"text {number}" : null)), transcript.Deliveries[i]);
        }
    }

    private static RecordedScheduler Replay(params ActorPair[] order) => new(EveryPick(order).Written.ToArray());

    private static void AssertAtEnd(RecordedScheduler replay, int picks)
    {
        var divergence = Assert.Throws<DivergenceException>(() => replay.Pick([default]));
        Assert.Equal($"the recorded order has {picks} picks, the execution wants another", divergence.Message);
    }

    private static string OrderOf(ulong seed, int pairs, int messages)
    {
        (LocalRuntime runtime, Transcript transcript) = WithSilentActors(seed, pairs);
        for (int pair = 1; pair <= pairs; pair++)
        {
            for (int message = 1; message <= messages; message++)
            {
                runtime.Post(Id(0), Id(pair), Word((ulong)((pair * 10) + message)));
            }
        }

        runtime.RunUntilIdle(LimitDeliveries);
        return transcript.Words;
    }

    private static Transcript Execute(ulong seed, DrawLog log) => Execute(seed, Seeded(seed, log), log);

    private static Transcript Execute(ulong seed, IScheduler scheduler, DrawLog? log = null)
    {
        var runtime = new LocalRuntime(Machine(seed), scheduler);
        var transcript = new Transcript();
        runtime.Observe(transcript);
        new ChatterProgram(seed, restarts: true, delays: true, log).Start(runtime);
        runtime.RunUntilIdle(LimitDeliveries);
        return transcript;
    }

    private static void AssertPairsInOrder(Transcript transcript, ulong seed, bool gapless)
    {
        foreach (var pair in transcript.Deliveries.GroupBy(d => (d.From, d.To)))
        {
            ulong[] places = [.. pair.Select(d => d.Message.A)];
            for (int i = 0; i < places.Length; i++)
            {
                bool inOrder = gapless ? places[i] == (ulong)i + 1 : i == 0 || places[i] > places[i - 1];
                Assert.True(inOrder, $"seed {seed}, {pair.Key}: place {places[i]} at position {i}");
            }
        }
    }
}
