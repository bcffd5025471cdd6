using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Tracking;

/// <summary>Keeps what a walk visits.</summary>
internal readonly struct CollectBlocks(List<PreservedBlock> blocks) : IBlockVisitor
{
    public int Visit(ulong phys, int order)
    {
        blocks.Add(new PreservedBlock(PageGeometry.PfnOf(phys), order));
        return 0;
    }

    public static List<PreservedBlock> Of(RadixTree tree)
    {
        List<PreservedBlock> blocks = [];
        var visitor = new CollectBlocks(blocks);
        Assert.Equal(0, tree.Walk(ref visitor));
        return blocks;
    }
}
