namespace KhoActors.Subsystems.Memory;

/// <summary>How a kernel was built, as far as its page allocator shows it.</summary>
/// <param name="PageblockOrder">log2 of the pages in a pageblock: 9 with huge pages, 10 without them from 7.2 on.</param>
/// <param name="MaxPageOrder">Largest order handed out, MAX_PAGE_ORDER: 10.</param>
/// <param name="PoisonOnFree">Whether freed pages read 0xaa (page_poison=1).</param>
public sealed record PageAllocatorOptions(int PageblockOrder = 9, int MaxPageOrder = 10, bool PoisonOnFree = true)
{
    internal void Check()
    {
        if (MaxPageOrder != Section.Order)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxPageOrder), MaxPageOrder, "MAX_PAGE_ORDER is 10");
        }

        if (PageblockOrder is not (Section.Order - 1 or Section.Order))
        {
            throw new ArgumentOutOfRangeException(nameof(PageblockOrder), PageblockOrder, "the pageblock order is 9 or 10");
        }
    }
}
