namespace KhoActors.Subsystems.Kho;

/// <summary>
/// Defects that versions of the kernel had in the functions for vmalloc areas, each a switch of a kernel file. All off is what the
/// functions are meant to do.
/// </summary>
public sealed record VmallocDefects
{
    /// <summary>The functions as they are meant.</summary>
    public static readonly VmallocDefects None = new();

    /// <summary>
    /// A failed preserve reads the order of the groups from the client's descriptor before it was set: with a descriptor that is not
    /// initialised, or zero, blocks of a high-order area stay preserved. In every version read, 6.18 to 7.3-rc7.
    /// </summary>
    public bool UndoReadsOldOrder { get; init; }

    /// <summary>Un-preserving takes one page back for each group, so blocks of a high-order area stay preserved (6.18-rc).</summary>
    public bool UnpreservesSinglePages { get; init; }

    /// <summary>Readers of a full chunk run on behind its page until they meet a zero (6.18-rc).</summary>
    public bool ChunkUnbounded { get; init; }

    /// <summary>A preserve that gets no second or later chunk undoes everything and says 0 (6.18 and 6.19).</summary>
    public bool LosesNoMemory { get; init; }

    /// <summary>A restored area maps the first page of each group 2^order times (6.18).</summary>
    public bool RestoresHeadsOnly { get; init; }
}
