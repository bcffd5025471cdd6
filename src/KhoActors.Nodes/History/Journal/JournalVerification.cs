using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.History.Journal;

/// <summary>Reads a whole journal and names everything that is wrong, going on behind each damage.</summary>
internal sealed class JournalVerification(IJournalSource source, RunCodecs codecs, Action<string> damage)
{
    private readonly JournalRuns _runs = new(source);

    /// <summary>Verifies the journal as of one moment.</summary>
    public void Run() => source.AsOfOneMoment(() =>
    {
        Part(() => source.CheckIntegrity(damage));
        IReadOnlyCollection<int> announced = [];
        Part(() => announced = _runs.ReadNumbers(Tell));
        SortedDictionary<int, int> machines = [];
        foreach (int number in announced)
        {
            Part(() =>
            {
                if (_runs.Find(number) is { } run)
                {
                    machines.Add(number, run.Facts.Machines);
                    VerifyRun(run);
                }
            });
        }

        Part(() => VerifyOwners(announced, machines));
        return true;
    });

    private void VerifyRun(JournalRun run)
    {
        string place = $"{source.Address}, run {run.Number}";
        JournalSliceReader reader = new(source, run);
        if (codecs.Find(run.Facts, place, damage) is { } codec)
        {
            JournalTotals totals = JournalTotals.Count(reader, run, codec, place, Tell);

            // A slice is recorded before it is counted: only of a finished run both must agree.
            if (run.State == RunState.Finished)
            {
                CompareSums(run, totals, place);
            }
        }
        else
        {
            // Without their clients records cannot be decoded; their frames can.
            for (int machine = 0; machine < run.Facts.Machines; machine++)
            {
                int at = machine;
                Part(() => VerifyFrames(reader, at));
            }
        }

        for (int machine = 0; machine < run.Facts.Machines; machine++)
        {
            JournalOwner owner = new(run.Number, machine);
            Part(() => VerifyCheckpoint(run, owner, reader));
        }
    }

    private void VerifyFrames(JournalSliceReader reader, int machine)
    {
        foreach (StoredSlice frame in reader.Read(machine, fromGeneration: 0, Tell))
        {
            _ = frame;
        }
    }

    private void CompareSums(JournalRun run, JournalTotals totals, string place)
    {
        FleetResult stored = run.Counted;
        FleetResult counted = totals.Counted;
        Compare("kexecs", stored.Kexecs, counted.Kexecs);
        Compare("cold boots", stored.ColdBoots, counted.ColdBoots);
        Compare("messages", (long)stored.Messages, (long)counted.Messages);
        Compare("operations", stored.Operations, counted.Operations);
        Compare("failed requests", stored.FailedRequests, counted.FailedRequests);
        Compare("violations", stored.ViolationCount, counted.ViolationCount);
        Compare("generations of a finished run", (long)run.Facts.Machines * (run.Facts.Kexecs + 1L), totals.Sums.Generations);
        if (!stored.Transitions.SequenceEqual(counted.Transitions))
        {
            damage($"{place}: the transitions that its driver counted are not those of the records");
        }

        if (!stored.Outcomes.SequenceEqual(counted.Outcomes))
        {
            damage($"{place}: the outcomes that its driver counted are not those of the records");
        }

        if (totals.Digest != run.Digest)
        {
            damage($"{place}: the run's digest is not that of its machines' digests");
        }

        void Compare(string what, long driver, long records)
        {
            if (driver != records)
            {
                damage($"{place}: its driver counted {driver} {what}, the records that can be read have {records}");
            }
        }
    }

    private void VerifyCheckpoint(JournalRun run, JournalOwner owner, JournalSliceReader reader)
    {
        if (JournalCheckpoint.Read(source, owner) is not { } rested)
        {
            return;
        }

        // The slice before a snapshot was recorded before it.
        int before = (rested.NextGeneration - 1) / run.Facts.SliceGenerations * run.Facts.SliceGenerations;
        if (!reader.Read(owner.Machine, before, static _ => { }).Any(slice => slice.FirstGeneration == before))
        {
            damage($"{source.Address}, {owner.Place}: a snapshot was taken before generation {rested.NextGeneration}, and no record leads there");
        }
    }

    /// <summary>Events and snapshots under ids of ours that belong to no machine of a run.</summary>
    private void VerifyOwners(IReadOnlyCollection<int> announced, SortedDictionary<int, int> machines)
    {
        SortedSet<int> known = [.. announced];
        source.ReadIds(id =>
        {
            bool isOurs = id == JournalNames.Runs
                || (JournalNames.TryReadRun(id, out int run) && known.Contains(run))
                || (JournalNames.TryReadMachine(id, out run, out int machine) && known.Contains(run)
                    && (!machines.TryGetValue(run, out int count) || machine < count));
            if (!isOurs)
            {
                damage($"{source.Address}: '{Printable(id)}' belongs to no machine of a run");
            }
        });
    }

    private static string Printable(string id) => string.Concat(id.Take(80).Select(static each => each is >= ' ' and <= '~' ? each : '?'));

    private void Tell(HistoryDamageException found) => damage(found.Message);

    private void Part(Action verify)
    {
        try
        {
            verify();
        }
        catch (HistoryDamageException found)
        {
            Tell(found);
        }
    }
}

/// <summary>Reads snapshots of machines.</summary>
internal static class JournalCheckpoint
{
    /// <summary>The newest snapshot of a machine.</summary>
    /// <param name="source">The journal.</param>
    /// <param name="owner">The machine.</param>
    /// <returns>The snapshot, or null when there is none.</returns>
    /// <exception cref="HistoryDamageException">It is damaged, or another machine's.</exception>
    public static MachineRested? Read(IJournalSource source, JournalOwner owner)
    {
        if (source.ReadSnapshot(owner) is not { } row)
        {
            return null;
        }

        string place = $"{source.Address}, {owner.Place}, snapshot {row.Sequence}";
        MachineRested rested = row.Decode(place) as MachineRested
            ?? throw new HistoryDamageException($"{place}: '{row.Manifest}', expected '{JournalCodec.Checkpoint}'");
        return rested.Run == owner.Run && rested.Machine == owner.Machine && rested.NextGeneration > 0
            ? rested
            : throw new HistoryDamageException($"{place}: it is of run {rested.Run}, machine {rested.Machine}, before generation {rested.NextGeneration}");
    }
}
