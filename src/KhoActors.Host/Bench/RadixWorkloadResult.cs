namespace KhoActors.Host.Bench;

/// <summary>One row of the tracker benchmark.</summary>
/// <param name="Name">For example <c>B1 add-random</c>.</param>
/// <param name="Unit">What a figure is per: op, range, entry or add.</param>
/// <param name="NsPerUnit">Median over the repetitions, in nanoseconds.</param>
/// <param name="KernelNsPerUnit">
/// What the kernel's C code took without lock on the reference machine, in nanoseconds (median; walks with the bit search out of line).
/// </param>
/// <param name="BudgetNsPerUnit">What it may take here: a share of the kernel's time.</param>
/// <param name="Proof">Count, checksum and pages that the last repetition left, and whether they always were those of the reference.</param>
public sealed record RadixWorkloadResult(
    string Name, string Unit, double NsPerUnit, double KernelNsPerUnit, double BudgetNsPerUnit, WorkProof Proof);
