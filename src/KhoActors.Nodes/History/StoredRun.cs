namespace KhoActors.Nodes.History;

/// <summary>How far a run has come.</summary>
public enum RunState
{
    /// <summary>It runs, or its process died: <c>kho run --resume</c> continues it.</summary>
    Running,

    /// <summary>Every machine came to the end of its chain.</summary>
    Finished,

    /// <summary>It was stopped in an orderly way: <c>kho run --resume</c> continues it.</summary>
    Interrupted,

    /// <summary>A machine met a defect of the simulator and went no further; the others came to their end.</summary>
    Defect,
}

/// <summary>Sums over the records of a run.</summary>
public readonly record struct RunSums
{
    /// <summary>Generations recorded.</summary>
    public long Generations { get; init; }

    /// <summary>Kexecs done and judged.</summary>
    public long Kexecs { get; init; }

    /// <summary>Boots without a kexec before them.</summary>
    public long ColdBoots { get; init; }

    /// <summary>Messages delivered.</summary>
    public ulong Messages { get; init; }

    /// <summary>Operations of user space.</summary>
    public long Operations { get; init; }

    /// <summary>Requests that failed, as requests may.</summary>
    public long FailedRequests { get; init; }

    /// <summary>Faults that were injected.</summary>
    public long FaultsInjected { get; init; }

    /// <summary>Invariants that did not hold.</summary>
    public long Violations { get; init; }
}

/// <summary>A run as a history knows it.</summary>
/// <param name="Number">Its number in this history, from 1; what people call it.</param>
/// <param name="Facts">What it depends on.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Ended">When it ended or was interrupted, UTC; null while it runs.</param>
/// <param name="Sums">What was recorded so far.</param>
/// <param name="Digest">The fleet's digest, 64 hexadecimal digits; empty before the end.</param>
public sealed record StoredRun(int Number, RunFacts Facts, RunState State, DateTimeOffset? Ended, RunSums Sums, string Digest);
