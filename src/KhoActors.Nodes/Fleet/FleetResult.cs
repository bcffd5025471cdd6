using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;

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

/// <summary>What a fleet did. Sums do not depend on the order in which machines were run.</summary>
public sealed class FleetResult
{
    /// <summary>Most violations kept with their text.</summary>
    public const int LimitViolationsKept = 100;

    private readonly SortedDictionary<(string From, string To), FleetTransition> _transitions = [];
    private readonly SortedDictionary<string, long> _outcomes = new(StringComparer.Ordinal);
    private readonly List<MachineViolation> _violations = [];

    /// <summary>Machines of the fleet.</summary>
    public int Machines { get; internal set; }

    /// <summary>Kexecs done and judged.</summary>
    public long Kexecs { get; private set; }

    /// <summary>Boots without a kexec before them.</summary>
    public long ColdBoots { get; private set; }

    /// <summary>Generations that were run.</summary>
    public long Generations => Kexecs + ColdBoots;

    /// <summary>Messages delivered.</summary>
    public ulong Messages { get; private set; }

    /// <summary>Operations of user space.</summary>
    public long Operations { get; private set; }

    /// <summary>Requests that failed, as requests may.</summary>
    public long FailedRequests { get; private set; }

    /// <summary>Invariants that did not hold.</summary>
    public long ViolationCount { get; private set; }

    /// <summary>Whether it was stopped before its end.</summary>
    public bool Interrupted { get; internal set; }

    /// <summary>The simulator's own failures, in order of machine numbers; each names machine and delivery.</summary>
    public List<string> Defects { get; } = [];

    /// <summary>The fleet's digest, 64 hexadecimal digits.</summary>
    public string Digest { get; internal set; } = string.Empty;

    /// <summary>How generations ended, by name.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> Outcomes
    {
        get
        {
            List<KeyValuePair<string, long>> sorted = new(_outcomes.Count);
            foreach (KeyValuePair<string, long> outcome in _outcomes)
            {
                sorted.Add(outcome);
            }

            return sorted;
        }
    }

    /// <summary>Transitions by names of kernels.</summary>
    public IReadOnlyList<FleetTransition> Transitions => [.. _transitions.Values];

    /// <summary>The first violations, by machine and generation.</summary>
    public IReadOnlyList<MachineViolation> Violations =>
        [.. _violations.OrderBy(each => each.Machine).ThenBy(each => each.Violation.Generation).Take(LimitViolationsKept)];

    internal void Add(int machine, GenerationReport report)
    {
        Messages += report.Messages;
        Operations += report.Operations;
        FailedRequests += report.FailedRequests;
        ViolationCount += report.ViolationCount;
        Kexecs += report.WasKexec ? 1 : 0;
        ColdBoots += report.WasKexec ? 0 : 1;
        string outcome = NameOf(report.End);
        _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
        foreach (Violation violation in report.Violations)
        {
            _violations.Add(new MachineViolation(machine, violation));
        }

        if (report.WasKexec)
        {
            AddTransition(report);
        }
    }

    internal void Add(FleetResult part)
    {
        Messages += part.Messages;
        Operations += part.Operations;
        FailedRequests += part.FailedRequests;
        ViolationCount += part.ViolationCount;
        Kexecs += part.Kexecs;
        ColdBoots += part.ColdBoots;
        _violations.AddRange(part._violations);
        Defects.AddRange(part.Defects);
        foreach ((string outcome, long count) in part._outcomes)
        {
            _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + count;
        }

        foreach (FleetTransition transition in part._transitions.Values)
        {
            FleetTransition mine = TransitionOf(transition.From, transition.To);
            mine.Count += transition.Count;
            mine.Restored += transition.Restored;
            mine.Lost += transition.Lost;
            mine.Violations += transition.Violations;
        }
    }

    /// <summary>How reports, histories and exports call the end of a generation.</summary>
    internal static string NameOf(GenerationEnd end) => end switch
    {
        GenerationEnd.Kexec => "kexec",
        GenerationEnd.LoadFailed => "load-failed",
        GenerationEnd.Panic => "panic",
        GenerationEnd.ColdBoot => "cold-boot",
        GenerationEnd.Oops => "oops",
        GenerationEnd.KexecRefused => "kexec-refused",
        GenerationEnd.Reboot => "reboot",
        GenerationEnd.EmergencyRestart => "emergency-restart",
        GenerationEnd.Last => "end-of-chain",
        _ => throw new ArgumentOutOfRangeException(nameof(end), end, "a generation that has not ended"),
    };

    private void AddTransition(GenerationReport report)
    {
        FleetTransition transition = TransitionOf(report.PreviousKernel, report.Kernel);
        transition.Count++;
        transition.Restored += report.HandedOver ? 1 : 0;
        transition.Lost += report.HandedOver ? 0 : 1;
        transition.Violations += report.ViolationCount;
    }

    private FleetTransition TransitionOf(string from, string to)
    {
        if (!_transitions.TryGetValue((from, to), out FleetTransition? transition))
        {
            transition = new FleetTransition { From = from, To = to };
            _transitions.Add((from, to), transition);
        }

        return transition;
    }
}
