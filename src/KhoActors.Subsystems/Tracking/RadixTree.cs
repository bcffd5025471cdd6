using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tracking;

/// <summary>
/// The radix tree of preserved blocks (kho-v2 on, kernel/liveupdate/kexec_handover.c): six levels of pages in simulated RAM, the
/// root and the tables with 512 physical addresses each, the leaves with 32768 bits. The pages are the whole state. The tree
/// frees no page but those of a failed add, until it is destroyed.
/// </summary>
public sealed partial class RadixTree : ITracker, IPageGuard
{
    private readonly PhysicalMemory _memory;
    private readonly IPageSource? _source;
    private readonly Func<ulong, bool>? _isRam;
    private LeafCache _leaves = new();

    /// <summary>
    /// Whether every table is known to hold only what this tree put there. Then tables form a proper tree and remembered leaves are
    /// exact. One foreign write to a page of the tree ends that for good: entries may then point anywhere, and a bit set in a "leaf"
    /// may change a table. A tree that was found in memory is never sound.
    /// </summary>
    private bool _isSound;

    private RadixTree(PhysicalMemory memory, IPageSource? source, ulong rootPhys, bool isSound, Func<ulong, bool>? isRam)
    {
        _memory = memory;
        _source = source;
        _isRam = isRam;
        _isSound = isSound;
        MapPhys = rootPhys;
    }

    /// <summary>Physical address of the root table; 0 once destroyed.</summary>
    public ulong MapPhys { get; private set; }

    /// <summary>Starts an empty tree: allocates its root.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="source">Gives the pages of the tree.</param>
    /// <param name="isRam">Whether a page frame number is RAM, or null when every one below 2^40 is.</param>
    /// <returns>The tree, or null when there is no page for the root.</returns>
    public static RadixTree? Create(PhysicalMemory memory, IPageSource source, Func<ulong, bool>? isRam = null)
    {
        ulong root = source.AllocateZeroedPage();
        if (root == 0)
        {
            return null;
        }

        var tree = new RadixTree(memory, source, root, isSound: true, isRam);
        memory.SetGuard(PageGeometry.PfnOf(root), tree);
        return tree;
    }

    /// <summary>Takes over a tree that stands in memory, as the next kernel does; nothing is read or checked yet.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="rootPhys">The root table, as the root FDT names it; not 0.</param>
    /// <param name="source">Gives pages when blocks are added, or null for a tree that is only read.</param>
    /// <param name="isRam">Whether a page frame number is RAM, or null when every one below 2^40 is.</param>
    /// <returns>The tree.</returns>
    public static RadixTree Attach(PhysicalMemory memory, ulong rootPhys, IPageSource? source = null, Func<ulong, bool>? isRam = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rootPhys);
        return new RadixTree(memory, source, rootPhys, isSound: false, isRam);
    }

    /// <inheritdoc/>
    void IPageGuard.PageTouched(ulong pfn)
    {
        _isSound = false;
        _leaves.Clear();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Track(ulong pfn, int order)
    {
        ulong key = RadixKey.Encode(PageGeometry.PhysOf(pfn), order);
        ulong[]? leaf = _leaves.Find(key >> RadixKey.LeafBits);
        if (leaf is null)
        {
            return TrackByDescent(key);
        }

        ByteOf(leaf, key) |= MaskOf(key);
        return 0;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Untrack(ulong pfn, int order)
    {
        ulong key = RadixKey.Encode(PageGeometry.PhysOf(pfn), order);
        ulong[]? leaf = _leaves.Find(key >> RadixKey.LeafBits);
        if (leaf is null)
        {
            return UntrackByDescent(key);
        }

        ByteOf(leaf, key) &= (byte)~MaskOf(key);
        return true;
    }

    /// <summary>Whether a block is recorded.</summary>
    /// <param name="pfn">First page frame of the block.</param>
    /// <param name="order">Its order.</param>
    /// <returns>True when its bit is set.</returns>
    /// <exception cref="SimulatedOopsException">A table entry points outside RAM.</exception>
    public bool IsTracked(ulong pfn, int order)
    {
        ulong key = RadixKey.Encode(PageGeometry.PhysOf(pfn), order);
        return TryDescend(key, out Node leaf) && ((Read(leaf, WordOf(key)) >> (int)key) & 1) != 0;
    }

    /// <summary>
    /// The byte of a leaf that holds a key's bit. By bytes, not words: runs of neighbouring bits then wait eight times less often for
    /// the store before. A leaf has 4096 bytes and the index 12 bits, so it needs no check.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref byte ByteOf(ulong[] leaf, ulong key)
    {
        Debug.Assert(leaf.Length == PageGeometry.Words, "a leaf is a page");
        return ref Unsafe.Add(ref Unsafe.As<ulong, byte>(ref MemoryMarshal.GetArrayDataReference(leaf)), RadixKey.LeafBit(key) >> 3);
    }

    private static byte MaskOf(ulong key) => (byte)(1 << ((int)key & 7));

    private static int WordOf(ulong key) => RadixKey.LeafBit(key) >> 6;

    private int TrackByDescent(ulong key)
    {
        Insertion insertion = default;
        Debug.Assert(MapPhys != 0, "the tree was destroyed");
        Node node = NodeAt(MapPhys);
        for (int level = RadixKey.RootLevel; level > 0; level--)
        {
            int index = RadixKey.Index(level, key);
            ulong child = Read(node, index);
            if (child == 0)
            {
                child = AllocateNode();
                if (child == 0)
                {
                    TakeBack(insertion);
                    return -Errno.ENOMEM;
                }

                insertion.Add(child, node.Phys, index);
                Write(node, index, child);
            }

            node = NodeAt(child);
        }

        int word = WordOf(key);
        Write(node, word, Read(node, word) | (1UL << (int)key));
        Remember(key, node);
        return 0;
    }

    private bool UntrackByDescent(ulong key)
    {
        if (!TryDescend(key, out Node leaf))
        {
            return false;
        }

        int word = WordOf(key);
        Write(leaf, word, Read(leaf, word) & ~(1UL << (int)key));
        Remember(key, leaf);
        return true;
    }

    /// <summary>The leaf of a key; false when an entry on the way is missing.</summary>
    private bool TryDescend(ulong key, out Node node)
    {
        Debug.Assert(MapPhys != 0, "the tree was destroyed");
        node = NodeAt(MapPhys);
        for (int level = RadixKey.RootLevel; level > 0; level--)
        {
            ulong child = Read(node, RadixKey.Index(level, key));
            if (child == 0)
            {
                return false;
            }

            node = NodeAt(child);
        }

        return true;
    }

    private ulong AllocateNode()
    {
        Debug.Assert(_source is not null, "a tree without a page source is only read");
        ulong phys = _source.AllocateZeroedPage();
        if (phys != 0)
        {
            _memory.SetGuard(PageGeometry.PfnOf(phys), this);
        }

        return phys;
    }

    /// <summary>Undoes a failed add: frees its pages and clears the one link from the tree as it was.</summary>
    private void TakeBack(in Insertion insertion)
    {
        for (int i = 0; i < insertion.Count; i++)
        {
            FreeNode(insertion[i]);
        }

        if (insertion.Count > 0)
        {
            Write(NodeAt(insertion.AnchorNode), insertion.AnchorIndex, 0);
        }
    }

    private void Remember(ulong key, Node leaf)
    {
        if (_isSound)
        {
            _leaves.Add(key >> RadixKey.LeafBits, leaf.Words!);
        }
    }

    private void FreeNode(ulong node)
    {
        _memory.SetGuard(PageGeometry.PfnOf(node), null);
        _source!.FreePage(node);
    }

    private Node NodeAt(ulong phys) => new(phys, _isSound ? _memory.WritablePage(PageGeometry.PfnOf(phys)) : null);

    private ulong Read(Node node, int word)
    {
        if (_isSound)
        {
            return node.Words![word];
        }

        ulong phys = node.Phys + ((ulong)word << 3);
        RequireRam(phys);
        return _memory.ReadUInt64(phys);
    }

    private void Write(Node node, int word, ulong value)
    {
        if (_isSound)
        {
            node.Words![word] = value;
            return;
        }

        ulong phys = node.Phys + ((ulong)word << 3);
        RequireRam(phys);
        _memory.WriteUInt64(phys, value);
    }

    private void RequireRam(ulong phys)
    {
        // An entry need not be aligned once it is damaged, so a word may reach into the next page.
        ulong first = PageGeometry.PfnOf(phys);
        ulong last = PageGeometry.PfnOf(unchecked(phys + sizeof(ulong) - 1));
        if (!IsRam(first))
        {
            throw SimulatedOopsException.BadPhysicalAddress(phys);
        }

        if (last != first && !IsRam(last))
        {
            throw SimulatedOopsException.BadPhysicalAddress(PageGeometry.PhysOf(last));
        }
    }

    private bool IsRam(ulong pfn) => pfn < PageGeometry.PfnLimit && (_isRam is null || _isRam(pfn));

    /// <summary>A page on the way to a key. Its words, looked up once, stand for it only while the tree is sound, which never begins anew.</summary>
    private readonly record struct Node(ulong Phys, ulong[]? Words);

    /// <summary>What one add has allocated so far, and the entry of the old tree that it hangs from (the kernel's anchor).</summary>
    private struct Insertion
    {
        private NodeList _nodes;

        public int Count { get; private set; }

        public ulong AnchorNode { get; private set; }

        public int AnchorIndex { get; private set; }

        public readonly ulong this[int i] => _nodes[i];

        public void Add(ulong phys, ulong parent, int index)
        {
            if (Count == 0)
            {
                AnchorNode = parent;
                AnchorIndex = index;
            }

            _nodes[Count++] = phys;
        }

        [InlineArray(RadixKey.RootLevel)]
        private struct NodeList
        {
            private ulong _first;
        }
    }
}
