using Akka.Actor;
using KhoActors.Nodes.Akka.Bootstrap;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka;

/// <summary>
/// Where the program enters the Akka engine: found by this name in the assembly that lies beside the program. Machines are entities of
/// Akka.Cluster.Sharding with the actors of their kernels as children; this process alone is a cluster of one node.
/// </summary>
public sealed class EngineEntryPoint : IEngine
{
    private readonly string _settings;

    /// <summary>The engine with the settings of config/akka.conf.</summary>
    public EngineEntryPoint()
        : this(string.Empty)
    {
    }

    /// <summary>The engine with other settings, for tests.</summary>
    /// <param name="settings">HOCON that is laid over everything.</param>
    internal EngineEntryPoint(string settings) => _settings = settings;

    /// <inheritdoc/>
    public string Name => "akka";

    /// <inheritdoc/>
    public string Summary => $"sharded actors of Akka.NET {typeof(ActorSystem).Assembly.GetName().Version?.ToString(3)}, on one computer or many";

    /// <inheritdoc/>
    public IReadOnlyList<DeliveryOrder> Orders { get; } = [DeliveryOrder.Seeded, DeliveryOrder.Concurrent];

    /// <inheritdoc/>
    public bool HasNodes => true;

    /// <inheritdoc/>
    public bool KeepsHistory => true;

    /// <inheritdoc/>
    public FleetResult Run(EngineRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        bool isAlone = request.Cluster.SeedNodes.Count == 0;
        if (!isAlone && request.Options.Resume is not null && request.Cluster.Run is null)
        {
            throw new EngineException("a run of another engine is continued by one process; leave the seed nodes out");
        }

        RunFacts facts = request.Facts ?? FactsOf(request);
        ResumedMachines? resume = request.Cluster.Run is null && request.Options.Resume is { } point
            ? new ResumedMachines(point, request.Plan, request.Options)
            : null;
        // Beside a cluster of others this process is a client: nothing of theirs depends on it.
        IReadOnlyList<string> roles = isAlone ? request.Cluster.Roles : [];
        NodeConfiguration configuration = NodeConfiguration.Of(request.Cluster, roles, request.Options.Workers, isAlone, _settings);
        NodeServices services = new()
        {
            Settings = configuration.Settings,
            OwnPlan = request.Plan,
            OwnScenario = facts.ResolvedScenario,
            Resume = resume,
        };
        using EngineNode node = EngineNode.Start(request.Cluster, configuration, services, isAlone, CancellationToken.None);
        TaskCompletionSource<FleetResult> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        node.System.ActorOf(Props.Create(() => new RunClient(request, facts, services, done)).WithDispatcher(NodeSettings.WaitingDispatcher), "client");
        Task ended = Task.WhenAny(done.Task, node.System.WhenTerminated);
        ended.Wait();
        if (!done.Task.IsCompleted)
        {
            throw new EngineException("this node was shut out of its cluster; the run may go on without it");
        }

        FleetResult result = done.Task.GetAwaiter().GetResult();
        if (!isAlone)
        {
            node.LeaveAsync().Wait();
        }

        return result;
    }

    /// <inheritdoc/>
    public NodeOutcome RunNode(NodeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        bool isAlone = options.Cluster.SeedNodes.Count == 0;
        NodeConfiguration configuration = NodeConfiguration.Of(options.Cluster, options.Cluster.Roles, options.Workers, isAlone: false, _settings);
        NodeServices services = new() { Settings = configuration.Settings };
        try
        {
            using EngineNode node = EngineNode.Start(options.Cluster, configuration, services, isAlone, options.Stop);
            if (options.Say is { } say)
            {
                node.System.ActorOf(Props.Create(() => new ProgressTeller(say)), "progress");
            }

            WaitHandle.WaitAny([((IAsyncResult)node.System.WhenTerminated).AsyncWaitHandle, options.Stop.WaitHandle]);
            if (!options.Stop.IsCancellationRequested)
            {
                options.Say?.Invoke($"node {node.Address} was shut out of its cluster");
                return NodeOutcome.Downed;
            }

            options.Say?.Invoke($"node {node.Address} leaves");
            node.LeaveAsync().Wait();
            return NodeOutcome.Left;
        }
        catch (OperationCanceledException)
        {
            return NodeOutcome.Left;
        }
    }

    private static RunFacts FactsOf(EngineRequest request) => new()
    {
        Scenario = request.Plan.Scenario.Name,
        ResolvedScenario = request.Plan.Resolved.ToCanonicalText(),
        Seed = request.Plan.Seed,
        Engine = "akka",
        ModelVersion = Machine.ModelVersion,
        ProgramVersion = string.Empty,
        OrderIsRecorded = request.Options.RecordOrder || request.Order == DeliveryOrder.Concurrent,
        SliceGenerations = request.Options.SliceGenerations ?? request.Plan.SliceGenerations,
        Machines = request.Plan.Scenario.Machines,
        Kexecs = request.Plan.Scenario.Kexecs,
        Started = DateTimeOffset.UtcNow,
        Command = string.Empty,
    };
}
