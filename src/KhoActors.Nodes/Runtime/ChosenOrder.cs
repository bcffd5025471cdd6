using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Picks what its owner says: the order of a host that is concurrent itself. Draws nothing.</summary>
internal sealed class ChosenOrder : IScheduler
{
    /// <summary>The next pick; it must be ready.</summary>
    public ActorPair Next { get; set; }

    public int Pick(ReadOnlySpan<ActorPair> ready)
    {
        int index = ready.IndexOf(Next);
        return index >= 0 ? index : throw new InvalidOperationException($"{Next} was chosen and has nothing to deliver");
    }

    /// <summary>Throws: who chooses is no state of a machine.</summary>
    public void Snapshot(SnapshotWriter writer) => throw new InvalidOperationException("a chosen order has no position");

    /// <summary>Throws: who chooses is no state of a machine.</summary>
    public void Recover(SnapshotReader reader) => throw new InvalidOperationException("a chosen order has no position");
}
