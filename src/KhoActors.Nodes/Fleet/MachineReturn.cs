using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// Brings a machine of an earlier session back to where its records end: from its checkpoint, or from its first power-on, it is replayed
/// and compared with every record on the way.
/// </summary>
/// <param name="resume">Where the run stands.</param>
/// <param name="plan">The fleet.</param>
/// <param name="machine">Carries it.</param>
/// <param name="spec">The machine.</param>
/// <param name="progress">How far it is recorded.</param>
/// <param name="recording">What it records when it goes on.</param>
/// <param name="isStopped">Asked between generations: true ends the return.</param>
/// <param name="warnings">Receives what did not go as it should.</param>
internal sealed class MachineReturn(
    ResumePoint resume,
    FleetPlan plan,
    Machine machine,
    MachineSpec spec,
    MachineProgress progress,
    MachineRecording? recording,
    Func<bool> isStopped,
    List<string> warnings)
{
    private readonly int _number = spec.Number;
    private readonly int _recorded = progress.RecordedGenerations;

    /// <summary>Brings it back.</summary>
    /// <returns>False when the run was stopped on the way.</returns>
    /// <exception cref="ReplayDivergenceException">The replay differs from a record.</exception>
    /// <exception cref="HistoryDamageException">A record is damaged or missing.</exception>
    public bool Run()
    {
        MachineCheckpoint? checkpoint = null;
        if (progress.CheckpointGeneration > 0 && !TryCheckpoint(out checkpoint, out string problem))
        {
            warnings.Add($"machine {_number:d8}: its checkpoint cannot be used ({problem}); it is replayed from its first power-on");
            checkpoint = null;
        }

        return checkpoint?.NextGeneration == _recorded || Replay(checkpoint);
    }

    /// <summary>Takes the machine up at its checkpoint, and finds out whether it is the machine of the records.</summary>
    private bool TryCheckpoint(out MachineCheckpoint? checkpoint, out string problem)
    {
        checkpoint = null;
        try
        {
            checkpoint = resume.ReadCheckpoint(_number);
            problem = checkpoint is null ? "it is missing" : WakeUp(checkpoint);
        }
        catch (SnapshotFormatException damage)
        {
            problem = damage.Message;
        }
        catch (HistoryDamageException damage)
        {
            problem = damage.Message;
        }

        return problem.Length == 0;
    }

    private string WakeUp(MachineCheckpoint checkpoint)
    {
        machine.WakeUp(spec, checkpoint.Snapshot, recording: recording);
        int next = machine.NextGeneration;
        if (next == 0 || next > _recorded || next != checkpoint.NextGeneration)
        {
            return $"it says generation {checkpoint.NextGeneration}, holds a machine before generation {next}, and {_recorded} are recorded";
        }

        ReadOnlyMemory<byte> digest = next == _recorded ? progress.Digest : resume.DigestAfter(_number, next - 1);
        return digest.Span.SequenceEqual(machine.Digest) ? string.Empty : "its digest is not the recorded one";
    }

    private bool Replay(MachineCheckpoint? checkpoint)
    {
        machine.PowerOff(spec, recording: recording);
        MachineReplayOptions options = new()
        {
            EndGeneration = _recorded,
            Recording = recording,
            StopRequested = isStopped,
        };
        IEnumerable<SliceRecord> slices = resume.ReadSlices(_number, checkpoint?.NextGeneration ?? 0).Select(RequireThisMachine);
        if (MachineReplay.Run(machine, plan, slices, options, checkpoint) is { } difference)
        {
            throw new ReplayDivergenceException(difference);
        }

        return machine.NextGeneration == _recorded
            || (isStopped() ? false : throw resume.Damage(_number, $"{_recorded} generations are said to be recorded, {machine.NextGeneration} are"));
    }

    /// <summary>What goes on by chance behind the records is the machine that scenario and seed draw.</summary>
    private SliceRecord RequireThisMachine(SliceRecord slice) => slice.Hardware == spec.Hardware && slice.Chain == spec.ChainIndex
        ? slice
        : throw resume.Damage(
            _number, $"hardware {slice.Hardware} and chain {slice.Chain} are recorded; the run's seed draws {spec.Hardware} and {spec.ChainIndex}");
}
