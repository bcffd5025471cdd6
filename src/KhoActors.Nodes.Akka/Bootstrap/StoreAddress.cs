using KhoActors.Nodes.Fleet;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace KhoActors.Nodes.Akka.Bootstrap;

/// <summary>Where a cluster's journal is, as Akka.Persistence.Sql takes it.</summary>
/// <param name="ConnectionString">For the provider.</param>
/// <param name="Provider">linq2db's name of the provider.</param>
internal sealed record StoreAddress(string ConnectionString, string Provider)
{
    private const string SqliteScheme = "sqlite:";
    private const string Accepted = "accepted are sqlite:PATH and postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE";

    /// <summary>Reads an address.</summary>
    /// <param name="address">For example <c>sqlite:./fleet.db</c>.</param>
    /// <returns>The store.</returns>
    /// <exception cref="EngineException">It is none.</exception>
    public static StoreAddress Parse(string address)
    {
        if (address.StartsWith(SqliteScheme, StringComparison.Ordinal) && address.Length > SqliteScheme.Length)
        {
            SqliteConnectionStringBuilder sqlite = new() { DataSource = Path.GetFullPath(address[SqliteScheme.Length..]), DefaultTimeout = 60 };
            return new StoreAddress(sqlite.ToString(), "SQLite.MS");
        }

        return Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && uri.Scheme is "postgres" or "postgresql" && uri.AbsolutePath.Length > 1
            ? new StoreAddress(Postgres(uri), "PostgreSQL.15")
            : throw new EngineException($"no journal is kept at '{address}'; {Accepted}");
    }

    /// <summary>Makes the store ready for several writers: SQLite's log is switched to write-ahead once, and stays so.</summary>
    /// <exception cref="EngineException">It cannot be reached.</exception>
    public void Prepare()
    {
        if (Provider != "SQLite.MS")
        {
            return;
        }

        try
        {
            SQLitePCL.Batteries_V2.Init();
            using SqliteConnection connection = new(ConnectionString);
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode=WAL";
            command.ExecuteNonQuery();
        }
        catch (SqliteException failure)
        {
            throw new EngineException($"the journal cannot be used: {failure.Message}", failure);
        }
    }

    private static string Postgres(Uri uri)
    {
        string[] user = uri.UserInfo.Split(':', 2);
        NpgsqlConnectionStringBuilder postgres = new()
        {
            Host = uri.Host.Length == 0 ? "localhost" : uri.Host,
            Port = uri.Port > 0 ? uri.Port : 5432,
            Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]),
        };
        if (user[0].Length != 0)
        {
            postgres.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length == 2)
        {
            postgres.Password = Uri.UnescapeDataString(user[1]);
        }

        return postgres.ToString();
    }
}
