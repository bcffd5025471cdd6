using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// Runs all machines of a fleet breadth first: every machine is alive (hibernated between its slices) from the first round to the last.
/// Machines share nothing, so results and digest are the same for any number of workers and any length of slices, and for a run that was
/// interrupted and resumed any number of times.
/// </summary>
public static class FleetRunner
{
    /// <summary>Runs a fleet to its end, or until it is stopped.</summary>
    /// <param name="plan">The fleet.</param>
    /// <param name="options">How to run it.</param>
    /// <returns>What it did, with all that was recorded before when it was resumed. A failing history is <see cref="FleetResult.Failure"/>.</returns>
    /// <exception cref="ResumeException">It was to be resumed and cannot be; nothing was run.</exception>
    /// <exception cref="HistoryUnavailableException">It was to be resumed from a history that cannot be read; nothing was run.</exception>
    /// <exception cref="HistoryDamageException">It was to be resumed from a history that is damaged; nothing was run.</exception>
    public static FleetResult Run(FleetPlan plan, FleetOptions options)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        using FleetCourse course = new(plan, options);
        FleetResult result = new() { Machines = plan.Scenario.Machines };
        options.Resume?.AddRecorded(result);
        SliceWorker[] workers = new SliceWorker[options.Workers];
        for (int i = 0; i < workers.Length; i++)
        {
            workers[i] = new SliceWorker(course);
        }

        RunRounds(course, workers);
        foreach (SliceWorker worker in workers)
        {
            result.Add(worker.Result);
            worker.Dispose();
        }

        LeaveCheckpoints(course);
        course.Conclude(result);
        result.Defects.Sort(StringComparer.Ordinal);
        result.Warnings.Sort(StringComparer.Ordinal);
        return result;
    }

    private static void RunRounds(FleetCourse course, SliceWorker[] workers)
    {
        for (int first = course.FirstOpenGeneration(); first < course.Generations && !course.IsStopped; first += course.SliceGenerations)
        {
            IRunRecorder? recorder = course.Options.Recorder;
            course.LeavesCheckpoints = recorder is { WantsCheckpoints: true };
            course.RoundEnd = Math.Min(first + course.SliceGenerations, course.Generations);
            Workers.Run(workers, course.Plan.Scenario.Machines);
            if (course.LeavesCheckpoints && !course.IsStopped)
            {
                recorder!.CheckpointsDone();
            }
        }
    }

    /// <summary>A run that stops in an orderly way loses nothing: machines that rest here are in the history as they are.</summary>
    private static void LeaveCheckpoints(FleetCourse course)
    {
        if (course.Options.Recorder is not { } recorder || course.Failure is not null)
        {
            return;
        }

        byte[] buffer = [];
        try
        {
            for (int machine = 0; machine < course.Plan.Scenario.Machines; machine++)
            {
                int next = course.NextOf(machine);
                if (course.Hibernation.Holds(machine) && course.CheckpointOf(machine) < next)
                {
                    recorder.Add(new MachineCheckpoint(machine, next, course.Hibernation.Read(machine, ref buffer).ToArray()));
                }
            }
        }
        catch (Exception failure) when (SliceWorker.ConcernsAll(failure))
        {
            course.Fail(failure);
        }
    }
}
