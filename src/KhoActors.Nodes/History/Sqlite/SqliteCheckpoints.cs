namespace KhoActors.Nodes.History.Sqlite;

/// <summary>The table of checkpoints.</summary>
internal sealed class SqliteCheckpoints
{
    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _generation;
    private readonly SqliteStatement _read;
    private readonly SqliteStatement _write;
    private readonly SqliteStatement _delete;

    public SqliteCheckpoints(SqliteDatabase database)
    {
        _database = database;
        _generation = database.Keep("SELECT next_generation FROM checkpoints WHERE run = ? AND machine = ?");
        _read = database.Keep("SELECT next_generation, checksum, snapshot FROM checkpoints WHERE run = ? AND machine = ?");
        _write = database.Keep(
            """
            INSERT INTO checkpoints (run, machine, next_generation, checksum, snapshot) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (run, machine) DO UPDATE SET next_generation = excluded.next_generation, checksum = excluded.checksum, snapshot = excluded.snapshot
            """);
        _delete = database.Keep("DELETE FROM checkpoints WHERE run = ? AND machine = ?");
    }

    /// <summary>The generation before which a machine's checkpoint was taken; 0 without one.</summary>
    public int Generation(int run, int machine)
    {
        _database.Place = PlaceOf(run, machine);
        int generation = _generation.With(run, machine).Step() ? _generation.Int32(0) : 0;
        _generation.Reset();
        return generation;
    }

    /// <summary>Reads a checkpoint and compares its checksum; null when there is none.</summary>
    public MachineCheckpoint? Find(int run, int machine)
    {
        _database.Place = PlaceOf(run, machine);
        _read.With(run, machine);
        if (!_read.Step())
        {
            return null;
        }

        try
        {
            MachineCheckpoint checkpoint = new(machine, _read.Int32(0), _read.Blob(2, HistoryLimits.SnapshotBytes));
            return _read.Int64(1) == HistoryRows.ChecksumOf(run, checkpoint) ? checkpoint : throw _database.Damage("it does not match its checksum");
        }
        finally
        {
            _read.Reset();
        }
    }

    /// <summary>Writes a checkpoint in the place of the machine's older one.</summary>
    public void Replace(int run, MachineCheckpoint checkpoint)
    {
        _database.Place = PlaceOf(run, checkpoint.Machine);
        _write.With(run, checkpoint.Machine, checkpoint.NextGeneration, HistoryRows.ChecksumOf(run, checkpoint));
        _write.Bind(5, checkpoint.Snapshot.Span);
        _write.Execute();
    }

    /// <summary>Removes a machine's checkpoint, if it has one.</summary>
    public void Remove(int run, int machine)
    {
        _database.Place = PlaceOf(run, machine);
        _delete.With(run, machine).Execute();
    }

    /// <summary>The next machine that has a checkpoint; -1 when there is none.</summary>
    public int NextMachine(int run, int afterMachine)
    {
        _database.Place = new RecordPlace(run, Part: "checkpoints");
        using SqliteStatement next = _database.Prepare("SELECT machine FROM checkpoints WHERE run = ? AND machine > ? ORDER BY machine LIMIT 1");
        return next.With(run, afterMachine).Step() ? next.Int32(0) : -1;
    }

    private static RecordPlace PlaceOf(int run, int machine) => new(run, machine, Part: "checkpoint");
}
