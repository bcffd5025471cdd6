using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// What a fleet did. Sums do not depend on the order in which machines were run, nor on how often the run was interrupted and resumed; they
/// take no more memory for longer chains.
/// </summary>
/// <remarks>
/// Sums are of every generation that was run, those of a slice that was cut short included: a history of an interrupted run knows whole
/// slices only, and a run that resumes it starts from those.
/// </remarks>
public sealed class FleetResult
{
    /// <summary>Most violations kept with their text.</summary>
    public const int LimitViolationsKept = 100;

    private readonly SortedDictionary<(string From, string To), FleetTransition> _transitions = [];
    private readonly SortedDictionary<string, long> _outcomes = new(StringComparer.Ordinal);
    private readonly FirstViolations _violations = new();

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

    /// <summary>The most machines that were powered on and not at the end of their chain at one time, in all sessions of the run.</summary>
    public int AlivePeak { get; internal set; }

    /// <summary>The most that resting machines ever took, each figure for itself.</summary>
    public HibernationFigures Hibernated { get; internal set; }

    /// <summary>Whether it was asked to stop before every machine had come as far as it can.</summary>
    public bool Interrupted { get; internal set; }

    /// <summary>
    /// Why it stopped by itself before its end, or null: <see cref="HistoryUnavailableException"/>, <see cref="HistoryDamageException"/>,
    /// <see cref="DivergentRecordException"/> or <see cref="SpillException"/>, the first that occurred. The run can be resumed from its history.
    /// </summary>
    public Exception? Failure { get; internal set; }

    /// <summary>The simulator's own failures, in order of machine numbers; each names machine and delivery.</summary>
    public List<string> Defects { get; } = [];

    /// <summary>What did not go as it should and changes no result: checkpoints that could not be used. In order of machine numbers.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>The first difference between a record and its replay, by machine and generation; null when there is none.</summary>
    public ReplayDifference? FirstDifference { get; private set; }

    /// <summary>Machines whose replay differed from their records; they went no further.</summary>
    public int DifferingMachines { get; private set; }

    /// <summary>The fleet's digest, 64 hexadecimal digits; empty when not every machine came as far as it can.</summary>
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
    public IReadOnlyList<MachineViolation> Violations => _violations.Kept;

    internal void Add(int machine, GenerationReport report)
    {
        Messages += report.Messages;
        Operations += report.Operations;
        FailedRequests += report.FailedRequests;
        ViolationCount += report.ViolationCount;
        Kexecs += report.WasKexec ? 1 : 0;
        ColdBoots += report.WasKexec ? 0 : 1;
        Add(KeyValuePair.Create(NameOf(report.End), 1L));
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
        _violations.Add(part._violations.Kept);
        Defects.AddRange(part.Defects);
        Warnings.AddRange(part.Warnings);
        AddDifferences(part.FirstDifference, part.DifferingMachines);
        foreach ((string outcome, long count) in part._outcomes)
        {
            Add(KeyValuePair.Create(outcome, count));
        }

        foreach (FleetTransition transition in part._transitions.Values)
        {
            Add(transition);
        }
    }

    /// <summary>Counts what a history holds of the run.</summary>
    internal void Add(RunSums recorded)
    {
        Messages += recorded.Messages;
        Operations += recorded.Operations;
        FailedRequests += recorded.FailedRequests;
        ViolationCount += recorded.Violations;
        Kexecs += recorded.Kexecs;
        ColdBoots += recorded.ColdBoots;
    }

    /// <summary>Counts ends of generations.</summary>
    internal void Add(KeyValuePair<string, long> outcome) =>
        _outcomes[outcome.Key] = _outcomes.GetValueOrDefault(outcome.Key) + outcome.Value;

    /// <summary>Counts kexecs from one kernel to another.</summary>
    internal void Add(FleetTransition transition)
    {
        FleetTransition mine = TransitionOf(transition.From, transition.To);
        mine.Count += transition.Count;
        mine.Restored += transition.Restored;
        mine.Lost += transition.Lost;
        mine.Violations += transition.Violations;
    }

    /// <summary>Keeps violations that are counted already.</summary>
    internal void Add(IReadOnlyList<MachineViolation> violations) => _violations.Add(violations);

    /// <summary>Counts a machine whose replay differed.</summary>
    internal void Add(ReplayDifference difference) => AddDifferences(difference, 1);

    /// <summary>Counts machines whose replay differed, and keeps the first difference.</summary>
    internal void AddDifferences(ReplayDifference? first, int machines)
    {
        DifferingMachines += machines;
        if (first is not null && (FirstDifference is null || first.Machine < FirstDifference.Machine))
        {
            FirstDifference = first;
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
