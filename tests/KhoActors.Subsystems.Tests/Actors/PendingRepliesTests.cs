using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tests.Actors;

public sealed class PendingRepliesTests
{
    [Fact]
    public void Replies_find_their_request_exactly_once_in_random_sequences()
    {
        var pending = new PendingReplies<ulong>();
        var model = new List<(uint Correlation, ulong State)>();
        var taken = new Queue<uint>();
        ulong random = 7;
        for (ulong step = 0; step < 200_000; step++)
        {
            random = (random * 6364136223846793005) + 1442695040888963407;
            if ((random >> 60) < 8 && model.Count < 100)
            {
                uint correlation = pending.Add(step);
                Assert.NotEqual(0u, correlation);
                Assert.DoesNotContain(model, m => m.Correlation == correlation);
                model.Add((correlation, step));
            }
            else if (model.Count > 0)
            {
                int chosen = (int)((random >> 33) % (ulong)model.Count);
                Assert.True(pending.TryTake(model[chosen].Correlation, out ulong state));
                Assert.Equal(model[chosen].State, state);
                taken.Enqueue(model[chosen].Correlation);
                model.RemoveAt(chosen);
            }

            if (taken.Count > 50)
            {
                Assert.False(pending.TryTake(taken.Dequeue(), out _), $"step {step}: a reply came twice and was taken");
            }

            Assert.Equal(model.Count, pending.Count);
        }
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    [InlineData(0x10001u)]
    [InlineData(uint.MaxValue)]
    public void An_unknown_correlation_is_refused(uint correlation)
    {
        var pending = new PendingReplies<int>();
        Assert.Equal(1u, pending.Add(5));
        Assert.False(pending.TryTake(correlation, out _));
        Assert.True(pending.TryTake(1, out int state));
        Assert.Equal(5, state);
    }

    [Fact]
    public void More_than_the_limit_outstanding_is_an_error()
    {
        var pending = new PendingReplies<int>();
        for (int i = 0; i < PendingReplies<int>.LimitRequests; i++)
        {
            pending.Add(i);
        }

        Assert.Throws<InvalidOperationException>(() => pending.Add(0));
        Assert.True(pending.TryTake(0xFFFF, out int last));
        Assert.Equal(0xFFFE, last);
    }
}
