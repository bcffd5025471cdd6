using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Lets another scheduler pick and writes down what it picked.</summary>
public sealed class RecordingScheduler : IScheduler
{
    private readonly IScheduler _inner;
    private ActorPair[] _picks = new ActorPair[256];
    private int _count;

    /// <summary>Makes a recorder.</summary>
    /// <param name="inner">Decides.</param>
    public RecordingScheduler(IScheduler inner) => _inner = inner;

    /// <summary>The picks since the start, or since <see cref="Recover"/>.</summary>
    public ReadOnlySpan<ActorPair> Order => _picks.AsSpan(0, _count);

    /// <inheritdoc/>
    public int Pick(ReadOnlySpan<ActorPair> ready)
    {
        int index = _inner.Pick(ready);
        if (_count == _picks.Length)
        {
            Array.Resize(ref _picks, _count * 2);
        }

        _picks[_count++] = ready[index];
        return index;
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer) => _inner.Snapshot(writer);

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader)
    {
        _inner.Recover(reader);
        _count = 0;
    }
}

/// <summary>Replays a recorded order. Pairs, not indexes, are recorded: the order means the same to every engine.</summary>
public sealed class RecordedScheduler : IScheduler
{
    private readonly ReadOnlyMemory<ActorPair> _order;
    private int _position;

    /// <summary>Replays from the beginning.</summary>
    /// <param name="order">The picks.</param>
    public RecordedScheduler(ReadOnlyMemory<ActorPair> order) => _order = order;

    /// <inheritdoc/>
    /// <exception cref="DivergenceException">The record has ended, or the recorded pair has nothing to deliver.</exception>
    public int Pick(ReadOnlySpan<ActorPair> ready)
    {
        if (_position == _order.Length)
        {
            throw new DivergenceException($"the recorded order has {_order.Length} picks, the execution wants another");
        }

        ActorPair wanted = _order.Span[_position];
        int index = ready.IndexOf(wanted);
        if (index < 0)
        {
            throw new DivergenceException($"pick {_position} of the recorded order is {wanted}, which has nothing to deliver now");
        }

        _position++;
        return index;
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer) => writer.WriteVar((ulong)_position);

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader) => _position = reader.ReadCount(_order.Length, "the position in a recorded order");
}
