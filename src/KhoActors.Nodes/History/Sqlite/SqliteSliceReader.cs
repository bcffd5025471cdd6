namespace KhoActors.Nodes.History.Sqlite;

/// <summary>
/// Reads the slices of one run. Every slice is a statement of its own, so that a reader holds nothing open between two records; what a
/// damaged index hides is found by counting.
/// </summary>
internal sealed class SqliteSliceReader
{
    private readonly SqliteDatabase _database;
    private readonly SqliteRuns _runs;
    private readonly SqliteSlices _slices;
    private readonly SqliteCheckpoints _checkpoints;
    private readonly int _run;

    public SqliteSliceReader(SqliteDatabase database, SqliteTables tables, int run)
    {
        _database = database;
        _runs = tables.Runs;
        _slices = tables.Slices;
        _checkpoints = tables.Checkpoints;
        _run = run;
    }

    /// <summary>Records by machine and generation.</summary>
    public IEnumerable<StoredSlice> Read(int? machine)
    {
        if (_runs.Find(_run) is not { } run)
        {
            yield break;
        }

        if (machine is { } only)
        {
            foreach (StoredSlice slice in ReadMachine(run, only))
            {
                yield return slice;
            }

            yield break;
        }

        long generations = 0;
        for (int next = _slices.NextMachine(_run, 0, afterMachine: -1); next >= 0; next = _slices.NextMachine(_run, 0, next))
        {
            foreach (StoredSlice slice in ReadMachine(run, next))
            {
                generations += BatchRules.GenerationsOf(run.Facts, slice.FirstGeneration);
                yield return slice;
            }
        }

        RequireSum(run, generations);
    }

    /// <summary>Where each machine stands.</summary>
    public IEnumerable<MachineProgress> ReadProgress()
    {
        if (_runs.Find(_run) is not { } run)
        {
            yield break;
        }

        (List<int> machines, List<int> slices) = CountSlices(run);
        for (int i = 0; i < machines.Count; i++)
        {
            int first = (slices[i] - 1) * run.Facts.SliceGenerations;
            SliceRow last = _slices.Find(_run, machines[i], first) ?? throw _database.Damage("the index of slices knows it, the table does not");
            int recorded = first + BatchRules.GenerationsOf(run.Facts, first);
            int checkpoint = _checkpoints.Generation(_run, machines[i]);
            if (checkpoint > recorded)
            {
                throw _database.Damage($"it was taken before generation {checkpoint}, but {recorded} generations are recorded");
            }

            yield return new MachineProgress(machines[i], recorded, checkpoint, last.Digest);
        }
    }

    private IEnumerable<StoredSlice> ReadMachine(StoredRun run, int machine)
    {
        int missing = -1;
        for (long next = 0; next <= run.Facts.Kexecs; next += run.Facts.SliceGenerations)
        {
            int first = (int)next;
            if (_slices.Find(_run, machine, first) is { } row)
            {
                if (missing >= 0)
                {
                    _database.Place = new RecordPlace(_run, machine, missing);
                    throw _database.Damage("it is missing, and later ones are there");
                }

                yield return new StoredSlice(machine, first, row.Record);
            }
            else if (missing < 0)
            {
                missing = first;
            }
        }

        if (missing >= 0 && run.State == RunState.Finished && BatchRules.IsMachine(run.Facts, machine))
        {
            _database.Place = new RecordPlace(_run, machine, missing);
            throw _database.Damage("it is missing, and the run is finished");
        }
    }

    /// <summary>How many slices each machine has without a gap, in the order of their numbers.</summary>
    private (List<int> Machines, List<int> Slices) CountSlices(StoredRun run)
    {
        List<int> machines = [];
        List<int> slices = [];
        long generations = 0;
        int index = 0;
        int round = 0;
        foreach ((int first, int machine) in _slices.List(_run))
        {
            generations += BatchRules.IsSlice(run.Facts, first) ? BatchRules.GenerationsOf(run.Facts, first) : 0;
            if (first == 0)
            {
                machines.Add(machine);
                slices.Add(1);
                continue;
            }

            (index, round) = first == round ? (index, round) : (0, first);
            while (index < machines.Count && machines[index] < machine)
            {
                index++;
            }

            if (index < machines.Count && machines[index] == machine && slices[index] == first / run.Facts.SliceGenerations)
            {
                slices[index]++;
            }
        }

        RequireSum(run, generations);
        return (machines, slices);
    }

    private void RequireSum(StoredRun run, long generations)
    {
        // Another process may have added records since the run was read: then the sums have moved too.
        if (_runs.FindProgress(_run) is { } now && now.Sums == run.Sums && generations != run.Sums.Generations)
        {
            throw _database.Damage($"its sums count {run.Sums.Generations} generations, {generations} can be found");
        }
    }
}
