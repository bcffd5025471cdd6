using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Persistence;
using KhoActors.Nodes.Akka.Runs;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>
/// One machine of a fleet, wherever the cluster has room: it rests between slices, records each slice as one event, and leaves a snapshot at the
/// jump every few of them. The kernel's actors are its children while a generation runs. A journal that fails stops it; asked again it is
/// started from what is recorded, and a slice that was not is run again, to the same bytes.
/// </summary>
internal sealed partial class MachineEntity : UntypedPersistentActor
{
    private readonly NodeServices _node;
    private readonly MachineId _id;
    private readonly RestingMachine _resting;
    private readonly Crew _crew;
    private ShardedRun? _run;
    private RunSlice? _order;
    private IActorRef _asker = ActorRefs.Nobody;
    private MachineTurn? _turn;
    private MachineWork? _work;
    private TurnQueue? _queue;
    private Exception? _failure;
    private Phase _phase;
    private bool _isCancelled;
    private bool _isStopping;
    private long _slicesRecorded;

    public MachineEntity(MachineId id, NodeServices node)
    {
        _id = id;
        _node = node;
        _resting = new RestingMachine(id.Run, id.Number);
        _crew = new Crew(Context, NodeSettings.MachineDispatcher);
        PersistenceId = JournalNames.Machine(id.Run, id.Number);
    }

    private enum Phase
    {
        /// <summary>Nothing to do.</summary>
        Resting,

        /// <summary>It has an order and asks what its run is.</summary>
        FindingRun,

        /// <summary>A kernel runs.</summary>
        Carrying,

        /// <summary>A generation is over, its crew terminates.</summary>
        Leaving,

        /// <summary>The slice goes to the journal.</summary>
        Recording,

        /// <summary>It waits for its snapshot, to be passivated.</summary>
        Passivating,
    }

    public override string PersistenceId { get; }

    /// <summary>Makes the props of machines.</summary>
    public static Props PropsOf(string entityId, NodeServices node) =>
        Props.CreateBy(new Producer(MachineId.Parse(entityId), node)).WithDispatcher(NodeSettings.MachineDispatcher);

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        maxNrOfRetries: 0,
        withinTimeMilliseconds: 0,
        localOnlyDecider: failure =>
        {
            Self.Tell(new CrewFailed(failure));
            return Directive.Stop;
        },
        loggingEnabled: false);

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case SnapshotOffer { Snapshot: MachineRested rested }:
                _resting.Recover(rested);
                break;
            case SliceRecorded slice:
                _resting.Recover(slice);
                break;
            case RecoveryCompleted:
                Rest();
                if (_resting.NextGeneration > 0)
                {
                    _node.Driver.Tell(new MachineRecovered(_id.Run, _id.Number, _resting.NextGeneration));
                }

                break;
            default:
                throw new HistoryDamageException($"{PersistenceId}: {message.GetType().Name} is no event of a machine");
        }
    }

    protected override void OnCommand(object message)
    {
        try
        {
            Handle(message);
        }
        catch (Exception failure) when (_phase is Phase.Carrying or Phase.FindingRun or Phase.Leaving && failure is not OutOfMemoryException)
        {
            Fail(failure);
        }
    }

    protected override void PostStop()
    {
        // Akka has stopped the crew before: nobody is in there any more. What a turn left half done is of no use.
        _turn?.Machine.Dispose();
        base.PostStop();
    }

    private void Handle(object message)
    {
        switch (message)
        {
            case Carry carry when _phase == Phase.Carrying:
                _work!.Carry(carry.Delivery);
                break;
            case TurnBack when _phase == Phase.Carrying:
                TakeTurnBack();
                break;
            case AskTurn when _phase == Phase.Carrying:
                _queue!.Ask(Sender);
                break;
            case MessageReady ready when _phase == Phase.Carrying:
                _queue!.Ask(ready.Pair);
                break;
            case RunSlice order:
                Obey(order);
                break;
            case CancelSlice cancel:
                Cancel(cancel);
                break;
            case RunKnown known when _phase == Phase.FindingRun:
                _run = known.Run;
                BeginTurn();
                break;
            case RunUnknown unknown when _phase == Phase.FindingRun:
                Answer(Failed(SliceFailure.Refused, unknown.Reason));
                break;
            case Terminated terminated:
                if (_crew.Left(terminated.ActorRef))
                {
                    AfterLeaving();
                }

                break;
            case CrewFailed failed when _turn is not null:
                Fail(failed.Failure);
                break;
            case ReceiveTimeout when _phase == Phase.Resting:
                Passivate();
                break;
            case SaveSnapshotSuccess saved:
                DeleteSnapshots(new SnapshotSelectionCriteria(saved.Metadata.SequenceNr - 1));
                SnapshotIsDone();
                break;
            case SaveSnapshotFailure:
                // The next one may succeed; records lead from the one before.
                SnapshotIsDone();
                break;
            case StopMachine:
                Stop();
                break;
            default:
                break;
        }
    }

    private void Obey(RunSlice order)
    {
        _asker = Sender;
        if (_phase == Phase.Passivating)
        {
            // Its shard has not been asked yet: it stays.
            _phase = Phase.Resting;
        }

        if (_phase != Phase.Resting)
        {
            return;
        }

        _order = order;
        _isCancelled = false;
        if (order.FirstGeneration < _resting.NextGeneration)
        {
            Answer(_resting.LastSlice is { } last && last.FirstGeneration == order.FirstGeneration
                ? new SliceFinished(last)
                : Failed(
                    SliceFailure.Damage,
                    $"{PersistenceId} is recorded to generation {_resting.NextGeneration}, its driver asks for {order.FirstGeneration}"));
            return;
        }

        SetReceiveTimeout(null);
        _phase = Phase.FindingRun;
        if (_run is null)
        {
            _node.Directory.Tell(new FindRun(_id.Run));
        }
        else
        {
            BeginTurn();
        }
    }

    private void Cancel(CancelSlice cancel)
    {
        _asker = Sender;
        if (_phase is Phase.Carrying or Phase.Leaving)
        {
            _isCancelled = true;
        }
        else if (_phase != Phase.Recording)
        {
            _order = null;
            _phase = Phase.Resting;
            Sender.Tell(new SliceCancelled(cancel.Run, cancel.Machine, cancel.FirstGeneration));
        }
    }

    private void Record()
    {
        _phase = Phase.Recording;
        SliceRecorded slice = _turn!.ToEvent()!;
        ReadOnlyMemory<byte> snapshot = _turn.ToSnapshot();
        EndTurn();
        Persist(slice, recorded =>
        {
            _resting.Rest(recorded, snapshot);
            _slicesRecorded++;
            AfterRecording(recorded);
        });
    }

    private void AfterRecording(SliceRecorded recorded)
    {
        if (_order!.FirstGeneration > recorded.FirstGeneration && !_isStopping)
        {
            // The journal had lost what the driver has counted: it is run again, to the same bytes.
            _phase = Phase.FindingRun;
            try
            {
                BeginTurn();
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                Fail(failure);
            }

            return;
        }

        Answer(new SliceFinished(recorded));
        if (_slicesRecorded % _node.Settings.SnapshotEverySlices == 0 && _resting.ToSnapshot() is { } rested)
        {
            SaveSnapshot(rested);
        }

        if (_isStopping)
        {
            StopWhenAsked();
        }
        else if (_resting.NextGeneration == _run!.Generations)
        {
            AskToStop();
        }
    }

    private SliceFailed Failed(SliceFailure kind, string text) => new(_id.Run, _id.Number, _order?.FirstGeneration ?? _resting.NextGeneration, kind, text);

    private void Answer(IWireMessage answer)
    {
        _asker.Tell(answer);
        Rest();
    }

    private void Rest()
    {
        _phase = Phase.Resting;
        _isCancelled = false;
        SetReceiveTimeout(_node.Settings.PassivateAfter);
    }

    private void Passivate()
    {
        if (_slicesRecorded % _node.Settings.SnapshotEverySlices != 0 && _resting.ToSnapshot() is { } rested)
        {
            _phase = Phase.Passivating;
            SaveSnapshot(rested);
        }
        else
        {
            AskToStop();
        }
    }

    private void SnapshotIsDone()
    {
        if (_phase == Phase.Passivating)
        {
            _phase = Phase.Resting;
            AskToStop();
        }
    }

    private void AskToStop()
    {
        SetReceiveTimeout(null);
        Context.Parent.Tell(new Passivate(StopMachine.Instance));
    }

    private void Stop()
    {
        _isStopping = true;
        StopWhenAsked();
    }

    private void StopWhenAsked()
    {
        if (_isStopping && _phase is Phase.Resting or Phase.Passivating or Phase.FindingRun)
        {
            Context.Stop(Self);
        }
    }

    private sealed class Producer(MachineId id, NodeServices node) : IIndirectActorProducer
    {
        public Type ActorType => typeof(MachineEntity);

        public ActorBase Produce() => new MachineEntity(id, node);

        public void Release(ActorBase actor)
        {
        }
    }
}
