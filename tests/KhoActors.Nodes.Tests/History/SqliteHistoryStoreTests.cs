using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>SQLite keeps histories as every store must, on real files.</summary>
public sealed class SqliteHistoryStoreTests : HistoryStoreSpecification, IDisposable
{
    private readonly HistoryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override IHistoryStore Open(HistoryAccess access) => HistoryStores.Open(_folder.Address, access);
}
