using System.Collections.Concurrent;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>Carries a machine in an order that it draws itself, one delivery at a time, on one thread.</summary>
internal sealed class RandomHost(ulong seed) : IDeliveryHost
{
    private readonly SplitMix64 _random = new(seed);
    private readonly List<ActorPair> _notices = [];
    private readonly SortedSet<byte> _live = [];

    /// <summary>Everything that was delivered, in order.</summary>
    public List<Delivery> Delivered { get; } = [];

    /// <summary>Notices for which there was no message any more.</summary>
    public int Stale { get; private set; }

    public void ActorStarted(ActorId actor) => Assert.True(_live.Add(actor.Value));

    public void ActorStopped(ActorId actor)
    {
        Assert.True(_live.Remove(actor.Value));
        _notices.RemoveAll(pair => pair.To == actor);
    }

    public void MessageReady(ActorPair pair)
    {
        Assert.Contains(pair.To.Value, _live);
        _notices.Add(pair);
    }

    public GenerationReport Run(Machine machine, bool isLast)
    {
        machine.Host = this;
        machine.BeginGeneration(isLast, order: DeliveryOrder.Concurrent);
        while (!machine.IsGenerationOver)
        {
            Assert.Equal(_live, machine.LiveActors.Select(actor => actor.Value));
            Assert.NotEmpty(_notices);
            int index = _random.Index(_notices.Count);
            ActorPair pair = _notices[index];
            _notices.RemoveAt(index);
            if (machine.TakePair(pair, out Delivery delivery))
            {
                Assert.Equal(pair, new ActorPair(delivery.From, delivery.To));
                Delivered.Add(delivery);
                machine.Deliver(delivery);
            }
            else
            {
                Stale++;
            }
        }

        GenerationReport report = machine.EndGeneration();
        Assert.Empty(_live);
        Assert.Empty(_notices);
        return report;
    }
}

/// <summary>
/// Carries a machine with a real thread for each actor, as an actor system does: a message that becomes ready goes into its receiver's own
/// mailbox, and whoever gets the machine's turn takes its next one.
/// </summary>
internal sealed class ThreadedHost : IDeliveryHost
{
    private readonly Lock _turn = new();
    private readonly Dictionary<byte, BlockingCollection<ActorPair>> _mailboxes = [];
    private readonly List<Thread> _threads = [];
    private readonly ManualResetEventSlim _over = new();
    private Machine _machine = null!;
    private Exception? _failure;

    public void ActorStarted(ActorId actor)
    {
        BlockingCollection<ActorPair> mailbox = [];
        _mailboxes[actor.Value] = mailbox;
        Thread thread = new(() => Live(mailbox)) { IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    public void ActorStopped(ActorId actor) => _mailboxes[actor.Value].CompleteAdding();

    public void MessageReady(ActorPair pair) => _mailboxes[pair.To.Value].Add(pair);

    public GenerationReport Run(Machine machine, bool isLast)
    {
        _machine = machine;
        _over.Reset();
        lock (_turn)
        {
            machine.Host = this;
            machine.BeginGeneration(isLast, order: DeliveryOrder.Concurrent);
            NoteEnd();
        }

        _over.Wait();
        GenerationReport report;
        lock (_turn)
        {
            report = _failure is null ? machine.EndGeneration() : throw _failure;
        }

        _threads.ForEach(static thread => thread.Join());
        _threads.Clear();
        return report;
    }

    private void Live(BlockingCollection<ActorPair> mailbox)
    {
        foreach (ActorPair pair in mailbox.GetConsumingEnumerable())
        {
            lock (_turn)
            {
                Carry(pair);
            }
        }
    }

    private void Carry(ActorPair pair)
    {
        try
        {
            // What a mailbox still holds when its actor was stopped is stale.
            if (!_over.IsSet && _machine.TakePair(pair, out Delivery delivery))
            {
                _machine.Deliver(delivery);
                NoteEnd();
            }
        }
        catch (Exception failure)
        {
            _failure = failure;
            _over.Set();
        }
    }

    private void NoteEnd()
    {
        if (_machine.IsGenerationOver)
        {
            _over.Set();
        }
    }
}
