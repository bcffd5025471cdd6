namespace KhoActors.Subsystems.Memory;

/// <summary>Pages of one owner.</summary>
/// <param name="Owner">The owner; <see cref="PageOwner.Free"/> for free pages.</param>
/// <param name="Pages">How many.</param>
/// <param name="ReservedPages">Those of them that were reserved at boot and never given to the page allocator.</param>
public readonly record struct OwnedPages(PageOwner Owner, ulong Pages, ulong ReservedPages);

/// <content>How memory is shared out.</content>
public sealed partial class PageAllocator
{
    /// <summary>Counts the pages of every owner. Changes nothing; takes time in proportion to RAM, so it is for those who look, not for a kernel.</summary>
    /// <param name="ram">Which pages are RAM.</param>
    /// <returns>Owners that have pages, by their value: free pages first. What boot reserved and nobody claimed is memblock's. The sum is all RAM.</returns>
    public IReadOnlyList<OwnedPages> CountOwners(NodeMap ram)
    {
        ulong[] pages = new ulong[byte.MaxValue + 1];
        ulong[] reserved = new ulong[pages.Length];
        foreach (ref readonly PageRange range in ram.Ranges)
        {
            for (ulong pfn = range.StartPfn; pfn < range.EndPfn;)
            {
                ulong end = EndOfOwnersRun(pfn, range.EndPfn, out PageOwner owner, out bool isReserved);
                pages[owner.Value] += end - pfn;
                reserved[owner.Value] += isReserved ? end - pfn : 0;
                pfn = end;
            }
        }

        List<OwnedPages> owners = [];
        for (int value = 0; value < pages.Length; value++)
        {
            if (pages[value] != 0)
            {
                owners.Add(new OwnedPages(new PageOwner((byte)value), pages[value], reserved[value]));
            }
        }

        return owners;
    }

    /// <summary>One past the last page of a run with one owner that starts at a page; runs end at sections, too.</summary>
    private ulong EndOfOwnersRun(ulong pfn, ulong limit, out PageOwner owner, out bool isReserved)
    {
        isReserved = !TryGetBlock(pfn, out ulong headPfn, out int order, out owner);
        if (!isReserved)
        {
            return Math.Min(limit, headPfn + (1UL << order));
        }

        owner = ReservedOwnerOf(pfn);
        ulong end = Math.Min(limit, (pfn | Section.Mask) + 1);
        if (_buddy.TryFirstManaged(pfn, end, out ulong managed))
        {
            end = managed;
        }

        if (_reserved.TryFirstIn(pfn, end, out PageRange claimed))
        {
            end = claimed.StartPfn == pfn ? claimed.EndPfn : claimed.StartPfn;
        }

        return end;
    }
}
