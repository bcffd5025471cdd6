namespace KhoActors.Nodes.History.Journal;

/// <summary>
/// The tables that Akka.Persistence.Sql makes, to be read. A seam: one implementation for each kind of database. Used by one thread at a time;
/// nothing stays open in the database between two rows.
/// </summary>
internal interface IJournalSource : IDisposable
{
    /// <summary>The history's address, without a password.</summary>
    string Address { get; }

    /// <summary>Events of an actor, by sequence number, a few in memory at a time.</summary>
    /// <param name="owner">Whose.</param>
    /// <param name="fromSequence">The least sequence number.</param>
    /// <returns>The events.</returns>
    IEnumerable<JournalRow> ReadEvents(JournalOwner owner, long fromSequence);

    /// <summary>The newest snapshot of an actor.</summary>
    /// <param name="owner">Whose.</param>
    /// <returns>The snapshot, or null.</returns>
    JournalRow? ReadSnapshot(JournalOwner owner);

    /// <summary>Every persistence id that has events or a snapshot and begins with <c>run</c>.</summary>
    /// <param name="each">Called once for each; it must not use the source.</param>
    void ReadIds(Action<string> each);

    /// <summary>Lets the database compare its tables and indices with each other, where it can.</summary>
    /// <param name="damage">Called for each thing that is wrong, with the sentence that names it.</param>
    void CheckIntegrity(Action<string> damage);

    /// <summary>Reads something as of one moment, whatever the engine writes meanwhile.</summary>
    /// <param name="read">What to read.</param>
    /// <typeparam name="T">What it gives.</typeparam>
    /// <returns>What was read.</returns>
    T AsOfOneMoment<T>(Func<T> read);

    /// <summary>Bytes that the tables take.</summary>
    /// <returns>Bytes.</returns>
    long ReadSizeBytes();
}

/// <summary>An actor with events in the journal.</summary>
/// <param name="Run">The run, or 0 for the list of runs.</param>
/// <param name="Machine">The machine, or -1 for the run itself.</param>
internal readonly record struct JournalOwner(int Run, int Machine = -1)
{
    /// <summary>Its persistence id.</summary>
    public string Id => Run == 0 ? JournalNames.Runs : Machine < 0 ? JournalNames.Run(Run) : JournalNames.Machine(Run, Machine);

    /// <summary>How messages call it.</summary>
    public string Place => Run == 0 ? "list of runs" : Machine < 0 ? $"run {Run}" : $"run {Run}, machine {Machine}";

    /// <summary>How messages call one of its events.</summary>
    public string PlaceOf(long sequence) => $"{Place}, event {sequence}";
}

/// <summary>A row of the journal or of the snapshots, as far as it could be read.</summary>
internal readonly record struct JournalRow
{
    /// <summary>Its sequence number.</summary>
    public required long Sequence { get; init; }

    /// <summary>Which serializer wrote it, or -1.</summary>
    public int Serializer { get; init; }

    /// <summary>The kind of its payload.</summary>
    public string Manifest { get; init; }

    /// <summary>Its payload.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>What is wrong with the row itself; null when it could be read.</summary>
    public HistoryDamageException? Damage { get; init; }

    /// <summary>The event in it.</summary>
    /// <param name="place">The row, as messages begin.</param>
    /// <returns>The event.</returns>
    /// <exception cref="HistoryDamageException">It holds none.</exception>
    public JournalEvent Decode(string place)
    {
        if (Damage is not null)
        {
            throw Damage;
        }

        return Serializer == JournalCodec.SerializerId
            ? JournalCodec.Read(Manifest, Payload, place)
            : throw new HistoryDamageException($"{place}: serializer {Serializer} wrote it, expected {JournalCodec.SerializerId}, that of KhoActors");
    }
}

/// <summary>What rows may be, for every kind of database.</summary>
internal static class JournalLimits
{
    /// <summary>Bytes of a machine at its jump with the record before it, and their framing.</summary>
    public const int SnapshotBytes = HistoryLimits.RowBytes - HistoryLimits.NameBytes;

    /// <summary>Bytes of an event: a record, a scenario with its facts, sums with texts.</summary>
    public const int EventBytes = HistoryLimits.ScenarioBytes + (4 * HistoryLimits.TextBytes);
}
