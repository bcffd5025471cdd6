using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.History.Postgres;
using KhoActors.Nodes.History.Sqlite;

namespace KhoActors.Nodes.History;

/// <summary>Opens histories by their address.</summary>
public static class HistoryStores
{
    /// <summary>What <see cref="Open"/> accepts, for messages and help.</summary>
    public const string AcceptedAddresses = $"sqlite:PATH or {PostgresAddress.Form}";

    private const string SqliteScheme = "sqlite:";

    /// <summary>
    /// Opens a history. A SQLite file, or a database of PostgreSQL, in which the Akka engine has its tables is a history that can only be
    /// read here: whatever writes to it is refused when it does.
    /// </summary>
    /// <param name="address">Its address: <c>sqlite:PATH</c>, or that of a <see cref="PostgresAddress"/>.</param>
    /// <param name="access">What for.</param>
    /// <returns>The store; dispose it.</returns>
    /// <exception cref="ArgumentException">The address is of no accepted form; the message holds no password.</exception>
    /// <exception cref="HistoryUnavailableException">There is no such history, it cannot be opened, or it is of another format.</exception>
    /// <exception cref="HistoryDamageException">It is a history, and damaged so that nothing can be read.</exception>
    public static IHistoryStore Open(string address, HistoryAccess access)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (PostgresAddress.IsMeant(address))
        {
            return OpenPostgres(PostgresAddress.Parse(address));
        }

        bool isSqlite = address.StartsWith(SqliteScheme, StringComparison.Ordinal) && address.Length > SqliteScheme.Length;
        if (!isSqlite || address.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"no history is kept at '{WithoutPassword(address)}': an address has the form {AcceptedAddresses}", nameof(address));
        }

        string path = address[SqliteScheme.Length..];
        return SqliteJournal.Find(path) is { } journal ? new JournalHistoryStore(journal) : SqliteHistoryStore.Open(path, access);
    }

    /// <summary>An address as it is shown: without a password that it may have.</summary>
    /// <param name="address">The address, well-formed or not.</param>
    /// <returns>The address.</returns>
    public static string WithoutPassword(string address) => PostgresAddress.WithoutPassword(address);

    // A method of its own, so that nobody loads Npgsql who does not use it.
    private static JournalHistoryStore OpenPostgres(PostgresAddress address) => new(PostgresJournal.Open(address));
}
