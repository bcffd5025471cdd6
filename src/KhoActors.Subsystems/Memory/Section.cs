namespace KhoActors.Subsystems.Memory;

/// <summary>What is known of a block's first page: its order and its owner. All zero for a page that heads no block.</summary>
internal readonly record struct BlockHead(ushort Bits)
{
    public BlockHead(int order, PageOwner owner)
        : this((ushort)(((order + 1) << 8) | owner.Value))
    {
    }

    public bool Exists => Bits != 0;

    public bool IsFree => (byte)Bits == 0;

    public int Order => (Bits >> 8) - 1;

    public PageOwner Owner => new((byte)Bits);
}

/// <summary>
/// The blocks of one naturally aligned run of 1024 pages that the allocator has touched. A section that is one block, free or
/// not, costs this object only; the per-page heads come when it is divided and go when it is whole again.
/// </summary>
internal sealed class Section
{
    /// <summary>log2 of its pages: MAX_PAGE_ORDER, so that blocks and their buddies never leave a section.</summary>
    public const int Order = 10;

    public const int Pages = 1 << Order;

    public const int Mask = Pages - 1;

    private BlockHead _whole;
    private int _wholeSlot;

    public ulong StartPfn { get; set; }

    /// <summary>The node of all its pages, or -1 when it has RAM of several.</summary>
    public int Node { get; set; }

    /// <summary>Type of its first pageblock.</summary>
    public MigrateType FirstType { get; set; }

    /// <summary>Type of its second pageblock, when pageblocks are half a section.</summary>
    public MigrateType SecondType { get; set; }

    /// <summary>Heads by page, or null while the section is one block or empty.</summary>
    public BlockHead[]? Heads { get; private set; }

    /// <summary>Places in the free lists by page; meaningful for free heads only.</summary>
    public int[]? Slots { get; private set; }

    public void Start(ulong startPfn)
    {
        StartPfn = startPfn;
        _whole = default;
    }

    public BlockHead HeadAt(int offset) => Heads is { } heads ? heads[offset] : offset == 0 ? _whole : default;

    public int SlotAt(int offset) => Heads is null ? _wholeSlot : Slots![offset];

    /// <summary>The block that holds a page.</summary>
    public bool TryFindBlock(int offset, out int headOffset, out BlockHead head)
    {
        for (int order = 0; order <= Order; order++)
        {
            headOffset = offset & -(1 << order);
            head = HeadAt(headOffset);
            if (head.Exists)
            {
                return headOffset + (1 << head.Order) > offset;
            }
        }

        headOffset = 0;
        head = default;
        return false;
    }

    /// <summary>The first page of a part of the section that belongs to a block, or -1.</summary>
    public int FirstManaged(int start, int end)
    {
        if (TryFindBlock(start, out _, out _))
        {
            return start;
        }

        // No block starts below and reaches in, so the first head in the part is the first page.
        int at = Heads is null ? -1 : Heads.AsSpan(start, end - start).IndexOfAnyExcept(default(BlockHead));
        return at < 0 ? -1 : start + at;
    }

    public void SetWhole(BlockHead head, int slot)
    {
        _whole = head;
        _wholeSlot = slot;
    }

    /// <summary>Gives the section heads by page; it must be empty or about to be divided.</summary>
    public void Attach(BlockHead[] heads, int[] slots)
    {
        _whole = default;
        Heads = heads;
        Slots = slots;
    }

    public void Detach()
    {
        Heads = null;
        Slots = null;
    }
}
