namespace KhoActors.Nodes.Fleet;

/// <summary>
/// The first violations by machine and generation, at most so many at any time: what is kept does not depend on the order in which machines
/// were run, and does not grow with them. Those of one generation keep their order.
/// </summary>
internal sealed class FirstViolations
{
    private readonly List<MachineViolation> _kept = [];

    /// <summary>What is kept, in order.</summary>
    public IReadOnlyList<MachineViolation> Kept => _kept;

    /// <summary>Takes one more.</summary>
    /// <param name="violation">The violation; those of one generation come in their order.</param>
    public void Add(MachineViolation violation)
    {
        int at = _kept.Count;
        while (at > 0 && IsBefore(violation, _kept[at - 1]))
        {
            at--;
        }

        if (at == FleetResult.LimitViolationsKept)
        {
            return;
        }

        if (_kept.Count == FleetResult.LimitViolationsKept)
        {
            _kept.RemoveAt(_kept.Count - 1);
        }

        _kept.Insert(at, violation);
    }

    /// <summary>Takes several.</summary>
    /// <param name="violations">The violations, those of one generation in their order.</param>
    public void Add(IReadOnlyList<MachineViolation> violations)
    {
        foreach (MachineViolation violation in violations)
        {
            Add(violation);
        }
    }

    private static bool IsBefore(MachineViolation one, MachineViolation other) =>
        (one.Machine, one.Violation.Generation).CompareTo((other.Machine, other.Violation.Generation)) < 0;
}
