using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>SQLite keeps histories as every store must, on real files.</summary>
public sealed class SqliteHistoryStoreTests : HistoryStoreSpecification, IDisposable
{
    private readonly HistoryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A history may hold any number of runs of one scenario, whose text may have 16 MiB.</summary>
    [Fact]
    public void A_list_of_runs_holds_the_text_of_their_scenario_once()
    {
        using IHistoryStore store = Open(HistoryAccess.Create);
        store.BeginRun(HistoryBench.Facts());
        store.BeginRun(HistoryBench.Facts());

        IReadOnlyList<StoredRun> runs = store.ReadRuns(static damage => Assert.Fail(damage));

        Assert.Equal(2, runs.Count);
        Assert.Same(runs[0].Facts.ResolvedScenario, runs[1].Facts.ResolvedScenario);
    }

    protected override IHistoryStore Open(HistoryAccess access) => HistoryStores.Open(_folder.Address, access);
}
