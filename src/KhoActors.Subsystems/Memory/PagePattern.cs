namespace KhoActors.Subsystems.Memory;

/// <summary>
/// Content that is computed instead of stored: 64-bit word w of page i is a mix of seed and 512 * i + w. Exact on every read.
/// </summary>
/// <param name="Seed">Tells one pattern from another.</param>
/// <param name="FirstPageIndex">Index i of the first page of the range that holds the pattern.</param>
public readonly record struct PagePattern(ulong Seed, ulong FirstPageIndex)
{
    /// <summary>The pattern that continues this one some pages later.</summary>
    /// <param name="pages">Pages to skip.</param>
    /// <returns>The shifted pattern.</returns>
    public PagePattern Skip(ulong pages) => new(Seed, FirstPageIndex + pages);

    /// <summary>A word of the pattern.</summary>
    /// <param name="page">Page, counted from the first page of the range.</param>
    /// <param name="word">Word in the page, 0..511.</param>
    /// <returns>Its value.</returns>
    public ulong WordAt(ulong page, int word)
    {
        ulong z = Seed + ((((FirstPageIndex + page) << 9) | (uint)word) * 0x9E3779B97F4A7C15UL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
