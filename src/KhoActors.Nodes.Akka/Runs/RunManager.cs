using Akka.Actor;
using Akka.Persistence;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;

namespace KhoActors.Nodes.Akka.Runs;

/// <summary>
/// The cluster's singleton: gives numbers to runs, and keeps a <see cref="RunDriver"/> for each that is not over. Started again on another node it
/// finds in the journal which those are.
/// </summary>
internal sealed class RunManager : UntypedPersistentActor, IWithTimers
{
    private readonly NodeServices _node;
    private readonly Dictionary<ulong, int> _tickets = [];
    private readonly SortedSet<int> _open = [];
    private readonly Dictionary<int, IActorRef> _drivers = [];
    private int _last;

    public RunManager(NodeServices node) => _node = node;

    public ITimerScheduler Timers { get; set; } = null!;

    public override string PersistenceId => JournalNames.Runs;

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case RunAnnounced announced:
                Apply(announced);
                break;
            case RunClosed closed:
                _open.Remove(closed.Run);
                break;
            case RecoveryCompleted:
                foreach (int run in _open)
                {
                    Drive(run, null);
                }

                break;
            default:
                throw new HistoryDamageException($"{PersistenceId}: {message.GetType().Name} is no event of the list of runs");
        }
    }

    protected override void OnCommand(object message)
    {
        switch (message)
        {
            case StartRun start:
                Start(start);
                break;
            case ResumeRun resume:
                Resume(resume);
                break;
            case FindRun find:
                Forward(find.Run, find, mayDrive: false);
                break;
            case FollowRun follow:
                Forward(follow.Run, follow, mayDrive: true);
                break;
            case StopRun stop:
                Forward(stop.Run, stop, mayDrive: false);
                break;
            case MachineRecovered recovered:
                Forward(recovered.Run, recovered, mayDrive: false);
                break;
            case DriverEnded ended when _open.Contains(ended.Run):
                Persist(new RunClosed(ended.Run), closed => _open.Remove(closed.Run));
                break;
            case Terminated terminated:
                Lose(terminated.ActorRef);
                break;
            case DriveAgain again when _open.Contains(again.Run) && !_drivers.ContainsKey(again.Run):
                Drive(again.Run, null);
                break;
            default:
                break;
        }
    }

    private void Start(StartRun start)
    {
        if (_tickets.TryGetValue(start.Ticket, out int known))
        {
            Sender.Tell(new RunStarted(known));
            return;
        }

        RunBegun begun = new(_last + 1, start.Facts, start.IsConcurrent);
        Persist(new RunAnnounced(begun.Run, start.Ticket), announced =>
        {
            Apply(announced);
            Drive(begun.Run, begun);
            Sender.Tell(new RunStarted(begun.Run));
        });
    }

    private void Resume(ResumeRun resume)
    {
        if (resume.Run > _last)
        {
            Sender.Tell(new RunRefused($"there is no run {resume.Run} in the engine's journal"));
            return;
        }

        Persist(new RunAnnounced(resume.Run, 0), announced =>
        {
            Apply(announced);
            Drive(resume.Run, null);
            _drivers[resume.Run].Forward(resume);
        });
    }

    private void Apply(RunAnnounced announced)
    {
        _last = Math.Max(_last, announced.Run);
        _open.Add(announced.Run);
        if (announced.Ticket != 0)
        {
            _tickets[announced.Ticket] = announced.Run;
        }
    }

    private void Drive(int run, RunBegun? begun)
    {
        if (!_drivers.ContainsKey(run))
        {
            _drivers[run] = Context.Watch(Context.ActorOf(Props.CreateBy(new RunDriver.Producer(run, begun, _node)), JournalNames.Run(run)));
        }
    }

    private void Forward(int run, IWireMessage message, bool mayDrive)
    {
        if (mayDrive && run > 0 && run <= _last)
        {
            Drive(run, null);
        }

        if (_drivers.TryGetValue(run, out var driver))
        {
            driver.Forward(message);
        }
        else if (message is FindRun)
        {
            Sender.Tell(new RunUnknown(run, $"run {run} has no driver"));
        }
        else if (message is FollowRun)
        {
            // A journal in memory goes with the node that kept it: its client must not wait for ever.
            Sender.Tell(new RunRefused($"the cluster does not know run {run}: what kept it is gone"));
        }
    }

    /// <summary>A driver whose journal failed is started again, with what is recorded.</summary>
    private void Lose(IActorRef driver)
    {
        foreach ((int run, IActorRef known) in _drivers)
        {
            if (known.Equals(driver))
            {
                _drivers.Remove(run);
                Timers.StartSingleTimer(run, new DriveAgain(run), _node.Settings.RetryAfter);
                break;
            }
        }
    }

    private sealed record DriveAgain(int Run);
}

/// <summary>To the manager, from a driver: the run is over, nobody needs to drive it.</summary>
internal sealed record DriverEnded(int Run);
