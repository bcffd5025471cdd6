using KhoActors.Host.Reports;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Runs;

/// <summary>Where records come from: a run of a history, or a file that was exported from one and may hold only some of its machines.</summary>
internal sealed class RecordSource : IDisposable
{
    private readonly IHistoryStore? _store;
    private readonly HistoryFile? _file;

    private RecordSource(IHistoryStore store, StoredRun run)
    {
        _store = store;
        Run = run;
        Title = $"run {run.Number} in {store.Address}";
        Place = $"{store.Address}, run {run.Number}";
    }

    private RecordSource(HistoryFile file, string path)
    {
        _file = file;
        Run = file.Run;
        Title = path;
        Place = path;
    }

    /// <summary>What to call it in messages.</summary>
    public string Title { get; }

    /// <summary>What to call it where damage is named.</summary>
    public string Place { get; }

    /// <summary>The run.</summary>
    public StoredRun Run { get; }

    /// <summary>What the run depends on.</summary>
    public RunFacts Facts => Run.Facts;

    /// <summary>Whether another model made the records than that of this program.</summary>
    public bool IsOfOtherModel => Facts.ModelVersion != Machine.ModelVersion;

    /// <summary>Whether a word of the command line means records: a run's name, or a file of them.</summary>
    /// <param name="name">The word.</param>
    /// <returns>Whether it does; neither run nor file need exist.</returns>
    public static bool Recognises(string name) => RunName.IsRun(name) || HistoryFile.Recognise(name);

    /// <summary>Opens it.</summary>
    /// <param name="name">A run's name or the path of a file.</param>
    /// <param name="address">The history of the run.</param>
    /// <returns>The source.</returns>
    /// <exception cref="UsageException">There is no such run or file.</exception>
    /// <exception cref="HistoryUnavailableException">It cannot be read.</exception>
    /// <exception cref="HistoryDamageException">It is damaged.</exception>
    public static RecordSource Open(string name, string address)
    {
        if (!RunName.IsRun(name) && HistoryFile.Recognise(name))
        {
            return File.Exists(name) ? new RecordSource(HistoryFile.Open(name), name) : throw new UsageException($"no file '{name}'");
        }

        if (!RunName.IsRun(name))
        {
            throw new UsageException($"'{name}' is no run: {RunName.Accepted} is, and so is a file that ends in {HistoryFile.Extension}");
        }

        IHistoryStore store = Histories.Open(address, HistoryAccess.Read);
        try
        {
            return new RecordSource(store, RunName.Find(store, name));
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The machine that is meant.</summary>
    /// <param name="asked">The machine of the command line, or null.</param>
    /// <returns>The machine; null for all of them.</returns>
    /// <exception cref="UsageException">The run has no such machine.</exception>
    public int? MachineOf(int? asked) => asked is { } number ? Require(number, Facts.Machines, "machine") : OnlyMachine();

    /// <summary>The generation that is meant.</summary>
    /// <param name="asked">The generation of the command line, or null.</param>
    /// <returns>The same.</returns>
    /// <exception cref="UsageException">The run's chains are not that long.</exception>
    public int? GenerationOf(int? asked) => asked is { } number ? Require(number, Facts.Kexecs + 1L, "generation") : null;

    /// <summary>The records of a machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <returns>Its records in the order of generations, one in memory at a time.</returns>
    /// <exception cref="HistoryDamageException">Thrown when the damage is reached.</exception>
    public IEnumerable<StoredSlice> ReadSlices(int machine) =>
        _store is not null ? _store.ReadSlices(Run.Number, machine) : _file!.ReadSlices().Where(slice => slice.Machine == machine);

    /// <summary>A reader of machines' records for several workers at once.</summary>
    /// <param name="codec">Reads records.</param>
    /// <param name="damage">Called for each damage that belongs to no machine, with the sentence that names it.</param>
    /// <returns>Gives the records of a machine in the order of generations.</returns>
    public Func<int, IEnumerable<SliceRecord>> OpenForWorkers(SliceCodec codec, Action<string> damage)
    {
        if (_store is not null)
        {
            return new RecordedSlices(_store, Run.Number, codec).Read;
        }

        // A file is read from its beginning to its end; it was exported to be sent, and is not large.
        ILookup<int, StoredSlice> slices = _file!.ReadSlices(damage).ToLookup(static slice => slice.Machine);
        return machine => slices[machine].Select(slice => codec.Decode(slice, Place));
    }

    /// <summary>The records of machines, as far as they are sound: one that is damaged ends its machine, and the next machine follows.</summary>
    /// <param name="machine">Only this machine's; null for all.</param>
    /// <param name="codec">Reads records.</param>
    /// <param name="damage">Called for each damage with the sentence that names it.</param>
    /// <returns>The records in the order of machines and generations, as they are stored and as they read.</returns>
    public IEnumerable<EncodedSlice> ReadSound(int? machine, SliceCodec codec, Action<string> damage)
    {
        SoundRecords sound = new(codec, Place, damage);
        if (_file is not null)
        {
            return sound.Of(_file.ReadSlices(damage).Where(slice => machine is null || slice.Machine == machine));
        }

        return machine is { } one
            ? sound.Of(_store!.ReadSlices(Run.Number, one))
            : Enumerable.Range(0, Facts.Machines).SelectMany(each => sound.Of(_store!.ReadSlices(Run.Number, each)));
    }

    /// <summary>The command line that looks into a machine in a generation.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="generation">The generation.</param>
    /// <returns>The command line.</returns>
    public string InspectLine(int machine, int generation) => _store is not null
        ? new RunLines(Run, _store.Address).Inspect(machine, generation)
        : new ReproducingLine("inspect", Title).With("--machine", (ulong)machine).With("--at", (ulong)generation)
            .WithEach("--clients", Facts.ClientAssemblies.Select(static assembly => assembly.Path)).ToString();

    /// <inheritdoc/>
    public void Dispose()
    {
        _store?.Dispose();
        _file?.Dispose();
    }

    // A run of one machine, or a file with one machine, needs nobody to say which.
    private int? OnlyMachine()
    {
        if (Facts.Machines == 1)
        {
            return 0;
        }

        int[] held = _file is null ? [] : [.. _file.ReadSlices(static _ => { }).Select(static slice => slice.Machine).Distinct().Take(2)];
        return held.Length == 1 ? held[0] : null;
    }

    private int Require(int number, long count, string what) => number < count
        ? number
        : throw new UsageException($"{Title} has no {what} {number}; it has {(count == 1 ? "only 0" : $"0 to {count - 1}")}");
}
