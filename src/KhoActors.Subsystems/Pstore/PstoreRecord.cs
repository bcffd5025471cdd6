namespace KhoActors.Subsystems.Pstore;

/// <summary>The fields of a stored record, wide enough for whatever an old kernel may have written (struct pstore_record, include/linux/pstore.h).</summary>
/// <param name="SizeBytes">Bytes of data; 0 for an empty record. Signed in both layouts.</param>
/// <param name="TimeSeconds">When it was dumped: seconds since 1970.</param>
/// <param name="TimeNanoseconds">And nanoseconds, below 10^9 when sound.</param>
/// <param name="Count">Which dump of its boot it is, from 1 (oopscount).</param>
/// <param name="Reason">Why: a <see cref="Clients.KmsgDumpReason"/>, 1..4 when sound.</param>
/// <param name="Part">Part of the dump; 1 holds the newest lines.</param>
/// <param name="Compressed">1 when the data is raw deflate, 0 when it is text.</param>
public readonly record struct PstoreRecord(long SizeBytes, long TimeSeconds, long TimeNanoseconds, int Count, uint Reason, uint Part, uint Compressed)
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>What is wrong with the fields of a record that is not empty.</summary>
    /// <param name="capacityBytes">The most data that there can be.</param>
    /// <returns>What is wrong, or null.</returns>
    public string? Problem(long capacityBytes) =>
        SizeBytes <= 0 || SizeBytes > capacityBytes ? $"{SizeBytes} bytes of data where {capacityBytes} fit"
        : Compressed > 1 ? $"compressed is {Compressed}"
        : Reason is < 1 or > 4 ? $"reason is {Reason}"
        : Part == 0 ? "part is 0"
        : TimeNanoseconds is < 0 or >= NanosecondsPerSecond ? $"{TimeNanoseconds} nanoseconds"
        : null;
}
