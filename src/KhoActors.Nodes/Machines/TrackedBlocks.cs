using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Machines;

/// <summary>Blocks of one order.</summary>
/// <param name="Order">log2 of the pages of each.</param>
/// <param name="Blocks">How many.</param>
public readonly record struct TrackedOrder(int Order, int Blocks)
{
    /// <summary>Bytes of all.</summary>
    public ulong Bytes => (ulong)Blocks << (Order + PageGeometry.Shift);

    /// <summary>Sums blocks up.</summary>
    /// <param name="orders">The order of each block.</param>
    /// <returns>One for each order that there is, highest first.</returns>
    public static IReadOnlyList<TrackedOrder> Of(IEnumerable<int> orders) =>
        [.. orders.GroupBy(order => order).OrderByDescending(group => group.Key).Select(group => new TrackedOrder(group.Key, group.Count()))];
}

/// <summary>What a radix tree in RAM records, read for people and checks.</summary>
/// <param name="Blocks">The blocks in walk order: highest order first, addresses ascending.</param>
/// <param name="Pages">The tree's own pages with their levels (5 the root, 0 a leaf), in the order in which the walk enters them.</param>
/// <param name="Damage">With what a kernel that walks the tree stops; empty when it can be walked.</param>
public sealed record TrackedBlocks(IReadOnlyList<PreservedBlock> Blocks, IReadOnlyList<(ulong Phys, int Level)> Pages, string Damage)
{
    // A damaged tree may reach one leaf along millions of paths.
    private const int BlocksMax = 4 << 20;

    /// <summary>No tree.</summary>
    public static TrackedBlocks None { get; } = new([], [], string.Empty);

    /// <summary>The blocks by order, highest first.</summary>
    public IReadOnlyList<TrackedOrder> Orders => TrackedOrder.Of(Blocks.Select(block => block.Order));

    /// <summary>Bytes of all blocks; a page in blocks of two orders counts twice.</summary>
    public ulong TotalBytes => Blocks.Aggregate(0UL, (sum, block) => sum + (block.Pages << PageGeometry.Shift));

    /// <summary>Walks a tree.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="rootPhys">The tree's root.</param>
    /// <param name="isRam">Whether a page can be read; an entry that leads elsewhere stops the walk.</param>
    /// <returns>What was found until the end or the damage.</returns>
    public static TrackedBlocks Read(PhysicalMemory memory, ulong rootPhys, Func<ulong, bool> isRam)
    {
        BlockCollector blocks = new([]);
        PageCollector pages = new([]);
        string damage = string.Empty;
        try
        {
            if (RadixTree.Attach(memory, rootPhys, isRam: isRam).Walk(ref blocks, ref pages) != 0)
            {
                damage = $"the tree holds more than {BlocksMax} blocks";
            }
        }
        catch (SimulatedOopsException oops)
        {
            damage = oops.Message;
        }

        return new TrackedBlocks(blocks.Found, pages.Found, damage);
    }

    private readonly struct BlockCollector(List<PreservedBlock> found) : IBlockVisitor
    {
        public List<PreservedBlock> Found => found;

        public int Visit(ulong phys, int order)
        {
            found.Add(new PreservedBlock(PageGeometry.PfnOf(phys), order));
            return found.Count > BlocksMax ? 1 : 0;
        }
    }

    private readonly struct PageCollector(List<(ulong Phys, int Level)> found) : INodeVisitor
    {
        public List<(ulong Phys, int Level)> Found => found;

        public void VisitNode(ulong phys, int level) => found.Add((phys, level));
    }
}
