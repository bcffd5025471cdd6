using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A store whose commits can be held and made to fail.</summary>
internal sealed class PlantedStore(IHistoryStore store) : IHistoryStore
{
    private Exception? _failure;

    /// <summary>Set while commits may go on.</summary>
    public ManualResetEventSlim Blocked { get; } = new(initialState: true);

    /// <summary>Set when a commit was begun.</summary>
    public ManualResetEventSlim Entered { get; } = new();

    /// <summary>Set when a commit was done.</summary>
    public ManualResetEventSlim Committed { get; } = new();

    /// <summary>What commits throw, or null.</summary>
    public Exception? Failure
    {
        get => Volatile.Read(ref _failure);
        set => Volatile.Write(ref _failure, value);
    }

    public string Address => store.Address;

    public int BeginRun(RunFacts facts) => store.BeginRun(facts);

    public void Commit(int run, HistoryBatch batch)
    {
        Entered.Set();
        Blocked.Wait();
        if (Failure is not null)
        {
            throw Failure;
        }

        store.Commit(run, batch);
        Committed.Set();
    }

    public void EndRun(int run, RunState state, string digest, DateTimeOffset ended) => store.EndRun(run, state, digest, ended);

    public void ReopenRun(int run) => store.ReopenRun(run);

    public StoredRun? FindRun(int? run) => store.FindRun(run);

    public IReadOnlyList<StoredRun> ReadRuns(Action<string> damage) => store.ReadRuns(damage);

    public IReadOnlyList<FleetTransition> ReadTransitions(int run) => store.ReadTransitions(run);

    public IReadOnlyList<KeyValuePair<string, long>> ReadOutcomes(int run) => store.ReadOutcomes(run);

    public IReadOnlyList<MachineViolation> ReadViolations(int run, int limit) => store.ReadViolations(run, limit);

    public IEnumerable<StoredSlice> ReadSlices(int run, int? machine = null) => store.ReadSlices(run, machine);

    public IEnumerable<MachineProgress> ReadProgress(int run) => store.ReadProgress(run);

    public MachineCheckpoint? ReadCheckpoint(int run, int machine) => store.ReadCheckpoint(run, machine);

    public bool DeleteRun(int run) => store.DeleteRun(run);

    public void Verify(Action<string> damage, ClientCatalog? clients = null) => store.Verify(damage, clients);

    public long ReadSizeBytes() => store.ReadSizeBytes();

    public void Dispose()
    {
        Blocked.Dispose();
        Entered.Dispose();
        Committed.Dispose();
        store.Dispose();
    }
}
