using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.Tests.Kho;

public class BlockSplitTests
{
    /// <summary>The table of section 4.2, and page 0.</summary>
    [Theory]
    [InlineData(0x3, 10, "3,0 4,2 8,2 c,0")]
    [InlineData(0x13fdff, 513, "13fdff,0 13fe00,9")]
    [InlineData(0x13f6e1, 291, "13f6e1,0 13f6e2,1 13f6e4,2 13f6e8,3 13f6f0,4 13f700,8 13f800,2")]
    [InlineData(0x100000, 524288, "100000,19")]
    [InlineData(0x140000, 262144, "140000,18")]
    [InlineData(0, 1000, "0,9 200,8 300,7 380,6 3c0,5 3e0,3")]
    [InlineData(5, 0, "")]
    public void A_run_is_split_by_alignment_and_length(ulong start, ulong pages, string blocks) =>
        Assert.Equal(blocks, Describe(new BlockSplit(start, pages)));

    [Fact]
    public void A_block_does_not_straddle_nodes() =>
        Assert.Equal("0,3 8,2 c,0 d,0 e,1 10,4", Describe(new BlockSplit(0, 0x20, pfn => pfn < 0xd ? 0 : 1)));

    [Fact]
    public void The_blocks_of_a_prefix_that_ends_at_a_block_are_the_first_blocks_of_the_run()
    {
        Func<ulong, int>[] layouts = [_ => 0, pfn => (int)(pfn / 13), pfn => (int)(pfn / 96)];
        for (ulong start = 0; start < 70; start++)
        {
            for (ulong pages = 0; pages < 300; pages += 7)
            {
                foreach (Func<ulong, int> nodes in layouts)
                {
                    List<PreservedBlock> blocks = ToList(new BlockSplit(start, pages, nodes));
                    Assert.Equal(pages, blocks.Aggregate(0UL, (sum, block) => sum + block.Pages));
                    for (int i = 0; i < blocks.Count; i++)
                    {
                        Assert.Equal(blocks[..i], ToList(new BlockSplit(start, blocks[i].Pfn - start, nodes)));
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(18, true, 0x40000000UL)]
    [InlineData(19, true, 0xffffffff80000000UL)]
    [InlineData(20, true, 1UL)]
    [InlineData(21, true, 2UL)]
    [InlineData(21, false, 0x200000000UL)]
    public void The_reserved_size_is_wrong_from_order_19_where_it_is_an_int(int order, bool blockSize32Bit, ulong bytes) =>
        Assert.Equal(bytes, PreservedBlock.ReservedBytes(order, blockSize32Bit));

    private static string Describe(BlockSplit split) => string.Join(' ', ToList(split).Select(block => $"{block.Pfn:x},{block.Order}"));

    private static List<PreservedBlock> ToList(BlockSplit split)
    {
        List<PreservedBlock> blocks = [];
        foreach (PreservedBlock block in split)
        {
            blocks.Add(block);
        }

        return blocks;
    }
}
