using System.CommandLine;
using System.CommandLine.Parsing;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Host.Engines;

/// <summary>Which engine carries a run, how, and where its cluster is; as <c>kho run</c> is told.</summary>
/// <param name="Engine">The engine.</param>
/// <param name="Order">Who chooses the order of deliveries.</param>
/// <param name="Cluster">Its cluster; without a store.</param>
internal sealed record EngineChoice(IEngine Engine, DeliveryOrder Order, ClusterOptions Cluster)
{
    /// <summary>What <c>--store</c> means when it is not given.</summary>
    public string DefaultStore => Engine.KeepsHistory ? Histories.AddressOf($"./khoactors-{Engine.Name}.db") : Histories.DefaultAddress;
}

/// <summary>The options of <c>kho run</c> that choose an engine.</summary>
internal sealed class EngineOptions
{
    private const string Seeded = "seeded";
    private const string Concurrent = "concurrent";

    private readonly Option<string?> _engine = new("--engine")
    {
        Description = $"Who carries the machines: {string.Join(", ", EngineCatalog.Names)}. Default: {LocalEngine.EngineName}.",
        HelpName = "NAME",
    };

    private readonly Option<string> _order = new("--order")
    {
        Description = $"Who chooses the order of deliveries: '{Seeded}', drawn from the seed, or '{Concurrent}', the engine's own.",
        HelpName = "ORDER",
        DefaultValueFactory = static _ => Seeded,
    };

    private readonly ClusterArguments _cluster = new();

    /// <summary>Adds them to a command.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
        command.Options.Add(_engine);
        command.Options.Add(_order);
        _cluster.AddTo(command);
    }

    /// <summary>What was chosen for a new run.</summary>
    /// <param name="parsed">The command line.</param>
    /// <returns>The choice.</returns>
    /// <exception cref="UsageException">The engine is not there, or cannot do what it is asked for.</exception>
    public EngineChoice Of(ParseResult parsed) => Of(parsed, parsed.GetValue(_engine) ?? LocalEngine.EngineName);

    /// <summary>What was chosen to continue a run: the engine is that of the run.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="engine">The run's engine.</param>
    /// <param name="orderIsRecorded">Whether the run records its order; one that an engine chooses always is.</param>
    /// <returns>The choice.</returns>
    /// <exception cref="UsageException">Another was asked for, it is not there, or it cannot do what it is asked for.</exception>
    public EngineChoice OfRun(ParseResult parsed, string engine, bool orderIsRecorded)
    {
        if (parsed.GetValue(_engine) is { } other && other != engine)
        {
            throw new UsageException($"--resume continues a run on its own engine, {engine}: --engine {other} does not go with it");
        }

        EngineChoice choice = Of(parsed, engine);
        if (choice.Order == DeliveryOrder.Concurrent && !orderIsRecorded)
        {
            throw new UsageException($"--order {Concurrent}: the run was started in the order of its seed, which it records no other of");
        }

        // A history does not say whether an order that is recorded was drawn or chosen.
        return choice.Engine.Orders.Count == 1 || !orderIsRecorded || parsed.GetResult(_order) is { Implicit: false }
            ? choice
            : throw new UsageException($"--resume: the run records its order; say how it goes on, --order {Seeded} or --order {Concurrent}");
    }

    /// <summary>What <c>--order</c> calls an order.</summary>
    /// <param name="order">The order.</param>
    /// <returns>The word.</returns>
    public static string WordOf(DeliveryOrder order) => order == DeliveryOrder.Concurrent ? Concurrent : Seeded;

    private EngineChoice Of(ParseResult parsed, string name)
    {
        IEngine engine = EngineCatalog.OfProgram.Find(name);
        if (!engine.HasNodes && _cluster.FirstGiven(parsed) is { } option)
        {
            throw new UsageException($"{option} is about clusters: the {name} engine has no nodes");
        }

        string word = parsed.GetRequiredValue(_order);
        DeliveryOrder order = word switch
        {
            Seeded => DeliveryOrder.Seeded,
            Concurrent => DeliveryOrder.Concurrent,
            _ => throw new UsageException($"--order '{word}': '{Seeded}' and '{Concurrent}' are accepted"),
        };
        return engine.Orders.Contains(order)
            ? new EngineChoice(engine, order, _cluster.Of(parsed))
            : throw new UsageException($"--order {word}: the {name} engine has no such order, it delivers as the seed says");
    }
}
