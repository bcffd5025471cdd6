using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Sharding;

/// <summary>A machine on its way through one slice: generation by generation, for an engine that carries the deliveries itself.</summary>
public sealed class MachineTurn
{
    private readonly ShardedRun _run;
    private readonly MachineSpec _spec;
    private readonly List<GenerationRecord> _records = [];
    private readonly int _first;
    private readonly int _end;

    /// <summary>Wakes a machine for a slice.</summary>
    /// <param name="run">The run.</param>
    /// <param name="machine">Carries it.</param>
    /// <param name="resting">The machine; not changed.</param>
    /// <param name="resume">Where the run was recorded before by another engine, or null.</param>
    /// <exception cref="ReplayDivergenceException">The machine's replay differs from its records.</exception>
    /// <exception cref="HistoryDamageException">A record is damaged.</exception>
    public MachineTurn(ShardedRun run, Machine machine, RestingMachine resting, ResumedMachines? resume = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(resting);
        _run = run;
        Machine = machine;
        _spec = run.Plan.SpecOf(resting.Number);
        resting.WakeUp(machine, run, resume);
        _first = machine.NextGeneration;
        _end = run.EndOfSlice(_first);
    }

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>Whether the slice is whole.</summary>
    public bool IsDone => Machine.NextGeneration == _end;

    /// <summary>The clients of the generation that boots next, by number.</summary>
    public IReadOnlyList<Subsystems.Clients.KhoClient> Clients => _spec.ClientsOf(Machine.NextGeneration);

    /// <summary>Boots the next generation; its deliveries are the engine's to carry.</summary>
    public void BeginGeneration() =>
        Machine.BeginGeneration(isLast: Machine.NextGeneration == _run.Facts.Kexecs, order: _run.Order);

    /// <summary>Ends the generation, whose deliveries were carried to the last.</summary>
    public void EndGeneration()
    {
        Machine.EndGeneration();
        _records.Add(Machine.LastRecord!);
    }

    /// <summary>The slice: the event to record when it is whole. Otherwise what there is of it, to be counted where a machine fails.</summary>
    /// <returns>The generations so far; null when there is none.</returns>
    public SliceRecorded? ToEvent()
    {
        if (_records.Count == 0)
        {
            return null;
        }

        SliceRecord record = new() { Machine = _spec.Number, Hardware = _spec.Hardware, Chain = _spec.ChainIndex, Generations = _records };
        return new SliceRecorded(_run.Number, _spec.Number, _first, record.EndGeneration, _run.Codec.Encode(record));
    }

    /// <summary>The machine behind its slice, as it is hibernated.</summary>
    /// <returns>Its snapshot; empty at the end of its chain.</returns>
    public ReadOnlyMemory<byte> ToSnapshot()
    {
        if (_end == _run.Generations)
        {
            return default;
        }

        SnapshotWriter writer = new();
        Machine.Snapshot(writer);
        return writer.Written.ToArray();
    }
}
