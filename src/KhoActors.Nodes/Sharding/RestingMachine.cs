using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Sharding;

/// <summary>
/// A machine between its slices, and how it is taken up from a journal: a snapshot, and the records behind it. Records are decoded only when
/// the machine is woken, which needs its run.
/// </summary>
public sealed class RestingMachine
{
    private readonly List<SliceRecorded> _behind = [];

    /// <summary>A machine that was never powered on.</summary>
    /// <param name="run">Number of its run.</param>
    /// <param name="number">Its number.</param>
    public RestingMachine(int run, int number)
    {
        Run = run;
        Number = number;
    }

    /// <summary>Number of its run.</summary>
    public int Run { get; }

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <summary>The generation that boots next.</summary>
    public int NextGeneration { get; private set; }

    /// <summary>The machine before <see cref="SnapshotGeneration"/>; empty before the first power-on and at the end of the chain.</summary>
    public ReadOnlyMemory<byte> Snapshot { get; private set; }

    /// <summary>The generation before which <see cref="Snapshot"/> was taken.</summary>
    public int SnapshotGeneration { get; private set; }

    /// <summary>Its last record; null before the first.</summary>
    public SliceRecorded? LastSlice { get; private set; }

    /// <summary>Takes a snapshot of the journal up.</summary>
    /// <param name="rested">The snapshot.</param>
    /// <exception cref="HistoryDamageException">It is of another machine.</exception>
    public void Recover(MachineRested rested)
    {
        ArgumentNullException.ThrowIfNull(rested);
        Require(rested.Run, rested.Machine, rested.NextGeneration > 0 && rested.LastFirst < rested.NextGeneration, rested.NextGeneration);
        NextGeneration = SnapshotGeneration = rested.NextGeneration;
        Snapshot = rested.Snapshot;
        LastSlice = new SliceRecorded(Run, Number, rested.LastFirst, rested.NextGeneration, rested.LastSlice);
        _behind.Clear();
    }

    /// <summary>Takes a record of the journal up.</summary>
    /// <param name="slice">The record.</param>
    /// <exception cref="HistoryDamageException">It is of another machine, or does not follow what was taken up before.</exception>
    public void Recover(SliceRecorded slice)
    {
        ArgumentNullException.ThrowIfNull(slice);
        bool isFirst = LastSlice is null && NextGeneration == 0;
        Require(slice.Run, slice.Machine, (isFirst || slice.FirstGeneration == NextGeneration) && slice.EndGeneration > NextGeneration, slice.FirstGeneration);
        _behind.Add(slice);
        LastSlice = slice;
        NextGeneration = slice.EndGeneration;
    }

    /// <summary>The machine was recorded before in a history of another engine; nothing was taken up here.</summary>
    /// <param name="nextGeneration">The generation that boots next.</param>
    public void StandsAt(int nextGeneration) => NextGeneration = nextGeneration;

    /// <summary>Brings the machine to where its records end: woken from its snapshot, and replayed and compared from there.</summary>
    /// <param name="machine">Will carry it, recording.</param>
    /// <param name="run">Its run.</param>
    /// <param name="resume">Where the run was recorded before by another engine, or null.</param>
    /// <exception cref="ReplayDivergenceException">The replay differs from a record.</exception>
    /// <exception cref="HistoryDamageException">A record is damaged.</exception>
    /// <exception cref="Subsystems.Actors.SnapshotFormatException">The snapshot is damaged or of another version.</exception>
    public void WakeUp(Machine machine, ShardedRun run, ResumedMachines? resume = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(run);
        MachineSpec spec = run.Plan.SpecOf(Number);
        int recordedFrom = _behind.Count == 0 ? NextGeneration : _behind[0].FirstGeneration;
        if (!Snapshot.IsEmpty)
        {
            machine.WakeUp(spec, Snapshot, recording: run.Recording);
        }
        else if (recordedFrom > 0 && resume is not null)
        {
            resume.Return(machine, run, spec);
        }
        else
        {
            machine.PowerOff(spec, recording: run.Recording);
        }

        foreach (SliceRecorded slice in _behind)
        {
            Replay(machine, run, slice);
        }

        if (machine.NextGeneration != NextGeneration)
        {
            throw new HistoryDamageException($"{Place}: {NextGeneration} generations are recorded, it was taken up before generation {machine.NextGeneration}");
        }
    }

    /// <summary>The machine rests again, its slice recorded.</summary>
    /// <param name="slice">The slice.</param>
    /// <param name="snapshot">The machine behind it; empty at the end of its chain.</param>
    public void Rest(SliceRecorded slice, ReadOnlyMemory<byte> snapshot)
    {
        Recover(slice);
        _behind.Clear();
        Snapshot = snapshot;
        SnapshotGeneration = NextGeneration;
    }

    /// <summary>What the journal needs to take the machine up from here; null when there is nothing to keep but records.</summary>
    /// <returns>The snapshot.</returns>
    public MachineRested? ToSnapshot() => Snapshot.IsEmpty || LastSlice is not { } last || SnapshotGeneration != NextGeneration
        ? null
        : new MachineRested(Run, Number, NextGeneration, Snapshot, last.FirstGeneration, last.Encoded);

    private string Place => $"run {Run}, machine {Number:d8}";

    private void Replay(Machine machine, ShardedRun run, SliceRecorded slice)
    {
        SliceRecord record = run.Codec.Decode(new StoredSlice(Number, slice.FirstGeneration, slice.Encoded), $"run {Run}");
        if (record.FirstGeneration != machine.NextGeneration || record.EndGeneration != slice.EndGeneration)
        {
            throw new HistoryDamageException(
                $"{Place}: a record of generations {record.FirstGeneration} to {record.EndGeneration - 1}, "
                + $"where generation {machine.NextGeneration} is expected");
        }

        foreach (GenerationRecord generation in record.Generations)
        {
            machine.RunGeneration(isLast: machine.NextGeneration == run.Facts.Kexecs, replayed: generation);
        }
    }

    private void Require(int run, int machine, bool follows, int generation)
    {
        if (run != Run || machine != Number || !follows)
        {
            throw new HistoryDamageException(
                $"{Place}: the journal goes on with run {run}, machine {machine:d8}, generation {generation}; generation {NextGeneration} is expected");
        }
    }
}
