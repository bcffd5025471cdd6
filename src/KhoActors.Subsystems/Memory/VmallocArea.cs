namespace KhoActors.Subsystems.Memory;

/// <summary>
/// A virtually contiguous area (struct vm_struct): pages in groups of 2^order contiguous ones, in the order of their virtual addresses.
/// Objects are used again for later areas: whoever keeps one between messages keeps its <see cref="Serial"/> too.
/// </summary>
public sealed class VmallocArea
{
    private readonly List<ulong> _groupPfns = [];
    private bool _isAliased;

    internal VmallocArea()
    {
    }

    /// <summary>Virtual address of its first byte.</summary>
    public ulong Address { get; private set; }

    /// <summary>Pages, a multiple of 2^<see cref="PageOrder"/> (nr_pages).</summary>
    public ulong Pages { get; private set; }

    /// <summary>Order of its groups (page_order).</summary>
    public int PageOrder { get; private set; }

    /// <summary>Its flags.</summary>
    public VmallocAttributes Flags { get; private set; }

    /// <summary>Tells this area from earlier and later ones that the same object stood for; 0 once it was freed.</summary>
    public ulong Serial { get; private set; }

    /// <summary>First pages of its groups.</summary>
    public IReadOnlyList<ulong> GroupPfns => _groupPfns;

    /// <summary>One past the last address that belongs to the area for <see cref="VmallocAreas.Find"/>: behind its guard page.</summary>
    internal ulong EndAddress => Address + ((Pages + 1) << PageGeometry.Shift);

    /// <summary>The page that is mapped at a position.</summary>
    /// <param name="page">0 up to <see cref="Pages"/>, exclusive.</param>
    /// <returns>Its page frame number.</returns>
    public ulong PfnOf(ulong page)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, Pages);
        ulong inGroup = page & ((1UL << PageOrder) - 1);
        return _groupPfns[(int)(page >> PageOrder)] + (_isAliased ? 0 : inGroup);
    }

    /// <summary>How many pages from a position on lie one behind the other in physical memory.</summary>
    /// <param name="page">0 up to <see cref="Pages"/>, exclusive.</param>
    /// <returns>1 or more.</returns>
    public ulong ContiguousFrom(ulong page)
    {
        ulong first = PfnOf(page);
        ulong count = 1;
        while (page + count < Pages && PfnOf(page + count) == first + count)
        {
            count++;
        }

        return count;
    }

    /// <summary>Whether the first page of each group is mapped 2^order times and the others not at all (reference 17, A5).</summary>
    internal bool IsAliased => _isAliased && PageOrder > 0;

    internal void AddGroup(ulong pfn) => _groupPfns.Add(pfn);

    internal void Begin(ulong serial, ulong address, int order, VmallocAttributes flags, bool isAliased)
    {
        Serial = serial;
        Address = address;
        PageOrder = order;
        Flags = flags;
        Pages = (ulong)_groupPfns.Count << order;
        _isAliased = isAliased;
    }

    internal void End()
    {
        Serial = 0;
        Pages = 0;
        _groupPfns.Clear();
    }
}
