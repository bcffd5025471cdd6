using KhoActors.Nodes.History.Postgres;
using Npgsql;

namespace KhoActors.Nodes.History.Journal;

/// <summary>A journal in a PostgreSQL database.</summary>
internal sealed class PostgresJournal : IJournalSource
{
    private const int PageRows = 64;
    private const int PageBytes = 1 << 20;

    // Lengths decide in the database what is sent at all: a page ends where it would grow beyond its bytes, and a payload that is too long stays there.
    private const string ReadPage =
        """
        SELECT sequence_number, deleted, octet_length(manifest), CASE WHEN octet_length(manifest) <= $4 THEN manifest END, identifier, bytes,
               CASE WHEN bytes <= $5 THEN message END
        FROM (SELECT *, sum(bytes) OVER (ORDER BY sequence_number) - bytes AS bytes_before
              FROM (SELECT sequence_number, deleted, manifest, identifier, message, octet_length(message) AS bytes
                    FROM journal WHERE persistence_id = $1 AND sequence_number >= $2 ORDER BY sequence_number LIMIT $3) AS rows) AS page
        WHERE bytes_before < $6 ORDER BY sequence_number
        """;

    private const string ReadNewestSnapshot =
        """
        SELECT sequence_number, false, octet_length(manifest), CASE WHEN octet_length(manifest) <= $2 THEN manifest END, serializer_id,
               octet_length(s.snapshot), CASE WHEN octet_length(s.snapshot) <= $3 THEN s.snapshot END
        FROM snapshot AS s WHERE persistence_id = $1 ORDER BY sequence_number DESC LIMIT 1
        """;

    private const string ReadColumns =
        """
        SELECT attname::text || ' ' || format_type(atttypid, NULL) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid = to_regclass($1) AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
        """;

    private static readonly string[] JournalColumns =
        ["deleted boolean", "identifier integer", "manifest text", "message bytea", "persistence_id text", "sequence_number bigint"];

    private static readonly string[] SnapshotColumns =
        ["manifest text", "persistence_id text", "sequence_number bigint", "serializer_id integer", "snapshot bytea"];

    private readonly PostgresDatabase _database;

    private PostgresJournal(PostgresDatabase database) => _database = database;

    /// <inheritdoc/>
    public string Address => _database.Address;

    /// <summary>Opens a journal.</summary>
    /// <param name="address">The database.</param>
    /// <returns>The journal.</returns>
    /// <exception cref="HistoryUnavailableException">The database cannot be reached, or holds no journal.</exception>
    public static PostgresJournal Open(PostgresAddress address)
    {
        PostgresDatabase database = PostgresDatabase.Open(address);
        try
        {
            database.Execute("SET default_transaction_read_only = on");
            PostgresJournal journal = new(database);
            journal.Require("journal", JournalColumns);
            journal.Require("snapshot", SnapshotColumns);
            return journal;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<JournalRow> ReadEvents(JournalOwner owner, long fromSequence)
    {
        while (true)
        {
            List<JournalRow> page = _database.Ask(
                ReadPage,
                [
                    Parameter(owner.Id), Parameter(fromSequence), Parameter(PageRows), Parameter(HistoryLimits.NameBytes),
                    Parameter(JournalLimits.EventBytes), Parameter(PageBytes),
                ],
                rows => ReadRows(rows, owner, JournalLimits.EventBytes));
            foreach (JournalRow row in page)
            {
                yield return row;
            }

            if (page.Count == 0 || page[^1].Sequence == long.MaxValue)
            {
                yield break;
            }

            fromSequence = page[^1].Sequence + 1;
        }
    }

    /// <inheritdoc/>
    public JournalRow? ReadSnapshot(JournalOwner owner)
    {
        List<JournalRow> rows = _database.Ask(
            ReadNewestSnapshot,
            [Parameter(owner.Id), Parameter(HistoryLimits.NameBytes), Parameter(JournalLimits.SnapshotBytes)],
            found => ReadRows(found, owner, JournalLimits.SnapshotBytes));
        return rows.Count == 0 ? null : rows[0];
    }

    /// <inheritdoc/>
    public void ReadIds(Action<string> each) => _database.Ask(
        """
        SELECT left(persistence_id, 256) FROM journal WHERE persistence_id LIKE 'run%'
        UNION SELECT left(persistence_id, 256) FROM snapshot WHERE persistence_id LIKE 'run%'
        """,
        [],
        rows =>
        {
            while (rows.Read())
            {
                each(rows.GetString(0));
            }

            return true;
        });

    /// <summary>Nothing: PostgreSQL gives nobody but its administrator the means.</summary>
    /// <param name="damage">Never called.</param>
    public void CheckIntegrity(Action<string> damage)
    {
    }

    /// <inheritdoc/>
    public T AsOfOneMoment<T>(Func<T> read) => _database.Snapshot(read);

    /// <inheritdoc/>
    public long ReadSizeBytes() => _database.Ask(
        "SELECT pg_total_relation_size('journal') + pg_total_relation_size('snapshot')", [], rows => rows.Read() ? rows.GetInt64(0) : 0);

    /// <inheritdoc/>
    public void Dispose() => _database.Dispose();

    private static NpgsqlParameter<string> Parameter(string value) => new() { TypedValue = value };

    private static NpgsqlParameter<long> Parameter(long value) => new() { TypedValue = value };

    private static NpgsqlParameter<int> Parameter(int value) => new() { TypedValue = value };

    private List<JournalRow> ReadRows(NpgsqlDataReader rows, JournalOwner owner, int mostBytes)
    {
        List<JournalRow> page = [];
        while (rows.Read())
        {
            long sequence = rows.GetInt64(0);
            page.Add(new JournalRow
            {
                Sequence = sequence,
                Manifest = rows.IsDBNull(3) ? string.Empty : rows.GetString(3),
                Serializer = rows.IsDBNull(4) ? -1 : rows.GetInt32(4),
                Payload = rows.IsDBNull(6) ? default(ReadOnlyMemory<byte>) : rows.GetFieldValue<byte[]>(6),
                Damage = ProblemOf(rows, mostBytes) is { } problem ? new HistoryDamageException($"{Address}, {owner.PlaceOf(sequence)}: {problem}") : null,
            });
        }

        return page;
    }

    private static string? ProblemOf(NpgsqlDataReader row, int mostBytes) =>
        row.GetBoolean(1) ? "it is marked as deleted"
        : row.IsDBNull(5) ? "its payload is null, expected bytes"
        : row.GetInt32(5) > mostBytes ? $"its payload is {row.GetInt32(5)} bytes long, expected {mostBytes} at most"
        : !row.IsDBNull(2) && row.IsDBNull(3) ? $"its manifest is {row.GetInt32(2)} bytes long, expected {HistoryLimits.NameBytes} at most"
        : null;

    private void Require(string table, string[] expected)
    {
        string[] found = _database.Ask(ReadColumns, [Parameter(table)], static rows =>
        {
            List<string> columns = [];
            while (rows.Read())
            {
                columns.Add(rows.GetString(0).Replace("character varying", "text", StringComparison.Ordinal));
            }

            return columns.ToArray();
        });
        if (found.Length == 0)
        {
            throw _database.Unavailable(
                $"there is no history in this database: it has no table '{table}', which the Akka engine would have made; "
                + "other histories are not kept in PostgreSQL");
        }

        string[] missing = [.. expected.Except(found)];
        if (missing.Length != 0)
        {
            throw _database.Unavailable($"the table '{table}' is none of the Akka engine: it has no column {string.Join(", ", missing)}");
        }
    }
}
