using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// Brings a machine of an earlier session back to where its records end: from its checkpoint, or from its first power-on, it is replayed
/// and compared with every record on the way.
/// </summary>
internal sealed class MachineReturn(FleetCourse course, Machine machine, MachineSpec spec, List<string> warnings)
{
    private readonly ResumePoint _resume = course.Options.Resume!;

    /// <summary>Brings it back.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>False when the run was stopped on the way.</returns>
    /// <exception cref="ReplayDivergenceException">The replay differs from a record.</exception>
    /// <exception cref="HistoryDamageException">A record is damaged or missing.</exception>
    public bool Run(int number)
    {
        string? refusal = course.CheckpointOf(number) > 0 ? WakeUpAtCheckpoint(number) : null;
        if (refusal is not null)
        {
            warnings.Add($"machine {number:d8}: its checkpoint cannot be used ({refusal}); it is replayed from its first power-on");
        }

        if (refusal is not null || course.CheckpointOf(number) == 0)
        {
            machine.PowerOff(spec, recording: course.Recording);
        }

        return Replay(number);
    }

    /// <summary>Takes the machine up at its checkpoint.</summary>
    /// <returns>Null, or why that was not possible.</returns>
    private string? WakeUpAtCheckpoint(int number)
    {
        try
        {
            if (_resume.ReadCheckpoint(number) is not { } checkpoint)
            {
                return "it is missing";
            }

            machine.WakeUp(spec, checkpoint.Snapshot, recording: course.Recording);
            int next = machine.NextGeneration;
            return next == 0 || next > course.NextOf(number)
                ? $"it stands before generation {next}, and {course.NextOf(number)} are recorded"
                : DigestBefore(number, next).Span.SequenceEqual(machine.Digest) ? null : "its digest is not the recorded one";
        }
        catch (SnapshotFormatException damage)
        {
            return damage.Message;
        }
        catch (HistoryDamageException damage)
        {
            return damage.Message;
        }
    }

    /// <summary>What the machine's digest was when a generation was about to boot.</summary>
    private ReadOnlyMemory<byte> DigestBefore(int number, int generation) => generation == course.NextOf(number)
        ? course.DigestOf(number)
        : _resume.ReadGenerations(number, generation - 1, generation).Single().Digest;

    private bool Replay(int number)
    {
        int end = course.NextOf(number);
        foreach (GenerationRecord record in _resume.ReadGenerations(number, machine.NextGeneration, end))
        {
            if (course.IsStopped)
            {
                return false;
            }

            machine.RunGeneration(isLast: record.Report.Generation == course.Plan.Scenario.Kexecs, replayed: record);
        }

        return true;
    }
}
