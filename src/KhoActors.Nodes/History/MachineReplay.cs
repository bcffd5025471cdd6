using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History;

/// <summary>How a machine is replayed.</summary>
public sealed record MachineReplayOptions
{
    /// <summary>The generation behind the last one to replay; null for all that is recorded.</summary>
    public int? EndGeneration { get; init; }

    /// <summary>Whether reports shall hold kernel logs and stories.</summary>
    public bool KeepLogs { get; init; }

    /// <summary>Called after each generation that was replayed and found equal, with its report; or null.</summary>
    public Action<GenerationReport>? GenerationDone { get; init; }

    /// <summary>The generation to look at, or null for none.</summary>
    public int? LookAt { get; init; }

    /// <summary>Called once with that generation, its user space done and its jump not begun; it must not change anything.</summary>
    public Action<LiveGeneration>? Look { get; init; }

    /// <summary>What is recorded meanwhile, see <see cref="Machine.LastRecord"/>; for a machine that goes on by chance.</summary>
    public MachineRecording? Recording { get; init; }

    /// <summary>Asked before each generation: true ends the replay, with nothing found.</summary>
    public Func<bool> StopRequested { get; init; } = static () => false;
}

/// <summary>
/// Executes one machine again from its records, and compares. The records decide what was decided outside the simulated kernels; the workload
/// generator is not asked, but for a second look at a difference, when it may explain it.
/// </summary>
public sealed class MachineReplay
{
    private readonly Machine _machine;
    private readonly FleetPlan _plan;
    private readonly MachineReplayOptions _options;
    private readonly SnapshotWriter _startOfSlice = new();
    private readonly int _generations;
    private MachineSpec? _spec;

    private MachineReplay(Machine machine, FleetPlan plan, MachineReplayOptions options)
    {
        _machine = machine;
        _plan = plan;
        _options = options;
        _generations = Math.Min(options.EndGeneration ?? int.MaxValue, plan.Scenario.Kexecs + 1);
    }

    /// <summary>Replays a machine from its first power-on, or from a checkpoint.</summary>
    /// <param name="machine">
    /// Carries it. When nothing differs, the machine is at the end of what was replayed, and may go on by chance; its next generation says how far
    /// that is. Without checkpoint and records it stays as it is.
    /// </param>
    /// <param name="plan">The fleet of the run.</param>
    /// <param name="slices">
    /// The machine's records without a gap, in order; from a checkpoint on, those before it may be missing. Enumerated once, no further than needed.
    /// </param>
    /// <param name="options">How.</param>
    /// <param name="checkpoint">Where to begin; null for the first power-on.</param>
    /// <returns>The first difference, or null.</returns>
    /// <exception cref="HistoryDamageException">The records are not those of one machine of the plan, or there is a gap.</exception>
    /// <exception cref="SnapshotFormatException">The checkpoint is damaged or of another version.</exception>
    /// <exception cref="Runtime.SimulatorDefectException">Our code failed.</exception>
    public static ReplayDifference? Run(
        Machine machine, FleetPlan plan, IEnumerable<SliceRecord> slices, MachineReplayOptions options, MachineCheckpoint? checkpoint = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(slices);
        ArgumentNullException.ThrowIfNull(options);
        return new MachineReplay(machine, plan, options).Run(slices, checkpoint);
    }

    private ReplayDifference? Run(IEnumerable<SliceRecord> slices, MachineCheckpoint? checkpoint)
    {
        int first = checkpoint?.NextGeneration ?? 0;
        foreach (SliceRecord slice in first < _generations ? slices : [])
        {
            if (slice.EndGeneration <= first && _spec is null)
            {
                continue;
            }

            if (_spec is null)
            {
                Start(slice, checkpoint);
            }

            Check(slice);
            KeepStartOfSlice();
            ReplayDifference? difference = Replay(slice, out bool isDone);
            if (difference is not null || isDone)
            {
                return difference is null ? null : LookAgain(slice, difference);
            }
        }

        if (_spec is null && checkpoint is not null)
        {
            _spec = _plan.SpecOf(checkpoint.Machine);
            _machine.WakeUp(_spec, checkpoint.Snapshot, recording: _options.Recording);
        }

        return null;
    }

    private void Start(SliceRecord slice, MachineCheckpoint? checkpoint)
    {
        Require(slice.Machine >= 0 && slice.Machine < _plan.Scenario.Machines, slice, $"the fleet has {_plan.Scenario.Machines} machines");
        Require(slice.Hardware >= 0 && slice.Hardware < _plan.Scenario.Hardware.Count, slice, $"the scenario has no hardware {slice.Hardware}");
        Require(slice.Chain >= 0 && slice.Chain < _plan.Scenario.Chains.Count, slice, $"the scenario has no chain of kernels {slice.Chain}");
        Require(checkpoint is null || checkpoint.Machine == slice.Machine, slice, $"the checkpoint is of machine {checkpoint?.Machine}");
        _spec = _plan.SpecOf(slice.Machine, slice.Hardware, slice.Chain);
        if (checkpoint is null)
        {
            _machine.PowerOff(_spec, recording: _options.Recording);
            return;
        }

        _machine.WakeUp(_spec, checkpoint.Snapshot, recording: _options.Recording);
        Require(_machine.NextGeneration == checkpoint.NextGeneration, slice, $"the checkpoint before generation {checkpoint.NextGeneration} "
            + $"holds a machine before generation {_machine.NextGeneration}");
    }

    private void Check(SliceRecord slice)
    {
        bool isSame = slice.Machine == _spec!.Number && slice.Hardware == _spec.Hardware && slice.Chain == _spec.ChainIndex;
        Require(isSame, slice, $"a record of machine {_spec.Number} is expected, with its hardware and its chain of kernels");
        Require(slice.FirstGeneration <= _machine.NextGeneration, slice, $"the record of generation {_machine.NextGeneration} is missing");
        Require(slice.EndGeneration > _machine.NextGeneration, slice, $"a record from generation {_machine.NextGeneration} on is expected");
        for (int i = 0; i < slice.Generations.Count; i++)
        {
            int found = slice.Generations[i].Report.Generation;
            Require(found == slice.FirstGeneration + i, slice, $"generation {slice.FirstGeneration + i} is expected, {found} is there");
        }

        Require(slice.EndGeneration <= _plan.Scenario.Kexecs + 1, slice, $"a machine of the scenario has {_plan.Scenario.Kexecs + 1} generations");
    }

    private static void Require(bool condition, SliceRecord slice, string problem)
    {
        if (!condition)
        {
            string record = $"record of generations {slice.FirstGeneration} to {slice.EndGeneration - 1}";
            throw new HistoryDamageException($"machine {slice.Machine:d8}, {record}: {problem}");
        }
    }

    private ReplayDifference? Replay(SliceRecord slice, out bool isDone)
    {
        isDone = true;
        for (int number = _machine.NextGeneration; number < slice.EndGeneration; number++)
        {
            if (number == _generations || _options.StopRequested())
            {
                return null;
            }

            try
            {
                GenerationRecord record = slice.Generations[number - slice.FirstGeneration];
                GenerationReport report = _machine.RunGeneration(
                    number == _plan.Scenario.Kexecs, _options.KeepLogs, number == _options.LookAt ? _options.Look : null, record);
                _options.GenerationDone?.Invoke(report);
            }
            catch (ReplayDivergenceException divergence)
            {
                return divergence.Difference;
            }
        }

        isDone = slice.EndGeneration >= _generations;
        return null;
    }

    private void KeepStartOfSlice()
    {
        _startOfSlice.Clear();
        if (_machine.NextGeneration > 0)
        {
            _machine.Snapshot(_startOfSlice);
        }
    }

    /// <summary>Executes the slice once more up to the difference and asks chance at each decision what it would decide today.</summary>
    private ReplayDifference LookAgain(SliceRecord slice, ReplayDifference difference)
    {
        if (_startOfSlice.Length == 0)
        {
            _machine.PowerOff(_spec!);
        }
        else
        {
            _machine.WakeUp(_spec!, _startOfSlice.Written.ToArray());
        }

        _machine.ComparesWithChance = true;
        try
        {
            while (_machine.NextGeneration <= difference.Generation)
            {
                int number = _machine.NextGeneration;
                _machine.RunGeneration(number == _plan.Scenario.Kexecs, replayed: slice.Generations[number - slice.FirstGeneration]);
            }

            return difference;
        }
        catch (ReplayDivergenceException again)
        {
            return difference with { OtherDecision = again.Difference.OtherDecision };
        }
        finally
        {
            _machine.ComparesWithChance = false;
        }
    }
}
