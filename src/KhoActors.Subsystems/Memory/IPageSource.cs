namespace KhoActors.Subsystems.Memory;

/// <summary>
/// Where a tracker gets the pages of its own structures from, one call under one lock (get_zeroed_page and free_page).
/// A seam: the running kernel uses its page allocator, recorded vectors replace it by the allocator they were recorded with.
/// </summary>
public interface IPageSource
{
    /// <summary>Allocates one page that reads as zero.</summary>
    /// <returns>Its physical address, or 0 when memory is exhausted.</returns>
    ulong AllocateZeroedPage();

    /// <summary>Allocates one page whose content is whatever lies in RAM there.</summary>
    /// <returns>Its physical address, or 0 when memory is exhausted.</returns>
    ulong AllocatePage() => AllocateZeroedPage();

    /// <summary>Gives a page back.</summary>
    /// <param name="phys">An address that <see cref="AllocateZeroedPage"/> or <see cref="AllocatePage"/> returned.</param>
    void FreePage(ulong phys);
}
