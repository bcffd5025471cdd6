namespace KhoActors.Nodes.Conformance;

/// <summary>How a recorded case ended.</summary>
public enum CaseOutcome
{
    /// <summary>Everything recorded was reproduced.</summary>
    Passed,

    /// <summary>Something differs; the detail says what.</summary>
    Failed,

    /// <summary>The case needs something that this build does not simulate; counted, never skipped silently.</summary>
    Unsupported,
}

/// <summary>The result of one recorded vector or capture.</summary>
/// <param name="Name">Folder and name, for example <c>v2-radix/hand-empty</c>.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Detail">Empty when passed; else the first differences, each with what was expected and what was found.</param>
public sealed record CaseResult(string Name, CaseOutcome Outcome, string Detail)
{
    /// <summary>A case that passed.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="detail">What was compared relative to something, if anything.</param>
    /// <returns>The result.</returns>
    public static CaseResult Pass(string name, string detail = "") => new(name, CaseOutcome.Passed, detail);

    /// <summary>A case that failed.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="detail">The first differences.</param>
    /// <returns>The result.</returns>
    public static CaseResult Fail(string name, string detail) => new(name, CaseOutcome.Failed, detail);

    /// <summary>A case that this build does not simulate.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="detail">What is missing.</param>
    /// <returns>The result.</returns>
    public static CaseResult Skip(string name, string detail) => new(name, CaseOutcome.Unsupported, detail);
}
