using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>The table of resolved scenarios, one row for each distinct text.</summary>
internal sealed class SqliteScenarios
{
    private readonly SqliteDatabase _database;

    public SqliteScenarios(SqliteDatabase database) => _database = database;

    /// <summary>The number of a text, which is entered where it is new.</summary>
    public long NumberOf(string text)
    {
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        using (SqliteStatement insert = _database.Prepare("INSERT INTO scenarios (sha256, text) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING"))
        {
            insert.Bind(1, digest);
            insert.Bind(2, text);
            insert.Execute();
        }

        using SqliteStatement find = _database.Prepare("SELECT scenario_id FROM scenarios WHERE sha256 = ?");
        find.Bind(1, digest);
        return find.Step() ? find.Int64(0) : throw _database.Damage("its scenario cannot be found by its SHA-256");
    }

    /// <summary>The text of a scenario.</summary>
    public string Read(long scenario)
    {
        using SqliteStatement read = _database.Prepare("SELECT text FROM scenarios WHERE scenario_id = ?");
        return read.With(scenario).Step() ? read.Text(0, HistoryLimits.ScenarioBytes) : throw _database.Damage("its scenario is missing");
    }

    /// <summary>Removes scenarios that no run has.</summary>
    public void RemoveUnused() => _database.Execute("DELETE FROM scenarios WHERE scenario_id NOT IN (SELECT scenario_id FROM runs)");

    /// <summary>Compares scenarios with their digests and finds those that no run has.</summary>
    public void Verify(Action<string> damage)
    {
        _database.Place = new RecordPlace(0, Part: "scenarios");
        using SqliteStatement read = _database.Prepare(
            "SELECT scenario_id, sha256, text, EXISTS (SELECT 1 FROM runs WHERE runs.scenario_id = scenarios.scenario_id) FROM scenarios ORDER BY scenario_id");
        while (read.Step())
        {
            _database.Place = new RecordPlace(0, Part: string.Create(CultureInfo.InvariantCulture, $"scenario {read.Int64(0)}"));
            if (!SHA256.HashData(Encoding.UTF8.GetBytes(read.Text(2, HistoryLimits.ScenarioBytes))).AsSpan().SequenceEqual(read.Digest(1)))
            {
                damage(_database.Sentence("its text does not match its SHA-256"));
            }

            if (read.Int64(3) == 0)
            {
                damage(_database.Sentence("it belongs to no run"));
            }
        }
    }
}
