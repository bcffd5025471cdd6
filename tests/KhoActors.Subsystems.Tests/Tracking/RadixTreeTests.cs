using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Tracking;

public class RadixTreeTests
{
    private const ulong Base = 0x1_0000_0000;
    private readonly PhysicalMemory _memory = new();
    private readonly ForwardPageSource _source;
    private readonly RadixTree _tree;

    public RadixTreeTests()
    {
        _source = new ForwardPageSource(_memory, Base);
        _tree = RadixTree.Create(_memory, _source)!;
    }

    [Fact]
    public void The_pages_of_a_tree_are_those_of_the_worked_image()
    {
        const ulong Root = 0x104a30000;
        var tree = RadixTree.Create(_memory, new ForwardPageSource(_memory, Root))!;

        Assert.Equal(0, tree.Track(0x104a3c, 0));
        Assert.Equal(0, tree.Track(0x104a3e, 0));

        Assert.Equal(Root, tree.MapPhys);
        (ulong Page, int Offset, string Hex)[] image =
        [
            (Root, 0x010, "0010A30401000000"),
            (Root + 0x1000, 0x000, "0020A30401000000"),
            (Root + 0x2000, 0x000, "0030A30401000000"),
            (Root + 0x3000, 0x000, "0040A30401000000"),
            (Root + 0x4000, 0x100, "0050A30401000000"),
            (Root + 0x5000, 0x947, "50"),
        ];
        foreach ((ulong page, int offset, string hex) in image)
        {
            byte[] expected = new byte[PageGeometry.SizeBytes];
            Convert.FromHexString(hex).CopyTo(expected, offset);
            byte[] actual = new byte[PageGeometry.SizeBytes];
            _memory.Read(page, actual);
            Assert.Equal(expected, actual);
        }

        Assert.Equal([new(0x104a3c, 0), new(0x104a3e, 0)], CollectBlocks.Of(tree));
    }

    [Fact]
    public void The_first_block_takes_five_pages_besides_the_root_and_the_second_none()
    {
        _tree.Track(1, 0);
        Assert.Equal(6, _source.Live.Count);
        _tree.Track(2, 0);
        Assert.Equal(6, _source.Live.Count);
    }

    [Fact]
    public void Create_without_a_page_gives_no_tree()
    {
        _source.AllocationsLeft = 0;
        Assert.Null(RadixTree.Create(_memory, _source));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Track_WhenTheNthAllocationFails_LeavesTheTreeAsItWas(int pages)
    {
        _source.AllocationsLeft = pages;

        Assert.Equal(-Errno.ENOMEM, _tree.Track(1, 0));

        Assert.Equal([Base], _source.Live);
        Assert.All(Enumerable.Range(0, PageGeometry.Words), word => Assert.Equal(0UL, _memory.ReadUInt64(Base + ((ulong)word * 8))));
        _source.AllocationsLeft = 5;
        Assert.Equal(0, _tree.Track(1, 0));
        Assert.Equal([new(1, 0)], CollectBlocks.Of(_tree));
    }

    [Fact]
    public void Untrack_WithoutALeaf_SaysSoEachTime_AndWithALeafDoesNot()
    {
        Assert.False(_tree.Untrack(1, 0));
        _tree.Track(1, 0);
        Assert.True(_tree.Untrack(2, 0));
        Assert.False(_tree.Untrack(0x8000, 0));
        Assert.False(_tree.Untrack(0x8000, 0));
        Assert.Equal([new(1, 0)], CollectBlocks.Of(_tree));
    }

    [Fact]
    public void A_block_tracked_twice_and_untracked_once_is_gone()
    {
        _tree.Track(0, 3);
        _tree.Track(0, 3);
        Assert.True(_tree.IsTracked(0, 3));
        _tree.Untrack(0, 3);
        Assert.False(_tree.IsTracked(0, 3));
        Assert.Equal(6, _source.Live.Count);
    }

    [Fact]
    public void A_walk_visits_the_highest_order_first_and_then_ascending_addresses()
    {
        PreservedBlock[] blocks = [new(0x900, 0), new(0x8, 3), new(0, 51), new(0x10, 3), new(0x4_0000, 18), new(0, 0), new(0, 38)];
        foreach (PreservedBlock block in blocks)
        {
            _tree.Track(block.Pfn, block.Order);
        }

        Assert.Equal(blocks.OrderByDescending(block => block.Order).ThenBy(block => block.Pfn), CollectBlocks.Of(_tree));
    }

    [Fact]
    public void A_visitor_ends_the_walk_with_its_own_result()
    {
        _tree.Track(1, 0);
        _tree.Track(2, 0);
        var visitor = new StopAt(2);
        Assert.Equal(-7, _tree.Walk(ref visitor));
        Assert.Equal(2, visitor.Seen);
    }

    [Fact]
    public void Destroy_frees_every_page()
    {
        _tree.Track(1, 0);
        _tree.Track(1UL << 35, 0);
        _tree.Track(1UL << 35, 12);
        _tree.Destroy();
        Assert.Empty(_source.Live);
        Assert.Equal(0UL, _tree.MapPhys);
    }

    [Fact]
    public void Nodes_are_visited_before_what_is_below_them()
    {
        _tree.Track(1, 0);
        List<(ulong, int)> seen = [];
        var blocks = new CollectBlocks([]);
        var visitor = new CollectNodes(seen);
        Assert.Equal(0, _tree.Walk(ref blocks, ref visitor));
        Assert.Equal(Enumerable.Range(0, 6).Select(i => (Base + ((ulong)i * 0x1000), 5 - i)), seen);
    }

    [Fact]
    public void The_next_kernel_reads_the_same_blocks_from_the_same_memory()
    {
        _tree.Track(7, 0);
        _tree.Track(0x2000, 9);
        var incoming = RadixTree.Attach(_memory, _tree.MapPhys);
        Assert.Equal(CollectBlocks.Of(_tree), CollectBlocks.Of(incoming));
    }

    [Fact]
    public void A_leaf_bit_set_by_a_fault_is_seen_by_the_next_operation()
    {
        _tree.Track(7, 0);
        _memory.Write(Base + 0x5000, [0x81]);
        Assert.Equal([new(0, 0), new(7, 0)], CollectBlocks.Of(_tree));
        _tree.Untrack(0, 0);
        Assert.Equal([new(7, 0)], CollectBlocks.Of(_tree));
    }

    [Fact]
    public void A_table_entry_cleared_by_a_fault_is_seen_by_the_next_operation()
    {
        _tree.Track(7, 0);
        _memory.WriteUInt64(Base + 0x4000, 0);
        Assert.False(_tree.Untrack(7, 0));
        Assert.Equal(0, _tree.Track(8, 0));
        Assert.Equal(7, _source.Live.Count);
        Assert.Equal([new(8, 0)], CollectBlocks.Of(_tree));
    }

    [Fact]
    public void A_root_entry_cleared_by_a_fault_is_seen_by_the_next_operation()
    {
        _tree.Track(7, 0);
        _memory.Write(Base + 0x10, new byte[8]);
        Assert.False(_tree.Untrack(7, 0));
        Assert.Empty(CollectBlocks.Of(_tree));
    }

    [Fact]
    public void Untrack_of_the_last_block_keeps_every_page_whether_the_leaf_is_remembered_or_not()
    {
        _tree.Track(7, 0);
        Assert.True(RadixTree.Attach(_memory, Base, _source).Untrack(7, 0));
        Assert.Equal(6, _source.Live.Count);
        Assert.True(_tree.Untrack(7, 0));
        Assert.Equal(6, _source.Live.Count);
    }

    [Fact]
    public void A_page_of_the_tree_that_is_handed_out_again_reads_as_zero_at_once()
    {
        _tree.Track(7, 0);
        _memory.ZeroPage(PageGeometry.PfnOf(Base + 0x4000));
        Assert.False(_tree.Untrack(7, 0));
    }

    [Fact]
    public void A_page_of_the_tree_that_is_freed_under_it_is_followed_as_poison()
    {
        _tree.Track(7, 0);
        _memory.Poison(PageGeometry.PfnOf(Base + 0x4000), 1);
        Assert.Throws<SimulatedOopsException>(() => _tree.Untrack(7, 0));
    }

    [Fact]
    public void A_leaf_that_is_also_a_table_is_followed_as_the_kernel_would()
    {
        // The level-1 table points at itself as the leaf of pfn 0..32767: a bit set there changes the table.
        const ulong Level1 = Base + 0x4000;
        _tree.Track(0, 0);
        _memory.WriteUInt64(Level1, Level1);
        _tree.Track(64, 0);
        Assert.Equal(1UL, _memory.ReadUInt64(Level1 + 8));
        Assert.Throws<SimulatedOopsException>(() => RadixTree.Attach(_memory, Base, null, pfn => pfn >= 0x100000).Untrack(0x8000, 0));
    }

    [Theory]
    [InlineData(0x123456789000UL, "ff11123456789000")]
    [InlineData(0x10000000000000UL, "ff21000000000000")]
    public void An_entry_that_points_outside_RAM_crashes_the_kernel(ulong entry, string address)
    {
        _tree.Track(7, 0);
        _memory.WriteUInt64(Base + 0x10, entry);
        var tree = RadixTree.Attach(_memory, Base, _source, pfn => pfn < 0x200000);
        SimulatedOopsException oops = Assert.Throws<SimulatedOopsException>(() => CollectBlocks.Of(tree));
        Assert.Equal($"BUG: unable to handle page fault for address: {address}", oops.Message);
        Assert.Throws<SimulatedOopsException>(() => tree.Track(7, 0));
        Assert.Throws<SimulatedOopsException>(() => tree.Untrack(7, 0));
    }

    [Fact]
    public void A_walk_of_tables_that_point_at_each_other_ends()
    {
        for (ulong index = 0; index < PageGeometry.Words; index++)
        {
            _memory.WriteUInt64(Base + (index * 8), Base);
        }

        Assert.Throws<SimulatedOopsException>(() => CollectBlocks.Of(_tree));
    }

    private struct StopAt(int limit) : IBlockVisitor
    {
        public int Seen { get; private set; }

        public int Visit(ulong phys, int order) => ++Seen == limit ? -7 : 0;
    }

    private readonly struct CollectNodes(List<(ulong Phys, int Level)> nodes) : INodeVisitor
    {
        public void VisitNode(ulong phys, int level) => nodes.Add((phys, level));
    }
}
