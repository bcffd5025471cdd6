namespace KhoActors.Nodes.Invariants;

/// <summary>How memory was preserved.</summary>
internal enum ClaimKind : byte
{
    /// <summary>As a run of pages.</summary>
    Pages,

    /// <summary>As one folio.</summary>
    Folio,

    /// <summary>As pages of a vmalloc area.</summary>
    VmallocPages,

    /// <summary>As a page of the list of a vmalloc area's pages.</summary>
    VmallocChunk,
}

/// <summary>Memory that a client had preserved at the jump, with the acknowledgement in its hands.</summary>
/// <param name="StartPfn">First page.</param>
/// <param name="Pages">How many.</param>
/// <param name="Kind">How it was preserved.</param>
/// <param name="FirstRun">Its content: first of the model's content runs.</param>
/// <param name="Runs">How many content runs.</param>
/// <param name="FirstChunkPhys">For a vmalloc area's, the first chunk's address, which tells areas apart; else 0.</param>
internal record struct Claim(ulong StartPfn, ulong Pages, ClaimKind Kind, int FirstRun, int Runs, ulong FirstChunkPhys = 0)
{
    /// <summary>Whether it is part of a vmalloc area.</summary>
    public readonly bool IsOfVmalloc => Kind is ClaimKind.VmallocPages or ClaimKind.VmallocChunk;
}

/// <summary>Pages whose preservation or un-preservation was under way at the jump, or that lay in scratch: a restore may work or fail.</summary>
/// <param name="StartPfn">First page.</param>
/// <param name="Pages">How many.</param>
internal readonly record struct UncertainRun(ulong StartPfn, ulong Pages);

/// <summary>A sub-blob that was published at the jump.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Phys">Its address.</param>
/// <param name="SizeBytes">Its size, 0 where the ABI has none.</param>
internal readonly record struct PublishedBlob(string Name, ulong Phys, ulong SizeBytes);

/// <summary>A reserve_mem region as its user found it.</summary>
/// <param name="Start">First address.</param>
/// <param name="SizeBytes">Bytes.</param>
internal readonly record struct ReservedRegion(ulong Start, ulong SizeBytes);
