using KhoActors.Nodes.History;

namespace KhoActors.Host.Runs;

/// <summary>Reads records past damage: what is sound is given out, what is not is named.</summary>
/// <param name="codec">Reads records.</param>
/// <param name="place">Where they are stored, for messages.</param>
/// <param name="damage">Called for each damage with the sentence that names it.</param>
internal sealed class SoundRecords(SliceCodec codec, string place, Action<string> damage)
{
    /// <summary>The records that are sound, and before which no generation of the same machine is missing.</summary>
    /// <param name="stored">Records in the order of machines and generations.</param>
    /// <returns>The sound ones.</returns>
    public IEnumerable<EncodedSlice> Of(IEnumerable<StoredSlice> stored)
    {
        int machine = -1;
        int next = 0;
        foreach (StoredSlice slice in Past(stored))
        {
            (machine, next) = slice.Machine == machine ? (machine, next) : (slice.Machine, 0);
            if (slice.FirstGeneration == next && Decode(slice) is { } record)
            {
                next = record.EndGeneration;
                yield return new EncodedSlice(record, slice.Encoded);
            }
        }
    }

    // What the reader gives out until it meets damage.
    private IEnumerable<StoredSlice> Past(IEnumerable<StoredSlice> stored)
    {
        using IEnumerator<StoredSlice> reader = stored.GetEnumerator();
        while (MoveNext(reader))
        {
            yield return reader.Current;
        }
    }

    private bool MoveNext(IEnumerator<StoredSlice> reader)
    {
        try
        {
            return reader.MoveNext();
        }
        catch (HistoryDamageException found)
        {
            damage(found.Message);
            return false;
        }
    }

    private SliceRecord? Decode(StoredSlice slice)
    {
        try
        {
            return codec.Decode(slice, place);
        }
        catch (HistoryDamageException found)
        {
            damage(found.Message);
            return null;
        }
    }
}
