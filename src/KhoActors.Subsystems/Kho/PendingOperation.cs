using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Kho;

/// <summary>What a request to the KHO core waits for.</summary>
internal enum OperationStage : byte
{
    /// <summary>The slot is free.</summary>
    Free,

    /// <summary>The tracker adds the blocks of a range, one after the other.</summary>
    Tracking,

    /// <summary>A block failed: the tracker removes those of this range that it had added.</summary>
    RollingBack,

    /// <summary>The tracker removes the blocks of a range.</summary>
    Untracking,

    /// <summary>memblock allocates a folio that is to be preserved.</summary>
    AllocatingFolio,

    /// <summary>The tracker adds the folio just allocated.</summary>
    TrackingFolio,

    /// <summary>memblock takes back a folio that could not be preserved, or that was un-preserved.</summary>
    FreeingFolio,
}

/// <summary>A request that is being worked on: several run at once, each holding no lock between its steps, as in the kernel.</summary>
internal struct PendingOperation
{
    /// <summary>What it waits for.</summary>
    public OperationStage Stage;

    /// <summary>Who asked, and what.</summary>
    public Delivery Request;

    /// <summary>First page of the range.</summary>
    public ulong StartPfn;

    /// <summary>One past the last page that is to be worked on; a roll-back ends where tracking failed.</summary>
    public ulong EndPfn;

    /// <summary>Next page.</summary>
    public ulong CursorPfn;

    /// <summary>Order of the block that the tracker works on now; for folios the folio's order.</summary>
    public int Order;

    /// <summary>Whether the range is one block of <see cref="Order"/> and not split.</summary>
    public bool IsFolio;

    /// <summary>The result to report at the end.</summary>
    public KernelResult Result;
}
