namespace KhoActors.Nodes.History;

/// <summary>Most bytes that a value of a history may have: a hostile history cannot make a reader allocate more.</summary>
internal static class HistoryLimits
{
    /// <summary>Names, states, seeds, times.</summary>
    public const int NameBytes = 4 << 10;

    /// <summary>Texts: command lines, what an invariant found.</summary>
    public const int TextBytes = 1 << 20;

    /// <summary>A resolved scenario.</summary>
    public const int ScenarioBytes = 16 << 20;

    /// <summary>The encoding of a slice.</summary>
    public const int RecordBytes = 16 << 20;

    /// <summary>The snapshot of a machine.</summary>
    public const int SnapshotBytes = 64 << 20;

    /// <summary>A row of any table: a machine at its jump, in a journal with the record before it, and what is beside them.</summary>
    public const int RowBytes = SnapshotBytes + RecordBytes + (2 * NameBytes);

    /// <summary>Assemblies that brought clients to a run.</summary>
    public const int ClientAssemblies = 1 << 10;

    /// <summary>A SHA-256.</summary>
    public const int DigestBytes = 32;
}
