using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>An order of deliveries is read back as it was written, and bytes that nobody wrote end in one clear error.</summary>
public class OrderLogTests
{
    [Fact]
    public void Random_orders_are_read_back_as_they_were_written()
    {
        OrderRecorder recorder = new();
        for (ulong seed = 0; seed < 2_000; seed++)
        {
            RandomStream draws = new(SeedPath.Root(seed));
            ulong actors = 1 + draws.NextBelow(LocalRuntime.LimitActors);
            ActorPair[] order = new ActorPair[draws.NextBelow(600)];
            for (int i = 0; i < order.Length; i++)
            {
                order[i] = new ActorPair(RuntimeBench.Id((int)draws.NextBelow(actors)), RuntimeBench.Id((int)draws.NextBelow(actors)));
            }

            recorder.Clear(everyPick: seed % 2 == 0);
            Array.ForEach(order, recorder.Add);

            Assert.True(order.AsSpan().SequenceEqual(RuntimeBench.PicksOf(recorder.Written)), $"seed {seed}");
            Assert.Equal(seed % 2 == 0, new OrderReader(recorder.Written.ToArray()).HasEveryPick);
        }
    }

    [Fact]
    public void A_pair_costs_three_bytes_once_and_one_byte_again()
    {
        ActorPair first = new(RuntimeBench.Id(4), RuntimeBench.Id(2));
        ActorPair second = new(RuntimeBench.Id(2), RuntimeBench.Id(63));

        Assert.Equal("02" + "000402" + "00023F" + "01" + "02" + "01", Convert.ToHexString(RuntimeBench.EveryPick(first, second, first, second, first).Written));
    }

    [Fact]
    public void Any_bytes_are_read_to_an_end_or_refused()
    {
        int refused = 0;
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            RandomStream draws = new(SeedPath.Root(seed));
            byte[] bytes = new byte[draws.NextBelow(30)];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)draws.NextBelow(i == 0 ? 4UL : draws.NextBelow(3) == 0 ? 256UL : 6);
            }

            try
            {
                Assert.True(RuntimeBench.PicksOf(bytes).Length < bytes.Length);
            }
            catch (InvalidDataException damage)
            {
                refused++;
                Assert.Matches("^order of deliveries, byte [0-9]+: ", damage.Message);
            }
        }

        Assert.InRange(refused, 1_000, 19_900);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("00", "a log of kind 0; 1 and 2 are accepted")]
    [InlineData("0101", "pair 1 of 0")]
    [InlineData("010004", "cut off")]
    [InlineData("01000440", "no new pair")]
    [InlineData("0100040200040201", "no new pair")]
    [InlineData("0181", "cut off")]
    [InlineData("018100", "not a number of one or two bytes")]
    [InlineData("018180", "not a number of one or two bytes")]
    public void A_malformed_log_is_refused_with_the_reason(string hex, string reason)
    {
        InvalidDataException damage = Assert.Throws<InvalidDataException>(() => RuntimeBench.PicksOf(Convert.FromHexString(hex)));

        Assert.Contains(reason, damage.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_order_that_another_engine_chose_is_replayed_pick_by_pick()
    {
        ActorPair twice = new(RuntimeBench.Id(0), RuntimeBench.Id(1));
        ActorPair[] order = [new(RuntimeBench.Id(0), RuntimeBench.Id(2)), twice, twice];
        RecordedScheduler scheduler = new(RuntimeBench.EveryPick(order).Written.ToArray());
        LocalRuntime runtime = new(RuntimeBench.Machine(1), scheduler);
        Transcript transcript = RuntimeBench.Populate(runtime, 2);
        runtime.Post(RuntimeBench.Id(0), RuntimeBench.Id(1), RuntimeBench.Word(1));
        runtime.Post(RuntimeBench.Id(0), RuntimeBench.Id(2), RuntimeBench.Word(2));
        runtime.Post(RuntimeBench.Id(0), RuntimeBench.Id(1), RuntimeBench.Word(3));

        runtime.RunUntilIdle(10);
        scheduler.Finish();

        Assert.Equal("2 1 3", transcript.Words);
        Assert.Equal(1UL, scheduler.Choices);
    }

    [Fact]
    public void An_order_with_a_pick_too_many_says_so()
    {
        RecordedScheduler scheduler = new(RuntimeBench.EveryPick(new ActorPair(RuntimeBench.Id(0), RuntimeBench.Id(1))).Written.ToArray());

        DivergenceException divergence = Assert.Throws<DivergenceException>(scheduler.Finish);

        Assert.Equal("pick 0 of the recorded order is 0 -> 1, the execution wants none", divergence.Message);
    }

    [Fact]
    public void An_order_that_is_damaged_is_a_divergence_and_no_defect()
    {
        LocalRuntime runtime = new(RuntimeBench.Machine(1), new RecordedScheduler(new byte[] { 2, 9 }));
        RuntimeBench.Populate(runtime, 1);
        runtime.Post(RuntimeBench.Id(0), RuntimeBench.Id(1), RuntimeBench.Word(1));

        Assert.Contains("pair 9 of 0", Assert.Throws<DivergenceException>(() => runtime.Run(10)).Message, StringComparison.Ordinal);
    }
}
