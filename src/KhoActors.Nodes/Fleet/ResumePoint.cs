using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Fleet;

/// <summary>A run cannot be continued as it is asked for; nothing was run. It may still be replayed.</summary>
public sealed class ResumeException : Exception
{
    /// <summary>Says why.</summary>
    /// <param name="message">One sentence: which run, what it was recorded with, what is accepted.</param>
    public ResumeException(string message)
        : base(message)
    {
    }
}

/// <summary>
/// Where a run of a history stands: its sums, how far each machine is recorded, and its records and checkpoints for machines to return by.
/// The store belongs to it alone until the run is over: the recorder of the continued run needs one of its own.
/// </summary>
public sealed class ResumePoint
{
    private readonly IHistoryStore _store;
    private readonly StoredRun _run;
    private readonly RecordedSlices _slices;

    /// <summary>Reads how far a run has come.</summary>
    /// <param name="store">The history, open for reading.</param>
    /// <param name="run">The run, as the history knows it now.</param>
    /// <param name="codec">A codec for the run's scenario.</param>
    /// <exception cref="ResumeException">The run was recorded by another version of the model or in another format.</exception>
    public ResumePoint(IHistoryStore store, StoredRun run, SliceCodec codec)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(run);
        _store = store;
        _run = run;
        _slices = new RecordedSlices(store, run.Number, codec);
        Require(run.Facts.ModelVersion, Machine.ModelVersion, "by model version");
        Require(run.Facts.RecordFormat, RunFacts.CurrentRecordFormat, "in record format");
    }

    /// <summary>What was recorded so far.</summary>
    public RunSums Recorded => _run.Sums;

    /// <summary>Generations of a full slice.</summary>
    internal int SliceGenerations => _run.Facts.SliceGenerations;

    /// <summary>Refuses to continue a run as another one.</summary>
    /// <param name="plan">The fleet to be run.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ResumeException">They are not those of the run.</exception>
    internal void RequireSameRun(FleetPlan plan, FleetOptions options)
    {
        RunFacts facts = _run.Facts;
        Require(facts.Seed, plan.Seed, "with seed");
        Require(facts.Machines, plan.Scenario.Machines, "for a fleet of size");
        Require(facts.Kexecs, plan.Scenario.Kexecs, "for kexecs of a number of");
        Require(facts.SliceGenerations, options.SliceGenerations ?? facts.SliceGenerations, "in slices of length");
        Require(facts.OrderIsRecorded ? "with" : "without", options.RecordOrder ? "with" : "without", "as to the order of deliveries,");
    }

    /// <summary>How far each machine is recorded.</summary>
    /// <returns>One entry for each machine that has a record.</returns>
    /// <exception cref="HistoryDamageException">While it is read: it contradicts itself or the run's facts.</exception>
    internal IEnumerable<MachineProgress> ReadProgress()
    {
        int before = -1;
        foreach (MachineProgress progress in _store.ReadProgress(_run.Number))
        {
            if (progress.Machine <= before || progress.Machine >= _run.Facts.Machines)
            {
                throw _slices.Damage(progress.Machine, $"progress is given behind machine {before}, in a fleet of {_run.Facts.Machines}");
            }

            before = progress.Machine;
            int recorded = progress.RecordedGenerations;
            bool isWhole = recorded > 0 && (recorded == _run.Facts.Kexecs + 1 || (recorded <= _run.Facts.Kexecs && recorded % SliceGenerations == 0));
            if (!isWhole || progress.CheckpointGeneration < 0 || progress.Digest.Length != Runtime.DigestChain.LinkBytes)
            {
                throw _slices.Damage(
                    progress.Machine,
                    $"{recorded} generations are said to be recorded of {_run.Facts.Kexecs + 1} in slices of {SliceGenerations}, with a checkpoint at {progress.CheckpointGeneration}");
            }

            yield return progress;
        }
    }

    /// <summary>Refuses to start from sums that are not those of the records.</summary>
    /// <param name="generations">Generations that are recorded.</param>
    /// <exception cref="ResumeException">They are not.</exception>
    internal void RequireSum(long generations)
    {
        if (generations != _run.Sums.Generations)
        {
            throw new ResumeException(
                $"{Name} counts {_run.Sums.Generations} generations and has records of {generations}: another process may be running it");
        }
    }

    /// <summary>Counts what is recorded.</summary>
    /// <param name="result">Receives it.</param>
    internal void AddRecorded(FleetResult result)
    {
        result.Add(_run.Sums);
        foreach (KeyValuePair<string, long> outcome in _store.ReadOutcomes(_run.Number))
        {
            result.Add(outcome);
        }

        foreach (FleetTransition transition in _store.ReadTransitions(_run.Number))
        {
            result.Add(transition);
        }

        result.Add(_store.ReadViolations(_run.Number, FleetResult.LimitViolationsKept));
    }

    /// <summary>The newest checkpoint of a machine.</summary>
    internal MachineCheckpoint? ReadCheckpoint(int machine) => _slices.ReadCheckpoint(machine);

    /// <summary>The records of a machine from the one that holds a generation.</summary>
    internal IEnumerable<SliceRecord> ReadSlices(int machine, int generation) => _slices.Read(machine, generation / SliceGenerations * SliceGenerations);

    /// <summary>The recorded digest of a machine after a generation.</summary>
    internal ReadOnlyMemory<byte> DigestAfter(int machine, int generation)
    {
        foreach (SliceRecord slice in ReadSlices(machine, generation))
        {
            return generation < slice.EndGeneration ? slice.Generations[generation - slice.FirstGeneration].Digest : default;
        }

        throw Damage(machine, $"the record of generation {generation} is missing");
    }

    /// <summary>Damage that shows when records are put together.</summary>
    internal HistoryDamageException Damage(int machine, string what) => _slices.Damage(machine, what);

    private string Name => $"{_store.Address}, run {_run.Number}";

    private void Require<T>(T recorded, T asked, string what)
        where T : IEquatable<T>
    {
        if (!recorded.Equals(asked))
        {
            throw new ResumeException($"{Name} was recorded {what} {recorded}; it cannot be continued {what} {asked}");
        }
    }
}
