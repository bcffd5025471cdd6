using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>The tables that are counted from the records: transitions, outcomes, violations.</summary>
internal sealed class SqliteCounts
{
    private const string ViolationColumns = "machine, generation, position, invariant, detail, checksum";

    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _writeTransition;
    private readonly SqliteStatement _writeOutcome;
    private readonly SqliteStatement _writeViolation;
    private readonly SqliteStatement _readViolations;

    public SqliteCounts(SqliteDatabase database)
    {
        _database = database;
        _writeTransition = database.Keep(
            """
            INSERT INTO transition_counts (run, from_kernel, to_kernel, kexecs, restored, lost, violations, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (run, from_kernel, to_kernel) DO UPDATE SET
                kexecs = excluded.kexecs, restored = excluded.restored, lost = excluded.lost, violations = excluded.violations, checksum = excluded.checksum
            """);
        _writeOutcome = database.Keep(
            """
            INSERT INTO outcome_counts (run, outcome, generations, checksum) VALUES (?, ?, ?, ?)
            ON CONFLICT (run, outcome) DO UPDATE SET generations = excluded.generations, checksum = excluded.checksum
            """);
        _writeViolation = database.Keep(
            "INSERT INTO violations (run, machine, generation, position, invariant, detail, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)");
        _readViolations = database.Keep(
            $"SELECT {ViolationColumns} FROM violations WHERE run = ? AND machine = ? AND generation >= ? AND generation < ? ORDER BY generation, position");
    }

    /// <summary>Adds what new slices counted to what is stored.</summary>
    public void Add(int run, FleetResult counted)
    {
        // Few kernels and outcomes: what is there is read whole, once a group.
        Dictionary<(string From, string To), FleetTransition> transitions = ReadTransitions(run).ToDictionary(each => (each.From, each.To));
        foreach (FleetTransition more in counted.Transitions)
        {
            FleetTransition sum = transitions.GetValueOrDefault((more.From, more.To)) ?? new FleetTransition { From = more.From, To = more.To };
            sum.Count = checked(sum.Count + more.Count);
            sum.Restored = checked(sum.Restored + more.Restored);
            sum.Lost = checked(sum.Lost + more.Lost);
            sum.Violations = checked(sum.Violations + more.Violations);
            Write(run, sum);
        }

        Dictionary<string, long> outcomes = new(ReadOutcomes(run), StringComparer.Ordinal);
        foreach ((string outcome, long count) in counted.Outcomes)
        {
            Write(run, new KeyValuePair<string, long>(outcome, checked(outcomes.GetValueOrDefault(outcome) + count)));
        }
    }

    /// <summary>Enters a violation.</summary>
    public void Insert(in ViolationRow row)
    {
        _database.Place = new RecordPlace(row.Run, row.Machine, Part: "violations");
        _writeViolation.With(row.Run, row.Machine, row.Violation.Generation, row.Position);
        _writeViolation.Bind(5, row.Violation.Invariant);
        _writeViolation.Bind(6, row.Violation.Detail);
        _writeViolation.Bind(7, row.Checksum());
        _writeViolation.Execute();
    }

    /// <summary>A run's transitions by names.</summary>
    public IReadOnlyList<FleetTransition> ReadTransitions(int run)
    {
        _database.Place = new RecordPlace(run, Part: "transitions");
        List<FleetTransition> transitions = [];
        using SqliteStatement read = _database.Prepare(
            "SELECT from_kernel, to_kernel, kexecs, restored, lost, violations, checksum FROM transition_counts WHERE run = ? ORDER BY from_kernel, to_kernel");
        read.With(run);
        while (read.Step())
        {
            FleetTransition transition = new()
            {
                From = read.Text(0, HistoryLimits.NameBytes),
                To = read.Text(1, HistoryLimits.NameBytes),
                Count = read.Count(2),
                Restored = read.Count(3),
                Lost = read.Count(4),
                Violations = read.Count(5),
            };
            bool isWhole = read.Int64(6) == HistoryRows.ChecksumOf(run, transition);
            transitions.Add(isWhole ? transition : throw _database.Damage($"the row of {transition.From} -> {transition.To} does not match its checksum"));
        }

        return transitions;
    }

    /// <summary>A run's outcomes by name.</summary>
    public IReadOnlyList<KeyValuePair<string, long>> ReadOutcomes(int run)
    {
        _database.Place = new RecordPlace(run, Part: "outcomes");
        List<KeyValuePair<string, long>> outcomes = [];
        using SqliteStatement read = _database.Prepare("SELECT outcome, generations, checksum FROM outcome_counts WHERE run = ? ORDER BY outcome");
        read.With(run);
        while (read.Step())
        {
            KeyValuePair<string, long> outcome = new(read.Text(0, HistoryLimits.NameBytes), read.Count(1));
            bool isWhole = read.Int64(2) == HistoryRows.ChecksumOf(run, outcome);
            outcomes.Add(isWhole ? outcome : throw _database.Damage($"the row of {outcome.Key} does not match its checksum"));
        }

        return outcomes;
    }

    /// <summary>The first violations of a run by machine, generation and position.</summary>
    public List<ViolationRow> ReadViolations(int run, int limit)
    {
        _database.Place = new RecordPlace(run, Part: "violations");
        using SqliteStatement read = _database.Prepare(
            $"SELECT {ViolationColumns} FROM violations WHERE run = ? ORDER BY machine, generation, position LIMIT ?");
        return Rows(read.With(run, limit), run);
    }

    /// <summary>The violations of some generations of a machine.</summary>
    public List<ViolationRow> ReadViolations(int run, int machine, int firstGeneration, long endGeneration)
    {
        _database.Place = new RecordPlace(run, machine, Part: "violations");
        return Rows(_readViolations.With(run, machine, firstGeneration, endGeneration), run);
    }

    private List<ViolationRow> Rows(SqliteStatement read, int run)
    {
        List<ViolationRow> rows = [];
        try
        {
            while (read.Step())
            {
                Violation violation = new(read.Text(3, HistoryLimits.NameBytes), read.Int32(1), read.Text(4, HistoryLimits.TextBytes));
                ViolationRow row = new(run, read.Int32(0), read.Int32(2), violation);
                _database.Place = new RecordPlace(run, row.Machine, Part: $"violation {row.Position} of generation {violation.Generation}");
                rows.Add(read.Int64(5) == row.Checksum() ? row : throw _database.Damage("the row does not match its checksum"));
            }
        }
        finally
        {
            read.Reset();
        }

        return rows;
    }

    private void Write(int run, FleetTransition transition)
    {
        _writeTransition.Bind(1, run);
        _writeTransition.Bind(2, transition.From);
        _writeTransition.Bind(3, transition.To);
        _writeTransition.Bind(4, transition.Count);
        _writeTransition.Bind(5, transition.Restored);
        _writeTransition.Bind(6, transition.Lost);
        _writeTransition.Bind(7, transition.Violations);
        _writeTransition.Bind(8, HistoryRows.ChecksumOf(run, transition));
        _writeTransition.Execute();
    }

    private void Write(int run, KeyValuePair<string, long> outcome)
    {
        _writeOutcome.Bind(1, run);
        _writeOutcome.Bind(2, outcome.Key);
        _writeOutcome.Bind(3, outcome.Value);
        _writeOutcome.Bind(4, HistoryRows.ChecksumOf(run, outcome));
        _writeOutcome.Execute();
    }
}
