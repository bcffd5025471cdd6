using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Runs;

/// <summary>Looks at one machine of a recorded run in one of its generations, executed again from the record.</summary>
internal static class RecordedVisit
{
    /// <summary>Executes a machine up to a generation and looks at it there: its user space has done its work, its jump has not begun.</summary>
    /// <param name="source">The records.</param>
    /// <param name="recorded">What they are of.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="generation">The generation; null for the last that is recorded.</param>
    /// <param name="terminal">Where a difference to the record is told.</param>
    /// <param name="look">Called with the generation.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="UsageException">The generation is not recorded.</exception>
    /// <exception cref="HistoryDamageException">A record on the way is damaged.</exception>
    public static ExitCode Run(
        RecordSource source, RecordedScenario recorded, int machine, int? generation, Terminal terminal, Action<LiveGeneration> look)
    {
        SliceCodec codec = new(recorded.Resolved);
        int end = EndOf(source, codec, machine);
        int wanted = generation ?? end - 1;
        if (end == 0 || wanted >= end)
        {
            throw new UsageException(end == 0
                ? $"{source.Title}: nothing is recorded of machine {machine}"
                : $"{source.Title}: generation {wanted} of machine {machine} is not recorded, only 0 to {end - 1}");
        }

        using Machine host = new();
        ReplayDifference? difference = MachineReplay.Run(
            host,
            recorded.Plan,
            source.ReadSlices(machine).Select(slice => codec.Decode(slice, source.Place)),
            new MachineReplayOptions
            {
                EndGeneration = wanted + 1,
                LookAt = wanted,
                Look = look,
                StopRequested = () => terminal.Interrupted.IsCancellationRequested,
            });
        terminal.Interrupted.ThrowIfCancellationRequested();
        if (difference is null)
        {
            return ExitCode.Held;
        }

        string cause = source.IsOfOtherModel ? $"model changed from version {source.Facts.ModelVersion} to {Machine.ModelVersion}: " : "not as recorded: ";
        terminal.Complain(Terminal.Printable($"{source.Title}: {cause}{difference}"));
        return source.IsOfOtherModel ? ExitCode.Inconclusive : ExitCode.Diverged;
    }

    // The generation behind the last one that is recorded.
    private static int EndOf(RecordSource source, SliceCodec codec, int machine)
    {
        StoredSlice? last = null;
        foreach (StoredSlice slice in source.ReadSlices(machine))
        {
            last = slice;
        }

        return last is { } newest ? codec.Decode(newest, source.Place).EndGeneration : 0;
    }
}
