namespace KhoActors.Nodes.History.Journal;

/// <summary>
/// Reads the slices of machines. A machine that was recovered twice may have recorded a slice twice: the same bytes, which count once.
/// </summary>
internal sealed class JournalSliceReader(IJournalSource source, JournalRun run)
{
    // Behind damage it is not known which slice comes next: the next one that can be read says it.
    private const long Unknown = -1;

    /// <summary>Slices of a machine in the order of generations, each once.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="fromGeneration">Slices that begin with it or behind it.</param>
    /// <param name="damage">Called for each thing that is wrong; reading goes on behind it unless this throws.</param>
    /// <returns>The slices.</returns>
    public IEnumerable<StoredSlice> Read(int machine, int fromGeneration, Action<HistoryDamageException> damage)
    {
        JournalOwner owner = new(run.Number, machine);
        int sliceGenerations = run.Facts.SliceGenerations;

        // Each slice before takes one event at least.
        long slicesBefore = (fromGeneration + sliceGenerations - 1L) / sliceGenerations;
        long nextSequence = slicesBefore + 1;
        long nextGeneration = slicesBefore * sliceGenerations;
        foreach (JournalRow row in source.ReadEvents(owner, slicesBefore == 0 ? long.MinValue : nextSequence))
        {
            if (row.Sequence != nextSequence)
            {
                damage(JournalGap.Of(source, owner, nextSequence, row.Sequence));
                nextGeneration = row.Sequence < nextSequence ? nextGeneration : Unknown;
            }

            if (row.Sequence < nextSequence)
            {
                continue;
            }

            nextSequence = row.Sequence + 1;
            if (Decode(owner, row, damage) is not { } slice)
            {
                nextGeneration = Unknown;
            }
            else if (slice.FirstGeneration >= fromGeneration && IsNext(owner, row.Sequence, slice, nextGeneration, damage))
            {
                nextGeneration = (long)slice.FirstGeneration + sliceGenerations;
                yield return new StoredSlice(machine, slice.FirstGeneration, slice.Encoded);
            }
        }

        bool isShort = nextGeneration != Unknown && nextGeneration <= run.Facts.Kexecs;
        if (isShort && run.State == RunState.Finished && BatchRules.IsMachine(run.Facts, machine))
        {
            damage(Damage(owner, $"the records from generation {nextGeneration} on are missing, and the run is finished"));
        }
    }

    /// <summary>Whether a slice continues those before; otherwise it is one of them again, or damage.</summary>
    private bool IsNext(JournalOwner owner, long sequence, SliceRecorded slice, long nextGeneration, Action<HistoryDamageException> damage)
    {
        if (nextGeneration == Unknown || slice.FirstGeneration == nextGeneration)
        {
            return true;
        }

        if (slice.FirstGeneration > nextGeneration)
        {
            string missing = $"the records of generations {nextGeneration} to {slice.FirstGeneration - 1} are missing";
            damage(Damage(owner, $"{missing} before event {sequence}, and later ones are there"));
            return true;
        }

        if (FindOther(owner, slice, sequence) is { } difference)
        {
            damage(Damage(owner, difference));
        }

        return false;
    }

    /// <summary>Looks for the first record of a slice that comes again.</summary>
    /// <returns>What is wrong; null when it is there with the same bytes.</returns>
    private string? FindOther(JournalOwner owner, SliceRecorded again, long sequence)
    {
        long from = (again.FirstGeneration / run.Facts.SliceGenerations) + 1L;
        foreach (JournalRow row in source.ReadEvents(owner, from).TakeWhile(row => row.Sequence < sequence))
        {
            if (Decode(owner, row, static _ => { }) is { } first && first.FirstGeneration == again.FirstGeneration)
            {
                return first.Encoded.Span.SequenceEqual(again.Encoded.Span) ? null
                    : $"the events {row.Sequence} and {sequence} both record generations {again.FirstGeneration} to {again.EndGeneration - 1}, and differ";
            }
        }

        return $"event {sequence} records generations {again.FirstGeneration} to {again.EndGeneration - 1} out of order";
    }

    private SliceRecorded? Decode(JournalOwner owner, JournalRow row, Action<HistoryDamageException> damage)
    {
        try
        {
            string place = $"{source.Address}, {owner.PlaceOf(row.Sequence)}";
            SliceRecorded slice = row.Decode(place) as SliceRecorded
                ?? throw new HistoryDamageException($"{place}: an event '{row.Manifest}', expected '{JournalCodec.Slice}'");
            bool isOwn = slice.Run == owner.Run && slice.Machine == owner.Machine;
            bool isWhole = BatchRules.IsSlice(run.Facts, slice.FirstGeneration)
                && slice.EndGeneration == slice.FirstGeneration + BatchRules.GenerationsOf(run.Facts, slice.FirstGeneration);
            return !isOwn ? throw new HistoryDamageException($"{place}: it belongs to run {slice.Run}, machine {slice.Machine}")
                : isWhole ? slice
                : throw new HistoryDamageException($"{place}: generations {slice.FirstGeneration} to {slice.EndGeneration - 1L} are no whole slice of the run");
        }
        catch (HistoryDamageException found)
        {
            damage(found);
            return null;
        }
    }

    private HistoryDamageException Damage(JournalOwner owner, string what) => new($"{source.Address}, {owner.Place}: {what}");
}
