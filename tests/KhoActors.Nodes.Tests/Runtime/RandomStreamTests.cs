using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Tests.Runtime;

public sealed class RandomStreamTests
{
    private static readonly SeedPath Schedule = SeedPath.Root(7).Child("fleet").Child("machine", 12).Child("schedule");

    [Fact]
    public void Keys_and_draws_are_pinned_for_ever()
    {
        // Computed by an independent implementation (in Python), whose mixer gives the published outputs of splitmix64.
        Assert.Equal((0x2d7f3e3e85546a35UL, 0x87b57b916ef680bdUL), (Schedule.KeyLow, Schedule.KeyHigh));
        var stream = new RandomStream(Schedule);
        Assert.Equal(
            [0xb3951b741375d007UL, 0x277277e1b5c26453, 0xa6ebd0772527ed4a, 0xd92ab0183f433d0e],
            new ulong[] { 0, 1, 2, 1_000_000 }.Select(stream.Draw));
        Assert.Equal([4UL, 0, 3, 4, 1, 0, 1, 0, 1, 1, 2, 0], Enumerable.Range(0, 12).Select(_ => stream.NextBelow(6)));
    }

    [Fact]
    public void A_draw_depends_on_key_and_counter_only()
    {
        var stream = new RandomStream(Schedule);
        var other = new RandomStream(SeedPath.Root(7).Child("fleet").Child("machine", 13).Child("schedule"));
        for (ulong i = 0; i < 1000; i++)
        {
            for (ulong draws = i % 3; draws > 0; draws--)
            {
                other.NextUInt64();
            }

            Assert.Equal(i, stream.Counter);
            Assert.Equal(stream.Draw(i), stream.NextUInt64());
        }

        Assert.Equal(stream.Draw(500), new RandomStream(Schedule, counter: 500).NextUInt64());
        stream.Restore(17);
        Assert.Equal(stream.Draw(17), stream.NextUInt64());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(1000)]
    public void Numbers_below_a_bound_are_uniform(int bound)
    {
        var counts = new int[bound];
        var stream = new RandomStream(Schedule.Child("below", (ulong)bound));
        int draws = bound * 10_000;
        for (int i = 0; i < draws; i++)
        {
            counts[stream.NextBelow((ulong)bound)]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 9500, 10_500)); // 5 standard deviations
    }

    [Fact]
    public void A_bound_near_2_to_the_64_rejects_without_bias()
    {
        // Below 3 * 2^62 a plain multiplication gives each third number two preimages: residues 0, 1, 2 would come 1:1:2.
        const ulong Bound = 3UL << 62;
        var counts = new int[3];
        var stream = new RandomStream(Schedule);
        for (int i = 0; i < 60_000; i++)
        {
            ulong value = stream.NextBelow(Bound);
            Assert.True(value < Bound);
            counts[value % 3]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 19_400, 20_600));
        Assert.InRange(stream.Counter, 78_000UL, 82_000UL); // a quarter of the draws is thrown away
    }

    [Fact]
    public void A_chance_comes_true_at_its_rate_and_always_takes_one_draw()
    {
        var stream = new RandomStream(Schedule);
        int happened = Enumerable.Range(0, 100_000).Count(_ => stream.Chance(250_000));
        Assert.InRange(happened, 24_400, 25_600);
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.False(stream.Chance(0)));
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.True(stream.Chance(1_000_000)));
        Assert.Equal(102_000UL, stream.Counter);
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Chance(1_000_001));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextBelow(0));
    }

    [Fact]
    public void Different_paths_have_different_keys()
    {
        var paths = new List<SeedPath>();
        for (ulong seed = 0; seed < 20; seed++)
        {
            SeedPath root = SeedPath.Root(seed);
            paths.Add(root);
            paths.AddRange(Enumerable.Range(0, 200).SelectMany(i => new[]
            {
                root.Child("machine", (ulong)i), root.Child("actor", (ulong)i), root.Child($"machine {i}"),
                root.Child("machine").Child("fault", (ulong)i), root.Child("machine", (ulong)i).Child("fault"),
            }));
        }

        paths.Add(Schedule.Child("abcdefgh").Child("i"));
        paths.Add(Schedule.Child("abcdefghi"));
        paths.Add(Schedule.Child("abcdefgh\0"));
        paths.Add(Schedule.Child("abcdefgh"));
        paths.Add(Schedule.Child("abcdefgh", 0));
        Assert.Equal(paths.Count, paths.Select(p => p.KeyLow).Distinct().Count());
        Assert.Equal(paths.Count, paths.Select(p => p.KeyHigh).Distinct().Count());
    }

    [Fact]
    public void A_path_reads_from_the_seed_down_and_its_steps_are_bounded()
    {
        Assert.Equal("seed 7 / fleet / machine 12 / schedule", Schedule.ToString());
        Assert.Throws<ArgumentException>(() => Schedule.Child(string.Empty));
        Assert.Throws<ArgumentException>(() => Schedule.Child(new string('x', 65)));
        Assert.NotEqual(Schedule.KeyLow, Schedule.Child(new string('x', 64)).KeyLow);
    }

    [Fact]
    public void A_draw_log_names_the_first_draw_that_differs()
    {
        DrawLog record = DrawLog.Record();
        var stream = new RandomStream(Schedule, log: record);
        for (int i = 0; i < 600; i++)
        {
            stream.NextBelow(10);
        }

        DrawLog check = record.Check();
        var same = new RandomStream(Schedule, log: check);
        for (int i = 0; i < 400; i++)
        {
            same.NextBelow(10);
        }

        Assert.Equal(400, check.Count);
        Assert.Equal(
            "draw 400 differs: stream seed 7 / fleet / machine 12 / schedule, counter 400 (below 11); the recorded execution took another",
            Assert.Throws<DivergenceException>(() => same.NextBelow(11)).Message);
        Assert.Contains("ended after 400 draws, the recorded one took 600", Assert.Throws<DivergenceException>(check.Finish).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_draw_log_notices_another_stream_a_skipped_draw_and_one_too_many()
    {
        DrawLog record = DrawLog.Record();
        var stream = new RandomStream(Schedule, log: record);
        stream.NextUInt64();
        stream.NextUInt64();

        Assert.Throws<DivergenceException>(() => new RandomStream(Schedule.Child("other"), log: record.Check()).NextUInt64());
        Assert.Throws<DivergenceException>(() => new RandomStream(Schedule, counter: 1, log: record.Check()).NextUInt64());
        var lastDiffers = new RandomStream(Schedule, log: record.Check());
        lastDiffers.NextUInt64();
        Assert.Throws<DivergenceException>(() => lastDiffers.NextBelow(2));
        var longer = new RandomStream(Schedule, log: record.Check());
        longer.NextUInt64();
        longer.NextUInt64();
        Assert.Contains("took no more", Assert.Throws<DivergenceException>(() => longer.NextUInt64()).Message, StringComparison.Ordinal);
    }
}
