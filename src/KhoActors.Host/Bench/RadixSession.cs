using System.Diagnostics;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Host.Bench;

/// <summary>One tree on one memory, and the timed loops over it. Memory is reused, so pages were touched before the clock starts.</summary>
internal sealed class RadixSession : IPageSource
{
    private const ulong FirstPage = 0x1_0000_0000;
    private readonly PhysicalMemory _memory = new();
    private RadixTree? _tree;

    /// <summary>Metadata pages allocated since <see cref="Restart"/>, the root included.</summary>
    public int Pages { get; private set; }

    private RadixTree Tree => _tree ?? throw new InvalidOperationException("the session was not started");

    /// <summary>Starts again with an empty tree.</summary>
    public void Restart()
    {
        _memory.Clear();
        Pages = 0;
        _tree = RadixTree.Create(_memory, this);
    }

    public ulong AllocateZeroedPage()
    {
        ulong phys = FirstPage + ((ulong)Pages++ * PageGeometry.SizeBytes);
        _memory.ZeroPage(PageGeometry.PfnOf(phys));
        return phys;
    }

    public void FreePage(ulong phys) => throw new InvalidOperationException("no workload frees a page of the tree");

    public double AddBlocks(RadixOperation[] operations)
    {
        RadixTree tree = Tree;
        long start = Stopwatch.GetTimestamp();
        foreach (RadixOperation operation in operations)
        {
            tree.Track(operation.Pfn, operation.Extent);
        }

        return NsPer(operations.Length, start);
    }

    public double RemoveBlocks(RadixOperation[] operations)
    {
        RadixTree tree = Tree;
        long start = Stopwatch.GetTimestamp();
        foreach (RadixOperation operation in operations)
        {
            tree.Untrack(operation.Pfn, operation.Extent);
        }

        return NsPer(operations.Length, start);
    }

    public double PreserveRanges(RadixOperation[] operations)
    {
        RadixTree tree = Tree;
        long start = Stopwatch.GetTimestamp();
        foreach (RadixOperation operation in operations)
        {
            RangePreservation.Run(tree, operation.Pfn, (ulong)operation.Extent, null, out _);
        }

        return NsPer(operations.Length, start);
    }

    public double UnpreserveRanges(RadixOperation[] operations)
    {
        RadixTree tree = Tree;
        long start = Stopwatch.GetTimestamp();
        foreach (RadixOperation operation in operations)
        {
            RangeUnpreservation.Run(tree, operation.Pfn, (ulong)operation.Extent);
        }

        return NsPer(operations.Length, start);
    }

    /// <summary>Walks the tree.</summary>
    /// <param name="count">Blocks found.</param>
    /// <param name="checksum">Sum of address and order of each.</param>
    /// <returns>Nanoseconds per block found.</returns>
    public double Walk(out long count, out ulong checksum)
    {
        Sum sum = default;
        long start = Stopwatch.GetTimestamp();
        Tree.Walk(ref sum);
        double ns = NsPer(Math.Max(sum.Count, 1), start);
        (count, checksum) = (sum.Count, sum.Checksum);
        return ns;
    }

    private static double NsPer(long units, long start) => Stopwatch.GetElapsedTime(start).TotalNanoseconds / units;

    private struct Sum : IBlockVisitor
    {
        public long Count;
        public ulong Checksum;

        public int Visit(ulong phys, int order)
        {
            Count++;
            Checksum += phys + (uint)order;
            return 0;
        }
    }
}
