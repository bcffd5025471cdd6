using System.Net;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Akka.Cluster.Tools.Singleton;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Runs;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Akka.Bootstrap;

/// <summary>An actor system that is a node of a cluster, with what its roles ask for: the shard region or its proxy, the driver or its proxy.</summary>
internal sealed class EngineNode : IDisposable
{
    private const string DriverName = "driver";
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);

    private EngineNode(ActorSystem system, NodeServices services)
    {
        System = system;
        Services = services;
    }

    /// <summary>The actor system.</summary>
    public ActorSystem System { get; }

    /// <summary>What its actors share.</summary>
    public NodeServices Services { get; }

    /// <summary>Where it can be reached.</summary>
    public string Address => Cluster.Get(System).SelfAddress is { } address ? $"{address.Host}:{address.Port}" : string.Empty;

    /// <summary>Starts a node and waits until its cluster has it.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="configuration">Its configuration.</param>
    /// <param name="services">What its actors share.</param>
    /// <param name="isAlone">Whether it founds a cluster of its own.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>The node.</returns>
    /// <exception cref="EngineException">It cannot be started or is not let in.</exception>
    public static EngineNode Start(ClusterOptions cluster, NodeConfiguration configuration, NodeServices services, bool isAlone, CancellationToken stop)
    {
        EngineNode? node = null;
        try
        {
            node = new EngineNode(ActorSystem.Create(NodeConfiguration.SystemName, configuration.Config), services);
            node.Join(isAlone, cluster, stop);
            return node;
        }
        catch (Exception failure)
        {
            node?.Dispose();
            throw failure is EngineException or OperationCanceledException
                ? failure
                : new EngineException($"the node at {cluster.HostName}:{cluster.Port} cannot be started: {Innermost(failure).Message}", failure);
        }
    }

    /// <summary>Leaves the cluster in an orderly way: shards are handed over, then the driver.</summary>
    /// <returns>When it has left.</returns>
    public Task LeaveAsync() => CoordinatedShutdown.Get(System).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);

    /// <inheritdoc/>
    public void Dispose()
    {
        System.Terminate().Wait(StartMax);
        Services.Seats.Dispose();
    }

    private void Join(bool isAlone, ClusterOptions options, CancellationToken stop)
    {
        Cluster cluster = Cluster.Get(System);
        using ManualResetEventSlim up = new();
        cluster.RegisterOnMemberUp(up.Set);
        if (isAlone)
        {
            cluster.Join(cluster.SelfAddress);
        }

        StartActors();
        int signalled = WaitHandle.WaitAny([up.WaitHandle, stop.WaitHandle], StartMax);
        stop.ThrowIfCancellationRequested();
        if (signalled == WaitHandle.WaitTimeout)
        {
            throw new EngineException(
                $"no cluster has let this node in within {StartMax.TotalSeconds:f0} s; seed nodes: {string.Join(", ", options.SeedNodes)}");
        }
    }

    private void StartActors()
    {
        NodeServices services = Services;
        Cluster cluster = Cluster.Get(System);
        services.Directory = System.ActorOf(Props.Create(() => new RunDirectory(services)), "runs");
        if (cluster.SelfRoles.Contains(ClusterOptions.DriverRole))
        {
            ClusterSingletonManagerSettings settings = ClusterSingletonManagerSettings.Create(System).WithRole(ClusterOptions.DriverRole);
            System.ActorOf(ClusterSingletonManager.Props(Props.Create(() => new RunManager(services)), PoisonPill.Instance, settings), DriverName);
        }

        ClusterSingletonProxySettings proxy = ClusterSingletonProxySettings.Create(System).WithRole(ClusterOptions.DriverRole);
        services.Driver = System.ActorOf(ClusterSingletonProxy.Props($"/user/{DriverName}", proxy), "driver-proxy");

        ClusterSharding sharding = ClusterSharding.Get(System);
        MachineExtractor extractor = new(services.Settings.Shards);
        ClusterShardingSettings shardingSettings = ClusterShardingSettings.Create(System);
        services.Region = cluster.SelfRoles.Contains(ClusterOptions.NodeRole)
            ? sharding.Start(
                MachineId.RegionName,
                id => MachineEntity.PropsOf(id, services),
                shardingSettings,
                extractor,
                sharding.DefaultShardAllocationStrategy(shardingSettings),
                Wire.StopMachine.Instance)
            : sharding.StartProxy(MachineId.RegionName, ClusterOptions.NodeRole, extractor);
    }

    private static Exception Innermost(Exception failure) => failure.InnerException is { } inner ? Innermost(inner) : failure;
}
