namespace KhoActors.Subsystems.Kho;

/// <summary>
/// What KHO keeps in struct page <c>private</c> of the first page of each incoming block: a magic number and the order. State of one
/// kernel generation, not of RAM: it dies with the kernel. A later stamp of the same page replaces the earlier one.
/// </summary>
public sealed class PageStamps
{
    /// <summary>Marks a stamp, in the high half of <c>private</c> (KHO_PAGE_MAGIC, "KHOP").</summary>
    public const uint Magic = 0x4B48_4F50;

    private readonly Dictionary<ulong, ulong> _privates = [];

    /// <summary>Stamps the first page of an incoming block.</summary>
    /// <param name="pfn">Its page frame number.</param>
    /// <param name="order">The block's order as found in the tree.</param>
    public void Stamp(ulong pfn, int order) => _privates[pfn] = ((ulong)Magic << 32) | (uint)order;

    /// <summary>The value of a page's <c>private</c>.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>Magic and order, or 0.</returns>
    public ulong PrivateOf(ulong pfn) => _privates.GetValueOrDefault(pfn);

    /// <summary>The order a page was stamped with.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <param name="order">The order.</param>
    /// <returns>False when the page carries no stamp.</returns>
    public bool TryRead(ulong pfn, out int order)
    {
        ulong value = PrivateOf(pfn);
        order = (int)(uint)value;
        return value >> 32 == Magic;
    }

    /// <summary>A new kernel: no page is stamped. Keeps its memory.</summary>
    public void Reset() => _privates.Clear();

    /// <summary>Uses a stamp up: <c>private</c> becomes 0.</summary>
    /// <param name="pfn">Page frame number.</param>
    public void Clear(ulong pfn) => _privates.Remove(pfn);
}
