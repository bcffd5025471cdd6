using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.History;

/// <summary>
/// Counts a run's records again, one after the other in the order of generations and machines, and compares what is stored with what they
/// say. For every kind of database; what cannot be read at all is the store's to name.
/// </summary>
internal sealed class RunVerification : IDisposable
{
    private readonly StoredRun _run;
    private readonly string _place;
    private readonly SliceCodec? _codec;
    private readonly Action<string> _damage;
    private readonly FleetResult _counted = new();
    private readonly Dictionary<int, int> _slicesOf = [];
    private readonly DigestChain _digest = new("fleet");
    private RunSums _sums;
    private long _generationsThere;
    private int _slicesThere;
    private int _slicesCounted;

    /// <summary>Begins.</summary>
    /// <param name="run">The run.</param>
    /// <param name="place">The history's address.</param>
    /// <param name="codecs">Decode the records.</param>
    /// <param name="damage">Called for each thing that is wrong.</param>
    public RunVerification(StoredRun run, string place, RunCodecs codecs, Action<string> damage)
    {
        _run = run;
        _place = $"{place}, run {run.Number}";
        _damage = damage;
        _codec = codecs.Find(run.Facts, _place, damage);
    }

    /// <summary>Says that there is a slice, readable or not.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="firstGeneration">Its first generation.</param>
    public void Note(int machine, int firstGeneration)
    {
        _slicesThere++;
        _generationsThere += BatchRules.GenerationsOf(_run.Facts, firstGeneration);
        int slice = firstGeneration / _run.Facts.SliceGenerations;
        int before = _slicesOf.GetValueOrDefault(machine);
        if (slice != before)
        {
            int missing = before * _run.Facts.SliceGenerations;
            Damage($"machine {machine}: the records of generations {missing} to {firstGeneration - 1} are missing, later ones are there");
        }

        _slicesOf[machine] = slice + 1;
        if (!BatchRules.IsMachine(_run.Facts, machine))
        {
            Damage($"machine {machine}: the run has {_run.Facts.Machines} machines");
        }
    }

    /// <summary>Counts a slice that was read and whose checksum is right.</summary>
    /// <param name="row">The slice.</param>
    /// <returns>The violations that it holds, by generation and position; null when they cannot be known.</returns>
    public IReadOnlyList<Violation>? Count(in SliceRow row)
    {
        _sums = _sums.Plus(row.Sums);
        if (row.FirstGeneration == BatchRules.LastSlice(_run.Facts))
        {
            _digest.Append(row.Digest.Span);
        }

        if (_codec is null)
        {
            _slicesCounted++;
            return null;
        }

        SliceRecord record = _codec.Decode(new StoredSlice(row.Machine, row.FirstGeneration, row.Record), _place);
        if (SliceRow.SumsOf(record) != row.Sums || !record.Generations[^1].Digest.Span.SequenceEqual(row.Digest.Span))
        {
            Damage($"machine {row.Machine}, record of generation {row.FirstGeneration}: the row's sums and digest are not those of the record");
        }

        List<Violation> violations = [];
        foreach (GenerationRecord generation in record.Generations)
        {
            _counted.Add(row.Machine, generation.Report);
            violations.AddRange(generation.Report.Violations);
        }

        _slicesCounted++;
        return violations;
    }

    /// <summary>Generations without a gap that a machine has.</summary>
    /// <param name="machine">The machine.</param>
    /// <returns>How many.</returns>
    public long RecordedGenerations(int machine) =>
        Math.Min((long)_slicesOf.GetValueOrDefault(machine) * _run.Facts.SliceGenerations, (long)_run.Facts.Kexecs + 1);

    /// <summary>What is counted is all that the run's row counts: otherwise each difference would follow from what is named already.</summary>
    private bool IsComparable => _slicesCounted == _slicesThere && _run.Sums.Generations == _generationsThere;

    /// <summary>Compares the run's sums and digest.</summary>
    public void CompareSums()
    {
        RunSums stored = _run.Sums;
        Compare("generations", stored.Generations, _generationsThere);
        if (_run.State == RunState.Finished && stored.Generations == _generationsThere)
        {
            Compare("generations of a finished run", (long)_run.Facts.Machines * (_run.Facts.Kexecs + 1L), _generationsThere);
        }

        if (_run.State == RunState.Finished && _slicesCounted == _slicesThere && Convert.ToHexStringLower(_digest.Link()) != _run.Digest)
        {
            Damage("the run's digest is not that of its machines' digests");
        }

        if (!IsComparable)
        {
            return;
        }

        Compare("generations", stored.Generations, _sums.Generations);
        Compare("kexecs", stored.Kexecs, _sums.Kexecs);
        Compare("cold boots", stored.ColdBoots, _sums.ColdBoots);
        Compare("messages", (long)stored.Messages, (long)_sums.Messages);
        Compare("operations", stored.Operations, _sums.Operations);
        Compare("failed requests", stored.FailedRequests, _sums.FailedRequests);
        Compare("faults", stored.FaultsInjected, _sums.FaultsInjected);
        Compare("violations", stored.Violations, _sums.Violations);
    }

    /// <summary>Compares transitions and outcomes.</summary>
    /// <param name="transitions">What is stored, by names.</param>
    /// <param name="outcomes">What is stored, by name.</param>
    public void CompareCounts(IReadOnlyList<FleetTransition> transitions, IReadOnlyList<KeyValuePair<string, long>> outcomes)
    {
        if (!IsComparable)
        {
            return;
        }

        if (_codec is null)
        {
            Compare("kexecs in transitions", transitions.Sum(each => each.Count), _sums.Kexecs);
            Compare("generations in outcomes", outcomes.Sum(each => each.Value), _sums.Generations);
            return;
        }

        if (!transitions.SequenceEqual(_counted.Transitions))
        {
            Damage("the transitions are not those of the records");
        }

        if (!outcomes.SequenceEqual(_counted.Outcomes))
        {
            Damage("the outcomes are not those of the records");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _digest.Dispose();

    private void Compare(string what, long stored, long counted)
    {
        if (stored != counted)
        {
            Damage($"{stored} {what} are stored, its records have {counted}");
        }
    }

    private void Damage(string what) => _damage($"{_place}: {what}");
}
