using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Sharding;

/// <summary>
/// The machines of a run that was recorded before in a history that the engine does not write itself, as they stand there. Safe to ask from several threads.
/// </summary>
public sealed class ResumedMachines
{
    private readonly Dictionary<int, MachineProgress> _progress = [];

    /// <summary>Reads how far each machine has come.</summary>
    /// <param name="resume">Where the run stands.</param>
    /// <param name="plan">The fleet that shall be continued.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ResumeException">They are not those of the run.</exception>
    /// <exception cref="HistoryDamageException">The history contradicts itself.</exception>
    public ResumedMachines(ResumePoint resume, FleetPlan plan, FleetOptions options)
    {
        ArgumentNullException.ThrowIfNull(resume);
        resume.RequireSameRun(plan, options);
        Point = resume;
        foreach (MachineProgress progress in resume.ReadProgress())
        {
            _progress.Add(progress.Machine, progress);
        }
    }

    /// <summary>Where the run stands.</summary>
    public ResumePoint Point { get; }

    /// <summary>The machines that have a record, in no order.</summary>
    public IEnumerable<MachineProgress> Progress => _progress.Values;

    /// <summary>The next generation of a machine.</summary>
    /// <param name="machine">Its number.</param>
    /// <returns>The generation; 0 when nothing is recorded.</returns>
    public int NextOf(int machine) => _progress.TryGetValue(machine, out MachineProgress? progress) ? progress.RecordedGenerations : 0;

    /// <summary>Brings a machine back to where its records end.</summary>
    /// <param name="machine">Will carry it, recording.</param>
    /// <param name="run">The run.</param>
    /// <param name="spec">The machine.</param>
    /// <exception cref="ReplayDivergenceException">The replay differs from a record.</exception>
    /// <exception cref="HistoryDamageException">A record is damaged or missing.</exception>
    public void Return(Machine machine, ShardedRun run, MachineSpec spec)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(spec);
        MachineReturn way = new(Point, run.Plan, machine, spec, _progress[spec.Number], run.Recording, static () => false, []);
        way.Run();
    }
}
