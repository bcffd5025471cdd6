using KhoActors.Nodes.History.Sqlite;

namespace KhoActors.Nodes.History;

/// <summary>Opens histories by their address.</summary>
public static class HistoryStores
{
    /// <summary>What <see cref="Open"/> accepts, for messages and help.</summary>
    public const string AcceptedAddresses = "sqlite:PATH";

    private const string SqliteScheme = "sqlite:";

    /// <summary>Opens a history.</summary>
    /// <param name="address">Its address: <c>sqlite:PATH</c>.</param>
    /// <param name="access">What for.</param>
    /// <returns>The store; dispose it.</returns>
    /// <exception cref="ArgumentException">The address is of no accepted form.</exception>
    /// <exception cref="HistoryUnavailableException">There is no such history, it cannot be opened, or it is of another format.</exception>
    /// <exception cref="HistoryDamageException">It is a history, and damaged so that nothing can be read.</exception>
    public static IHistoryStore Open(string address, HistoryAccess access)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.StartsWith(SqliteScheme, StringComparison.Ordinal) || address.Length == SqliteScheme.Length || address.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"no history is kept at '{address}': an address has the form {AcceptedAddresses}", nameof(address));
        }

        return SqliteHistoryStore.Open(address[SqliteScheme.Length..], access);
    }
}
