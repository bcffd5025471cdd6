using Akka.Actor;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>
/// What whoever has a machine's turn works on: the machine, and where its actors are. The turn is a message on its way from actor to actor, so
/// one thread at a time is in here and sees what the one before it did; RAM is shared by all of them, as in a kernel.
/// </summary>
internal sealed class MachineWork(Machine machine, IActorRef entity) : IDeliveryHost
{
    private readonly IActorRef?[] _crew = new IActorRef?[LocalRuntime.LimitActors];
    private readonly List<(ActorId Actor, bool IsStarted)> _changes = [];
    private readonly List<ActorPair> _ready = [];

    /// <summary>The machine.</summary>
    public Machine Machine => machine;

    /// <summary>Actors that the machine started or stopped, and the crew has not followed yet.</summary>
    public IReadOnlyList<(ActorId Actor, bool IsStarted)> Changes => _changes;

    /// <summary>Who carries for an actor now, or null.</summary>
    public IActorRef? this[ActorId actor]
    {
        get => _crew[actor.Value];
        set => _crew[actor.Value] = value;
    }

    /// <summary>Whether somebody carries for an actor that lives.</summary>
    public bool Serves(IActorRef member) => Array.IndexOf(_crew, member) >= 0;

    public void ActorStarted(ActorId actor) => _changes.Add((actor, true));

    public void ActorStopped(ActorId actor) => _changes.Add((actor, false));

    void IDeliveryHost.MessageReady(ActorPair pair) => _ready.Add(pair);

    /// <summary>The crew has followed.</summary>
    public void ForgetChanges() => _changes.Clear();

    /// <summary>The generation is over: nobody carries.</summary>
    public void Clear()
    {
        _changes.Clear();
        _ready.Clear();
        Array.Clear(_crew);
    }

    /// <summary>Seeded order: gives the turn to the receiver of the next delivery, or back to the machine.</summary>
    public void PassOn()
    {
        if (_changes.Count != 0 || !machine.NextDelivery(out Delivery delivery))
        {
            entity.Tell(TurnBack.Instance, ActorRefs.NoSender);
            return;
        }

        (delivery.To == ActorId.Machine ? entity : _crew[delivery.To.Value]!).Tell(new Carry(delivery), ActorRefs.NoSender);
    }

    /// <summary>Carries a delivery, and gives the turn on.</summary>
    public void Carry(in Delivery delivery)
    {
        machine.Deliver(delivery);
        PassOn();
    }

    /// <summary>Concurrent order: carries the oldest message of a pair, if it is still there.</summary>
    public void CarryPair(ActorPair pair)
    {
        if (machine.TakePair(pair, out Delivery delivery))
        {
            machine.Deliver(delivery);
        }
    }

    /// <summary>Concurrent order: tells every receiver of the messages that became ready; from here on real concurrency chooses.</summary>
    public void TellReady()
    {
        foreach (ActorPair pair in _ready)
        {
            (pair.To == ActorId.Machine ? entity : _crew[pair.To.Value]!).Tell(new MessageReady(pair), ActorRefs.NoSender);
        }

        _ready.Clear();
    }
}
