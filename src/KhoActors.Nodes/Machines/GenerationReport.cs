using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Machines;

/// <summary>What one generation did, for summaries and stories. Ends of chains and transitions are counted from these.</summary>
public sealed record GenerationReport
{
    /// <summary>0 for the first boot.</summary>
    public required int Generation { get; init; }

    /// <summary>Name of the kernel build.</summary>
    public required string Kernel { get; init; }

    /// <summary>Name of the kernel that ran before; empty on the first boot.</summary>
    public required string PreviousKernel { get; init; }

    /// <summary>Whether it was booted by kexec.</summary>
    public required bool WasKexec { get; init; }

    /// <summary>Whether it accepted hand-over data.</summary>
    public required bool HandedOver { get; init; }

    /// <summary>How it ended.</summary>
    public required GenerationEnd End { get; init; }

    /// <summary>Pieces of memory that had to survive the reboot before it, and did.</summary>
    public required int Survived { get; init; }

    /// <summary>Pieces of memory that the reboot lost, as the model says they must be.</summary>
    public required int Lost { get; init; }

    /// <summary>Pieces that user space restored.</summary>
    public required long Restored { get; init; }

    /// <summary>Operations of user space.</summary>
    public required long Operations { get; init; }

    /// <summary>Requests that failed.</summary>
    public required long FailedRequests { get; init; }

    /// <summary>Messages delivered.</summary>
    public required ulong Messages { get; init; }

    /// <summary>Invariants that did not hold, the first 100.</summary>
    public required IReadOnlyList<Violation> Violations { get; init; }

    /// <summary>How many invariants did not hold.</summary>
    public required long ViolationCount { get; init; }

    /// <summary>The kernel's log, where it was asked for.</summary>
    public required IReadOnlyList<LogLine> Log { get; init; }

    /// <summary>The log with the requests of user space and their answers between its lines, where it was asked for.</summary>
    public required IReadOnlyList<string> Story { get; init; }
}
