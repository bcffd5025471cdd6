using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>The tables of runs: their facts, how far they have come, their scenarios and client assemblies, and the history's own row.</summary>
internal sealed class SqliteRuns
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";
    private const string Sums = "generations, kexecs, cold_boots, messages, operations, failed_requests, faults, violations";

    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _readRun;
    private readonly SqliteStatement _readProgress;
    private readonly SqliteStatement _writeProgress;

    public SqliteRuns(SqliteDatabase database)
    {
        _database = database;
        _readRun = database.Keep(
            $"""
            SELECT run, state, ended, digest, {Sums}, checksum, scenario, seed, engine, machines, kexecs_per_machine, started, command, program_version,
                model_version, record_format, order_is_recorded, slice_generations, scenario_id, client_assemblies, facts_checksum
            FROM runs WHERE run = ?
            """);
        _readProgress = database.Keep($"SELECT run, state, ended, digest, {Sums}, checksum FROM runs WHERE run = ?");
        _writeProgress = database.Keep(
            """
            UPDATE runs SET state = ?2, ended = ?3, digest = ?4, generations = ?5, kexecs = ?6, cold_boots = ?7, messages = ?8, operations = ?9,
                failed_requests = ?10, faults = ?11, violations = ?12, checksum = ?13
            WHERE run = ?1
            """);
    }

    /// <summary>Enters a run.</summary>
    public int Insert(RunFacts facts)
    {
        (int run, int runs) = ReadCounter();
        WriteCounter(checked(run + 1), runs + 1);
        _database.Place = new RecordPlace(run);
        long scenario = ScenarioOf(facts.ResolvedScenario);
        using SqliteStatement insert = _database.Prepare(
            """
            INSERT INTO runs (run, scenario, seed, engine, machines, kexecs_per_machine, started, command, program_version, model_version, record_format,
                order_is_recorded, slice_generations, scenario_id, client_assemblies, facts_checksum, state, digest, generations, kexecs, cold_boots,
                messages, operations, failed_requests, faults, violations, checksum)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, '', 0, 0, 0, 0, 0, 0, 0, 0, ?18)
            """);
        insert.Bind(1, run);
        insert.Bind(2, facts.Scenario);
        insert.Bind(3, facts.Seed.ToString(CultureInfo.InvariantCulture));
        insert.Bind(4, facts.Engine);
        insert.Bind(5, facts.Machines);
        insert.Bind(6, facts.Kexecs);
        insert.Bind(7, TextOf(facts.Started));
        insert.Bind(8, facts.Command);
        insert.Bind(9, facts.ProgramVersion);
        insert.Bind(10, facts.ModelVersion);
        insert.Bind(11, facts.RecordFormat);
        insert.Bind(12, facts.OrderIsRecorded ? 1 : 0);
        insert.Bind(13, facts.SliceGenerations);
        insert.Bind(14, scenario);
        insert.Bind(15, facts.ClientAssemblies.Count);
        insert.Bind(16, HistoryRows.ChecksumOf(run, facts));
        insert.Bind(17, NameOf(RunState.Running));
        insert.Bind(18, HistoryRows.ChecksumOf(run, new RunProgress(RunState.Running, null, string.Empty, default)));
        insert.Execute();
        InsertAssemblies(run, facts.ClientAssemblies);
        return run;
    }

    /// <summary>Reads a run; null when there is none.</summary>
    public StoredRun? Find(int run)
    {
        _database.Place = new RecordPlace(run);
        _readRun.With(run);
        if (!_readRun.Step())
        {
            return null;
        }

        RunFacts facts;
        RunProgress progress;
        long scenario;
        int assemblies;
        long checksum;
        try
        {
            progress = Progress(_readRun, run);
            (facts, scenario, assemblies, checksum) = Facts(_readRun, column: 13);
        }
        finally
        {
            _readRun.Reset();
        }

        facts = facts with { ResolvedScenario = ReadScenario(scenario), ClientAssemblies = ReadAssemblies(run, assemblies) };
        if (checksum != HistoryRows.ChecksumOf(run, facts))
        {
            throw _database.Damage("what the run depends on (its row, its scenario or its client assemblies) does not match its checksum");
        }

        return new StoredRun(run, facts, progress.State, progress.Ended, progress.Sums, progress.Digest);
    }

    /// <summary>How far a run has come; null when there is none.</summary>
    public RunProgress? FindProgress(int run)
    {
        _database.Place = new RecordPlace(run);
        _readProgress.With(run);
        if (!_readProgress.Step())
        {
            return null;
        }

        try
        {
            return Progress(_readProgress, run);
        }
        finally
        {
            _readProgress.Reset();
        }
    }

    /// <summary>Writes how far a run has come.</summary>
    public void Write(int run, RunProgress progress)
    {
        _database.Place = new RecordPlace(run);
        _writeProgress.Bind(1, run);
        _writeProgress.Bind(2, NameOf(progress.State));
        _writeProgress.Bind(3, progress.Ended is { } ended ? TextOf(ended) : null);
        _writeProgress.Bind(4, progress.Digest);
        SqliteSums.Bind(_writeProgress, 5, progress.Sums);
        _writeProgress.Bind(13, HistoryRows.ChecksumOf(run, progress));
        _writeProgress.Execute();
    }

    /// <summary>Removes a run; false when there is none.</summary>
    public bool Delete(int run)
    {
        _database.Place = new RecordPlace(run);
        using SqliteStatement delete = _database.Prepare("DELETE FROM runs WHERE run = ?");
        if (delete.With(run).Execute() == 0)
        {
            return false;
        }

        _database.Execute("DELETE FROM scenarios WHERE scenario_id NOT IN (SELECT scenario_id FROM runs)");
        (int nextRun, int runs) = ReadCounter();
        WriteCounter(nextRun, Math.Max(0, runs - 1));
        return true;
    }

    /// <summary>The next run's number, and how many runs there are.</summary>
    public (int NextRun, int Runs) ReadCounter()
    {
        _database.Place = new RecordPlace(0, Part: "its own row");
        using SqliteStatement read = _database.Prepare("SELECT next_run, runs, checksum FROM history WHERE history = 1");
        if (!read.Step())
        {
            throw _database.Damage("it is missing");
        }

        (int nextRun, int runs) = (read.Int32(0), read.Int32(1));
        return read.Int64(2) == HistoryRows.ChecksumOf(nextRun, runs) ? (nextRun, runs) : throw _database.Damage("it does not match its checksum");
    }

    /// <summary>The newest run's number; 0 without runs.</summary>
    public int Newest()
    {
        _database.Place = default;
        using SqliteStatement newest = _database.Prepare("SELECT run FROM runs ORDER BY run DESC LIMIT 1");
        return newest.Step() ? newest.Int32(0) : 0;
    }

    /// <summary>Numbers of all runs, in order, as far as they can be found.</summary>
    /// <param name="damage">Called with what hides runs.</param>
    public IReadOnlyList<int> Numbers(Action<string> damage)
    {
        List<int> numbers = [];
        try
        {
            _database.Place = new RecordPlace(0, Part: "list of runs");
            using (SqliteStatement read = _database.Prepare("SELECT run FROM runs ORDER BY run"))
            {
                while (read.Step())
                {
                    numbers.Add(read.Int32(0));
                }
            }

            int runs = ReadCounter().Runs;
            if (runs != numbers.Count)
            {
                damage(_database.Sentence($"it counts {runs} runs, {numbers.Count} can be found"));
            }
        }
        catch (HistoryDamageException hidden)
        {
            damage(hidden.Message);
        }

        return numbers;
    }

    /// <summary>Compares scenarios with their digests and finds those that no run has.</summary>
    public void VerifyScenarios(Action<string> damage)
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

    private static string TextOf(DateTimeOffset time) => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static string NameOf(RunState state) => state switch
    {
        RunState.Running => "running",
        RunState.Finished => "finished",
        RunState.Interrupted => "interrupted",
        RunState.Defect => "defect",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "no state of a run"),
    };

    private static RunState State(SqliteStatement read, int column) => read.Text(column, HistoryLimits.NameBytes) switch
    {
        "running" => RunState.Running,
        "finished" => RunState.Finished,
        "interrupted" => RunState.Interrupted,
        "defect" => RunState.Defect,
        _ => throw read.Refuse(column, "none of running, finished, interrupted, defect"),
    };

    private static DateTimeOffset Time(SqliteStatement read, int column) =>
        DateTimeOffset.TryParseExact(
            read.Text(column, HistoryLimits.NameBytes), TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : throw read.Refuse(column, "no time as 2026-01-31T23:59:59.0000000Z");

    private static ulong Seed(SqliteStatement read, int column)
    {
        string text = read.Text(column, HistoryLimits.NameBytes);
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) && seed.ToString(CultureInfo.InvariantCulture) == text
            ? seed
            : throw read.Refuse(column, "no decimal number of 64 bits");
    }

    private static (RunFacts Facts, long Scenario, int Assemblies, long Checksum) Facts(SqliteStatement read, int column)
    {
        RunFacts facts = new()
        {
            ResolvedScenario = string.Empty,
            Scenario = read.Text(column, HistoryLimits.NameBytes),
            Seed = Seed(read, column + 1),
            Engine = read.Text(column + 2, HistoryLimits.NameBytes),
            Machines = read.Int32(column + 3),
            Kexecs = read.Int32(column + 4),
            Started = Time(read, column + 5),
            Command = read.Text(column + 6, HistoryLimits.TextBytes),
            ProgramVersion = read.Text(column + 7, HistoryLimits.NameBytes),
            ModelVersion = read.Int32(column + 8),
            RecordFormat = read.Int32(column + 9),
            OrderIsRecorded = read.Int32(column + 10) switch
            {
                0 => false,
                1 => true,
                _ => throw read.Refuse(column + 10, "neither 0 nor 1"),
            },
            SliceGenerations = read.Int32(column + 11) is > 0 and int generations ? generations : throw read.Refuse(column + 11, "0"),
        };
        return (facts, read.Int64(column + 12), read.Int32(column + 13), read.Int64(column + 14));
    }

    private RunProgress Progress(SqliteStatement read, int run)
    {
        RunProgress progress = new(
            State(read, 1), read.IsNull(2) ? null : Time(read, 2), read.Text(3, HistoryLimits.NameBytes), SqliteSums.Read(read, 4));
        return read.Int32(0) == run && read.Int64(12) == HistoryRows.ChecksumOf(run, progress)
            ? progress
            : throw _database.Damage("its state and sums do not match their checksum");
    }

    private void WriteCounter(int nextRun, int runs)
    {
        using SqliteStatement write = _database.Prepare("UPDATE history SET next_run = ?, runs = ?, checksum = ? WHERE history = 1");
        write.With(nextRun, runs, HistoryRows.ChecksumOf(nextRun, runs)).Execute();
    }

    private long ScenarioOf(string text)
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

    private string ReadScenario(long scenario)
    {
        using SqliteStatement read = _database.Prepare("SELECT text FROM scenarios WHERE scenario_id = ?");
        return read.With(scenario).Step() ? read.Text(0, HistoryLimits.ScenarioBytes) : throw _database.Damage("its scenario is missing");
    }

    private void InsertAssemblies(int run, IReadOnlyList<ClientAssemblyFact> assemblies)
    {
        using SqliteStatement insert = _database.Prepare("INSERT INTO client_assemblies (run, position, path, sha256) VALUES (?, ?, ?, ?)");
        for (int i = 0; i < assemblies.Count; i++)
        {
            insert.Bind(1, run);
            insert.Bind(2, i);
            insert.Bind(3, assemblies[i].Path);
            insert.Bind(4, assemblies[i].Sha256);
            insert.Execute();
        }
    }

    private List<ClientAssemblyFact> ReadAssemblies(int run, int count)
    {
        List<ClientAssemblyFact> assemblies = [];
        using SqliteStatement read = _database.Prepare("SELECT position, path, sha256 FROM client_assemblies WHERE run = ? ORDER BY position");
        read.With(run);
        while (read.Step())
        {
            if (read.Int32(0) != assemblies.Count || assemblies.Count == HistoryLimits.ClientAssemblies)
            {
                throw read.Refuse(0, $"{read.Int32(0)}, expected {assemblies.Count} of {count}");
            }

            assemblies.Add(new ClientAssemblyFact(read.Text(1, HistoryLimits.TextBytes), read.Text(2, HistoryLimits.NameBytes)));
        }

        return assemblies.Count == count ? assemblies : throw _database.Damage($"it has {assemblies.Count} client assemblies, expected {count}");
    }
}

/// <summary>The eight columns of sums, which runs and slices have.</summary>
internal static class SqliteSums
{
    /// <summary>Reads them.</summary>
    public static RunSums Read(SqliteStatement read, int column) => new()
    {
        Generations = read.Count(column),
        Kexecs = read.Count(column + 1),
        ColdBoots = read.Count(column + 2),
        Messages = (ulong)read.Count(column + 3),
        Operations = read.Count(column + 4),
        FailedRequests = read.Count(column + 5),
        FaultsInjected = read.Count(column + 6),
        Violations = read.Count(column + 7),
    };

    /// <summary>Binds them.</summary>
    public static void Bind(SqliteStatement write, int parameter, in RunSums sums)
    {
        write.Bind(parameter, sums.Generations);
        write.Bind(parameter + 1, sums.Kexecs);
        write.Bind(parameter + 2, sums.ColdBoots);
        write.Bind(parameter + 3, checked((long)sums.Messages));
        write.Bind(parameter + 4, sums.Operations);
        write.Bind(parameter + 5, sums.FailedRequests);
        write.Bind(parameter + 6, sums.FaultsInjected);
        write.Bind(parameter + 7, sums.Violations);
    }
}
