using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.History.Sqlite;

/// <summary>A history in one SQLite file, with SQLite's log (<c>-wal</c>) beside it while it is open.</summary>
/// <remarks>
/// <see cref="BeginRun"/> and <see cref="EndRun"/> return when the disk has them. What <see cref="Commit"/> wrote survives the death of the
/// process; a power failure may take the newest groups, never a part of one.
/// </remarks>
public sealed class SqliteHistoryStore : IHistoryStore
{
    private const int DefaultBusyMilliseconds = 10_000;

    private readonly string _path;
    private readonly SqliteDatabase _database;
    private readonly SqliteTables _tables;
    private StoredRun? _current;

    private SqliteHistoryStore(string path, SqliteDatabase database)
    {
        _path = Path.GetFullPath(path);
        _database = database;
        _tables = new SqliteTables(database);
    }

    /// <inheritdoc/>
    public string Address => _database.Address;

    /// <summary>Opens a history.</summary>
    /// <param name="path">Path of its file.</param>
    /// <param name="access">What for.</param>
    /// <returns>The store.</returns>
    /// <exception cref="HistoryUnavailableException">There is no such history, it cannot be opened, or it is of another format.</exception>
    /// <exception cref="HistoryDamageException">It is damaged so that nothing can be read, or holds what no history has.</exception>
    public static SqliteHistoryStore Open(string path, HistoryAccess access) => Open(path, access, SqliteSchema.Current, DefaultBusyMilliseconds);

    /// <inheritdoc/>
    public int BeginRun(RunFacts facts)
    {
        RunRules.Check(facts);
        int run = 0;
        Durably(() => run = _tables.Runs.Insert(facts));
        return run;
    }

    /// <inheritdoc/>
    public void Commit(int run, HistoryBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.IsEmpty)
        {
            return;
        }

        RunFacts facts = FactsOf(run);
        BatchRules.Check(facts, batch);
        _database.Place = new RecordPlace(run);
        _database.Transaction(() =>
        {
            RequireRun(run);
            InsertSlices(run, batch.Slices);
            WriteCheckpoints(run, facts, batch);
        });
    }

    /// <inheritdoc/>
    public void EndRun(int run, RunState state, string digest, DateTimeOffset ended)
    {
        RunRules.CheckEnd(state, digest);
        Durably(
            () =>
            {
                RunProgress progress = RequireRun(run);
                if (progress.State != RunState.Finished || state == RunState.Finished)
                {
                    _tables.Runs.Write(run, progress with { State = state, Ended = ended, Digest = digest });
                }
            },
            givesBack: true);
    }

    /// <inheritdoc/>
    public void ReopenRun(int run) => Durably(() =>
    {
        RunProgress progress = RequireRun(run);
        if (progress.State == RunState.Finished)
        {
            throw new InvalidOperationException($"run {run} is finished: there is nothing to add");
        }

        _tables.Runs.Write(run, progress with { State = RunState.Running, Ended = null, Digest = string.Empty });
    });

    /// <inheritdoc/>
    public StoredRun? FindRun(int? run)
    {
        int number = run ?? _tables.Runs.Newest();
        return number <= 0 ? null : _tables.Runs.Find(number);
    }

    /// <inheritdoc/>
    public IReadOnlyList<StoredRun> ReadRuns(Action<string> damage)
    {
        ArgumentNullException.ThrowIfNull(damage);
        List<StoredRun> runs = [];
        Dictionary<string, string> scenarios = new(StringComparer.Ordinal);
        foreach (int number in _tables.Runs.Numbers(damage))
        {
            try
            {
                if (_tables.Runs.Find(number) is { } run)
                {
                    // Runs share scenarios: a list of many runs does not hold as many texts.
                    string text = run.Facts.ResolvedScenario;
                    scenarios.TryAdd(text, text);
                    runs.Add(run with { Facts = run.Facts with { ResolvedScenario = scenarios[text] } });
                }
            }
            catch (HistoryDamageException hidden)
            {
                damage(hidden.Message);
            }
        }

        return runs;
    }

    /// <inheritdoc/>
    public IReadOnlyList<FleetTransition> ReadTransitions(int run) => _tables.Counts.ReadTransitions(run);

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, long>> ReadOutcomes(int run) => _tables.Counts.ReadOutcomes(run);

    /// <inheritdoc/>
    public IReadOnlyList<MachineViolation> ReadViolations(int run, int limit) =>
        [.. _tables.Counts.ReadViolations(run, limit).Select(row => new MachineViolation(row.Machine, row.Violation))];

    /// <inheritdoc/>
    public IEnumerable<StoredSlice> ReadSlices(int run, int? machine = null) => new SqliteSliceReader(_database, _tables, run).Read(machine);

    /// <inheritdoc/>
    public IEnumerable<StoredSlice> ReadSlices(int run, int machine, int fromGeneration) =>
        new SqliteSliceReader(_database, _tables, run).Read(machine, fromGeneration);

    /// <inheritdoc/>
    public IEnumerable<MachineProgress> ReadProgress(int run) => new SqliteSliceReader(_database, _tables, run).ReadProgress();

    /// <inheritdoc/>
    public MachineCheckpoint? ReadCheckpoint(int run, int machine) => _tables.Checkpoints.Find(run, machine);

    /// <inheritdoc/>
    public bool DeleteRun(int run)
    {
        bool isDeleted = false;
        Durably(() => isDeleted = _tables.Runs.Delete(run), givesBack: true);
        _current = null;
        return isDeleted;
    }

    /// <inheritdoc/>
    public void Verify(Action<string> damage, ClientCatalog? clients = null)
    {
        ArgumentNullException.ThrowIfNull(damage);
        Verify(damage, new RunCodecs(clients));
    }

    /// <inheritdoc/>
    public long ReadSizeBytes()
    {
        FileInfo file = new(_path);
        FileInfo log = new($"{_path}-wal");
        return file.Length + (log.Exists ? log.Length : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _database.Dispose();

    internal static SqliteHistoryStore Open(string path, HistoryAccess access, SqliteSchema schema, int busyMilliseconds) =>
        new(path, SqliteOpening.Open(path, access, schema, busyMilliseconds));

    internal void Verify(Action<string> damage, RunCodecs codecs) => new SqliteVerification(_database, _tables, codecs, damage).Run();

    /// <summary>For tests: makes the disk full at so many pages.</summary>
    internal void LimitPages(int pages) => _database.Ask($"PRAGMA max_page_count = {pages}");

    private void Durably(Action write, bool givesBack = false)
    {
        _database.Place = default;
        _database.Execute("PRAGMA synchronous = FULL");
        try
        {
            _database.Transaction(write);
            if (givesBack)
            {
                GiveBackFreePages();
            }

            _database.Checkpoint();
        }
        finally
        {
            _database.Execute("PRAGMA synchronous = NORMAL");
        }
    }

    /// <summary>A smaller file is a kindness: without room or in a hurry of others it waits for the next run.</summary>
    private void GiveBackFreePages()
    {
        try
        {
            _database.Execute("PRAGMA incremental_vacuum");
        }
        catch (HistoryUnavailableException)
        {
            // What was to be written is written; the pages stay free for the next run.
        }
    }

    private RunFacts FactsOf(int run)
    {
        if (_current?.Number != run)
        {
            _current = _tables.Runs.Find(run) ?? throw NoSuchRun(run);
        }

        return _current.Facts;
    }

    private RunProgress RequireRun(int run) => _tables.Runs.FindProgress(run) ?? throw NoSuchRun(run);

    private HistoryUnavailableException NoSuchRun(int run)
    {
        _database.Place = default;
        return new HistoryUnavailableException(_database.Sentence($"there is no run {run}"));
    }

    private void InsertSlices(int run, List<EncodedSlice> slices)
    {
        RunSums sums = default;
        FleetResult counted = new();
        foreach (EncodedSlice slice in slices)
        {
            SliceRow row = SliceRow.From(run, slice);
            if (!_tables.Slices.Insert(row))
            {
                continue;
            }

            sums = sums.Plus(row.Sums);
            foreach (GenerationRecord generation in slice.Record.Generations)
            {
                counted.Add(row.Machine, generation.Report);
                InsertViolations(run, row.Machine, generation.Report.Violations);
            }
        }

        if (sums.Generations != 0)
        {
            RunProgress progress = RequireRun(run);
            _tables.Runs.Write(run, progress with { Sums = progress.Sums.Plus(sums) });
            _tables.Counts.Add(run, counted);
        }
    }

    private void InsertViolations(int run, int machine, IReadOnlyList<Violation> violations)
    {
        for (int i = 0; i < violations.Count; i++)
        {
            _tables.Counts.Insert(new ViolationRow(run, machine, i, violations[i]));
        }
    }

    /// <summary>
    /// The order in which batches arrive decides nothing: the newest checkpoint stays, and none stays once the last slice is recorded.
    /// </summary>
    private void WriteCheckpoints(int run, RunFacts facts, HistoryBatch batch)
    {
        foreach (MachineCheckpoint checkpoint in batch.Checkpoints)
        {
            int slice = (checkpoint.NextGeneration - 1) / facts.SliceGenerations * facts.SliceGenerations;
            if (!_tables.Slices.Exists(run, checkpoint.Machine, slice))
            {
                throw new ArgumentException(
                    $"the checkpoint of machine {checkpoint.Machine} before generation {checkpoint.NextGeneration} is ahead of its records", nameof(batch));
            }

            bool isFinished = _tables.Slices.Exists(run, checkpoint.Machine, BatchRules.LastSlice(facts));
            if (!isFinished && checkpoint.NextGeneration > _tables.Checkpoints.Generation(run, checkpoint.Machine))
            {
                _tables.Checkpoints.Replace(run, checkpoint);
            }
        }

        foreach (int machine in batch.FinishedMachines)
        {
            _tables.Checkpoints.Remove(run, machine);
        }

        foreach (EncodedSlice slice in batch.Slices.Where(slice => slice.Record.FirstGeneration == BatchRules.LastSlice(facts)))
        {
            _tables.Checkpoints.Remove(run, slice.Record.Machine);
        }
    }
}
