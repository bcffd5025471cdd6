namespace KhoActors.Subsystems.Memory;

/// <summary>A run of pages.</summary>
/// <param name="StartPfn">First page.</param>
/// <param name="EndPfn">One past the last page.</param>
public readonly record struct PfnRange(ulong StartPfn, ulong EndPfn);
