using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Runtime;

/// <content>
/// Delivery by delivery, for hosts that carry each one themselves, on whatever thread: <see cref="TryTake"/> and <see cref="Carry"/> in turn do
/// exactly what <see cref="Run"/> does. That has a loop of its own, in which a delivery never leaves the stack.
/// </content>
public sealed partial class LocalRuntime
{
    private Delivery _taken;
    private IDeliveryHost? _host;
    private ReadyNotices? _notices;
    private bool _tellsMessages;

    private enum Phase
    {
        Resting,

        /// <summary>An actor may be handling a delivery.</summary>
        Delivering,

        /// <summary>A delivery is out with the host.</summary>
        Taken,
    }

    /// <summary>The actors that run, by number.</summary>
    public IReadOnlyList<ActorId> LiveActors
    {
        get
        {
            List<ActorId> live = [];
            for (byte id = 0; id < LimitActors; id++)
            {
                if (IsRunning(new ActorId(id)))
                {
                    live.Add(new ActorId(id));
                }
            }

            return live;
        }
    }

    /// <summary>Takes the next delivery: timers that are due fire, the scheduler picks, time advances, observers see it.</summary>
    /// <param name="delivery">The delivery; it must be given to <see cref="Carry"/> before anything else is done.</param>
    /// <returns>False when nothing waits, or a pause was asked for.</returns>
    /// <exception cref="InvalidOperationException">The last delivery was not carried.</exception>
    /// <exception cref="SimulatorDefectException">Our code failed.</exception>
    /// <exception cref="DivergenceException">The execution differs from a recorded one.</exception>
    public bool TryTake(out Delivery delivery) => Take(ulong.MaxValue, out delivery) is null;

    /// <summary>Lets the receiver handle the delivery that was taken last. An oops in it is supervised as in <see cref="Run"/>.</summary>
    /// <param name="delivery">What <see cref="TryTake"/> gave.</param>
    /// <exception cref="InvalidOperationException">It was not taken, or was carried already.</exception>
    /// <exception cref="SimulatorDefectException">Our code failed.</exception>
    /// <exception cref="DivergenceException">The execution differs from a recorded one.</exception>
    public void Carry(in Delivery delivery)
    {
        if (_phase != Phase.Taken || delivery != _taken)
        {
            string taken = _phase == Phase.Taken ? SimulatorDefectException.Describe(DeliveryNumber, _taken) : "none";
            throw new InvalidOperationException($"{Machine}: only the delivery that was taken last can be carried, once; that is {taken}");
        }

        _phase = Phase.Delivering;
        try
        {
            _outbox.Sender = delivery.To;
            _outbox.NowTicks = NowTicks;
            _actors[delivery.To.Value]!.Receive(delivery, _outbox);
        }
        catch (Exception oops) when (oops is SimulatedOopsException or PageOwnershipException)
        {
            Supervise(oops, delivery);
        }
        catch (Exception exception) when (IsDefect(exception))
        {
            throw new SimulatorDefectException(Machine, DeliveryNumber, delivery, exception);
        }
        finally
        {
            _phase = Phase.Resting;
        }
    }

    /// <summary>Tells a host which actors live, from now on until the next call or <see cref="Reset"/>.</summary>
    /// <param name="host">The host, or null.</param>
    /// <param name="messagesToo">Whether it is told of messages as well, by <see cref="Settle"/>.</param>
    internal void Attach(IDeliveryHost? host, bool messagesToo)
    {
        _host = host;
        _tellsMessages = messagesToo;
        if (messagesToo)
        {
            _notices ??= new ReadyNotices();
            _notices.Clear();
        }
    }

    /// <summary>Takes the next delivery, as <see cref="TryTake"/>.</summary>
    /// <param name="end">The delivery number at which a machine that still has something to deliver is stuck.</param>
    /// <param name="limitDeliveries">The limit that led to it, for the message.</param>
    /// <param name="delivery">The delivery.</param>
    /// <returns>False when nothing waits, or a pause was asked for.</returns>
    /// <exception cref="LivelockException">The limit was reached.</exception>
    internal bool TryTakeBefore(ulong end, ulong limitDeliveries, out Delivery delivery)
    {
        RunOutcome? outcome = Take(end, out delivery);
        return outcome == RunOutcome.LimitReached ? throw Livelock(limitDeliveries) : outcome is null;
    }

    /// <summary>The host asks for a message of a pair, as it was told to.</summary>
    /// <param name="pair">Sender and receiver.</param>
    /// <returns>Whether one waits.</returns>
    internal bool SpendNotice(ActorPair pair)
    {
        RequireNotRunning();
        bool isReady = _mailboxes.Ready.Contains(pair);
        _notices!.Spend(pair);
        return isReady;
    }

    /// <summary>
    /// Does what the next delivery would begin with, so that the host can choose it: timers that are due fire, with nothing ready time jumps to
    /// the first one, and the host is told of every message that it does not know of.
    /// </summary>
    /// <returns>Whether there is nothing to choose: a pause was asked for, or nothing waits.</returns>
    internal bool Settle()
    {
        RequireNotRunning();
        if (_timers.Count != 0 && !_pauseRequested)
        {
            FireTimers();
        }

        if (_pauseRequested || _mailboxes.ReadyCount == 0)
        {
            ReasonToReturn();
            return true;
        }

        _notices!.Tell(_mailboxes, _host!);
        return false;
    }

    /// <returns>Null when a delivery was taken, else why there is none.</returns>
    private RunOutcome? Take(ulong end, out Delivery delivery)
    {
        RequireNotRunning();
        Phase next = Phase.Resting;
        _phase = Phase.Delivering;
        try
        {
            if (_timers.Count != 0 && !_pauseRequested)
            {
                FireTimers();
            }

            if (_pauseRequested || _mailboxes.ReadyCount == 0 || DeliveryNumber == end)
            {
                delivery = default;
                return ReasonToReturn();
            }

            delivery = _taken = _mailboxes.Take(_scheduler.Pick(_mailboxes.Ready));
            NowTicks += _deliveryCostTicks;
            DeliveryNumber++;
            foreach (IDeliveryObserver observer in _observers)
            {
                observer.Delivered(DeliveryNumber, NowTicks, delivery);
            }

            next = Phase.Taken;
            return null;
        }
        catch (Exception exception) when (IsDefect(exception))
        {
            throw new SimulatorDefectException(Machine, DeliveryNumber, _taken, exception);
        }
        finally
        {
            _phase = next;
        }
    }
}
