namespace KhoActors.Nodes.History.Sqlite;

/// <summary>The table of slices.</summary>
internal sealed class SqliteSlices
{
    private const string Columns =
        "run, machine, first_generation, generations, kexecs, cold_boots, messages, operations, failed_requests, faults, violations, checksum, digest, record";

    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _insert;
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _exists;
    private readonly SqliteStatement _nextMachine;
    private readonly SqliteStatement _list;

    public SqliteSlices(SqliteDatabase database)
    {
        _database = database;
        _insert = database.Keep(
            $"INSERT INTO slices ({Columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (run, first_generation, machine) DO NOTHING");
        _find = database.Keep($"SELECT {Columns} FROM slices WHERE run = ? AND first_generation = ? AND machine = ?");
        _exists = database.Keep("SELECT 1 FROM slices WHERE run = ? AND first_generation = ? AND machine = ?");
        _nextMachine = database.Keep("SELECT machine FROM slices WHERE run = ? AND first_generation = ? AND machine > ? ORDER BY machine LIMIT 1");
        _list = database.Keep("SELECT first_generation, machine FROM slices WHERE run = ? ORDER BY first_generation, machine");
    }

    /// <summary>Inserts a slice that is not there yet.</summary>
    /// <returns>False when it is there already, the same.</returns>
    /// <exception cref="DivergentRecordException">It is there already, and another.</exception>
    public bool Insert(in SliceRow row)
    {
        _database.Place = new RecordPlace(row.Run, row.Machine, row.FirstGeneration);
        _insert.Bind(1, row.Run);
        _insert.Bind(2, row.Machine);
        _insert.Bind(3, row.FirstGeneration);
        SqliteSums.Bind(_insert, 4, row.Sums);
        _insert.Bind(12, row.Checksum());
        _insert.Bind(13, row.Digest.Span);
        _insert.Bind(14, row.Record.Span);
        if (_insert.Execute() == 1)
        {
            return true;
        }

        SliceRow stored = Find(row.Run, row.Machine, row.FirstGeneration) ?? throw _database.Damage("the index of slices knows it, the table does not");
        return stored.Record.Span.SequenceEqual(row.Record.Span)
            ? false
            : throw new DivergentRecordException(_database.Sentence(
                $"generations {row.FirstGeneration} to {row.FirstGeneration + row.Sums.Generations - 1} are recorded already, and came out differently now"));
    }

    /// <summary>Reads a slice and compares its checksum; null when there is none.</summary>
    public SliceRow? Find(int run, int machine, int firstGeneration)
    {
        _database.Place = new RecordPlace(run, machine, firstGeneration);
        _find.With(run, firstGeneration, machine);
        if (!_find.Step())
        {
            return null;
        }

        try
        {
            return Row(run, machine, firstGeneration);
        }
        finally
        {
            _find.Reset();
        }
    }

    /// <summary>Whether a slice is there.</summary>
    public bool Exists(int run, int machine, int firstGeneration)
    {
        _database.Place = new RecordPlace(run, machine, firstGeneration);
        bool exists = _exists.With(run, firstGeneration, machine).Step();
        _exists.Reset();
        return exists;
    }

    /// <summary>The next machine that has a slice that begins there; -1 when there is none.</summary>
    public int NextMachine(int run, int firstGeneration, int afterMachine)
    {
        _database.Place = new RecordPlace(run, FirstGeneration: firstGeneration);
        int machine = _nextMachine.With(run, firstGeneration, afterMachine).Step() ? _nextMachine.Int32(0) : -1;
        _nextMachine.Reset();
        return machine;
    }

    /// <summary>Lists all slices of a run by first generation and machine, without reading them. Nothing else may be asked meanwhile.</summary>
    public IEnumerable<(int FirstGeneration, int Machine)> List(int run)
    {
        _database.Place = new RecordPlace(run, Part: "list of records");
        _list.With(run);
        try
        {
            while (_list.Step())
            {
                yield return (_list.Int32(0), _list.Int32(1));
            }
        }
        finally
        {
            _list.Reset();
        }
    }

    private SliceRow Row(int run, int machine, int firstGeneration)
    {
        SliceRow row = new()
        {
            Run = _find.Int32(0),
            Machine = _find.Int32(1),
            FirstGeneration = _find.Int32(2),
            Sums = SqliteSums.Read(_find, 3),
            Digest = _find.Digest(12),
            Record = _find.Blob(13, HistoryLimits.RecordBytes),
        };
        bool isWhole = row.Run == run && row.Machine == machine && row.FirstGeneration == firstGeneration && _find.Int64(11) == row.Checksum();
        return isWhole ? row : throw _database.Damage("the row does not match its checksum");
    }
}
