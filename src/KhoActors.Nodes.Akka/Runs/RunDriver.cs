using Akka.Actor;
using Akka.Cluster;
using Akka.Persistence;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Runs;

/// <summary>
/// Drives one run: gives turns to machines, so many at a time as the cluster has nodes for; counts what comes back; tells its client and whoever
/// listens. What <see cref="FleetDispatch"/> decides it carries out. Its events are what it has counted; whoever is started after it goes on from there.
/// </summary>
internal sealed partial class RunDriver : UntypedPersistentActor, IWithTimers
{
    private const int TickMilliseconds = 250;
    private const long TicksWithoutClientMax = 30_000 / TickMilliseconds;
    private readonly NodeServices _node;
    private readonly int _number;
    private readonly Dictionary<SliceOrder, long> _asked = [];
    private readonly Dictionary<SliceOrder, (SliceRecorded Slice, SliceRecord Record)> _atClient = [];
    private RunBegun? _begun;
    private FleetDispatch? _dispatch;
    private RunOver? _over;
    private Exception? _failure;
    private IActorRef _client = ActorRefs.Nobody;
    private FollowRun? _wish;
    private int _nodes = 1;
    private long _ticks;
    private bool _isPersisting;
    private bool _isStopping;
    private string? _refusal;

    public RunDriver(int number, RunBegun? begun, NodeServices node)
    {
        _number = number;
        _begun = begun;
        _node = node;
        PersistenceId = JournalNames.Run(number);
    }

    public override string PersistenceId { get; }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        base.PreStart();
        Cluster.Get(Context.System).Subscribe(Self, ClusterEvent.InitialStateAsSnapshot, typeof(ClusterEvent.IMemberEvent));
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, TimeSpan.FromMilliseconds(TickMilliseconds));
        Timers.StartPeriodicTimer(nameof(Publish), Publish.Instance, _node.Settings.ProgressEvery);
    }

    protected override void PostStop()
    {
        Cluster.Get(Context.System).Unsubscribe(Self);
        base.PostStop();
    }

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case RunBegun begun:
                Open(begun);
                break;
            case FleetAdvanced advanced:
                _dispatch?.Apply(advanced);
                break;
            case RunOver over:
                _over = over;
                break;
            case RunReopened:
                _over = null;
                break;
            case RecoveryCompleted when _dispatch is null && _begun is not null:
                Persist(_begun, begun =>
                {
                    Open(begun);
                    Begin();
                });
                break;
            case RecoveryCompleted when _dispatch is not null && _over is null:
                Begin();
                break;
            case RecoveryCompleted:
                break;
            default:
                throw new HistoryDamageException($"{PersistenceId}: {message.GetType().Name} is no event of a run");
        }
    }

    protected override void OnCommand(object message)
    {
        switch (message)
        {
            case SliceFinished finished when finished.Slice.Run == _number:
                Take(finished.Slice);
                break;
            case SliceTaken taken:
                Count(new SliceOrder(taken.Machine, taken.FirstGeneration));
                break;
            case SliceFailed failed:
                Take(failed);
                break;
            case SliceDiffers differs:
                TakeOut(new SliceOrder(differs.Difference.Machine, differs.FirstGeneration), order => _dispatch!.TakeOut(order, differs.Difference));
                break;
            case SliceCancelled cancelled:
                TakeBack(new SliceOrder(cancelled.Machine, cancelled.FirstGeneration));
                break;
            case MachineRecovered recovered:
                AskAgain(order => order.Machine == recovered.Machine);
                break;
            case FindRun when _begun is not null:
                Sender.Tell(new RunFound(_begun));
                break;
            case FollowRun follow:
                Follow(follow);
                break;
            case ResumeRun resume:
                Reopen(resume);
                break;
            case StopRun stop when _over is null:
                if (stop.HasFailed)
                {
                    ForgetUncounted();
                }

                Stop(null);
                break;
            case Terminated gone when gone.ActorRef.Equals(_client):
                LoseClient();
                break;
            case ClusterEvent.CurrentClusterState or ClusterEvent.IMemberEvent:
                CountNodes(message);
                break;
            case Tick:
                _ticks++;
                AskLateMachines();
                GoOnWithoutClient();
                break;
            case Publish when _over is null && _dispatch is not null:
                PublishProgress();
                break;
            default:
                break;
        }
    }

    private void Open(RunBegun begun)
    {
        _begun = begun;
        try
        {
            _dispatch = new FleetDispatch(RunDirectory.RunOf(begun.Run, begun.Facts, begun.IsConcurrent, _node));
        }
        catch (EngineException refusal)
        {
            _refusal = refusal.Message;
            return;
        }

        if (_node.Resume is { } resume)
        {
            _dispatch.TakeUp(resume);
        }
    }

    private void Begin()
    {
        _dispatch?.Begin();
        GoOn();
    }

    /// <summary>Whatever changed: gives the turns that can be given, records what was counted, and ends what is over.</summary>
    private void GoOn()
    {
        if (_over is not null || _dispatch is null)
        {
            return;
        }

        // Before its client has followed it, it knows not whether slices are wanted.
        while (!_isStopping && _wish is not null && _dispatch.InFlight < _nodes * _node.Settings.InFlightPerNode && _dispatch.TryIssue(out SliceOrder order))
        {
            Ask(order);
        }

        if (!_isPersisting && _dispatch.TakeEvent() is { } advanced)
        {
            _isPersisting = true;
            PersistAsync(advanced, persisted =>
            {
                _isPersisting = false;
                _dispatch.Apply(persisted);
                GoOn();
            });
        }
        else if (!_isPersisting && (_dispatch.IsOver || (_isStopping && _dispatch.InFlight == 0)))
        {
            End();
        }
    }

    private void Ask(SliceOrder order)
    {
        _asked[order] = _ticks;
        _node.Region.Tell(_isStopping
            ? new CancelSlice(_number, order.Machine, order.FirstGeneration)
            : new RunSlice(_number, order.Machine, order.FirstGeneration));
    }

    private void AskAgain(Predicate<SliceOrder> which)
    {
        foreach (SliceOrder order in _asked.Keys.Where(order => which(order)).ToList())
        {
            Ask(order);
        }
    }

    private void AskLateMachines()
    {
        long late = _ticks - (long)(_node.Settings.RetryAfter / TimeSpan.FromMilliseconds(TickMilliseconds));
        AskAgain(order => _asked[order] < late);
    }

    private void Take(SliceRecorded slice)
    {
        SliceOrder order = new(slice.Machine, slice.FirstGeneration);
        try
        {
            if (_dispatch?.Accept(slice) is { } record)
            {
                _asked.Remove(order);
                _atClient.Add(order, (slice, record));
                if (_wish is { WantsSlices: true })
                {
                    _client.Tell(new SliceForClient(slice));
                }
                else if (_wish is not null)
                {
                    Count(order);
                }
            }
        }
        catch (HistoryDamageException damage)
        {
            _asked.Remove(order);
            _dispatch!.GiveUp(order);
            Stop(damage);
        }
    }

    private void Count(SliceOrder order)
    {
        if (_atClient.Remove(order, out (SliceRecorded Slice, SliceRecord Record) taken))
        {
            _dispatch!.Count(taken.Record);
            GoOn();
        }
    }

    private void Take(SliceFailed failed)
    {
        SliceOrder order = new(failed.Machine, failed.FirstGeneration);
        if (failed.Kind == SliceFailure.Defect)
        {
            TakeOut(order, expected => _dispatch!.TakeOut(expected, failed.Text, failed.Done));
        }
        else if (_asked.Remove(order))
        {
            _dispatch!.GiveUp(order);
            Stop(failed.Kind == SliceFailure.Damage ? new HistoryDamageException(failed.Text) : new HistoryUnavailableException(failed.Text));
        }
    }

    private void TakeOut(SliceOrder order, Action<SliceOrder> takeOut)
    {
        if (_asked.Remove(order))
        {
            takeOut(order);
            GoOn();
        }
    }

    /// <summary>A machine rests without its slice: because the run stops, or because its shard moves.</summary>
    private void TakeBack(SliceOrder order)
    {
        if (!_asked.ContainsKey(order))
        {
            return;
        }

        if (_isStopping)
        {
            _asked.Remove(order);
            _dispatch!.GiveUp(order);
            GoOn();
        }
        else
        {
            Ask(order);
        }
    }

    private void Stop(Exception? failure)
    {
        _failure ??= failure;
        if (!_isStopping)
        {
            _isStopping = true;
            AskAgain(static _ => true);
        }

        GoOn();
    }

    private void End()
    {
        FleetResult result = _dispatch!.Conclude(_failure);
        RunState state = !_dispatch.IsOver ? RunState.Interrupted : result.Defects.Count != 0 ? RunState.Defect : RunState.Finished;
        _isPersisting = true;
        Persist(new RunOver(_number, state, result.Digest, DateTimeOffset.UtcNow), over =>
        {
            _isPersisting = false;
            _over = over;
            PublishProgress();
            _client.Tell(LastWords(over));
            Context.Parent.Tell(new DriverEnded(_number));
        });
    }

    private void CountNodes(object change)
    {
        IEnumerable<Member> members = change is ClusterEvent.CurrentClusterState state ? state.Members : Cluster.Get(Context.System).State.Members;
        _nodes = Math.Max(1, members.Count(member => member.Status == MemberStatus.Up && member.HasRole(ClusterOptions.NodeRole)));
        if (change is ClusterEvent.MemberRemoved)
        {
            // Its machines are started elsewhere when they are asked; whoever is on its way knows that it was asked already.
            AskAgain(static _ => true);
        }

        GoOn();
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }

    private sealed class Publish
    {
        public static readonly Publish Instance = new();
    }

    internal sealed class Producer(int number, RunBegun? begun, NodeServices node) : IIndirectActorProducer
    {
        public Type ActorType => typeof(RunDriver);

        public ActorBase Produce() => new RunDriver(number, begun, node);

        public void Release(ActorBase actor)
        {
        }
    }
}
