using System.CommandLine;
using KhoActors.Host.Engines;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Host.Commands;

/// <summary><c>kho node</c>: carries machines for fleets that are run elsewhere in a cluster, until it is stopped.</summary>
internal sealed class NodeCommand
{
    private readonly Terminal _terminal;
    private readonly Option<string> _engine = new("--engine")
    {
        Description = "The engine of the cluster.",
        HelpName = "NAME",
        DefaultValueFactory = static _ => EngineCatalog.Akka,
    };

    private readonly ClusterArguments _cluster = new();
    private readonly Option<string?> _store = new("--store")
    {
        Description = "Where machines are kept when a node is lost, the same for every node: sqlite:PATH, postgres://USER@HOST/DATABASE. Default: in memory.",
        HelpName = "URI",
    };

    private readonly Option<int?> _workers = CommonOptions.Count("--workers", "Threads that carry machines. Default: one for each processor.");

    private NodeCommand(Terminal terminal) => _terminal = terminal;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        NodeCommand node = new(terminal);
        Command command = new("node", "Carry machines for fleets that are run elsewhere in a cluster, until it is stopped.") { node._engine };
        node._cluster.AddTo(command);
        command.Options.Add(node._store);
        command.Options.Add(node._workers);
        command.SetAction(parsed => (int)node.Run(parsed));
        return command;
    }

    private ExitCode Run(ParseResult parsed)
    {
        string name = parsed.GetRequiredValue(_engine);
        IEngine engine = EngineCatalog.OfProgram.Find(name);
        if (!engine.HasNodes)
        {
            throw new UsageException($"--engine {name}: it is one process and has no nodes; accepted: {EngineCatalog.Akka}");
        }

        string? store = parsed.GetValue(_store);
        NodeOutcome outcome = engine.RunNode(new NodeOptions
        {
            Cluster = _cluster.Of(parsed) with { Store = store == Histories.None ? null : store },
            Workers = parsed.GetValue(_workers) ?? Environment.ProcessorCount,
            Stop = _terminal.Interrupted,
            Say = line => _terminal.Error.WriteLine(Terminal.Printable(line)),
        });
        if (outcome == NodeOutcome.Left)
        {
            return ExitCode.Held;
        }

        _terminal.Complain("this node was cut off from the majority of its cluster, and left; its machines go on elsewhere");
        return ExitCode.Inconclusive;
    }
}
