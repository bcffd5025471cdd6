using System.Net.Sockets;
using Npgsql;

namespace KhoActors.Nodes.History.Postgres;

/// <summary>
/// A connection to a PostgreSQL database: failures as sentences that never hold the password. Npgsql is loaded with the first of these.
/// </summary>
internal sealed class PostgresDatabase : IDisposable
{
    private const int ConnectSeconds = 15;
    private const int CommandSeconds = 120;
    private const int PreparedStatementsMax = 16;

    private readonly NpgsqlConnection _connection;
    private bool _isInTransaction;

    private PostgresDatabase(PostgresAddress address)
    {
        Address = address.ToString();
        _connection = new NpgsqlConnection(ConnectionString(address));
    }

    /// <summary>The address, without its password.</summary>
    public string Address { get; }

    /// <summary>Connects.</summary>
    /// <param name="address">Where to.</param>
    /// <returns>The connection.</returns>
    /// <exception cref="HistoryUnavailableException">The database cannot be reached.</exception>
    public static PostgresDatabase Open(PostgresAddress address)
    {
        PostgresDatabase database = new(address);
        try
        {
            database.Try(() =>
            {
                database._connection.Open();
                return true;
            });
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Runs a statement without an answer.</summary>
    /// <param name="sql">The statement.</param>
    public void Execute(string sql) => Try(() =>
    {
        using NpgsqlCommand command = new(sql, _connection);
        return command.ExecuteNonQuery();
    });

    /// <summary>Asks.</summary>
    /// <param name="sql">One statement with parameters <c>$1</c>, <c>$2</c>.</param>
    /// <param name="parameters">Their values, in order.</param>
    /// <param name="read">Reads the rows.</param>
    /// <typeparam name="T">The answer.</typeparam>
    /// <returns>What was read.</returns>
    public T Ask<T>(string sql, IEnumerable<NpgsqlParameter> parameters, Func<NpgsqlDataReader, T> read) => Try(() =>
    {
        using NpgsqlCommand command = new(sql, _connection);
        foreach (NpgsqlParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        using NpgsqlDataReader rows = command.ExecuteReader();
        return read(rows);
    });

    /// <summary>Reads something as of one moment, whatever others write meanwhile.</summary>
    /// <param name="read">What to read.</param>
    /// <typeparam name="T">What it gives.</typeparam>
    /// <returns>What was read.</returns>
    public T Snapshot<T>(Func<T> read)
    {
        if (_isInTransaction)
        {
            return read();
        }

        Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        _isInTransaction = true;
        try
        {
            T answer = read();
            Execute("ROLLBACK");
            return answer;
        }
        catch
        {
            RollBack();
            throw;
        }
        finally
        {
            _isInTransaction = false;
        }
    }

    /// <summary>The database cannot be used as it is.</summary>
    /// <param name="why">Why.</param>
    /// <returns>The exception to throw.</returns>
    public HistoryUnavailableException Unavailable(string why) => new($"{Address}: {why}");

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    private static string ConnectionString(PostgresAddress address)
    {
        NpgsqlConnectionStringBuilder builder = new()
        {
            Host = address.Host,
            Port = address.Port,
            Database = address.Database,
            Username = address.User,
            Password = address.Password,
            ApplicationName = "kho",
            Timeout = ConnectSeconds,
            CommandTimeout = CommandSeconds,
            Pooling = false,
            MaxAutoPrepare = PreparedStatementsMax,
        };
        if (address.SslMode is { } mode)
        {
            builder.SslMode = Enum.Parse<SslMode>(mode.Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true);
        }

        return builder.ConnectionString;
    }

    private T Try<T>(Func<T> use)
    {
        try
        {
            return use();
        }
        catch (PostgresException refusal)
        {
            throw refusal.SqlState.StartsWith("XX", StringComparison.Ordinal)
                ? new HistoryDamageException($"{Address}: PostgreSQL says '{refusal.MessageText}' ({refusal.SqlState})", refusal)
                : new HistoryUnavailableException($"{Address}: PostgreSQL says '{refusal.MessageText}' ({refusal.SqlState})", refusal);
        }
        catch (Exception failure) when (failure is NpgsqlException or SocketException or TimeoutException or IOException)
        {
            throw new HistoryUnavailableException($"{Address}: the database cannot be reached: {failure.Message}", failure);
        }
    }

    private void RollBack()
    {
        try
        {
            Execute("ROLLBACK");
        }
        catch (HistoryUnavailableException)
        {
            // The connection is gone, and the transaction with it: the failure that led here is the one to tell.
        }
    }
}
