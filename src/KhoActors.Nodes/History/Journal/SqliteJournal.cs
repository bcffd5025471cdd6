using KhoActors.Nodes.History.Sqlite;

namespace KhoActors.Nodes.History.Journal;

/// <summary>A journal in a SQLite file.</summary>
internal sealed class SqliteJournal : IJournalSource
{
    private const int BusyMilliseconds = 10_000;
    private const int PageRows = 64;

    private static readonly string[] JournalColumns = ["deleted", "identifier", "manifest", "message", "persistence_id", "sequence_number"];
    private static readonly string[] SnapshotColumns = ["manifest", "persistence_id", "sequence_number", "serializer_id", "snapshot"];

    private readonly string _path;
    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _readNumbers;
    private readonly SqliteStatement _readEvent;

    private SqliteJournal(string path, SqliteDatabase database)
    {
        _path = path;
        _database = database;

        // A file without the index would be read as a whole for every row.
        _readNumbers = database.Keep(
            "SELECT sequence_number FROM journal INDEXED BY journal_uq WHERE persistence_id = ? AND sequence_number >= ? ORDER BY sequence_number LIMIT ?");
        _readEvent = database.Keep(
            "SELECT manifest, identifier, message, deleted FROM journal INDEXED BY journal_uq WHERE persistence_id = ? AND sequence_number = ?");
    }

    /// <inheritdoc/>
    public string Address => _database.Address;

    /// <summary>Opens a journal.</summary>
    /// <param name="path">Path of a file.</param>
    /// <returns>The journal; null when the file is not there or is something else, a history of our own tables above all.</returns>
    /// <exception cref="HistoryUnavailableException">It is a journal, and cannot be read.</exception>
    /// <exception cref="HistoryDamageException">It is a journal, and its tables are not those of the Akka engine.</exception>
    public static SqliteJournal? Find(string path)
    {
        string fullPath = Path.GetFullPath(path);
        if (!File.Exists(fullPath) || new FileInfo(fullPath).Length == 0)
        {
            return null;
        }

        bool isJournal = false;
        SqliteDatabase database;
        try
        {
            database = SqliteOpening.OpenToRead($"sqlite:{path}", fullPath, BusyMilliseconds, opened =>
            {
                isJournal = IsJournal(opened);
                Require(opened, isJournal);
            });
        }
        catch (Exception failure) when (!isJournal && (failure is HistoryUnavailableException or HistoryDamageException))
        {
            // Whoever opens it as a history of our own says what is wrong with it.
            return null;
        }

        try
        {
            return new SqliteJournal(fullPath, database);
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
            List<long> numbers = ReadNumbers(owner, fromSequence);
            foreach (long number in numbers)
            {
                yield return ReadEvent(owner, number);
            }

            if (numbers.Count == 0 || numbers[^1] == long.MaxValue)
            {
                yield break;
            }

            fromSequence = numbers[^1] + 1;
        }
    }

    /// <inheritdoc/>
    public JournalRow? ReadSnapshot(JournalOwner owner)
    {
        _database.Place = PlaceOf(owner, "snapshot");
        using SqliteStatement read = _database.Prepare(
            "SELECT manifest, serializer_id, snapshot, 0, sequence_number FROM snapshot WHERE persistence_id = ? ORDER BY sequence_number DESC LIMIT 1");
        read.Bind(1, owner.Id);
        return read.Step() ? Row(read, read.Int64(4), JournalLimits.SnapshotBytes) : null;
    }

    /// <inheritdoc/>
    public void ReadIds(Action<string> each)
    {
        _database.Place = default;
        using SqliteStatement read = _database.Prepare(
            """
            SELECT persistence_id FROM journal WHERE persistence_id GLOB 'run*'
            UNION SELECT persistence_id FROM snapshot WHERE persistence_id GLOB 'run*'
            """);
        while (read.Step())
        {
            each(read.Text(0, HistoryLimits.NameBytes));
        }
    }

    /// <inheritdoc/>
    public void CheckIntegrity(Action<string> damage) => _database.CheckIntegrity(damage);

    /// <inheritdoc/>
    public T AsOfOneMoment<T>(Func<T> read) => _database.Snapshot(read);

    /// <inheritdoc/>
    public long ReadSizeBytes()
    {
        FileInfo log = new($"{_path}-wal");
        return new FileInfo(_path).Length + (log.Exists ? log.Length : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _database.Dispose();

    /// <summary>The engine's tables, in a file that bears nobody's mark.</summary>
    private static bool IsJournal(SqliteDatabase database)
    {
        database.Execute("PRAGMA query_only = ON");
        return database.Ask("PRAGMA application_id") == 0
            && database.Ask("SELECT count(*) FROM sqlite_master WHERE name IN ('journal', 'snapshot') AND type = 'table' AND sql LIKE 'CREATE TABLE%'") == 2;
    }

    /// <summary>What is refused here is left as it is: a log beside it, of whatever database, stays beside it.</summary>
    private static void Require(SqliteDatabase database, bool isJournal)
    {
        if (!isJournal)
        {
            throw new HistoryUnavailableException(database.Sentence("this is no journal of the Akka engine"));
        }

        Require(database, "journal", JournalColumns);
        Require(database, "snapshot", SnapshotColumns);
    }

    private static void Require(SqliteDatabase database, string table, string[] expected)
    {
        // Columns that are computed are hidden: they could compute for ever.
        SortedSet<string> missing = new(expected, StringComparer.OrdinalIgnoreCase);
        using SqliteStatement read = database.Prepare($"SELECT name FROM pragma_table_xinfo('{table}') WHERE hidden = 0");
        while (read.Step())
        {
            missing.Remove(read.Text(0, HistoryLimits.NameBytes));
        }

        if (missing.Count != 0)
        {
            throw database.Damage($"the table '{table}' is none of the Akka engine: it has no column {string.Join(", ", missing)}");
        }
    }

    private static RecordPlace PlaceOf(JournalOwner owner, string part) => owner.Run == 0
        ? new RecordPlace(0, Part: $"{owner.Place}, {part}")
        : new RecordPlace(owner.Run, owner.Machine, Part: part);

    private List<long> ReadNumbers(JournalOwner owner, long fromSequence)
    {
        _database.Place = PlaceOf(owner, "events");
        List<long> numbers = new(PageRows);
        _readNumbers.Bind(1, owner.Id);
        _readNumbers.Bind(2, fromSequence);
        _readNumbers.Bind(3, PageRows);
        try
        {
            while (_readNumbers.Step())
            {
                numbers.Add(_readNumbers.Int64(0));
            }
        }
        finally
        {
            _readNumbers.Reset();
        }

        return numbers;
    }

    private JournalRow ReadEvent(JournalOwner owner, long number)
    {
        _database.Place = PlaceOf(owner, $"event {number}");
        _readEvent.Bind(1, owner.Id);
        _readEvent.Bind(2, number);
        try
        {
            return _readEvent.Step()
                ? Row(_readEvent, number, JournalLimits.EventBytes)
                : throw _database.Damage("the index of events knows it, the table does not");
        }
        catch (HistoryDamageException damage)
        {
            return new JournalRow { Sequence = number, Manifest = string.Empty, Damage = damage };
        }
        finally
        {
            _readEvent.Reset();
        }
    }

    private JournalRow Row(SqliteStatement read, long sequence, int mostBytes) => read.Int64(3) != 0
        ? throw _database.Damage("it is marked as deleted")
        : new JournalRow
        {
            Sequence = sequence,
            Manifest = read.IsNull(0) ? string.Empty : read.Text(0, HistoryLimits.NameBytes),
            Serializer = read.IsNull(1) ? -1 : read.Int32(1),
            Payload = read.Blob(2, mostBytes),
        };
}
