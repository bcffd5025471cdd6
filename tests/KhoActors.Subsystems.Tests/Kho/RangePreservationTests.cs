using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Tracking;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

public class RangePreservationTests
{
    private static readonly Func<ulong, int>[] NodeLayouts = [_ => 0, pfn => (int)(pfn / 1000), pfn => (int)(pfn >> 18)];
    private readonly PhysicalMemory _memory = new();
    private readonly ForwardPageSource _source;
    private readonly RadixTree _tree;

    public RangePreservationTests()
    {
        _source = new ForwardPageSource(_memory, 0x1_0000_0000);
        _tree = RadixTree.Create(_memory, _source)!;
    }

    [Fact]
    public void A_range_that_runs_out_of_memory_leaves_nothing_behind_wherever_it_fails()
    {
        const ulong Start = 0x7ffd, Pages = 0x30005;
        for (long allocations = 0; ; allocations++)
        {
            RangePreservationTests atOnce = new(), stepwise = new();
            atOnce._source.AllocationsLeft = allocations;
            int result = RangePreservation.Run(atOnce._tree, Start, Pages, null, out int missing);

            Assert.Equal(0, missing);
            Assert.Equal(result, stepwise.RunStepwise(Start, Pages, null, allocations));
            if (result == 0)
            {
                Assert.Equal(ExpectedBlocks(Start, Pages, null), Sorted(atOnce._tree));
                Assert.True(allocations > 10);
                return;
            }

            Assert.Equal(-Errno.ENOMEM, result);
            Assert.Empty(CollectBlocks.Of(atOnce._tree));
            Assert.Empty(CollectBlocks.Of(stepwise._tree));
        }
    }

    [Fact]
    public void Preserving_step_by_step_records_what_preserving_at_once_records()
    {
        var random = new SplitMix64(42);
        for (int i = 0; i < 300; i++)
        {
            ulong start = random.Below(1 << 20), pages = random.Below(1 << 15);
            Func<ulong, int> nodes = NodeLayouts[random.Below(3)];
            Assert.Equal(0, RunStepwise(start, pages, nodes, long.MaxValue));
            Assert.Equal(ExpectedBlocks(start, pages, nodes), Sorted(_tree));
            Assert.Equal(0, RangeUnpreservation.Run(_tree, start, pages, nodes));
            Assert.Empty(CollectBlocks.Of(_tree));
        }
    }

    [Fact]
    public void Blocks_of_a_node_boundary_stay_preserved_when_they_are_unpreserved_without_it()
    {
        RangePreservation.Run(_tree, 0, 16, pfn => pfn < 8 ? 0 : 1, out _);
        Assert.Equal(1, RangeUnpreservation.Run(_tree, 0, 16));
        Assert.Equal([new(0, 3), new(8, 3)], CollectBlocks.Of(_tree));
    }

    [Fact]
    public void Unpreserving_step_by_step_counts_missing_structures()
    {
        _tree.Track(0x10, 4);
        var unpreservation = new RangeUnpreservation(0x0f, 0x22);
        List<string> steps = [];
        while (unpreservation.NextStep(out TrackStep step))
        {
            Assert.True(step.IsUntrack);
            steps.Add($"{step.Block.Pfn:x},{step.Block.Order}");
            unpreservation.Completed(_tree.Untrack(step.Block.Pfn, step.Block.Order) ? 0 : -Errno.ENOENT);
        }

        Assert.Equal(["f,0", "10,4", "20,4", "30,0"], steps);
        Assert.Equal(2, unpreservation.Missing);
        Assert.Empty(CollectBlocks.Of(_tree));
    }

    private static List<PreservedBlock> ExpectedBlocks(ulong start, ulong pages, Func<ulong, int>? nodes)
    {
        List<PreservedBlock> blocks = [];
        foreach (PreservedBlock block in new BlockSplit(start, pages, nodes))
        {
            blocks.Add(block);
        }

        return blocks;
    }

    private static List<PreservedBlock> Sorted(RadixTree tree) => [.. CollectBlocks.Of(tree).OrderBy(block => block.Pfn)];

    private int RunStepwise(ulong start, ulong pages, Func<ulong, int>? nodes, long allocations)
    {
        _source.AllocationsLeft = allocations;
        var preservation = new RangePreservation(start, pages, nodes);
        while (preservation.NextStep(out TrackStep step))
        {
            int result = step.IsUntrack
                ? _tree.Untrack(step.Block.Pfn, step.Block.Order) ? 0 : -Errno.ENOENT
                : _tree.Track(step.Block.Pfn, step.Block.Order);
            preservation.Completed(result);
        }

        Assert.Equal(0, preservation.Missing);
        return preservation.Result;
    }
}
