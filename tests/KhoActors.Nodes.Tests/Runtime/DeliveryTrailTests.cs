using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>A trail tells within a few deliveries where two executions begin to differ.</summary>
public class DeliveryTrailTests
{
    private const int Deliveries = 43;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(8, 1)]
    [InlineData(9, 2)]
    [InlineData(43, 6)]
    public void A_byte_follows_every_eight_deliveries_and_one_the_rest(int deliveries, int bytes)
    {
        Assert.Equal(bytes, Trail(Sequence(deliveries)).Length);
        Check(Trail(Sequence(deliveries)), Sequence(deliveries));
    }

    /// <summary>Each thing that a delivery consists of, changed in one delivery after the other, in every bit that there is.</summary>
    [Fact]
    public void Whatever_changes_in_a_delivery_is_found_in_its_window_or_soon_after()
    {
        byte[] trail = Trail(Sequence(Deliveries));
        int[] windowsLater = new int[8];
        int changes = 0;
        int unnoticed = 0;
        for (int at = 0; at < Deliveries; at++)
        {
            foreach (Func<Step, Step> change in Changes())
            {
                Step[] changed = Sequence(Deliveries);
                changed[at] = change(changed[at]);
                changes++;
                int found = FirstDifference(trail, changed);
                if (found < 0)
                {
                    unnoticed++;
                    Assert.True(at >= Deliveries - 16, $"delivery {at} differs and is not found");
                    continue;
                }

                windowsLater[found - (at / 8)]++;
            }
        }

        Assert.InRange(windowsLater[0], changes * 98 / 100, changes);
        Assert.InRange(unnoticed, 0, changes / 300);
    }

    [Fact]
    public void The_mix_of_version_1_is_this() =>
        Assert.Equal("F1C13E556D8E", Convert.ToHexString(Trail(Sequence(Deliveries))));

    [Fact]
    public void A_generation_that_ends_earlier_or_later_than_its_trail_is_found()
    {
        byte[] trail = Trail(Sequence(16));

        Assert.Contains("an end after 1", Assert.Throws<TrailDivergenceException>(() => Check(trail, Sequence(8))).Message, StringComparison.Ordinal);
        Assert.Contains("more deliveries", Assert.Throws<TrailDivergenceException>(() => Check(trail, Sequence(24))).Message, StringComparison.Ordinal);
        Assert.Throws<TrailDivergenceException>(() => Check(trail, Sequence(17)));
        Assert.Throws<TrailDivergenceException>(() => Check(trail, Sequence(15)));
    }

    [Fact]
    public void The_window_that_differs_is_kept()
    {
        byte[] trail = Trail(Sequence(Deliveries));
        Step[] changed = Sequence(Deliveries);
        changed[19] = changed[19] with { Delivery = changed[19].Delivery with { Correlation = 7 } };
        DeliveryTrail check = new();
        check.Check(null, trail);

        Assert.Throws<TrailDivergenceException>(() => Play(check, changed));

        Assert.Equal(changed[16..24].Select(step => step.Delivery), check.Recent.ToArray());
    }

    [Fact]
    public void How_far_the_order_was_drawn_is_part_of_it()
    {
        RandomStream order = new(SeedPath.Root(1));
        DeliveryTrail recorded = new();
        recorded.Record(order);
        Play(recorded, Sequence(8));
        byte[] trail = recorded.Written.ToArray();
        order.NextUInt64();
        DeliveryTrail check = new();
        check.Check(order, trail);

        Assert.Throws<TrailDivergenceException>(() => Play(check, Sequence(8)));
    }

    [Fact]
    public void Recording_allocates_nothing_once_it_has_grown()
    {
        DeliveryTrail trail = new();
        Step[] steps = Sequence(4_000);
        long allocated = 0;
        for (int round = 0; round < 3; round++)
        {
            trail.Record(null);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < steps.Length; i++)
            {
                trail.Delivered((ulong)i + 1, steps[i].Ticks, steps[i].Delivery);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private static IEnumerable<Func<Step, Step>> Changes()
    {
        for (int bit = 0; bit < 64; bit++)
        {
            ulong mask = 1UL << bit;
            yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { A = step.Delivery.Message.A ^ mask } } };
            yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { B = step.Delivery.Message.B ^ mask } } };
            yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { C = step.Delivery.Message.C ^ mask } } };
            yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { D = step.Delivery.Message.D ^ mask } } };
            yield return step => step with { Ticks = step.Ticks ^ mask };
        }

        for (int bit = 0; bit < 32; bit++)
        {
            uint mask = 1U << bit;
            yield return step => step with { Delivery = step.Delivery with { Correlation = step.Delivery.Correlation ^ mask } };
        }

        yield return step => step with { Delivery = step.Delivery with { From = new ActorId(9) } };
        yield return step => step with { Delivery = step.Delivery with { To = new ActorId(9) } };
        yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { Kind = new MessageKind(0x0999) } } };
        yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { Text = $"{step.Delivery.Message.Text}!" } } };
        yield return step => step with { Delivery = step.Delivery with { Message = step.Delivery.Message with { Text = "" } } };
    }

    private static Step[] Sequence(int length)
    {
        RandomStream draws = new(SeedPath.Root(5));
        Step[] steps = new Step[length];
        for (int i = 0; i < length; i++)
        {
            Message message = new(
                new MessageKind((ushort)draws.NextBelow(0x500)), draws.NextUInt64(), draws.NextBelow(9), 0, 0, draws.NextBelow(5) == 0 ? $"text {i}" : null);
            ActorId from = RuntimeBench.Id((int)draws.NextBelow(5));
            steps[i] = new Step((ulong)i * 1000, new Delivery(from, RuntimeBench.Id((int)draws.NextBelow(5)), (uint)draws.NextBelow(3), message));
        }

        return steps;
    }

    private static byte[] Trail(Step[] steps)
    {
        DeliveryTrail trail = new();
        trail.Record(null);
        Play(trail, steps);
        return trail.Written.ToArray();
    }

    private static void Check(byte[] trail, Step[] steps)
    {
        DeliveryTrail check = new();
        check.Check(null, trail);
        Play(check, steps);
    }

    private static int FirstDifference(byte[] trail, Step[] steps)
    {
        int same = trail.AsSpan().CommonPrefixLength(Trail(steps));
        return same == trail.Length ? -1 : same;
    }

    private static void Play(DeliveryTrail trail, Step[] steps)
    {
        for (int i = 0; i < steps.Length; i++)
        {
            trail.Delivered((ulong)i + 1, steps[i].Ticks, steps[i].Delivery);
        }

        trail.Finish();
    }

    private readonly record struct Step(ulong Ticks, Delivery Delivery);
}
