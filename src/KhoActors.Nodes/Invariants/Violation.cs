namespace KhoActors.Nodes.Invariants;

/// <summary>An invariant that did not hold.</summary>
/// <param name="Invariant">Its name in <see cref="InvariantCatalog"/>.</param>
/// <param name="Generation">The kernel generation that was running, 0 for the first boot.</param>
/// <param name="Detail">What was expected and what was found.</param>
public sealed record Violation(string Invariant, int Generation, string Detail);

/// <summary>An invariant that every machine is judged by.</summary>
/// <param name="Name">Its name in reports.</param>
/// <param name="Summary">What must hold.</param>
public sealed record Invariant(string Name, string Summary);

/// <summary>The invariants, by name.</summary>
public static class InvariantCatalog
{
    /// <summary>A hand-over between kernels with one ABI is accepted, and none between others.</summary>
    public const string HandOverAccepted = "hand-over-accepted";

    /// <summary>Preserved pages hold the same bytes after the boot as at the jump.</summary>
    public const string PreservedContent = "preserved-content";

    /// <summary>Memory that is preserved and not restored is never allocated.</summary>
    public const string PreservedNotAllocated = "preserved-not-allocated";

    /// <summary>What was preserved is restored, whole, and nothing else is.</summary>
    public const string RestoreExact = "restore-exact";

    /// <summary>The descriptor and the chunks of a preserved vmalloc area name all of its pages.</summary>
    public const string VmallocChain = "vmalloc-chain";

    /// <summary>Sub-blobs are found under their names with address and size, and removed ones are not.</summary>
    public const string SubtreeExact = "subtree-exact";

    /// <summary>No page is allocated twice.</summary>
    public const string AllocationDisjoint = "allocation-disjoint";

    /// <summary>Only movable memory is allocated inside scratch.</summary>
    public const string ScratchMovable = "scratch-movable";

    /// <summary>The kexec metadata names the previous release and counts the chain.</summary>
    public const string KexecMetadata = "kexec-metadata";

    /// <summary>reserve_mem regions keep their address across a hand-over.</summary>
    public const string ReserveMemRevived = "reserve-mem-revived";

    /// <summary>A simulated kernel that was handed good data does not crash.</summary>
    public const string KernelAlive = "kernel-alive";

    /// <summary>Nobody writes, frees or takes over a page of another owner.</summary>
    public const string PageOwnership = "page-ownership";

    /// <summary>What a client's user program checks itself, and what a script expects, holds.</summary>
    public const string ClientCheck = "client-check";

    /// <summary>All of them, in the order of reports.</summary>
    public static IReadOnlyList<Invariant> All { get; } =
    [
        new(HandOverAccepted, "a hand-over between kernels with one ABI is accepted, and none between others"),
        new(PreservedContent, "preserved pages hold the same bytes after the boot as at the jump"),
        new(PreservedNotAllocated, "memory that is preserved and not restored is never allocated"),
        new(RestoreExact, "what was preserved is restored, whole, and nothing else is"),
        new(VmallocChain, "the descriptor and the chunks of a preserved vmalloc area name all of its pages"),
        new(SubtreeExact, "sub-blobs are found under their names with address and size, and removed ones are not"),
        new(AllocationDisjoint, "no page is allocated twice"),
        new(ScratchMovable, "only movable memory is allocated inside scratch"),
        new(KexecMetadata, "the kexec metadata names the previous release and counts the chain"),
        new(KernelAlive, "a simulated kernel that was handed good data does not crash"),
        new(PageOwnership, "nobody writes, frees or takes over a page of another owner"),
        new(ReserveMemRevived, "reserve_mem regions keep their address across a hand-over"),
        new(ClientCheck, "what a client's user program checks itself, and what a script expects, holds"),
    ];
}
