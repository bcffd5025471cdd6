using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Appends every delivery and every dead letter to a digest chain; the order is part of the digest.</summary>
public sealed class DeliveryDigest : IDeliveryObserver
{
    private readonly DigestChain _chain;

    /// <summary>Makes an observer.</summary>
    /// <param name="chain">Receives them; its owner closes the links.</param>
    public DeliveryDigest(DigestChain chain) => _chain = chain;

    /// <inheritdoc/>
    public void Delivered(ulong number, ulong nowTicks, in Delivery delivery) => _chain.Append(delivery);

    /// <inheritdoc/>
    public void DeadLetter(DeadLetterReason reason, in Delivery delivery) => _chain.AppendDeadLetter(reason, delivery);
}
