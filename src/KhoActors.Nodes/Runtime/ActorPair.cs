using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>A sender and a receiver: the unit of ordering. Messages of one pair arrive as they were sent; between pairs the scheduler chooses.</summary>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
public readonly record struct ActorPair(ActorId From, ActorId To)
{
    /// <inheritdoc/>
    public override string ToString() => $"{From.Value} -> {To.Value}";
}
