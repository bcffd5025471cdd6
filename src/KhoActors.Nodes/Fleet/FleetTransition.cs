using KhoActors.Nodes.Invariants;

namespace KhoActors.Nodes.Fleet;

/// <summary>What became of the reboots from one kernel to another.</summary>
public sealed record FleetTransition
{
    /// <summary>Name of the kernel that ran before.</summary>
    public required string From { get; init; }

    /// <summary>Name of the kernel that booted.</summary>
    public required string To { get; init; }

    /// <summary>Kexecs.</summary>
    public long Count { get; set; }

    /// <summary>Kexecs whose hand-over was accepted.</summary>
    public long Restored { get; set; }

    /// <summary>Kexecs after which the next kernel started without what was preserved.</summary>
    public long Lost { get; set; }

    /// <summary>Invariants that did not hold after them.</summary>
    public long Violations { get; set; }
}

/// <summary>A violation and the machine that it was found on.</summary>
/// <param name="Machine">Number of the machine.</param>
/// <param name="Violation">The violation.</param>
public sealed record MachineViolation(int Machine, Violation Violation);
