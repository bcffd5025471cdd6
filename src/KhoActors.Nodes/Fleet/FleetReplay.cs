using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Fleet;

/// <summary>How the machines of a run are replayed.</summary>
public sealed record FleetReplayOptions
{
    /// <summary>Workers: threads that each carry one machine at a time.</summary>
    public required int Workers { get; init; }

    /// <summary>The only machine to replay, or null for all.</summary>
    public int? Machine { get; init; }

    /// <summary>The last generation to replay, 0 for the first boot; null for all that are recorded.</summary>
    public int? ToGeneration { get; init; }

    /// <summary>Whether generation reports shall hold kernel logs.</summary>
    public bool KeepLogs { get; init; }

    /// <summary>Called for each generation that was replayed and found equal, by whichever worker ran it; or null.</summary>
    public Action<int, GenerationReport>? GenerationDone { get; init; }

    /// <summary>Asked between generations: true ends the replay at once, cleanly.</summary>
    public Func<bool> StopRequested { get; init; } = static () => false;
}

/// <summary>What the replay of a run found. It does not depend on the number of workers.</summary>
public sealed class FleetReplayResult
{
    /// <summary>
    /// Sums over the generations that were replayed and found equal, as the run counted them; differences, defects, and the fleet's digest
    /// when every machine of the fleet was replayed to its end.
    /// </summary>
    public required FleetResult Sums { get; init; }

    /// <summary>Generations that were replayed and found equal.</summary>
    public long Compared => Sums.Generations;

    /// <summary>Machines that were replayed to where their records or the wish end, without a difference.</summary>
    public required int MachinesHeld { get; init; }

    /// <summary>Machines of which nothing is recorded.</summary>
    public required int MachinesWithoutRecord { get; init; }

    /// <summary>The first difference by machine and generation; null when there is none.</summary>
    public ReplayDifference? FirstDifference => Sums.FirstDifference;

    /// <summary>What is damaged, one sentence for each machine whose replay ended there, in order of machine numbers.</summary>
    public required IReadOnlyList<string> Damage { get; init; }

    /// <summary>The fleet's digest, 64 hexadecimal digits; empty when not every machine of the fleet was replayed to its end.</summary>
    public string Digest => Sums.Digest;

    /// <summary>The digest of the only machine that was replayed after its last generation that was found equal; else empty.</summary>
    public required string MachineDigest { get; init; }
}

/// <summary>
/// Executes machines of a run again from their records and compares every generation. Machines share nothing: what is damaged or differs in
/// one does not keep the others from being compared.
/// </summary>
public static class FleetReplay
{
    /// <summary>Replays.</summary>
    /// <param name="plan">The run's fleet, from its recorded scenario and seed.</param>
    /// <param name="options">What to replay, and how.</param>
    /// <param name="recordsOf">
    /// The records of a machine in the order of generations, none when nothing is recorded of it; called and read by several workers at
    /// once. <see cref="RecordedSlices.Read(int)"/> is one.
    /// </param>
    /// <returns>What was found.</returns>
    /// <exception cref="MachineVisitException">The fleet has no such machine, or the chain no such generation.</exception>
    /// <exception cref="HistoryUnavailableException">The records can no longer be read.</exception>
    public static FleetReplayResult Run(FleetPlan plan, FleetReplayOptions options, Func<int, IEnumerable<SliceRecord>> recordsOf)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(recordsOf);
        MachineVisit.RequireBelow(options.Machine ?? 0, plan.Scenario.Machines, "machine", plan.Scenario.Name);
        MachineVisit.RequireBelow(options.ToGeneration ?? 0, plan.Scenario.Kexecs + 1, "generation", plan.Scenario.Name);
        ReplayCourse course = new(plan, options, recordsOf);
        ReplayWorker[] workers = new ReplayWorker[options.Workers];
        for (int i = 0; i < workers.Length; i++)
        {
            workers[i] = new ReplayWorker(course);
        }

        Workers.Run(workers, options.Machine is null ? plan.Scenario.Machines : 1);
        foreach (ReplayWorker worker in workers)
        {
            worker.Dispose();
        }

        return course.Conclude(workers);
    }
}
