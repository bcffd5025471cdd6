using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Runtime;

/// <summary>Why a run returned.</summary>
public enum RunOutcome
{
    /// <summary>No message and no timer waits.</summary>
    Idle,

    /// <summary>An actor's host asked for a pause (see <see cref="LocalRuntime.Pause"/>); messages may wait.</summary>
    Paused,

    /// <summary>The limit of deliveries was used up; messages wait.</summary>
    LimitReached,
}

/// <summary>
/// The deterministic host of one machine's actor tree. It delivers one message at a time; the scheduler picks the next pair of sender and
/// receiver, messages of one pair stay in order, and virtual time advances by a fixed cost per delivery and jumps to the next timer when nothing else is left.
/// A worker reuses one runtime for machine after machine: <see cref="Reset"/> leaves nothing behind but memory.
/// </summary>
/// <remarks>
/// Every method but <see cref="Run"/>, <see cref="RunUntilIdle"/>, <see cref="TryTake"/>, <see cref="Carry"/>, <see cref="Reset"/>,
/// <see cref="Snapshot"/> and <see cref="Recover"/> may also be called while an actor handles a delivery; what an actor sends is sent at once, so
/// the order of effects is the order of calls.
/// Misuse throws <see cref="ArgumentException"/> or <see cref="InvalidOperationException"/>, which inside a delivery is a simulator defect.
/// </remarks>
public sealed partial class LocalRuntime : ISnapshotting
{
    /// <summary>Actors that one machine may have: identifiers 0 to 63.</summary>
    public const int LimitActors = 64;

    /// <summary>Virtual nanoseconds that a delivery takes unless configured.</summary>
    public const ulong DefaultDeliveryCostTicks = 1000;

    private readonly ulong _deliveryCostTicks;
    private readonly Mailboxes _mailboxes = new();
    private readonly TimerQueue _timers = new();
    private readonly DirectOutbox _outbox;
    private IDeliveryObserver[] _observers = [];
    private IScheduler _scheduler;
    private Phase _phase;
    private bool _pauseRequested;

    /// <summary>Makes a runtime for its first machine.</summary>
    /// <param name="machine">The machine's path, for reports.</param>
    /// <param name="scheduler">Decides the order.</param>
    /// <param name="deliveryCostTicks">Virtual nanoseconds that one delivery takes.</param>
    public LocalRuntime(SeedPath machine, IScheduler scheduler, ulong deliveryCostTicks = DefaultDeliveryCostTicks)
    {
        Machine = machine;
        _scheduler = scheduler;
        _deliveryCostTicks = deliveryCostTicks;
        _outbox = new DirectOutbox(this);
    }

    /// <summary>The machine it hosts now.</summary>
    public SeedPath Machine { get; private set; }

    /// <summary>Virtual time in nanoseconds since the machine's first power-on.</summary>
    public ulong NowTicks { get; private set; }

    /// <summary>Deliveries since the machine's first power-on.</summary>
    public ulong DeliveryNumber { get; private set; }

    /// <summary>Messages that were never delivered since the machine's first power-on.</summary>
    public ulong DeadLetters { get; private set; }

    /// <summary>Whether neither a message nor a timer waits.</summary>
    public bool IsIdle => _mailboxes.ReadyCount == 0 && _timers.Count == 0;

    /// <summary>Forgets the machine and starts with the next: no actor, message, timer, watch or observer is left.</summary>
    /// <param name="machine">The next machine.</param>
    /// <param name="scheduler">Decides its order.</param>
    public void Reset(SeedPath machine, IScheduler scheduler)
    {
        // A delivery that a host has taken and will never carry is thrown away with the machine.
        _phase = _phase == Phase.Taken ? Phase.Resting : _phase;
        RequireNotRunning();
        Machine = machine;
        _scheduler = scheduler;
        _mailboxes.Clear();
        _timers.Clear();
        _observers = [];
        _host = null;
        _tellsMessages = false;
        _taken = default;
        _pauseRequested = false;
        NowTicks = 0;
        DeliveryNumber = 0;
        DeadLetters = 0;
        ClearTree();
    }

    /// <summary>Adds an observer; observers are called in the order of adding, until <see cref="Reset"/>.</summary>
    /// <param name="observer">Sees every delivery.</param>
    public void Observe(IDeliveryObserver observer) => _observers = [.. _observers, observer];

    /// <summary>Sends a message on behalf of an actor, running or not.</summary>
    /// <param name="from">The sender it will carry.</param>
    /// <param name="to">The receiver; when it is not running, the message is a dead letter.</param>
    /// <param name="message">The message.</param>
    /// <param name="correlation">For requests.</param>
    /// <param name="delayTicks">Virtual nanoseconds until it may be delivered.</param>
    public void Post(ActorId from, ActorId to, in Message message, uint correlation = 0, ulong delayTicks = 0)
    {
        RequireNumber(from);
        Send(delayTicks, from, to, correlation, message);
    }

    /// <summary>Makes the run return after the delivery in progress (or at once, when called between runs): a machine at its jump.</summary>
    public void Pause() => _pauseRequested = true;

    /// <summary>Delivers until nothing waits, a pause is asked for, or the limit is used up.</summary>
    /// <param name="limitDeliveries">Most deliveries of this call: a slice.</param>
    /// <returns>Why it returned.</returns>
    /// <exception cref="SimulatorDefectException">Our code failed.</exception>
    /// <exception cref="DivergenceException">The execution differs from a recorded one.</exception>
    public RunOutcome Run(ulong limitDeliveries)
    {
        RequireNotRunning();
        _phase = Phase.Delivering;
        ulong end = checked(DeliveryNumber + limitDeliveries);
        try
        {
            while (true)
            {
                RunOutcome? outcome = DeliverUntil(end);
                if (outcome is { } known)
                {
                    return known;
                }
            }
        }
        finally
        {
            _phase = Phase.Resting;
        }
    }

    /// <summary>Delivers until nothing waits or a pause is asked for.</summary>
    /// <param name="limitDeliveries">Most deliveries; a machine that needs more is stuck.</param>
    /// <returns><see cref="RunOutcome.Idle"/> or <see cref="RunOutcome.Paused"/>.</returns>
    /// <exception cref="LivelockException">The limit was reached.</exception>
    public RunOutcome RunUntilIdle(ulong limitDeliveries)
    {
        RunOutcome outcome = Run(limitDeliveries);
        return outcome != RunOutcome.LimitReached ? outcome : throw Livelock(limitDeliveries);
    }

    /// <summary>Writes clock, counters and the scheduler's position; the runtime must be idle, as it is at a jump.</summary>
    /// <param name="writer">Receives them.</param>
    public void Snapshot(SnapshotWriter writer)
    {
        RequireNotRunning();
        RequireIdle();
        writer.WriteVar(NowTicks);
        writer.WriteVar(DeliveryNumber);
        writer.WriteVar(DeadLetters);
        writer.WriteVar(_timers.Sequence);
        _scheduler.Snapshot(writer);
    }

    /// <summary>Continues where a snapshot was taken; call it after <see cref="Reset"/>.</summary>
    /// <param name="reader">Source; malformed data throws <see cref="SnapshotFormatException"/>.</param>
    public void Recover(SnapshotReader reader)
    {
        RequireNotRunning();
        RequireIdle();
        NowTicks = reader.ReadVar();
        DeliveryNumber = reader.ReadVar();
        DeadLetters = reader.ReadVar();
        _timers.Sequence = reader.ReadVar();
        _scheduler.Recover(reader);
    }

    /// <summary>Delivers until there is a reason to return; null after an oops, to go on.</summary>
    private RunOutcome? DeliverUntil(ulong end)
    {
        // A local: on the stack a delivery is written without the collector's barriers, and only a failure needs it elsewhere.
        Delivery delivery = default;
        try
        {
            while (true)
            {
                // A machine at its jump does not wait for a timer that nobody will live to see.
                if (_timers.Count != 0 && !_pauseRequested)
                {
                    FireTimers();
                }

                if (_pauseRequested || _mailboxes.ReadyCount == 0 || DeliveryNumber == end)
                {
                    return ReasonToReturn();
                }

                delivery = _mailboxes.Take(_scheduler.Pick(_mailboxes.Ready));
                NowTicks += _deliveryCostTicks;
                DeliveryNumber++;
                foreach (IDeliveryObserver observer in _observers)
                {
                    observer.Delivered(DeliveryNumber, NowTicks, delivery);
                }

                _outbox.Sender = delivery.To;
                _outbox.NowTicks = NowTicks;
                _actors[delivery.To.Value]!.Receive(delivery, _outbox);
            }
        }
        catch (Exception oops) when (oops is SimulatedOopsException or PageOwnershipException)
        {
            Supervise(oops, delivery);
            return null;
        }
        catch (Exception exception) when (IsDefect(exception))
        {
            throw new SimulatorDefectException(Machine, DeliveryNumber, delivery, exception);
        }
    }

    private RunOutcome ReasonToReturn()
    {
        if (_pauseRequested)
        {
            _pauseRequested = false;
            return RunOutcome.Paused;
        }

        return _mailboxes.ReadyCount == 0 ? RunOutcome.Idle : RunOutcome.LimitReached;
    }

    /// <summary>Makes timers that are due ready; with nothing ready, time jumps to the first.</summary>
    private void FireTimers()
    {
        if (_mailboxes.ReadyCount == 0 && _timers.NextDueTicks > NowTicks)
        {
            NowTicks = _timers.NextDueTicks;
        }

        while (_timers.Count != 0 && _timers.NextDueTicks <= NowTicks)
        {
            Delivery due = _timers.TakeFirst();
            _mailboxes.Add(due.From, due.To, due.Correlation, due.Message);
        }
    }

    private void Send(ulong delayTicks, ActorId from, ActorId to, uint correlation, in Message message)
    {
        if (!IsRunning(to))
        {
            Bury(DeadLetterReason.NotRunning, new Delivery(from, to, correlation, message));
        }
        else if (delayTicks == 0)
        {
            _mailboxes.Add(from, to, correlation, message);
        }
        else
        {
            _timers.Add(checked(NowTicks + delayTicks), new Delivery(from, to, correlation, message));
        }
    }

    private void Bury(DeadLetterReason reason, in Delivery delivery)
    {
        DeadLetters++;
        foreach (IDeliveryObserver observer in _observers)
        {
            observer.DeadLetter(reason, delivery);
        }
    }

    private void RequireNotRunning()
    {
        if (_phase != Phase.Resting)
        {
            throw new InvalidOperationException(_phase == Phase.Taken
                ? $"{Machine}: delivery {DeliveryNumber} was taken and must be carried first"
                : "a runtime cannot be run, reset or saved while one of its actors handles a delivery");
        }
    }

    private LivelockException Livelock(ulong limitDeliveries) =>
        new(Machine, limitDeliveries, DeliveryNumber, _mailboxes.Ready[0], _mailboxes.ReadyCount, _timers.Count);

    private void RequireIdle()
    {
        if (!IsIdle)
        {
            throw new InvalidOperationException(
                $"{Machine}: a snapshot holds no messages, but {_mailboxes.ReadyCount} pairs and {_timers.Count} timers wait");
        }
    }

    /// <summary>Sends straight into the mailboxes: gathering first would copy every message once more.</summary>
    private sealed class DirectOutbox(LocalRuntime runtime) : Outbox
    {
        public override void SendAfter(ulong delayTicks, ActorId to, in Message message, uint correlation = 0) =>
            runtime.Send(delayTicks, Sender, to, correlation, message);
    }
}
