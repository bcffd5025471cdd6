namespace KhoActors.Subsystems.Memory;

/// <summary>What the pages of an extent read as while nothing was written to them.</summary>
public enum BackgroundKind : byte
{
    /// <summary>Zero: never written, or cleared.</summary>
    Zero,

    /// <summary>Every byte 0xaa: freed and poisoned (PAGE_POISON).</summary>
    Poison,

    /// <summary>A <see cref="PagePattern"/>.</summary>
    Pattern,
}

/// <summary>A run of pages with one background.</summary>
/// <param name="StartPfn">First page.</param>
/// <param name="EndPfn">One past the last page.</param>
/// <param name="Kind">What the pages read as.</param>
/// <param name="Pattern">The pattern, for <see cref="BackgroundKind.Pattern"/>.</param>
public readonly record struct MemoryExtent(ulong StartPfn, ulong EndPfn, BackgroundKind Kind, PagePattern Pattern)
{
    /// <summary>A word of a page of this extent.</summary>
    /// <param name="pfn">A page of the extent.</param>
    /// <param name="word">Word in the page, 0..511.</param>
    /// <returns>Its value.</returns>
    public ulong WordAt(ulong pfn, int word) => Kind switch
    {
        BackgroundKind.Zero => 0,
        BackgroundKind.Poison => PhysicalMemory.PoisonWord,
        _ => Pattern.WordAt(pfn - StartPfn, word),
    };

    internal MemoryExtent From(ulong pfn) =>
        pfn <= StartPfn ? this : this with { StartPfn = pfn, Pattern = Kind == BackgroundKind.Pattern ? Pattern.Skip(pfn - StartPfn) : default };

    internal MemoryExtent To(ulong pfn) => pfn >= EndPfn ? this : this with { EndPfn = pfn };

    internal bool ContinuesInto(in MemoryExtent next) =>
        EndPfn == next.StartPfn && Kind == next.Kind
        && (Kind != BackgroundKind.Pattern || Pattern.Skip(EndPfn - StartPfn) == next.Pattern);
}
