using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// Chooses which delivery comes next. The only place where order is decided: drawn from a seed, or taken from a record.
/// Its snapshot is its position.
/// </summary>
public interface IScheduler : ISnapshotting
{
    /// <summary>Chooses among the pairs that have a message waiting.</summary>
    /// <param name="ready">The pairs, never empty; their order is a function of the run so far.</param>
    /// <returns>An index into them.</returns>
    int Pick(ReadOnlySpan<ActorPair> ready);
}

/// <summary>Picks uniformly, so that every interleaving that per-pair order allows has a seed.</summary>
public sealed class SeededScheduler : IScheduler
{
    private readonly RandomStream _stream;

    /// <summary>Makes a scheduler.</summary>
    /// <param name="stream">Its own substream; a pick without choice draws nothing.</param>
    public SeededScheduler(RandomStream stream) => _stream = stream;

    /// <inheritdoc/>
    public int Pick(ReadOnlySpan<ActorPair> ready) => ready.Length == 1 ? 0 : (int)_stream.NextBelow((ulong)ready.Length);

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer) => writer.WriteVar(_stream.Counter);

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader) => _stream.Restore(reader.ReadVar());
}
