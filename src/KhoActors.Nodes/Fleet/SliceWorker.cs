using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Fleet;

/// <summary>What one worker needs to carry machine after machine through one slice; it serves all slices of a run.</summary>
internal sealed class SliceWorker(FleetCourse course) : IWorker, IDisposable
{
    private readonly Machine _machine = new();
    private readonly SnapshotWriter _writer = new();
    private byte[] _buffer = [];

    /// <summary>What its machines did so far.</summary>
    public FleetResult Result { get; } = new();

    /// <summary>Whether a failure is none of a machine: the history or the temporary file cannot be used, and no machine can go on.</summary>
    public static bool ConcernsAll(Exception failure) =>
        failure is HistoryUnavailableException or HistoryDamageException or DivergentRecordException or SpillException;

    /// <summary>A failure of ours in one machine, named.</summary>
    public static string DefectOf(int number, Exception defect)
    {
        bool speaksForItself = defect is SimulatorDefectException or LivelockException or SnapshotFormatException;
        return $"machine {number:d8}: {(speaksForItself ? defect.Message : $"{defect.GetType().Name}: {defect.Message}")}";
    }

    public void Work(int number)
    {
        if (!course.TakesPart(number) || course.IsStopped)
        {
            return;
        }

        try
        {
            RunSlice(number);
        }
        catch (ReplayDivergenceException divergence)
        {
            course.TakeOut(number);
            Result.Add(divergence.Difference);
        }
        catch (Exception failure) when (ConcernsAll(failure))
        {
            course.Fail(failure);
        }
        catch (Exception defect) when (defect is not OutOfMemoryException)
        {
            // Whatever fails outside a delivery (a boot, a load, a snapshot) is a defect of ours as well, and stops this machine only.
            course.TakeOut(number);
            Result.Defects.Add(DefectOf(number, defect));
        }
    }

    public void Dispose() => _machine.Dispose();

    private void RunSlice(int number)
    {
        MachineSpec spec = course.Plan.SpecOf(number);
        if (!WakeUp(number, spec))
        {
            return;
        }

        int first = course.NextOf(number);
        List<GenerationRecord> records = [];
        for (int generation = first; generation < course.RoundEnd; generation++)
        {
            if (course.IsStopped)
            {
                // The machine still rests as it did before the slice, which a resumed run runs whole.
                return;
            }

            GenerationReport report = _machine.RunGeneration(isLast: generation == course.Plan.Scenario.Kexecs, course.Options.KeepLogs);
            Result.Add(number, report);
            if (course.Recording is not null)
            {
                records.Add(_machine.LastRecord!);
            }

            course.Options.GenerationDone?.Invoke(number, report);
        }

        Rest(number, spec, records);
    }

    /// <summary>Takes a machine up where it stands.</summary>
    /// <returns>False when the run was stopped before it was there.</returns>
    private bool WakeUp(int number, MachineSpec spec)
    {
        if (course.Hibernation.Holds(number))
        {
            _machine.WakeUp(spec, course.Hibernation.Read(number, ref _buffer), recording: course.Recording);
            return true;
        }

        if (course.NextOf(number) > 0)
        {
            MachineProgress progress = new(number, course.NextOf(number), course.CheckpointOf(number), course.DigestOf(number));
            return new MachineReturn(
                course.Options.Resume!, course.Plan, _machine, spec, progress, course.Recording, () => course.IsStopped, Result.Warnings).Run();
        }

        course.PowerOn();
        _machine.PowerOff(spec, recording: course.Recording);
        return true;
    }

    /// <summary>Hands the slice over and lays the machine to rest, or ends its life.</summary>
    private void Rest(int number, MachineSpec spec, List<GenerationRecord> records)
    {
        int next = _machine.NextGeneration;
        bool isFinished = next == course.Generations;
        bool leavesCheckpoint = !isFinished && course.LeavesCheckpoints;
        if (!isFinished)
        {
            _writer.Clear();
            _machine.Snapshot(_writer);
        }

        if (course.Options.Recorder is { } recorder)
        {
            MachineCheckpoint? checkpoint = leavesCheckpoint ? new MachineCheckpoint(number, next, _writer.Written.ToArray()) : null;
            recorder.Add(
                new SliceRecord { Machine = number, Hardware = spec.Hardware, Chain = spec.ChainIndex, Generations = records }, checkpoint, isFinished);
        }

        if (isFinished)
        {
            course.Hibernation.Remove(number);
        }
        else
        {
            course.Hibernation.Put(number, _writer.Written);
        }

        course.Advance(number, next, _machine.Digest, leavesCheckpoint);
    }
}
