using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Sqlite;

namespace KhoActors.Nodes.Tests.History;

/// <summary>What cannot be opened is refused with the reason; what comes from elsewhere runs nothing.</summary>
public sealed class HistoryOpeningTests : IDisposable
{
    private readonly HistoryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("khoactors.db")]
    [InlineData("sqlite:")]
    [InlineData("SQLITE:x")]
    [InlineData("postgers://localhost/kho")]
    [InlineData("sqlite:a\0b")]
    public void Other_addresses_are_named_with_the_accepted_form(string address)
    {
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => HistoryStores.Open(address, HistoryAccess.Create));
        Assert.Contains("sqlite:PATH", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HistoryAccess.Read)]
    [InlineData(HistoryAccess.Write)]
    public void A_history_that_is_not_there_is_not_made(HistoryAccess access)
    {
        AssertRefused("there is no such file", access);
        Assert.False(File.Exists(_folder.File));
    }

    [Fact]
    public void A_folder_is_no_history()
    {
        Directory.CreateDirectory(_folder.File);
        AssertRefused("this is a folder", HistoryAccess.Create);
    }

    [Fact]
    public void A_history_is_not_made_in_a_folder_that_is_not_there()
    {
        HistoryUnavailableException refusal = Assert.Throws<HistoryUnavailableException>(
            () => HistoryStores.Open($"sqlite:{_folder.Folder}/none/history.db", HistoryAccess.Create));
        Assert.Contains("there is no folder", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_file_becomes_a_history_only_when_one_may_be_made()
    {
        File.WriteAllBytes(_folder.File, []);
        AssertRefused("the file is empty: no run was entered", HistoryAccess.Write);
        using IHistoryStore store = _folder.Open(HistoryAccess.Create);
        Assert.Empty(HistoryBench.Problems(store));
    }

    /// <summary>What a process leaves that is killed while it makes a history: pages in the file, and the journal that takes them back.</summary>
    [Fact]
    public void A_half_made_history_is_made_anew()
    {
        string other = Path.Combine(_folder.Folder, "other.db");
        using (SqliteDatabase database = OpenOther(other))
        {
            database.Execute("PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))");
            File.Copy(other, _folder.File);
            File.Copy($"{other}-journal", $"{_folder.File}-journal");
        }

        Assert.NotEqual(0, new FileInfo(_folder.File).Length);
        using IHistoryStore store = _folder.Open(HistoryAccess.Create);
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Fact]
    public void The_log_of_another_database_is_not_moved_into_a_history()
    {
        _folder.Open(HistoryAccess.Create).Dispose();
        byte[] history = File.ReadAllBytes(_folder.File);
        string other = Path.Combine(_folder.Folder, "other.db");
        using (SqliteDatabase database = OpenOther(other))
        {
            database.Execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))");
            File.Copy($"{other}-wal", $"{_folder.File}-wal");
        }

        AssertRefused("not a history", HistoryAccess.Read);
        AssertRefused("not a history", HistoryAccess.Create);
        Assert.Equal(history, File.ReadAllBytes(_folder.File));
        File.Delete($"{_folder.File}-wal");
        using IHistoryStore store = _folder.Open(HistoryAccess.Write);
        Assert.Empty(HistoryBench.Problems(store));
    }

    private static SqliteDatabase OpenOther(string path) =>
        SqliteDatabase.Open("other", path, SQLitePCL.raw.SQLITE_OPEN_READWRITE | SQLitePCL.raw.SQLITE_OPEN_CREATE, busyMilliseconds: 0);

    [Theory]
    [InlineData(HistoryAccess.Read)]
    [InlineData(HistoryAccess.Write)]
    [InlineData(HistoryAccess.Create)]
    public void A_text_is_no_database_and_stays_as_it_is(HistoryAccess access)
    {
        string text = string.Concat(Enumerable.Repeat("not a database\n", 1000));
        File.WriteAllText(_folder.File, text);
        AssertRefused("not a SQLite database", access);
        Assert.Equal(text, File.ReadAllText(_folder.File));
    }

    [Theory]
    [InlineData(HistoryAccess.Read)]
    [InlineData(HistoryAccess.Write)]
    [InlineData(HistoryAccess.Create)]
    public void A_database_of_others_is_no_history_and_stays_as_it_is(HistoryAccess access)
    {
        Edit("CREATE TABLE theirs (a)");
        byte[] before = File.ReadAllBytes(_folder.File);
        AssertRefused("not a history of KhoActors", access);
        Assert.Equal(before, File.ReadAllBytes(_folder.File));
    }

    [Fact]
    public void A_newer_format_is_named_with_ours()
    {
        Make();
        Edit("PRAGMA user_version = 7");
        AssertRefused("the history has format 7, this program knows formats up to 1", HistoryAccess.Write);
        AssertRefused("the history has format 7, this program knows formats up to 1", HistoryAccess.Read);
    }

    [Fact]
    public void A_format_before_the_first_is_damage()
    {
        Make();
        Edit("PRAGMA user_version = 0");
        Assert.Contains("format 0", Assert.Throws<HistoryDamageException>(() => _folder.Open(HistoryAccess.Write)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_older_format_is_brought_up_to_date_when_it_is_opened_to_write()
    {
        string before = Make();
        SqliteSchema next = new([.. SqliteSchema.Current.Scripts, "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"]);
        HistoryUnavailableException refusal = Assert.Throws<HistoryUnavailableException>(() => Open(HistoryAccess.Read, next));
        Assert.Contains("the history has format 1, this program reads format 2", refusal.Message, StringComparison.Ordinal);
        using (SqliteHistoryStore store = Open(HistoryAccess.Write, next))
        {
            Assert.Equal(before, HistoryBench.Read(store, 1));
            Assert.Empty(HistoryBench.Problems(store));
        }

        using (SqliteHistoryStore again = Open(HistoryAccess.Read, next))
        {
            Assert.Equal(before, HistoryBench.Read(again, 1));
        }

        AssertRefused("the history has format 2, this program knows formats up to 1", HistoryAccess.Write);
    }

    [Fact]
    public void A_migration_that_fails_changes_nothing()
    {
        string before = Make();
        SqliteSchema next = new([.. SqliteSchema.Current.Scripts, "ALTER TABLE runs ADD COLUMN note TEXT; INSERT INTO nowhere VALUES (1)"]);
        Assert.ThrowsAny<Exception>(() => Open(HistoryAccess.Write, next));
        using IHistoryStore store = _folder.Open(HistoryAccess.Write);
        Assert.Equal(before, HistoryBench.Read(store, 1));
        Assert.Empty(HistoryBench.Problems(store));
    }

    [Theory]
    [InlineData("CREATE TRIGGER evil AFTER INSERT ON slices BEGIN DELETE FROM violations; END", "trigger 'evil'")]
    [InlineData("CREATE TABLE extra (a)", "table 'extra'")]
    [InlineData("CREATE INDEX extra ON slices (messages)", "index 'extra'")]
    [InlineData("CREATE VIEW extra AS SELECT 1", "view 'extra'")]
    [InlineData("CREATE VIRTUAL TABLE extra USING fts5(a)", "table 'extra")]
    [InlineData("DROP VIEW machines", "view 'machines' is missing")]
    [InlineData("DROP VIEW outcomes; CREATE VIEW outcomes AS SELECT load_extension('evil')", "view 'outcomes' is not the one of format 1")]
    [InlineData("ALTER TABLE checkpoints ADD COLUMN a DEFAULT (randomblob(1000))", "table 'checkpoints' is not the one of format 1")]
    public void What_no_history_has_is_refused_by_name(string planted, string named)
    {
        Make();
        Edit(planted);
        foreach (HistoryAccess access in Enum.GetValues<HistoryAccess>())
        {
            HistoryDamageException refusal = Assert.Throws<HistoryDamageException>(() => _folder.Open(access));
            Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Values that are far too long, of other types, or not text at all: bounded before they are copied.</summary>
    [Theory]
    [InlineData("UPDATE slices SET record = zeroblob(20000000) WHERE slice = 1", "record is 20000000 bytes long, expected 16777216 at most")]
    [InlineData("UPDATE runs SET engine = hex(zeroblob(5000))", "engine is 10000 bytes long")]
    [InlineData("UPDATE runs SET seed = 7.5", "seed")]
    [InlineData("UPDATE runs SET seed = '007'", "seed is no decimal number")]
    [InlineData("UPDATE runs SET machines = 'many'", "machines is a text, expected a number")]
    [InlineData("UPDATE runs SET machines = 99999999999", "machines is 99999999999")]
    [InlineData("UPDATE runs SET scenario = CAST(x'ff' AS TEXT)", "scenario is no UTF-8")]
    [InlineData("UPDATE slices SET digest = x'00'", "digest is 1 bytes")]
    [InlineData("UPDATE slices SET messages = messages + 1 WHERE slice = 2", "record of generation 0: the row does not match its checksum")]
    [InlineData("UPDATE slices SET digest = zeroblob(32) WHERE slice = 2", "record of generation 0: the row does not match its checksum")]
    [InlineData("UPDATE runs SET kexecs = kexecs + 1", "its state and sums do not match")]
    [InlineData("UPDATE transition_counts SET lost = lost + 1", "does not match its checksum")]
    [InlineData("DELETE FROM transition_counts", "the transitions are not those of the records")]
    [InlineData("DELETE FROM outcome_counts", "the outcomes are not those of the records")]
    [InlineData("DELETE FROM violations", "the violations that are stored are not those of the record")]
    [InlineData("DELETE FROM slices WHERE machine = 1 AND first_generation = 4", "the records of generations 4 to 7 are missing")]
    [InlineData("DELETE FROM slices WHERE machine = 1 AND first_generation = 8", "generations are stored, its records have")]
    [InlineData("PRAGMA foreign_keys = OFF; DELETE FROM runs", "rows belong to run 1, which is not there")]
    [InlineData("PRAGMA foreign_keys = OFF; DELETE FROM runs", "it counts 1 runs, 0 can be found")]
    [InlineData("PRAGMA foreign_keys = OFF; DELETE FROM scenarios", "its scenario is missing")]
    [InlineData("UPDATE scenarios SET text = text || ' '", "does not match its SHA-256")]
    [InlineData("DELETE FROM history", "its own row: it is missing")]
    [InlineData("UPDATE history SET runs = 5", "its own row: it does not match its checksum")]
    [InlineData("INSERT INTO checkpoints VALUES (1, 0, 8, 5, x'00')", "checkpoint: it does not match its checksum")]
    public void A_forged_value_is_named_by_verify(string planted, string named)
    {
        Make();
        Edit(planted);
        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        List<string> problems = HistoryBench.Problems(store);
        Assert.Contains(problems, problem => problem.Contains(named, StringComparison.Ordinal));
    }

    [Fact]
    public void A_busy_history_is_said_to_be_busy_and_works_afterwards()
    {
        Make();
        using SqliteHistoryStore store = SqliteHistoryStore.Open(_folder.File, HistoryAccess.Write, SqliteSchema.Current, busyMilliseconds: 50);
        using (SqliteDatabase other = SqliteDatabase.Open("other", _folder.File, flags: 2, busyMilliseconds: 0))
        {
            other.Execute("BEGIN IMMEDIATE");
            HistoryUnavailableException busy = Assert.Throws<HistoryUnavailableException>(() => store.BeginRun(HistoryBench.Facts()));
            Assert.Contains("another process is writing to it", busy.Message, StringComparison.Ordinal);
            Assert.NotNull(store.FindRun(1));
        }

        Assert.Equal(2, store.BeginRun(HistoryBench.Facts()));
    }

    [Fact]
    public void Several_processes_may_make_a_history_at_once()
    {
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            using IHistoryStore store = _folder.Open(HistoryAccess.Create);
            store.BeginRun(HistoryBench.Facts());
        });
        using IHistoryStore reader = _folder.Open(HistoryAccess.Read);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], reader.ReadRuns(Assert.Fail).Select(run => run.Number));
        Assert.Empty(HistoryBench.Problems(reader));
    }

    [Fact]
    public void A_reader_leaves_no_files_and_changes_nothing()
    {
        Make();
        byte[] before = File.ReadAllBytes(_folder.File);
        using (IHistoryStore store = _folder.Open(HistoryAccess.Read))
        {
            Assert.Single(store.ReadRuns(Assert.Fail));
            Assert.Throws<HistoryUnavailableException>(() => store.BeginRun(HistoryBench.Facts()));
        }

        Assert.Equal([_folder.File], Directory.GetFiles(_folder.Folder));
        Assert.Equal(before, File.ReadAllBytes(_folder.File));
    }

    [Fact]
    public void Runs_of_one_scenario_store_it_once_and_the_last_takes_it_along()
    {
        using (IHistoryStore store = _folder.Open(HistoryAccess.Create))
        {
            store.BeginRun(HistoryBench.Facts());
            store.BeginRun(HistoryBench.Facts(seed: 8));
        }

        Assert.Equal("1", Ask("count(*)", "scenarios"));
        using (IHistoryStore store = _folder.Open(HistoryAccess.Write))
        {
            store.DeleteRun(1);
            Assert.NotNull(store.FindRun(2));
            store.DeleteRun(2);
        }

        Assert.Equal("0", Ask("count(*)", "scenarios"));
    }

    [Fact]
    public void Views_answer_with_names_and_numbers()
    {
        Make();
        using IHistoryStore store = _folder.Open(HistoryAccess.Read);
        Assert.Equal(
            string.Join(
                '\n',
                store.ReadTransitions(1).Select(each => $"1|bench|{each.From}|{each.To}|{each.Count}|{each.Restored}|{each.Lost}|{each.Violations}")),
            Ask("run, scenario, from_kernel, to_kernel, kexecs, restored, lost, violations", "transitions"));
        Assert.Equal(
            string.Join('\n', store.ReadOutcomes(1).Select(each => $"1|bench|{each.Key}|{each.Value}")),
            Ask("run, scenario, outcome, generations", "outcomes"));
        Assert.Equal(
            string.Join('\n', store.ReadProgress(1).Select(each => $"{each.Machine}|{each.RecordedGenerations}|{Convert.ToHexStringLower(each.Digest.Span)}")),
            Ask("machine, generations, digest", "machines ORDER BY machine"));
        Assert.Equal($"1|bench|7|finished|{store.FindRun(1)?.Sums.Violations}", Ask("run, scenario, seed, state, violations", "run_list"));
        Assert.Equal(
            string.Join(
                '\n',
                HistoryBench.Slices(HistoryBench.Facts()).Select(slice => $"{slice.Record.Machine}|{slice.Record.FirstGeneration}|{slice.Encoded.Length}")),
            Ask("machine, first_generation, record_bytes", "slice_list ORDER BY first_generation, machine"));
    }

    private SqliteHistoryStore Open(HistoryAccess access, SqliteSchema schema) =>
        SqliteHistoryStore.Open(_folder.File, access, schema, busyMilliseconds: 1000);

    private string Make()
    {
        using IHistoryStore store = _folder.Open(HistoryAccess.Create);
        return HistoryBench.Read(store, HistoryBench.RecordAll(store, HistoryBench.Facts()));
    }

    private void Edit(string sql)
    {
        using SqliteDatabase database = SqliteDatabase.Open("planted", _folder.File, flags: 6, busyMilliseconds: 0);
        database.Execute(sql);
    }

    private string Ask(string columns, string from)
    {
        using SqliteDatabase database = SqliteDatabase.Open("asked", _folder.File, flags: 2, busyMilliseconds: 0);
        using SqliteStatement statement = database.Prepare($"SELECT {string.Join(" || '|' || ", columns.Split(", "))} || '' FROM {from}");
        List<string> lines = [];
        while (statement.Step())
        {
            lines.Add(statement.Text(0, 1000));
        }

        return string.Join('\n', lines);
    }

    private void AssertRefused(string reason, HistoryAccess access)
    {
        HistoryUnavailableException refusal = Assert.Throws<HistoryUnavailableException>(() => _folder.Open(access));
        Assert.StartsWith(_folder.Address, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }
}
