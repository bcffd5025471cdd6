using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

public sealed class NodeMapTests
{
    [Fact]
    public void Ranges_set_and_removed_at_random_are_those_of_a_page_array()
    {
        var ranges = new PageRanges();
        for (ulong seed = 1; seed <= 500; seed++)
        {
            ranges.Clear();
            var model = new int[60];
            Array.Fill(model, -1);
            var draws = new Draws(seed);
            for (int i = 0; i < 40; i++)
            {
                int start = draws.Below(60);
                int end = start + draws.Below(61 - start);
                int value = draws.Below(4) - 1;
                if (value < 0)
                {
                    ranges.Remove((ulong)start, (ulong)end);
                }
                else
                {
                    ranges.Set((ulong)start, (ulong)end, value);
                }

                model.AsSpan(start, end - start).Fill(value);
                AssertSame(model, ranges, seed);
                int first = Array.FindIndex(model, start, end - start, v => v >= 0);
                Assert.Equal(first >= 0, ranges.TryFirstIn((ulong)start, (ulong)end, out PageRange part));
                Assert.True(first < 0 || (part.StartPfn == (ulong)first && part.EndPfn <= (ulong)end), $"seed {seed}: {part}");
            }
        }
    }

    [Fact]
    public void Holes_belong_to_no_node()
    {
        var map = new NodeMap();
        map.Add(0x100, 0x200, 0);
        map.Add(0x200, 0x300, 1);
        map.Add(0x400, 0x500, 1);
        Assert.Equal([-1, 0, 1, -1, 1, -1], new ulong[] { 0xFF, 0x1FF, 0x200, 0x300, 0x4FF, 0x500 }.Select(map.NodeOf));
        Assert.Equal(0x500UL, map.EndPfn);
        Assert.Equal(2, map.NodeCount);
        Assert.Equal([false, true, true, false, true, false], new ulong[] { 0xFF, 0x100, 0x2FF, 0x300, 0x400, 0x500 }.Select(map.Contains));
        Assert.Equal((0x200UL, 0x300UL, 0x350UL), (map.EndOfRun(0x150), map.EndOfRun(0x200), map.EndOfRun(0x350)));
    }

    [Fact]
    public void Ranges_that_cannot_be_are_refused()
    {
        var map = new NodeMap();
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Add(5, 5, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Add(5, PageGeometry.PfnLimit + 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Add(5, 6, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Add(5, 6, NodeMap.NodeLimit));
    }

    private static void AssertSame(int[] model, PageRanges ranges, ulong seed)
    {
        var actual = new int[model.Length];
        for (int pfn = 0; pfn < model.Length; pfn++)
        {
            actual[pfn] = ranges.ValueAt((ulong)pfn);
        }

        Assert.True(model.AsSpan().SequenceEqual(actual), $"seed {seed}");
        int runs = 0;
        for (int pfn = 0; pfn < model.Length; pfn++)
        {
            runs += model[pfn] >= 0 && (pfn == 0 || model[pfn - 1] != model[pfn]) ? 1 : 0;
        }

        Assert.Equal(runs, ranges.Count);
    }
}
