using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.History.Journal;

/// <summary>
/// The history that the Akka engine writes: events and snapshots in the tables of Akka.Persistence.Sql, read without Akka. Only that engine
/// writes it; whatever would write here is refused.
/// </summary>
/// <remarks>
/// Sums are counted from the records, once for each run while the store is open, and are those of that moment. What is damaged does not
/// count and hides nothing else: reading the records, the transitions or the outcomes names it.
/// </remarks>
internal sealed class JournalHistoryStore : IHistoryStore
{
    private readonly IJournalSource _source;
    private readonly JournalRuns _runs;
    private readonly RunCodecs _codecs = new(clients: null);
    private readonly Dictionary<int, (JournalRun Run, JournalTotals Totals)> _known = [];

    /// <summary>Takes over a journal.</summary>
    /// <param name="source">Its tables.</param>
    public JournalHistoryStore(IJournalSource source)
    {
        _source = source;
        _runs = new JournalRuns(source);
    }

    /// <inheritdoc/>
    public string Address => _source.Address;

    /// <inheritdoc/>
    public int BeginRun(RunFacts facts) => throw Refuse("a run is recorded there with --engine akka");

    /// <inheritdoc/>
    public void Commit(int run, HistoryBatch batch) => throw Refuse("no other engine records there");

    /// <inheritdoc/>
    public void EndRun(int run, RunState state, string digest, DateTimeOffset ended) => throw Refuse("no other engine ends a run there");

    /// <inheritdoc/>
    public void ReopenRun(int run) => throw Refuse($"run {run} is continued by that engine only");

    /// <inheritdoc/>
    public bool DeleteRun(int run) => throw Refuse("a run is deleted by deleting the whole journal");

    /// <inheritdoc/>
    public StoredRun? FindRun(int? run)
    {
        if (run is { } number)
        {
            return number > 0 ? Find(number) : null;
        }

        return _runs.ReadNumbers(static damage => throw damage).Reverse().Select(Find).FirstOrDefault(static found => found is not null);
    }

    /// <inheritdoc/>
    public IReadOnlyList<StoredRun> ReadRuns(Action<string> damage)
    {
        ArgumentNullException.ThrowIfNull(damage);
        List<StoredRun> runs = [];
        foreach (int number in _runs.ReadNumbers(found => damage(found.Message)))
        {
            try
            {
                if (Find(number) is { } run)
                {
                    runs.Add(run);
                    if (_known[number].Totals.Damage is { } hidden)
                    {
                        damage(hidden.Message);
                    }
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
    public IReadOnlyList<FleetTransition> ReadTransitions(int run) => Sound(run)?.Counted.Transitions ?? [];

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, long>> ReadOutcomes(int run) => Sound(run)?.Counted.Outcomes ?? [];

    /// <inheritdoc/>
    public IReadOnlyList<MachineViolation> ReadViolations(int run, int limit)
    {
        if (Sound(run) is not { Sums.Violations: > 0 } totals)
        {
            return [];
        }

        // Those that were counted are kept up to the limit that pages have; whoever asks for more reads the records again.
        return limit <= FleetResult.LimitViolationsKept || _codecs.Find(_known[run].Run.Facts, Place(run), static _ => { }) is not { } codec
            ? [.. totals.Counted.Violations.Take(limit)]
            : [.. ReadSlices(run).SelectMany(slice => Violations(codec.Decode(slice, Place(run)))).Take(limit)];
    }

    /// <inheritdoc/>
    public IEnumerable<StoredSlice> ReadSlices(int run, int? machine = null)
    {
        if (Look(run) is not { } known)
        {
            return [];
        }

        if (machine is { } only)
        {
            return ReadSlices(run, only, fromGeneration: 0);
        }

        JournalSliceReader reader = new(_source, known.Run);
        return Enumerable.Range(0, known.Run.Facts.Machines).SelectMany(each => reader.Read(each, fromGeneration: 0, Throw));
    }

    /// <inheritdoc/>
    public IEnumerable<StoredSlice> ReadSlices(int run, int machine, int fromGeneration) =>
        Look(run) is { } known && BatchRules.IsMachine(known.Run.Facts, machine)
            ? new JournalSliceReader(_source, known.Run).Read(machine, fromGeneration, Throw)
            : [];

    /// <inheritdoc/>
    public IEnumerable<MachineProgress> ReadProgress(int run)
    {
        if (Look(run) is not { } known)
        {
            yield break;
        }

        RunFacts facts = known.Run.Facts;
        SliceCodec codec = _codecs.Find(facts, Place(run), static damage => throw new HistoryDamageException(damage))
            ?? throw new HistoryUnavailableException($"{Place(run)}: its records cannot be read without the clients that took part");
        JournalSliceReader reader = new(_source, known.Run);
        for (int machine = 0; machine < facts.Machines; machine++)
        {
            StoredSlice? last = null;
            foreach (StoredSlice slice in reader.Read(machine, fromGeneration: 0, Throw))
            {
                last = slice;
            }

            if (last is { } found)
            {
                int recorded = found.FirstGeneration + BatchRules.GenerationsOf(facts, found.FirstGeneration);
                int checkpoint = ReadCheckpoint(run, machine)?.NextGeneration ?? 0;
                yield return new MachineProgress(machine, recorded, checkpoint, codec.Decode(found, Place(run)).Generations[^1].Digest);
            }
        }
    }

    /// <inheritdoc/>
    public MachineCheckpoint? ReadCheckpoint(int run, int machine) =>
        run > 0 && machine >= 0 && JournalCheckpoint.Read(_source, new JournalOwner(run, machine)) is { } rested
            ? new MachineCheckpoint(machine, rested.NextGeneration, rested.Snapshot)
            : null;

    /// <inheritdoc/>
    public void Verify(Action<string> damage, ClientCatalog? clients = null)
    {
        ArgumentNullException.ThrowIfNull(damage);
        new JournalVerification(_source, new RunCodecs(clients), damage).Run();
    }

    /// <inheritdoc/>
    public long ReadSizeBytes() => _source.ReadSizeBytes();

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    private static void Throw(HistoryDamageException damage) => throw damage;

    private static IEnumerable<MachineViolation> Violations(SliceRecord record) =>
        from generation in record.Generations
        from violation in generation.Report.Violations
        select new MachineViolation(record.Machine, violation);

    private StoredRun? Find(int number) => Look(number) is { } known
        ? new StoredRun(number, known.Run.Facts, known.Run.State, known.Run.Ended, known.Totals.Sums, known.Run.Digest)
        : null;

    private JournalTotals? Sound(int run) => Look(run) is not { } known ? null
        : known.Totals.Damage is { } damage ? throw new HistoryDamageException(damage.Message, damage)
        : known.Totals;

    /// <summary>A run with its sums, read once and as of one moment.</summary>
    private (JournalRun Run, JournalTotals Totals)? Look(int number)
    {
        if (_known.TryGetValue(number, out (JournalRun, JournalTotals) known))
        {
            return known;
        }

        if (number <= 0)
        {
            return null;
        }

        return _source.AsOfOneMoment<(JournalRun, JournalTotals)?>(() =>
        {
            if (_runs.Find(number) is not { } run)
            {
                return null;
            }

            SliceCodec? codec = _codecs.Find(run.Facts, Place(number), static damage => throw new HistoryDamageException(damage));
            JournalTotals totals = codec is null
                ? JournalTotals.Of(run.Counted)
                : JournalTotals.Count(new JournalSliceReader(_source, run), run, codec, Place(number), static _ => { });
            return _known[number] = (run, totals);
        });
    }

    private string Place(int run) => $"{Address}, run {run}";

    private HistoryUnavailableException Refuse(string how) =>
        new($"{Address}: this history is written by the Akka engine alone, and is only read here; {how}");
}
