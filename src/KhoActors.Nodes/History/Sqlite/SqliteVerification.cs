using KhoActors.Nodes.Invariants;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>Reads a whole history and names everything that is wrong, going on behind each damage.</summary>
internal sealed class SqliteVerification
{
    private static readonly string[] RunTables = ["client_assemblies", "slices", "checkpoints", "transition_counts", "outcome_counts", "violations"];

    private readonly SqliteDatabase _database;
    private readonly SqliteScenarios _scenarios;
    private readonly SqliteRuns _runs;
    private readonly SqliteSlices _slices;
    private readonly SqliteCheckpoints _checkpoints;
    private readonly SqliteCounts _counts;
    private readonly RunCodecs _codecs;
    private readonly Action<string> _damage;

    public SqliteVerification(SqliteDatabase database, SqliteTables tables, RunCodecs codecs, Action<string> damage)
    {
        _database = database;
        _scenarios = tables.Scenarios;
        _runs = tables.Runs;
        _slices = tables.Slices;
        _checkpoints = tables.Checkpoints;
        _counts = tables.Counts;
        _codecs = codecs;
        _damage = damage;
    }

    /// <summary>Verifies the history as of one moment.</summary>
    public void Run() => _database.Snapshot(() =>
    {
        VerifyAll();
        return true;
    });

    private void VerifyAll()
    {
        Part(() => _database.CheckIntegrity(_damage));
        Part(VerifyCounter);
        Part(() => _scenarios.Verify(_damage));
        foreach (string table in RunTables)
        {
            Part(() => VerifyOwners(table));
        }

        foreach (int run in _runs.Numbers(_damage))
        {
            Part(() => VerifyRun(run));
        }
    }

    private void VerifyCounter()
    {
        int nextRun = _runs.ReadCounter().NextRun;
        int newest = _runs.Newest();
        if (newest >= nextRun)
        {
            _damage(_database.Sentence($"the next run would be {nextRun}, but there is run {newest}"));
        }
    }

    private void VerifyOwners(string table)
    {
        _database.Place = new RecordPlace(0, Part: table);
        using SqliteStatement orphans = _database.Prepare(
            $"SELECT run, count(*) FROM {table} WHERE run NOT IN (SELECT run FROM runs) GROUP BY run ORDER BY run");
        while (orphans.Step())
        {
            _damage(_database.Sentence($"{orphans.Int64(1)} rows belong to run {orphans.Int64(0)}, which is not there"));
        }
    }

    private void VerifyRun(int number)
    {
        if (_runs.Find(number) is not { } run)
        {
            return;
        }

        using RunVerification verification = new(run, _database.Address, _codecs, _damage);
        long rows = 0;
        long? violations = 0;
        for (long first = 0; first <= run.Facts.Kexecs; first += run.Facts.SliceGenerations)
        {
            for (int machine = NextMachine(run, (int)first, after: -1); machine >= 0; machine = NextMachine(run, (int)first, machine))
            {
                rows++;
                (int at, int of) = ((int)first, machine);
                verification.Note(of, at);
                List<Violation>? stored = null;
                Part(() => stored = ReadViolations(run, of, at));
                Part(() => VerifySlice(verification, number, of, at, stored));
                violations += stored?.Count;
            }
        }

        verification.CompareSums();
        Part(() => verification.CompareCounts(_counts.ReadTransitions(number), _counts.ReadOutcomes(number)));
        Part(() => VerifyRows(run, rows, violations));
        Part(() => VerifyCheckpoints(run, verification));
    }

    /// <summary>The next machine with a slice that begins there. Where the index is damaged, wider and wider steps lead behind the damage.</summary>
    private int NextMachine(StoredRun run, int first, int after)
    {
        for (long step = 1; ; step *= 2)
        {
            try
            {
                return _slices.NextMachine(run.Number, first, after);
            }
            catch (HistoryDamageException damage)
            {
                _damage(damage.Message);
                if (after + step >= run.Facts.Machines)
                {
                    return -1;
                }

                after += (int)step;
            }
        }
    }

    private List<Violation> ReadViolations(StoredRun run, int machine, int first)
    {
        int end = first + BatchRules.GenerationsOf(run.Facts, first);
        return [.. _counts.ReadViolations(run.Number, machine, first, end).Select(static row => row.Violation)];
    }

    private void VerifySlice(RunVerification verification, int run, int machine, int first, List<Violation>? stored)
    {
        SliceRow row = _slices.Find(run, machine, first) ?? throw _database.Damage("the index of slices knows it, the table does not");
        if (verification.Count(row) is { } recorded && stored is not null && !recorded.SequenceEqual(stored))
        {
            _database.Place = new RecordPlace(run, machine, first);
            _damage(_database.Sentence("the violations that are stored are not those of the record"));
        }
    }

    /// <summary>Rows that belong to no slice of the run are found by their number.</summary>
    /// <param name="run">The run.</param>
    /// <param name="slices">Slices that were found.</param>
    /// <param name="violations">Violations that belong to them; null when some cannot be read.</param>
    private void VerifyRows(StoredRun run, long slices, long? violations)
    {
        _database.Place = new RecordPlace(run.Number);
        Compare("slices", slices);
        Compare("violations", violations);

        void Compare(string table, long? read)
        {
            using SqliteStatement count = _database.Prepare($"SELECT count(*) FROM {table} NOT INDEXED WHERE run = ?");
            count.With(run.Number).Step();
            if (read is not null && count.Int64(0) != read)
            {
                _damage(_database.Sentence($"{table} has {count.Int64(0)} rows, {read} belong to the machines and generations of the run"));
            }
        }
    }

    private void VerifyCheckpoints(StoredRun run, RunVerification verification)
    {
        for (int machine = _checkpoints.NextMachine(run.Number, afterMachine: -1); machine >= 0; machine = _checkpoints.NextMachine(run.Number, machine))
        {
            int at = machine;
            Part(() => VerifyCheckpoint(run, at, verification.RecordedGenerations(at)));
        }
    }

    private void VerifyCheckpoint(StoredRun run, int machine, long recorded)
    {
        MachineCheckpoint checkpoint = _checkpoints.Find(run.Number, machine)
            ?? throw _database.Damage("the index of checkpoints knows it, the table does not");
        if (checkpoint.NextGeneration > recorded)
        {
            _damage(_database.Sentence($"it was taken before generation {checkpoint.NextGeneration}, but {recorded} generations are recorded"));
        }
        else if (recorded > run.Facts.Kexecs)
        {
            _damage(_database.Sentence("the machine is at the end of its chain and must have none"));
        }
    }

    private void Part(Action verify)
    {
        try
        {
            verify();
        }
        catch (HistoryDamageException damage)
        {
            _damage(damage.Message);
        }
    }
}
