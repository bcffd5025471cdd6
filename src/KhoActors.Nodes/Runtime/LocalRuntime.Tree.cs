using System.Numerics;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Runtime;

/// <summary>How an actor ends.</summary>
public enum StopKind
{
    /// <summary>Messages to it become dead letters; what it has sent still arrives.</summary>
    Orderly,

    /// <summary>As if power was cut, or another kernel jumped to: what it has sent and was not delivered becomes dead letters too.</summary>
    Abrupt,
}

/// <content>The actor tree: start, stop, watch, and what happens to an actor whose kernel code crashed. Sets of actors are bits of a word.</content>
public sealed partial class LocalRuntime
{
    private readonly IActor?[] _actors = new IActor?[LimitActors];
    private readonly byte[] _parents = new byte[LimitActors];
    private readonly ulong[] _children = new ulong[LimitActors];
    private readonly ulong[] _watchers = new ulong[LimitActors];
    private ulong _started;
    private ActorId _root;

    /// <summary>Whether an actor is started and not stopped.</summary>
    /// <param name="actor">The actor.</param>
    /// <returns>Whether it receives messages.</returns>
    public bool IsRunning(ActorId actor) => actor.Value < LimitActors && (_started & Bit(actor)) != 0;

    /// <summary>Starts the root of the tree, the machine; nothing else may run.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="actor">The actor.</param>
    public void StartRoot(ActorId id, IActor actor)
    {
        RequireNumber(id);
        if (_started != 0)
        {
            throw new InvalidOperationException($"{Machine}: a tree has one root, and actor {_root.Value} is it");
        }

        _root = id;
        Enter(id, id, actor);
    }

    /// <summary>Starts an actor below another.</summary>
    /// <param name="id">Its number; not running.</param>
    /// <param name="actor">The actor.</param>
    /// <param name="parent">A running actor: it is told of an oops, and its stop stops this one.</param>
    public void Start(ActorId id, IActor actor, ActorId parent)
    {
        RequireNumber(id);
        RequireRunning(parent);
        if (IsRunning(id))
        {
            throw new InvalidOperationException($"{Machine}: actor {id.Value} is already running");
        }

        Enter(id, parent, actor);
        _children[parent.Value] |= Bit(id);
    }

    /// <summary>
    /// Stops an actor after everything below it, depth first, in the order of numbers. Undelivered messages to it, timers included, become dead
    /// letters, so no message outlives its receiver into a successor of the same number. Watchers get <see cref="RuntimeMessages.Terminated"/>.
    /// </summary>
    /// <param name="id">A running actor.</param>
    /// <param name="kind">What becomes of messages that it has sent.</param>
    public void Stop(ActorId id, StopKind kind = StopKind.Orderly)
    {
        RequireRunning(id);
        StopTree(id, kind);
    }

    /// <summary>Asks for a <see cref="RuntimeMessages.Terminated"/> when an actor stops; at once when it is not running.</summary>
    /// <param name="watcher">A running actor that will be told.</param>
    /// <param name="watched">Another actor.</param>
    public void Watch(ActorId watcher, ActorId watched)
    {
        RequireRunning(watcher);
        RequireNumber(watched);
        if (watcher == watched)
        {
            throw new ArgumentException($"{Machine}: actor {watcher.Value} cannot watch itself", nameof(watched));
        }

        if (IsRunning(watched))
        {
            _watchers[watched.Value] |= Bit(watcher);
        }
        else
        {
            SendTerminated(watched, watcher);
        }
    }

    private static ulong Bit(ActorId actor) => 1UL << actor.Value;

    private static void RequireNumber(ActorId actor) => ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(actor.Value, LimitActors);

    private void RequireRunning(ActorId actor)
    {
        if (!IsRunning(actor))
        {
            throw new InvalidOperationException($"{Machine}: actor {actor.Value} is not running");
        }
    }

    private void Enter(ActorId id, ActorId parent, IActor actor)
    {
        ArgumentNullException.ThrowIfNull(actor);
        _actors[id.Value] = actor;
        _parents[id.Value] = parent.Value;
        _started |= Bit(id);
        _host?.ActorStarted(id);
    }

    private void StopBelow(ActorId parent, StopKind kind)
    {
        while (_children[parent.Value] != 0)
        {
            StopTree(new ActorId((byte)BitOperations.TrailingZeroCount(_children[parent.Value])), kind);
        }
    }

    private void StopTree(ActorId id, StopKind kind)
    {
        StopBelow(id, kind);
        _children[_parents[id.Value]] &= ~Bit(id);
        _started &= ~Bit(id);
        _actors[id.Value] = null;
        BuryMail(id, kind);
        if (_tellsMessages)
        {
            _notices!.Forget(id);
        }

        _host?.ActorStopped(id);

        ulong watchers = _watchers[id.Value];
        _watchers[id.Value] = 0;
        for (int other = 0; other < LimitActors; other++)
        {
            _watchers[other] &= ~Bit(id);
        }

        for (; watchers != 0; watchers &= watchers - 1)
        {
            SendTerminated(id, new ActorId((byte)BitOperations.TrailingZeroCount(watchers)));
        }
    }

    /// <summary>Buries what waits to (and from) an actor: first mail in the order of the other side's number, then timers in the order of time.</summary>
    private void BuryMail(ActorId id, StopKind kind)
    {
        for (byte other = 0; other < LimitActors; other++)
        {
            while (_mailboxes.TryTake(new ActorPair(new ActorId(other), id), out Delivery received))
            {
                Bury(DeadLetterReason.ReceiverStopped, received);
            }

            while (kind == StopKind.Abrupt && _mailboxes.TryTake(new ActorPair(id, new ActorId(other)), out Delivery sent))
            {
                Bury(DeadLetterReason.SenderCut, sent);
            }
        }

        foreach (ref readonly TimerQueue.Timer timer in _timers.Remove(id, kind == StopKind.Abrupt))
        {
            Bury(timer.Delivery.To == id ? DeadLetterReason.ReceiverStopped : DeadLetterReason.SenderCut, timer.Delivery);
        }
    }

    private void SendTerminated(ActorId stopped, ActorId watcher) =>
        Send(0, stopped, watcher, 0, new Message(RuntimeMessages.Terminated, stopped.Value));

    /// <summary>Whether an exception that ends a run is our fault; the others say themselves what they are.</summary>
    private static bool IsDefect(Exception exception) => exception is not DivergenceException and not OutOfMemoryException;

    /// <summary>Handles an oops; whatever fails meanwhile (an observer that is told of dead letters) is a defect like any other.</summary>
    private void Supervise(Exception oops, in Delivery delivery)
    {
        try
        {
            HandleOops(oops, delivery);
        }
        catch (Exception exception) when (IsDefect(exception))
        {
            throw new SimulatorDefectException(Machine, DeliveryNumber, delivery, exception);
        }
    }

    /// <summary>
    /// The actor in progress crashed as a kernel does, or touched a page of somebody else: what it sent before is sent, then it is stopped and
    /// its parent told. The root cannot be stopped, it is told itself; should it crash over that message, our supervision is at fault.
    /// </summary>
    private void HandleOops(Exception oops, in Delivery delivery)
    {
        ActorId crashed = delivery.To;
        if (delivery.Message.Kind == RuntimeMessages.Oops || !IsRunning(crashed))
        {
            string when = IsRunning(crashed) ? "while it handled an oops" : "after it was stopped";
            throw new InvalidOperationException($"actor {crashed.Value} crashed {when}", oops);
        }

        var parent = new ActorId(_parents[crashed.Value]);
        Send(0, crashed, parent, 0, new Message(RuntimeMessages.Oops, crashed.Value, oops is PageOwnershipException ? 1UL : 0, Text: oops.Message));
        if (crashed != parent)
        {
            StopTree(crashed, StopKind.Orderly);
        }
    }

    private void ClearTree()
    {
        Array.Clear(_actors);
        Array.Clear(_parents);
        Array.Clear(_children);
        Array.Clear(_watchers);
        _started = 0;
        _root = default;
    }
}
