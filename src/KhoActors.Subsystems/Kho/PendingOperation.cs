using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Kho;

/// <summary>What a request to the KHO core waits for.</summary>
internal enum OperationStage : byte
{
    /// <summary>The slot is free.</summary>
    Free,

    /// <summary>The tracker adds the blocks of a range one after the other, or takes them out again after a failure.</summary>
    Preserving,

    /// <summary>The tracker removes the blocks of a range.</summary>
    Unpreserving,

    /// <summary>The tracker adds, or removes, a single folio.</summary>
    OneFolio,

    /// <summary>memblock allocates a folio that is to be preserved.</summary>
    AllocatingFolio,

    /// <summary>The tracker adds the folio just allocated.</summary>
    TrackingFolio,

    /// <summary>memblock takes back a folio that could not be preserved, or that was un-preserved.</summary>
    FreeingFolio,
}

/// <summary>
/// A request that is being worked on: several run at once, each holding no lock between its steps, as in the kernel. Fields that a stage
/// does not use are undefined.
/// </summary>
internal struct PendingOperation
{
    /// <summary>What it waits for.</summary>
    public OperationStage Stage;

    /// <summary>Who asked, and what.</summary>
    public Delivery Request;

    /// <summary>The range, while it is preserved.</summary>
    public RangePreservation Preservation;

    /// <summary>The range, while it is un-preserved.</summary>
    public RangeUnpreservation Unpreservation;

    /// <summary>The folio, for requests that concern one.</summary>
    public PreservedBlock Folio;

    /// <summary>The result to report at the end.</summary>
    public KernelResult Result;
}
