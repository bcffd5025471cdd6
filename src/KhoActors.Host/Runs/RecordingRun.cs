using System.Diagnostics;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Runs;

/// <summary>A run whose records are being written to a history.</summary>
internal sealed class RecordingRun : IDisposable
{
    private readonly IHistoryStore _store;
    private readonly HistoryWriter _writer;

    private RecordingRun(IHistoryStore store, int number, ResolvedScenario resolved, IReadOnlyList<string> clients)
    {
        _store = store;
        Number = number;
        Codec = new SliceCodec(resolved);
        Lines = new RunLines(number, store.Address, clients);
        _writer = new HistoryWriter(store, number, Codec, static () => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000));
    }

    /// <summary>Its number.</summary>
    public int Number { get; }

    /// <summary>Address of its history.</summary>
    public string Address => _store.Address;

    /// <summary>What encodes its records.</summary>
    public SliceCodec Codec { get; }

    /// <summary>How to go on with it.</summary>
    public RunLines Lines { get; }

    /// <summary>Takes its records in.</summary>
    public IRunRecorder Recorder => _writer;

    /// <summary>Bytes of records that were added to the history; checkpoints, which go again, do not count.</summary>
    public long BytesAdded => _writer.RecordBytes;

    /// <summary>Enters a new run.</summary>
    /// <param name="store">The history; it goes with the run.</param>
    /// <param name="facts">What the run depends on.</param>
    /// <param name="resolved">The scenario.</param>
    /// <returns>The run.</returns>
    public static RecordingRun Begin(IHistoryStore store, RunFacts facts, ResolvedScenario resolved) =>
        Owning(store, () => new(store, store.BeginRun(facts), resolved, [.. facts.ClientAssemblies.Select(static assembly => assembly.Path)]));

    /// <summary>Opens a run for more records.</summary>
    /// <param name="store">The history; it goes with the run.</param>
    /// <param name="run">The run.</param>
    /// <param name="resolved">The scenario.</param>
    /// <param name="clients">Assemblies that its clients come from, where they are now.</param>
    /// <returns>The run.</returns>
    public static RecordingRun Continue(IHistoryStore store, StoredRun run, ResolvedScenario resolved, IReadOnlyList<string> clients) =>
        Owning(store, () =>
        {
            store.ReopenRun(run.Number);
            return new RecordingRun(store, run.Number, resolved, clients);
        });

    /// <summary>Writes what still waits, and how the run ended; durable when it returns.</summary>
    /// <param name="result">What the run did.</param>
    /// <exception cref="HistoryUnavailableException">The history cannot be written: the run has not ended.</exception>
    public void Close(FleetResult result)
    {
        _writer.Complete();
        bool isWhole = !result.Interrupted && result.Failure is null;
        bool isSound = result.Defects.Count == 0 && result.DifferingMachines == 0;
        RunState state = !isWhole ? RunState.Interrupted : isSound ? RunState.Finished : RunState.Defect;
        _store.EndRun(Number, state, state == RunState.Finished ? result.Digest : string.Empty, DateTimeOffset.UtcNow);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _store.Dispose();
    }

    private static RecordingRun Owning(IHistoryStore store, Func<RecordingRun> open)
    {
        try
        {
            return open();
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }
}
