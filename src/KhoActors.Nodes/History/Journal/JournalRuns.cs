using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.History.Journal;

/// <summary>A run as its driver's events tell it.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Facts">What it depends on.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Ended">When it ended or was interrupted, UTC; null while it runs.</param>
/// <param name="Digest">The fleet's digest, or empty.</param>
/// <param name="Counted">The sums of what the driver has counted; slices may be recorded that it has not.</param>
internal sealed record JournalRun(int Number, RunFacts Facts, RunState State, DateTimeOffset? Ended, string Digest, FleetResult Counted);

/// <summary>Reads the list of runs, and runs.</summary>
internal sealed class JournalRuns(IJournalSource source)
{
    /// <summary>The numbers of the runs that were announced, in ascending order. An announced run may not have begun yet.</summary>
    /// <param name="damage">Called for each event of the list that cannot be read.</param>
    /// <returns>The numbers.</returns>
    public IReadOnlyCollection<int> ReadNumbers(Action<HistoryDamageException> damage)
    {
        SortedSet<int> numbers = [];
        foreach (JournalEvent each in ReadAll(new JournalOwner(0), damage))
        {
            switch (each)
            {
                case RunAnnounced announced:
                    numbers.Add(announced.Run);
                    break;
                case RunClosed closed when numbers.Contains(closed.Run):
                    break;
                default:
                    damage(new HistoryDamageException($"{source.Address}, list of runs: {Named(each)} is out of place"));
                    break;
            }
        }

        return numbers;
    }

    /// <summary>Finds a run.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>The run; null when there is none, or it has not begun.</returns>
    public JournalRun? Find(int number)
    {
        JournalOwner owner = new(number);
        JournalRun? run = null;
        foreach (JournalEvent each in ReadAll(owner, static damage => throw damage))
        {
            run = each switch
            {
                RunBegun begun when run is null && begun.Run == number => new JournalRun(
                    number, Checked(owner, begun.Facts), RunState.Running, null, string.Empty, new FleetResult { Machines = begun.Facts.Machines }),
                FleetAdvanced advanced when run is not null && advanced.Run == number => Plus(run, advanced),
                RunOver over when run is not null && over.Run == number => run with { State = over.State, Ended = over.Ended, Digest = over.Digest },
                RunReopened reopened when run is not null && reopened.Run == number =>
                    run with { State = RunState.Running, Ended = null, Digest = string.Empty },
                _ => throw new HistoryDamageException($"{source.Address}, {owner.Place}: {Named(each)} is out of place"),
            };
        }

        return run;
    }

    private static JournalRun Plus(JournalRun run, FleetAdvanced advanced)
    {
        run.Counted.Add(advanced.Counted);
        return run;
    }

    private static string Named(JournalEvent each) => $"an event '{JournalCodec.ManifestOf(each)}'";

    private RunFacts Checked(JournalOwner owner, RunFacts facts)
    {
        try
        {
            RunRules.Check(facts);
            return facts;
        }
        catch (ArgumentException refusal)
        {
            throw new HistoryDamageException($"{source.Address}, {owner.Place}: {refusal.Message}", refusal);
        }
    }

    private IEnumerable<JournalEvent> ReadAll(JournalOwner owner, Action<HistoryDamageException> damage)
    {
        long next = 1;
        foreach (JournalRow row in source.ReadEvents(owner, fromSequence: long.MinValue))
        {
            if (row.Sequence != next)
            {
                damage(JournalGap.Of(source, owner, next, row.Sequence));
            }

            next = row.Sequence + 1;
            JournalEvent? read = null;
            try
            {
                read = row.Decode($"{source.Address}, {owner.PlaceOf(row.Sequence)}");
            }
            catch (HistoryDamageException found)
            {
                damage(found);
            }

            if (read is not null)
            {
                yield return read;
            }
        }
    }
}

/// <summary>Events of an actor are numbered from 1 without a gap.</summary>
internal static class JournalGap
{
    /// <summary>What is wrong when another number comes than the one that must.</summary>
    /// <param name="source">The journal.</param>
    /// <param name="owner">Whose events.</param>
    /// <param name="expected">The number that must come.</param>
    /// <param name="found">The number that came.</param>
    /// <returns>The exception.</returns>
    public static HistoryDamageException Of(IJournalSource source, JournalOwner owner, long expected, long found) => new(
        found < expected ? $"{source.Address}, {owner.PlaceOf(found)}: events are numbered from 1"
        : found == expected + 1 ? $"{source.Address}, {owner.PlaceOf(expected)}: it is missing, and later ones are there"
        : $"{source.Address}, {owner.Place}: the events {expected} to {found - 1} are missing, and later ones are there");
}
