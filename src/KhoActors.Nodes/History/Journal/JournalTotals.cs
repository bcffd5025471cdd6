using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.History.Journal;

/// <summary>What the records of a run add up to, counted in one pass over them.</summary>
internal sealed class JournalTotals
{
    private JournalTotals()
    {
    }

    /// <summary>The sums.</summary>
    public RunSums Sums { get; private set; }

    /// <summary>Transitions and outcomes.</summary>
    public FleetResult Counted { get; private set; } = new();

    /// <summary>The digest of the machines that are at the end of their chain, 64 hexadecimal digits; empty when it was not counted.</summary>
    public string Digest { get; private set; } = string.Empty;

    /// <summary>The first thing that is wrong; null when every record could be read.</summary>
    public HistoryDamageException? Damage { get; private set; }

    /// <summary>Counts the records of a run, as far as they can be read.</summary>
    /// <param name="reader">The records.</param>
    /// <param name="run">The run.</param>
    /// <param name="codec">Reads records.</param>
    /// <param name="place">The run, for messages.</param>
    /// <param name="damage">Called for each thing that is wrong; a record that is damaged counts for nothing.</param>
    /// <returns>The sums.</returns>
    public static JournalTotals Count(JournalSliceReader reader, JournalRun run, SliceCodec codec, string place, Action<HistoryDamageException> damage)
    {
        JournalTotals totals = new();
        using DigestChain digest = new("fleet");
        Action<HistoryDamageException> note = totals.Note(damage);
        for (int machine = 0; machine < run.Facts.Machines; machine++)
        {
            try
            {
                foreach (StoredSlice slice in reader.Read(machine, fromGeneration: 0, note))
                {
                    totals.Add(slice, codec, place, digest, slice.FirstGeneration == BatchRules.LastSlice(run.Facts), note);
                }
            }
            catch (HistoryDamageException unreadable)
            {
                // The database cannot list this machine's events; it may those of the next.
                note(unreadable);
            }
        }

        totals.Digest = Convert.ToHexStringLower(digest.Link());
        return totals;
    }

    /// <summary>Takes the driver's sums over: where records cannot be decoded, for want of the clients that took part.</summary>
    /// <param name="counted">The driver's sums.</param>
    /// <returns>The sums.</returns>
    public static JournalTotals Of(FleetResult counted) => new()
    {
        Counted = counted,
        Sums = new RunSums
        {
            Generations = counted.Generations,
            Kexecs = counted.Kexecs,
            ColdBoots = counted.ColdBoots,
            Messages = counted.Messages,
            Operations = counted.Operations,
            FailedRequests = counted.FailedRequests,
            Violations = counted.ViolationCount,
        },
    };

    private void Add(StoredSlice slice, SliceCodec codec, string place, DigestChain digest, bool isLast, Action<HistoryDamageException> damage)
    {
        SliceRecord record;
        try
        {
            record = codec.Decode(slice, place);
        }
        catch (HistoryDamageException found)
        {
            damage(found);
            return;
        }

        Sums = Sums.Plus(SliceRow.SumsOf(record));
        foreach (GenerationRecord generation in record.Generations)
        {
            Counted.Add(slice.Machine, generation.Report);
        }

        if (isLast)
        {
            digest.Append(record.Generations[^1].Digest.Span);
        }
    }

    private Action<HistoryDamageException> Note(Action<HistoryDamageException> damage) => found =>
    {
        Damage ??= found;
        damage(found);
    };
}
