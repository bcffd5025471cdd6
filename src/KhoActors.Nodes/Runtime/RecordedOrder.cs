using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Lets another scheduler pick and writes down what it picked.</summary>
public sealed class RecordingScheduler : IScheduler
{
    private readonly IScheduler _inner;
    private readonly OrderRecorder _recorder;
    private readonly bool _everyPick;

    /// <summary>Makes a recorder.</summary>
    /// <param name="inner">Decides.</param>
    /// <param name="recorder">Receives the picks; its owner starts a new log in it.</param>
    /// <param name="everyPick">Whether picks without a choice are written too; as the recorder was cleared.</param>
    public RecordingScheduler(IScheduler inner, OrderRecorder recorder, bool everyPick = false)
    {
        _inner = inner;
        _recorder = recorder;
        _everyPick = everyPick;
    }

    /// <inheritdoc/>
    public int Pick(ReadOnlySpan<ActorPair> ready)
    {
        int index = _inner.Pick(ready);
        if (_everyPick || ready.Length > 1)
        {
            _recorder.Add(ready[index]);
        }

        return index;
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer) => _inner.Snapshot(writer);

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader) => _inner.Recover(reader);
}

/// <summary>Replays a recorded order. Pairs, not indexes, are recorded: the order means the same to every engine.</summary>
public sealed class RecordedScheduler : IScheduler
{
    private readonly ReadOnlyMemory<byte> _order;
    private OrderReader _reader;

    /// <summary>Replays from the beginning.</summary>
    /// <param name="order">An <see cref="OrderLog"/>.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public RecordedScheduler(ReadOnlyMemory<byte> order)
    {
        _order = order;
        _reader = new OrderReader(order);
    }

    /// <summary>Picks that had a choice.</summary>
    public ulong Choices { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="DivergenceException">The record has ended or is none, or the recorded pair has nothing to deliver.</exception>
    public int Pick(ReadOnlySpan<ActorPair> ready)
    {
        Choices += ready.Length > 1 ? 1UL : 0;
        if (ready.Length == 1 && !_reader.HasEveryPick)
        {
            return 0;
        }

        if (!TryRead(out ActorPair wanted))
        {
            throw new DivergenceException($"the recorded order has {_reader.Count} picks, the execution wants another");
        }

        int index = ready.IndexOf(wanted);
        return index >= 0
            ? index
            : throw new DivergenceException($"pick {_reader.Count - 1} of the recorded order is {wanted}, which has nothing to deliver now");
    }

    /// <summary>The execution is over: the order must be too.</summary>
    /// <exception cref="DivergenceException">It has a further pick, or is none.</exception>
    public void Finish()
    {
        if (TryRead(out ActorPair further))
        {
            throw new DivergenceException($"pick {_reader.Count - 1} of the recorded order is {further}, the execution wants none");
        }
    }

    /// <inheritdoc/>
    public void Snapshot(SnapshotWriter writer)
    {
        writer.WriteVar((ulong)_reader.Count);
        writer.WriteVar(Choices);
    }

    /// <inheritdoc/>
    public void Recover(SnapshotReader reader)
    {
        int count = reader.ReadCount(_order.Length, "the position in a recorded order");
        Choices = reader.ReadVar();
        _reader = new OrderReader(_order);
        while (_reader.Count < count)
        {
            if (!_reader.TryRead(out _))
            {
                throw new SnapshotFormatException($"the position in a recorded order is {count}, it has {_reader.Count} picks");
            }
        }
    }

    /// <summary>An order that cannot be read differs from the execution: what fails inside a delivery would be called a defect of ours.</summary>
    private bool TryRead(out ActorPair pair)
    {
        try
        {
            return _reader.TryRead(out pair);
        }
        catch (InvalidDataException damage)
        {
            throw new DivergenceException(damage.Message);
        }
    }
}
