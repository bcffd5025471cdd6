using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>How the workload holds a piece of memory. Numbers are part of the ledger's layout.</summary>
internal enum HoldingKind : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A folio, preserved as such.</summary>
    Folio = 1,

    /// <summary>A run of pages, preserved as such.</summary>
    Range = 2,

    /// <summary>A folio of kho_alloc_preserve.</summary>
    Allocation = 3,

    /// <summary>A folio of kho_alloc_preserve that is published as a sub-blob.</summary>
    Blob = 4,

    /// <summary>A reserve_mem region; the ledger remembers its pattern.</summary>
    ReserveMem = 5,

    /// <summary>A vmalloc area; the ledger remembers its descriptor.</summary>
    Vmalloc = 6,
}

/// <summary>A piece of memory that the workload holds in this generation.</summary>
internal record struct Holding
{
    /// <summary>How it is (or was last) preserved.</summary>
    public HoldingKind Kind { get; set; }

    /// <summary>Whether it is preserved now.</summary>
    public bool Preserved { get; set; }

    /// <summary>
    /// Whether it was allocated movable, perhaps in scratch: a client pins memory for good, which moves it out of CMA, before it preserves it;
    /// this one preserves only what was never movable.
    /// </summary>
    public bool Movable { get; init; }

    /// <summary>First page of the memory that is preserved, filled and checked.</summary>
    public ulong StartPfn { get; init; }

    /// <summary>Its pages.</summary>
    public ulong Pages { get; init; }

    /// <summary>First page of the allocation around it.</summary>
    public ulong BlockPfn { get; init; }

    /// <summary>Pages of the allocation around it.</summary>
    public ulong BlockPages { get; init; }

    /// <summary>Seed of its pattern; for a blob also the number in its name.</summary>
    public ulong Seed { get; init; }

    /// <summary>For a blob, the bytes published.</summary>
    public ulong SizeBytes { get; set; }

    /// <summary>For a vmalloc area, its virtual address in this kernel; it has no first page.</summary>
    public ulong Address { get; init; }

    /// <summary>For a preserved vmalloc area, what it is handed over with.</summary>
    public VmallocDescriptor Descriptor { get; init; }

    /// <summary>Where the ledger has it, or -1.</summary>
    public int LedgerSlot { get; set; }

    /// <summary>The folio's order.</summary>
    public readonly int Order => System.Numerics.BitOperations.Log2(Pages);

    /// <summary>Its pattern.</summary>
    public readonly PagePattern Pattern => new(Seed, 0);
}
