using Akka.Actor;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>What machines and drivers of one node share.</summary>
internal sealed class NodeServices
{
    /// <summary>The node's settings.</summary>
    public required NodeSettings Settings { get; init; }

    /// <summary>What carries machines.</summary>
    public MachineSeats Seats { get; } = new();

    /// <summary>The fleet that this process itself asked for: its plan is at hand, with clients from outside.</summary>
    public FleetPlan? OwnPlan { get; init; }

    /// <summary>The canonical text of its scenario; empty without one.</summary>
    public string OwnScenario { get; init; } = string.Empty;

    /// <summary>Where that run stands in a history of another engine, or null.</summary>
    public ResumedMachines? Resume { get; init; }

    /// <summary>Where clients are that scenarios name; null for those that come with the laboratory.</summary>
    public ClientCatalog? Clients { get; init; }

    /// <summary>Knows the runs of machines on this node.</summary>
    public IActorRef Directory { get; set; } = ActorRefs.Nobody;

    /// <summary>The driver, wherever it lives.</summary>
    public IActorRef Driver { get; set; } = ActorRefs.Nobody;

    /// <summary>The shard region, or its proxy on a node without machines.</summary>
    public IActorRef Region { get; set; } = ActorRefs.Nobody;
}

/// <summary>Settings of ours, section <c>kho</c> of config/akka.conf.</summary>
internal sealed record NodeSettings
{
    /// <summary>Shards of the region.</summary>
    public required int Shards { get; init; }

    /// <summary>Machines on their way at one time, for each node that carries machines.</summary>
    public required int InFlightPerNode { get; init; }

    /// <summary>A snapshot is left behind every so many slices.</summary>
    public required int SnapshotEverySlices { get; init; }

    /// <summary>How long a machine rests in memory before it is passivated.</summary>
    public required TimeSpan PassivateAfter { get; init; }

    /// <summary>When a driver asks a machine again that has not answered.</summary>
    public required TimeSpan RetryAfter { get; init; }

    /// <summary>How often progress is published.</summary>
    public required TimeSpan ProgressEvery { get; init; }

    /// <summary>The dispatcher of machines and their crews.</summary>
    public const string MachineDispatcher = "kho.machine-dispatcher";

    /// <summary>The dispatcher of what may wait for a disk or the caller: a thread of its own.</summary>
    public const string WaitingDispatcher = "kho.waiting-dispatcher";
}
