using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Fleet;

/// <summary>How a fleet is run; none of it changes a digest.</summary>
public sealed record FleetOptions
{
    /// <summary>Budget of resting machines in memory unless another is given: what a computer of 8 GiB can spare.</summary>
    public const long DefaultHibernatedBytesMax = 4L << 30;

    /// <summary>Workers: threads that each carry one machine at a time.</summary>
    public required int Workers { get; init; }

    /// <summary>
    /// Generations that a machine runs before it hibernates and the next one has its turn; null for those of the resumed run, or for
    /// <see cref="FleetPlan.SliceGenerations"/>.
    /// </summary>
    public int? SliceGenerations { get; init; }

    /// <summary>Whether generation reports shall hold kernel logs.</summary>
    public bool KeepLogs { get; init; }

    /// <summary>Called for each generation, by whichever worker ran it; or null. Generations that a resumed run replays are not reported again.</summary>
    public Action<int, GenerationReport>? GenerationDone { get; init; }

    /// <summary>Asked between generations: true ends the run at once, cleanly.</summary>
    public Func<bool> StopRequested { get; init; } = () => false;

    /// <summary>Takes the records in; null when nothing is recorded.</summary>
    public IRunRecorder? Recorder { get; init; }

    /// <summary>Whether the order of deliveries is recorded pick by pick; otherwise a replay draws it again from the seed.</summary>
    public bool RecordOrder { get; init; }

    /// <summary>What was recorded of the run before; null to run it from its beginning.</summary>
    public ResumePoint? Resume { get; init; }

    /// <summary>Most bytes of resting machines in memory; what is beyond it goes into a temporary file.</summary>
    public long HibernatedBytesMax { get; init; } = DefaultHibernatedBytesMax;

    /// <summary>The folder of that file; null for the system's folder of temporary files.</summary>
    public string? SpillFolder { get; init; }
}
