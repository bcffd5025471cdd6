using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Why a message was not delivered.</summary>
public enum DeadLetterReason
{
    /// <summary>The receiver was not running when the message was sent, or when its delay ended.</summary>
    NotRunning,

    /// <summary>The receiver stopped while the message waited.</summary>
    ReceiverStopped,

    /// <summary>The sender was cut off (see <see cref="StopKind.Abrupt"/>) while the message waited.</summary>
    SenderCut,
}

/// <summary>Sees every delivery of a runtime in order: digests, histories, tests. It must not touch the runtime.</summary>
public interface IDeliveryObserver
{
    /// <summary>Called for each delivery, before the actor handles it.</summary>
    /// <param name="number">1 for the machine's first delivery.</param>
    /// <param name="nowTicks">Virtual time in nanoseconds, as the actor will see it.</param>
    /// <param name="delivery">The delivery.</param>
    void Delivered(ulong number, ulong nowTicks, in Delivery delivery);

    /// <summary>Called for each message that will never be delivered.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="delivery">The message.</param>
    void DeadLetter(DeadLetterReason reason, in Delivery delivery);
}
