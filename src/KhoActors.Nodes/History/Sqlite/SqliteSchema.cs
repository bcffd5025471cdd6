using System.Globalization;
using System.Text;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>
/// The schema of a history in SQLite: an ordered list of scripts. The first makes format 1, each one after it brings a history of the
/// format before to the next. A new history runs all of them, so that new and migrated ones are the same text.
/// </summary>
internal sealed class SqliteSchema
{
    /// <summary>Identifies the file: "KhoH" in its header.</summary>
    public const int ApplicationId = 0x4B686F48;

    private const int LimitObjects = 1_000;

    private const string Format1 = """
        CREATE TABLE history (
            -- One row.
            history   INTEGER PRIMARY KEY,  -- 1
            next_run  INTEGER NOT NULL,     -- number of the next run: none is used twice
            runs      INTEGER NOT NULL,     -- runs in this history
            checksum  INTEGER NOT NULL      -- CRC-32C over the row's values
        );

        CREATE TABLE scenarios (
            -- Resolved scenarios with their kernels, once each; runs share them.
            scenario_id  INTEGER PRIMARY KEY,
            sha256       BLOB NOT NULL UNIQUE,  -- of the text
            text         TEXT NOT NULL          -- all that replay needs of a scenario
        );

        CREATE TABLE runs (
            run                 INTEGER PRIMARY KEY,  -- what people call it: kho runs show 3
            state               TEXT NOT NULL,        -- running, finished, interrupted, defect
            -- What it depends on; never changes.
            scenario            TEXT NOT NULL,        -- name
            seed                TEXT NOT NULL,        -- unsigned 64 bits, decimal
            engine              TEXT NOT NULL,        -- who carried the machines
            machines            INTEGER NOT NULL,
            kexecs_per_machine  INTEGER NOT NULL,     -- a machine has one generation more
            started             TEXT NOT NULL,        -- UTC
            command             TEXT NOT NULL,        -- runs it again
            program_version     TEXT NOT NULL,
            model_version       INTEGER NOT NULL,     -- digests are compared within one
            record_format       INTEGER NOT NULL,     -- of slices.record
            order_is_recorded   INTEGER NOT NULL,     -- 1: records hold the order of deliveries; 0: it follows from the seed
            slice_generations   INTEGER NOT NULL,     -- generations of a full slice
            scenario_id         INTEGER NOT NULL REFERENCES scenarios (scenario_id),
            client_assemblies   INTEGER NOT NULL,     -- rows in client_assemblies
            facts_checksum      INTEGER NOT NULL,     -- CRC-32C over these, the scenario's text and the assemblies
            -- How far it has come.
            ended               TEXT,                 -- UTC; null while it runs
            digest              TEXT NOT NULL,        -- the fleet's, 64 hexadecimal digits; empty before the end
            generations         INTEGER NOT NULL,     -- sums over slices
            kexecs              INTEGER NOT NULL,
            cold_boots          INTEGER NOT NULL,
            messages            INTEGER NOT NULL,
            operations          INTEGER NOT NULL,
            failed_requests     INTEGER NOT NULL,
            faults              INTEGER NOT NULL,
            violations          INTEGER NOT NULL,
            checksum            INTEGER NOT NULL      -- CRC-32C over run, state and these
        );

        CREATE TABLE client_assemblies (
            -- Assemblies from outside that brought clients to a run.
            run       INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
            position  INTEGER NOT NULL,  -- their order, from 0
            path      TEXT NOT NULL,
            sha256    TEXT NOT NULL,
            PRIMARY KEY (run, position)
        ) WITHOUT ROWID;

        CREATE TABLE slices (
            -- Consecutive generations of one machine: the record that replay reads, and its sums.
            slice             INTEGER PRIMARY KEY,  -- in the order of arrival
            run               INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
            machine           INTEGER NOT NULL,     -- from 0
            first_generation  INTEGER NOT NULL,     -- a multiple of runs.slice_generations
            generations       INTEGER NOT NULL,
            kexecs            INTEGER NOT NULL,
            cold_boots        INTEGER NOT NULL,
            messages          INTEGER NOT NULL,
            operations        INTEGER NOT NULL,
            failed_requests   INTEGER NOT NULL,
            faults            INTEGER NOT NULL,
            violations        INTEGER NOT NULL,
            checksum          INTEGER NOT NULL,     -- CRC-32C over run and all that follows, the record included
            digest            BLOB NOT NULL,        -- the machine's, after the slice
            record            BLOB NOT NULL,        -- see docs/histories.md
            -- Fleets run breadth first: in this order the index grows at its end.
            UNIQUE (run, first_generation, machine)
        );

        CREATE TABLE checkpoints (
            -- The newest snapshot of a machine at its jump, where resuming may begin. Machines at the end of their chain have none.
            run              INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
            machine          INTEGER NOT NULL,
            next_generation  INTEGER NOT NULL,  -- the generation that boots from it
            checksum         INTEGER NOT NULL,  -- CRC-32C over the row
            snapshot         BLOB NOT NULL,
            PRIMARY KEY (run, machine)
        );

        CREATE TABLE transition_counts (
            run          INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
            from_kernel  TEXT NOT NULL,     -- name of the kernel that ran before
            to_kernel    TEXT NOT NULL,     -- name of the kernel that booted
            kexecs       INTEGER NOT NULL,
            restored     INTEGER NOT NULL,  -- the hand-over was accepted
            lost         INTEGER NOT NULL,  -- the next kernel started without what was preserved
            violations   INTEGER NOT NULL,  -- invariants that did not hold after them
            checksum     INTEGER NOT NULL,  -- CRC-32C over the row
            PRIMARY KEY (run, from_kernel, to_kernel)
        ) WITHOUT ROWID;

        CREATE TABLE outcome_counts (
            run          INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
            outcome      TEXT NOT NULL,     -- how generations ended
            generations  INTEGER NOT NULL,
            checksum     INTEGER NOT NULL,  -- CRC-32C over the row
            PRIMARY KEY (run, outcome)
        ) WITHOUT ROWID;

        CREATE TABLE violations (
            -- Invariants that did not hold, at most 100 of a generation.
            run         INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
            machine     INTEGER NOT NULL,
            generation  INTEGER NOT NULL,
            position    INTEGER NOT NULL,  -- among those of its generation, from 0
            invariant   TEXT NOT NULL,     -- kho invariants explains them
            detail      TEXT NOT NULL,     -- what was expected, what was found
            checksum    INTEGER NOT NULL,  -- CRC-32C over the row
            PRIMARY KEY (run, machine, generation, position)
        );

        CREATE VIEW run_list AS
            SELECT run, scenario, seed, engine, started, ended, state, machines, kexecs, cold_boots, messages, operations,
                   failed_requests, faults, violations, digest
            FROM runs;

        CREATE VIEW transitions AS
            SELECT t.run, r.scenario, t.from_kernel, t.to_kernel, t.kexecs, t.restored, t.lost, t.violations
            FROM transition_counts AS t JOIN runs AS r ON r.run = t.run
            ORDER BY t.run, t.from_kernel, t.to_kernel;

        CREATE VIEW outcomes AS
            SELECT o.run, r.scenario, o.outcome, o.generations
            FROM outcome_counts AS o JOIN runs AS r ON r.run = o.run
            ORDER BY o.run, o.outcome;

        CREATE VIEW slice_list AS
            SELECT run, machine, first_generation, generations, kexecs, cold_boots, messages, operations, failed_requests, faults,
                   violations, lower(hex(digest)) AS digest, length(record) AS record_bytes
            FROM slices;

        CREATE VIEW machines AS
            SELECT t.run, t.machine, t.generations, t.kexecs, t.cold_boots, t.messages, t.operations, t.failed_requests, t.faults,
                   t.violations, c.next_generation AS checkpoint, lower(hex(s.digest)) AS digest
            FROM (SELECT run, machine, max(first_generation) AS newest, sum(generations) AS generations, sum(kexecs) AS kexecs,
                         sum(cold_boots) AS cold_boots, sum(messages) AS messages, sum(operations) AS operations,
                         sum(failed_requests) AS failed_requests, sum(faults) AS faults, sum(violations) AS violations
                  FROM slices GROUP BY run, machine) AS t
            JOIN slices AS s ON s.run = t.run AND s.first_generation = t.newest AND s.machine = t.machine
            LEFT JOIN checkpoints AS c ON c.run = t.run AND c.machine = t.machine;
        """;

    private readonly IReadOnlyList<string> _scripts;
    private readonly Lazy<IReadOnlyDictionary<string, string>> _newest;

    /// <summary>A schema of other scripts, for tests of migrations.</summary>
    /// <param name="scripts">The scripts, from format 1 on.</param>
    public SqliteSchema(IReadOnlyList<string> scripts)
    {
        _scripts = scripts;
        _newest = new Lazy<IReadOnlyDictionary<string, string>>(() => Expected(Format));
    }

    /// <summary>The schema of this program.</summary>
    public static SqliteSchema Current { get; } = new([Format1]);

    /// <summary>The format that it makes.</summary>
    public int Format => _scripts.Count;

    /// <summary>The scripts, from format 1 on.</summary>
    public IReadOnlyList<string> Scripts => _scripts;

    /// <summary>Brings a database from a format to the newest, in the transaction that the caller has begun.</summary>
    /// <param name="database">The database.</param>
    /// <param name="from">Its format; 0 when it is empty.</param>
    public void Migrate(SqliteDatabase database, int from)
    {
        for (int format = from; format < Format; format++)
        {
            database.Execute(_scripts[format]);
        }

        if (from == 0)
        {
            database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {ApplicationId}"));
        }

        database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {Format}"));
    }

    /// <summary>
    /// Requires that a database holds exactly the tables, indices and views of a format. What else a file from elsewhere may hold, triggers
    /// above all, would run inside our statements.
    /// </summary>
    /// <param name="database">The database.</param>
    /// <param name="format">Its format.</param>
    /// <exception cref="HistoryDamageException">It holds something else.</exception>
    public void Require(SqliteDatabase database, int format)
    {
        SortedDictionary<string, string> expected = new((format == Format ? _newest.Value : Expected(format)).ToDictionary(), StringComparer.Ordinal);
        foreach ((string name, string definition) in Read(database))
        {
            if (!expected.Remove(name, out string? known))
            {
                throw database.Damage($"it holds {name}, which no history of format {format} has");
            }

            if (definition != known)
            {
                throw database.Damage($"{name} is not the one of format {format}");
            }
        }

        if (expected.Count != 0)
        {
            throw database.Damage($"{expected.Keys.First()} is missing");
        }
    }

    private static SortedDictionary<string, string> Read(SqliteDatabase database)
    {
        SortedDictionary<string, string> objects = new(StringComparer.Ordinal);
        using SqliteStatement statement = database.Prepare("SELECT type, name, tbl_name, sql FROM sqlite_master");
        while (statement.Step())
        {
            string name = $"{statement.Text(0, HistoryLimits.NameBytes)} '{Printable(statement.Text(1, HistoryLimits.NameBytes))}'";
            string sql = statement.IsNull(3) ? string.Empty : statement.Text(3, HistoryLimits.TextBytes);
            if (!objects.TryAdd(name, $"{statement.Text(2, HistoryLimits.NameBytes)}\n{sql}"))
            {
                throw database.Damage($"it holds {name} twice");
            }

            if (objects.Count > LimitObjects)
            {
                throw database.Damage($"it holds more than {LimitObjects} tables, indices and views");
            }
        }

        return objects;
    }

    private static string Printable(string name)
    {
        StringBuilder printable = new();
        foreach (char each in name.Length <= 80 ? name : name[..80])
        {
            printable.Append(each is >= ' ' and <= '~' ? each : '?');
        }

        return printable.ToString();
    }

    private SortedDictionary<string, string> Expected(int format)
    {
        using SqliteDatabase model = SqliteDatabase.InMemory();
        for (int i = 0; i < format; i++)
        {
            model.Execute(_scripts[i]);
        }

        return Read(model);
    }
}
