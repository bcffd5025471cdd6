using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A folder of its own with one history, removed in the end.</summary>
internal sealed class HistoryFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kho history ").FullName;

    /// <summary>The folder.</summary>
    public string Folder => _folder;

    /// <summary>The history's file.</summary>
    public string File => Path.Combine(_folder, "history.db");

    /// <summary>The history's address.</summary>
    public string Address => $"sqlite:{File}";

    public IHistoryStore Open(HistoryAccess access) => HistoryStores.Open(Address, access);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
