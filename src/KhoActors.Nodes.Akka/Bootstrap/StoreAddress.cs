using System.Data.Common;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History.Postgres;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace KhoActors.Nodes.Akka.Bootstrap;

/// <summary>Where a cluster's journal is, as Akka.Persistence.Sql takes it.</summary>
/// <param name="ConnectionString">For the provider.</param>
/// <param name="Provider">linq2db's name of the provider.</param>
internal sealed record StoreAddress(string ConnectionString, string Provider)
{
    private const string SqliteScheme = "sqlite:";

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

        if (!PostgresAddress.IsMeant(address))
        {
            throw new EngineException(
                $"no journal is kept at '{PostgresAddress.WithoutPassword(address)}'; accepted are sqlite:PATH and {PostgresAddress.Form}");
        }

        try
        {
            return new StoreAddress(Postgres(PostgresAddress.Parse(address)), "PostgreSQL.15");
        }
        catch (ArgumentException problem)
        {
            throw new EngineException(problem.Message, problem);
        }
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
        catch (DbException failure)
        {
            throw new EngineException($"the journal cannot be used: {failure.Message}", failure);
        }
    }

    private static string Postgres(PostgresAddress address)
    {
        NpgsqlConnectionStringBuilder postgres = new()
        {
            Host = address.Host,
            Port = address.Port,
            Database = address.Database,
            Username = address.User,
            Password = address.Password,
        };
        if (address.SslMode is { } mode)
        {
            postgres.SslMode = Enum.Parse<SslMode>(mode.Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true);
        }

        return postgres.ConnectionString;
    }
}
