namespace KhoActors.Host.Bench;

/// <summary>Which side of its budget a figure has to be on.</summary>
internal enum BudgetKind
{
    /// <summary>The figure is a speed: it has to reach the budget.</summary>
    AtLeast,

    /// <summary>The figure is a cost: it has to stay within the budget.</summary>
    AtMost,
}

/// <summary>One figure with its budget.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Unit">The unit of both numbers.</param>
/// <param name="Measured">The figure.</param>
/// <param name="Budget">What it should be.</param>
/// <param name="Kind">Whether the budget is a floor or a ceiling.</param>
/// <param name="Proof">What the workload left behind, where that proves that the right work was done; or null.</param>
internal sealed record BenchRow(string Name, string Unit, double Measured, double Budget, BudgetKind Kind, WorkProof? Proof = null)
{
    /// <summary>The row of a tracker workload.</summary>
    /// <param name="result">What was measured.</param>
    /// <returns>The row.</returns>
    public static BenchRow OfTracker(RadixWorkloadResult result) =>
        new(result.Name, "ns/" + result.Unit, result.NsPerUnit, result.BudgetNsPerUnit, BudgetKind.AtMost, result.Proof);

    /// <summary>Whether the budget is met.</summary>
    public bool Met => Kind == BudgetKind.AtLeast ? Measured >= Budget : Measured <= Budget;
}
