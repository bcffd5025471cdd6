using KhoActors.Nodes.History;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// The records of a run for several workers to read: a store is used by one at a time, so that each record is fetched behind a gate and
/// decoded outside it. The store belongs to this reader alone while workers are at it.
/// </summary>
public sealed class RecordedSlices
{
    private readonly Gate _gate = new();
    private readonly IHistoryStore _store;
    private readonly int _run;
    private readonly SliceCodec _codec;
    private readonly string _place;

    /// <summary>Reads from a store.</summary>
    /// <param name="store">The store, open for reading.</param>
    /// <param name="run">The run.</param>
    /// <param name="codec">A codec for the run's scenario.</param>
    public RecordedSlices(IHistoryStore store, int run, SliceCodec codec)
    {
        _store = store;
        _run = run;
        _codec = codec;
        _place = $"{store.Address}, run {run}";
    }

    /// <summary>The records of a machine in the order of generations, one in memory at a time.</summary>
    /// <param name="machine">Its number.</param>
    /// <returns>The records.</returns>
    /// <exception cref="HistoryDamageException">While they are read: one is damaged, or does not follow the one before.</exception>
    /// <exception cref="HistoryUnavailableException">While they are read: the history cannot be reached.</exception>
    public IEnumerable<SliceRecord> Read(int machine) => Read(machine, fromGeneration: 0);

    /// <summary>The records of a machine from one that begins with a generation.</summary>
    /// <param name="machine">Its number.</param>
    /// <param name="fromGeneration">The first generation of the first record.</param>
    /// <returns>The records.</returns>
    public IEnumerable<SliceRecord> Read(int machine, int fromGeneration)
    {
        int next = fromGeneration;
        IEnumerator<StoredSlice> stored = Open(machine, fromGeneration);
        try
        {
            while (Fetch(stored) is { } slice)
            {
                SliceRecord record = _codec.Decode(slice, _place);
                if (record.FirstGeneration != next)
                {
                    throw Damage(machine, $"the record of generations from {next} is missing; the next one begins with {record.FirstGeneration}");
                }

                next = record.EndGeneration;
                yield return record;
            }
        }
        finally
        {
            Close(stored);
        }
    }

    internal MachineCheckpoint? ReadCheckpoint(int machine)
    {
        using (_gate.Enter())
        {
            return _store.ReadCheckpoint(_run, machine);
        }
    }

    internal HistoryDamageException Damage(int machine, string what) => new($"{_place}: machine {machine}: {what}");

    private IEnumerator<StoredSlice> Open(int machine, int fromGeneration)
    {
        using (_gate.Enter())
        {
            return (fromGeneration == 0 ? _store.ReadSlices(_run, machine) : _store.ReadSlices(_run, machine, fromGeneration)).GetEnumerator();
        }
    }

    private StoredSlice? Fetch(IEnumerator<StoredSlice> stored)
    {
        using (_gate.Enter())
        {
            return stored.MoveNext() ? stored.Current : null;
        }
    }

    private void Close(IEnumerator<StoredSlice> stored)
    {
        using (_gate.Enter())
        {
            stored.Dispose();
        }
    }
}
