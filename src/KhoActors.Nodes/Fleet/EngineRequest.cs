using KhoActors.Nodes.History;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Fleet;

/// <summary>A fleet to be run by an engine.</summary>
public sealed record EngineRequest
{
    /// <summary>The fleet.</summary>
    public required FleetPlan Plan { get; init; }

    /// <summary>
    /// How it is run, on any engine: workers of this process, slices, callbacks, recorder, resume, stop. Callbacks and the recorder are called in this
    /// process, on any thread; the recorder gets each slice once, a machine's in their order.
    /// </summary>
    public required FleetOptions Options { get; init; }

    /// <summary>Who chooses the order of deliveries; one of <see cref="IEngine.Orders"/>.</summary>
    public DeliveryOrder Order { get; init; }

    /// <summary>Where the engine's cluster is; an engine without nodes does not look at it.</summary>
    public ClusterOptions Cluster { get; init; } = new();

    /// <summary>
    /// What the history that the engine keeps itself (<see cref="IEngine.KeepsHistory"/>) shall say of the run; null when
    /// <see cref="ClusterOptions.Store"/> is, and for a run that is continued (<see cref="ClusterOptions.Run"/>).
    /// </summary>
    public RunFacts? Facts { get; init; }

    /// <summary>Told the run's number in that history, once, before the first machine boots; or null.</summary>
    public Action<int>? RunBegun { get; init; }
}

/// <summary>What a process needs to know to be part of a cluster. The defaults are a cluster of this process alone that keeps nothing.</summary>
public sealed record ClusterOptions
{
    /// <summary>The role of nodes that carry machines.</summary>
    public const string NodeRole = "kho-node";

    /// <summary>The role of nodes that a fleet's driver may live on.</summary>
    public const string DriverRole = "kho-driver";

    /// <summary>Nodes to join by, each <c>HOST:PORT</c>; with none, or itself as the first, it may found the cluster.</summary>
    public IReadOnlyList<string> SeedNodes { get; init; } = [];

    /// <summary>The name or address under which other nodes reach this process, and at which it listens.</summary>
    public string HostName { get; init; } = "127.0.0.1";

    /// <summary>The TCP port at which it listens; 0 for any that is free.</summary>
    public int Port { get; init; }

    /// <summary>
    /// Where the engine keeps what must outlive a node: <c>sqlite:PATH</c> (one computer) or <c>postgres://USER@HOST/DATABASE</c>; the same for every node
    /// of a cluster. Null: in memory, and a machine on a node that is lost starts again from its first power-on.
    /// </summary>
    public string? Store { get; init; }

    /// <summary>The run's number there, for one that is continued; null for a new run.</summary>
    public int? Run { get; init; }

    /// <summary>What this node does: <see cref="NodeRole"/>, <see cref="DriverRole"/>, or both.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [NodeRole, DriverRole];
}

/// <summary>A process that carries machines for fleets that are run elsewhere.</summary>
public sealed record NodeOptions
{
    /// <summary>Its cluster.</summary>
    public required ClusterOptions Cluster { get; init; }

    /// <summary>Threads that carry machines.</summary>
    public required int Workers { get; init; }

    /// <summary>Cancelled when the node shall leave the cluster in an orderly way.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>Told what happens, a line for people at a time, on any thread; or null.</summary>
    public Action<string>? Say { get; init; }
}
