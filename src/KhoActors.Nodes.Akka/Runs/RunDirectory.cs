using Akka.Actor;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Runs;

/// <summary>To a machine, on its node: what its run is.</summary>
internal sealed record RunKnown(ShardedRun Run);

/// <summary>Knows the runs of the machines on one node; asks the driver once for each, and again until it answers.</summary>
internal sealed class RunDirectory : UntypedActor, IWithTimers
{
    private readonly NodeServices _node;
    private readonly Dictionary<int, ShardedRun> _known = [];
    private readonly Dictionary<int, HashSet<IActorRef>> _waiting = [];

    public RunDirectory(NodeServices node) => _node = node;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case FindRun find when _known.TryGetValue(find.Run, out ShardedRun? run):
                Sender.Tell(new RunKnown(run));
                break;
            case FindRun find:
                Await(find.Run, Sender);
                break;
            case RunFound found:
                Learn(found);
                break;
            case RunUnknown unknown:
                Answer(unknown.Run, unknown);
                break;
            case AskAgain again when _waiting.ContainsKey(again.Run):
                _node.Driver.Tell(new FindRun(again.Run));
                break;
            case AskAgain again:
                Timers.Cancel(again.Run);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Await(int run, IActorRef asker)
    {
        if (!_waiting.TryGetValue(run, out HashSet<IActorRef>? waiting))
        {
            _waiting[run] = waiting = [];
            _node.Driver.Tell(new FindRun(run));
            Timers.StartPeriodicTimer(run, new AskAgain(run), _node.Settings.RetryAfter);
        }

        waiting.Add(asker);
    }

    private void Learn(RunFound found)
    {
        int number = found.Begun.Run;
        try
        {
            ShardedRun run = RunOf(found.Begun.Run, found.Begun.Facts, found.Begun.IsConcurrent, _node);
            _known[number] = run;
            Answer(number, new RunKnown(run));
        }
        catch (EngineException refusal)
        {
            Answer(number, new RunUnknown(number, refusal.Message));
        }
    }

    private void Answer(int run, object answer)
    {
        if (_waiting.Remove(run, out HashSet<IActorRef>? waiting))
        {
            foreach (IActorRef asker in waiting)
            {
                asker.Tell(answer);
            }
        }

        Timers.Cancel(run);
    }

    /// <summary>A run from its facts; the one that this process asked for is at hand.</summary>
    /// <exception cref="EngineException">This node cannot run it.</exception>
    public static ShardedRun RunOf(int number, History.RunFacts facts, bool isConcurrent, NodeServices node)
    {
        DeliveryOrder order = isConcurrent ? DeliveryOrder.Concurrent : DeliveryOrder.Seeded;
        return node.OwnPlan is { } plan && plan.Seed == facts.Seed && node.OwnScenario == facts.ResolvedScenario
            ? new ShardedRun(number, facts, order, plan)
            : ShardedRun.FromFacts(number, facts, order, node.Clients);
    }

    private sealed record AskAgain(int Run);
}
