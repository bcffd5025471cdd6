using System.Globalization;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>Reads a whole history and names everything that is wrong, going on behind each damage.</summary>
internal sealed class SqliteVerification
{
    private static readonly string[] RunTables = ["client_assemblies", "slices", "checkpoints", "transition_counts", "outcome_counts", "violations"];

    private readonly SqliteDatabase _database;
    private readonly SqliteRuns _runs;
    private readonly SqliteSlices _slices;
    private readonly SqliteCheckpoints _checkpoints;
    private readonly SqliteCounts _counts;
    private readonly Action<string> _damage;

    public SqliteVerification(
        SqliteDatabase database, SqliteRuns runs, SqliteSlices slices, SqliteCheckpoints checkpoints, SqliteCounts counts, Action<string> damage)
    {
        _database = database;
        _runs = runs;
        _slices = slices;
        _checkpoints = checkpoints;
        _counts = counts;
        _damage = damage;
    }

    /// <summary>Verifies.</summary>
    public void Run()
    {
        Part(VerifyFile);
        Part(VerifyCounter);
        Part(() => _runs.VerifyScenarios(_damage));
        foreach (string table in RunTables)
        {
            Part(() => VerifyOwners(table));
        }

        foreach (int run in _runs.Numbers(_damage))
        {
            Part(() => VerifyRun(run));
        }
    }

    private void VerifyFile()
    {
        _database.Place = new RecordPlace(0, Part: "file");
        using SqliteStatement check = _database.Prepare("PRAGMA integrity_check");
        while (check.Step())
        {
            string said = check.Text(0, HistoryLimits.TextBytes);
            if (said != "ok")
            {
                _damage(_database.Sentence(said.ReplaceLineEndings("; ")));
            }
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
        using SqliteStatement orphans = _database.Prepare($"SELECT run, count(*) FROM {table} WHERE run NOT IN (SELECT run FROM runs) GROUP BY run ORDER BY run");
        while (orphans.Step())
        {
            _damage(_database.Sentence(string.Create(CultureInfo.InvariantCulture, $"{orphans.Int64(1)} rows belong to run {orphans.Int64(0)}, which is not there")));
        }
    }

    private void VerifyRun(int number)
    {
        if (_runs.Find(number) is not { } run)
        {
            return;
        }

        RunTally tally = new(run);
        Part(() => ListSlices(number, tally));
        foreach ((int first, int machine) in tally.Listed)
        {
            Part(() => VerifySlice(tally, number, first, machine));
        }

        foreach (string wrong in tally.Problems())
        {
            _database.Place = new RecordPlace(number);
            _damage(_database.Sentence(wrong));
        }

        Part(() => VerifyCounts(run));
        Part(() => VerifyViolations(run));
        Part(() => VerifyCheckpoints(run, tally));
    }
}
