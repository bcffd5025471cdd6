using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Fleet;

/// <summary>Threads of this process carry the machines, each one at a time: the fastest engine, and what the others are measured by.</summary>
public sealed class LocalEngine : IEngine
{
    /// <summary>Its name.</summary>
    public const string EngineName = "local";

    /// <inheritdoc/>
    public string Name => EngineName;

    /// <inheritdoc/>
    public string Summary => "threads of this process";

    /// <inheritdoc/>
    public IReadOnlyList<DeliveryOrder> Orders { get; } = [DeliveryOrder.Seeded];

    /// <inheritdoc/>
    public bool HasNodes => false;

    /// <inheritdoc/>
    public bool KeepsHistory => false;

    /// <inheritdoc/>
    public FleetResult Run(EngineRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Order == DeliveryOrder.Seeded
            ? FleetRunner.Run(request.Plan, request.Options)
            : throw new EngineException("the local engine delivers one message at a time in the order that the seed says; it has no other order");
    }

    /// <inheritdoc/>
    public NodeOutcome RunNode(NodeOptions options) =>
        throw new EngineException("the local engine is one process; it has no nodes");
}
