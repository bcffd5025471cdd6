namespace KhoActors.Subsystems.Memory;

/// <summary>Sizes of pages: x86-64 with 4 KiB pages (include/asm-generic/page.h, include/linux/mmzone.h).</summary>
public static class PageGeometry
{
    /// <summary>log2 of the page size in bytes (PAGE_SHIFT).</summary>
    public const int Shift = 12;

    /// <summary>Bytes in a page (PAGE_SIZE).</summary>
    public const int SizeBytes = 1 << Shift;

    /// <summary>64-bit words in a page.</summary>
    public const int Words = SizeBytes / sizeof(ulong);

    /// <summary>Physical addresses are below 2^52 (MAX_PHYSMEM_BITS with five-level paging).</summary>
    public const int PhysicalAddressBits = 52;

    /// <summary>Page frame numbers are below this.</summary>
    public const ulong PfnLimit = 1UL << (PhysicalAddressBits - Shift);

    /// <summary>The page frame number of a physical address.</summary>
    /// <param name="phys">Physical address.</param>
    /// <returns>phys / 4096.</returns>
    public static ulong PfnOf(ulong phys) => phys >> Shift;

    /// <summary>The physical address of a page frame number.</summary>
    /// <param name="pfn">Page frame number.</param>
    /// <returns>pfn * 4096.</returns>
    public static ulong PhysOf(ulong pfn) => pfn << Shift;

    /// <summary>Rounds up to a whole page.</summary>
    /// <param name="bytes">Bytes, or an address.</param>
    /// <returns>The next multiple of 4096; wraps above 2^64 - 4096.</returns>
    public static ulong AlignUp(ulong bytes) => (bytes + SizeBytes - 1) & ~(ulong)(SizeBytes - 1);

    /// <summary>The smallest order whose block holds <paramref name="bytes"/> (get_order).</summary>
    /// <param name="bytes">At least 1.</param>
    /// <returns>The order k with 4096 * 2^k >= bytes.</returns>
    public static int OrderOf(ulong bytes) => bytes <= SizeBytes ? 0 : 64 - System.Numerics.BitOperations.LeadingZeroCount((bytes - 1) >> Shift);
}
