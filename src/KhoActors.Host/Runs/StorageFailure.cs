using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Runs;

/// <summary>What a failure of a history, or of the file in which machines rest, means to a person and to a script; the one place that decides it.</summary>
/// <param name="ExitCode">How the program ends.</param>
/// <param name="Sentence">What is wrong.</param>
internal sealed record StorageFailure(ExitCode ExitCode, string Sentence)
{
    /// <summary>Reads an exception.</summary>
    /// <param name="thrown">What was thrown, by a worker perhaps.</param>
    /// <returns>What it means, or null when it is about something else.</returns>
    public static StorageFailure? Of(Exception thrown) => thrown switch
    {
        HistoryUnavailableException or HistoryDamageException or SpillException => new StorageFailure(ExitCode.StoreFailure, thrown.Message),
        DivergentRecordException => new StorageFailure(ExitCode.Diverged, thrown.Message),
        AggregateException several => OfWorkers(several.Flatten().InnerExceptions),
        _ => null,
    };

    // One broken history fails every worker. A worker that failed of something else has met a defect, which must not be hidden behind it.
    private static StorageFailure? OfWorkers(IReadOnlyList<Exception> failures)
    {
        StorageFailure?[] meanings = [.. failures.Select(Of)];
        return meanings.Length > 0 && meanings.All(static meaning => meaning is not null) ? meanings[0] : null;
    }
}
