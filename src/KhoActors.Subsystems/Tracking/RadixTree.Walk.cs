using System.Numerics;
using System.Runtime.CompilerServices;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tracking;

/// <summary>Receives the pages of the tree itself.</summary>
public interface INodeVisitor
{
    /// <summary>One table or leaf, before anything below it.</summary>
    /// <param name="phys">Physical address of the page.</param>
    /// <param name="level">5 for the root, 0 for a leaf.</param>
    void VisitNode(ulong phys, int level);
}

/// <content>Reading the tree in order, and giving it up.</content>
public sealed partial class RadixTree
{
    /// <summary>No sound tree is larger: these are 16 GiB of metadata.</summary>
    private const int MaxNodeVisits = 1 << 22;

    /// <summary>
    /// Pages a walk may enter. A damaged tree may reach the same page along very many paths, and a kernel that walks it would hang:
    /// here the watchdog ends it. Only written pages can point on, each to at most 512 others.
    /// </summary>
    private int NodeVisitLimit => (int)Math.Min(MaxNodeVisits, (_memory.WrittenPages + 1L) * PageGeometry.Words);

    /// <inheritdoc/>
    public int Walk<TVisitor>(ref TVisitor visitor)
        where TVisitor : struct, IBlockVisitor
    {
        IgnoreNodes nodes = default;
        return Walk(ref visitor, ref nodes);
    }

    /// <summary>Visits blocks and the tree's own pages: keys ascending, hence highest order first, addresses ascending in an order.</summary>
    /// <typeparam name="TBlocks">A struct.</typeparam>
    /// <typeparam name="TNodes">A struct.</typeparam>
    /// <param name="blocks">Called for each block.</param>
    /// <param name="nodes">Called for each page when the walk enters it.</param>
    /// <returns>0, or what the block visitor ended the walk with.</returns>
    /// <exception cref="SimulatedOopsException">A table entry points outside RAM, or the walk does not end.</exception>
    public int Walk<TBlocks, TNodes>(ref TBlocks blocks, ref TNodes nodes)
        where TBlocks : struct, IBlockVisitor
        where TNodes : struct, INodeVisitor
    {
        int budget = NodeVisitLimit;
        return WalkNode(MapPhys, RadixKey.RootLevel, 0, ref budget, ref blocks, ref nodes);
    }

    /// <summary>Frees every page of the tree, children before their table (7.3, kho_radix_destroy_tree).</summary>
    /// <exception cref="SimulatedOopsException">A table entry points outside RAM, or the walk does not end.</exception>
    public void Destroy()
    {
        int budget = NodeVisitLimit;
        FreeNodesOf(MapPhys, RadixKey.RootLevel, ref budget);
        MapPhys = 0;
        _leaves.Clear();
    }

    private static int WalkLeaf<TBlocks>(ReadOnlySpan<ulong> words, ulong prefix, ref TBlocks blocks)
        where TBlocks : struct, IBlockVisitor
    {
        // On a local copy, sums and counters of a visitor stay in registers.
        TBlocks visitor = blocks;
        ulong leafKey = prefix << RadixKey.LeafBits;
        int result = 0;
        for (int word = NextUsed(words, 0); word < words.Length && result == 0; word = NextUsed(words, word + 1))
        {
            ulong firstKey = leafKey | ((ulong)word << 6);
            result = leafKey == 0
                ? WalkKeysOfSeveralOrders(words[word], firstKey, ref visitor)
                : WalkKeys(words[word], firstKey, RadixKey.OrderOf(leafKey), ref visitor);
        }

        blocks = visitor;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WalkKeys<TBlocks>(ulong bits, ulong firstKey, int order, ref TBlocks visitor)
        where TBlocks : struct, IBlockVisitor
    {
        int result = 0;
        for (; bits != 0 && result == 0; bits &= bits - 1)
        {
            ulong key = firstKey | (uint)BitOperations.TrailingZeroCount(bits);
            result = visitor.Visit(key << (PageGeometry.Shift + order), order);
        }

        return result;
    }

    /// <summary>The one leaf whose keys have their order bit in the leaf itself: orders 38 and more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WalkKeysOfSeveralOrders<TBlocks>(ulong bits, ulong firstKey, ref TBlocks visitor)
        where TBlocks : struct, IBlockVisitor
    {
        int result = 0;
        for (; bits != 0 && result == 0; bits &= bits - 1)
        {
            (ulong phys, int order) = RadixKey.Decode(firstKey | (uint)BitOperations.TrailingZeroCount(bits));
            result = visitor.Visit(phys, order);
        }

        return result;
    }

    private static int NextUsed(ReadOnlySpan<ulong> words, int from)
    {
        if (from < words.Length && words[from] != 0)
        {
            return from;
        }

        int skipped = words[from..].IndexOfAnyExcept(0UL);
        return skipped < 0 ? words.Length : from + skipped;
    }

    private int WalkNode<TBlocks, TNodes>(ulong node, int level, ulong prefix, ref int budget, ref TBlocks blocks, ref TNodes nodes)
        where TBlocks : struct, IBlockVisitor
        where TNodes : struct, INodeVisitor
    {
        nodes.VisitNode(node, level);
        Span<ulong> copy = stackalloc ulong[CopyWords(node)];
        ReadOnlySpan<ulong> words = WordsOf(node, copy, ref budget);
        if (level == 0)
        {
            return WalkLeaf(words, prefix, ref blocks);
        }

        int result = 0;
        for (int index = NextUsed(words, 0); index < words.Length && result == 0; index = NextUsed(words, index + 1))
        {
            result = WalkNode(words[index], level - 1, (prefix << RadixKey.TableBits) | (uint)index, ref budget, ref blocks, ref nodes);
        }

        return result;
    }

    private void FreeNodesOf(ulong node, int level, ref int budget)
    {
        Span<ulong> copy = stackalloc ulong[CopyWords(node)];
        ReadOnlySpan<ulong> words = WordsOf(node, copy, ref budget);
        for (int index = level == 0 ? words.Length : NextUsed(words, 0); index < words.Length; index = NextUsed(words, index + 1))
        {
            FreeNodesOf(words[index], level - 1, ref budget);
        }

        FreeNode(node);
    }

    /// <summary>Words to copy before a node can be scanned: none when it is a written page, which is scanned in place.</summary>
    private int CopyWords(ulong node) =>
        node % PageGeometry.SizeBytes == 0 && _memory.WrittenPage(PageGeometry.PfnOf(node)) is not null ? 0 : PageGeometry.Words;

    private ReadOnlySpan<ulong> WordsOf(ulong node, Span<ulong> copy, ref int budget)
    {
        if (--budget < 0)
        {
            throw new SimulatedOopsException("watchdog: BUG: soft lockup - CPU#0 stuck in the walk of the preserved memory tree");
        }

        RequireRam(node);
        if (copy.IsEmpty)
        {
            return _memory.WritablePage(PageGeometry.PfnOf(node));
        }

        RequireRam(node + PageGeometry.SizeBytes - sizeof(ulong));
        _memory.Read(node, System.Runtime.InteropServices.MemoryMarshal.AsBytes(copy));
        return copy;
    }

    private struct IgnoreNodes : INodeVisitor
    {
        public readonly void VisitNode(ulong phys, int level)
        {
        }
    }
}
