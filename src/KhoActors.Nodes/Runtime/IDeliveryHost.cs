using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Who chooses which pair of sender and receiver is next.</summary>
public enum DeliveryOrder
{
    /// <summary>The machine itself, drawn from the seed: the digest is a function of scenario and seed, whatever the engine.</summary>
    Seeded,

    /// <summary>The engine that carries the machine: real concurrency chooses, every pick is recorded, and the record replays on any engine.</summary>
    Concurrent,
}

/// <summary>
/// An engine that gives the actors of a machine a life outside of it. It is told in the middle of a call to the machine, by the thread that
/// makes it; it must not call the machine from there, and nothing that it does changes what the machine does.
/// </summary>
public interface IDeliveryHost
{
    /// <summary>An actor of the tree was started.</summary>
    /// <param name="actor">Its number; it may have been another actor's before.</param>
    void ActorStarted(ActorId actor);

    /// <summary>An actor was stopped. Messages to it that were ready are gone, and so is what <see cref="MessageReady"/> said of them.</summary>
    /// <param name="actor">Its number.</param>
    void ActorStopped(ActorId actor);

    /// <summary>
    /// One more message of a pair became ready: sent, or its timer is due. Said once for each message, in <see cref="DeliveryOrder.Concurrent"/>
    /// only, when the call that caused it is about to return. The engine answers each with one <c>Machine.TakePair</c>, in its own time and
    /// order, unless the receiver is stopped before. A message that is gone by then is no message to take; one that came later may be taken instead.
    /// </summary>
    /// <param name="pair">Sender and receiver.</param>
    void MessageReady(ActorPair pair);
}
