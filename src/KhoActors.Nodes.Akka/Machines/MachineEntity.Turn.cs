using Akka.Actor;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Machines;

/// <content>A turn of the machine: its kernels and their crews one after the other, to the end of the slice or to what stops it.</content>
internal sealed partial class MachineEntity
{
    private void BeginTurn()
    {
        if (_node.Resume is { } resume && _resting.NextGeneration == 0)
        {
            _resting.StandsAt(resume.NextOf(_id.Number));
        }

        if (_order!.FirstGeneration > _resting.NextGeneration && _run!.Order == DeliveryOrder.Concurrent)
        {
            throw new HistoryDamageException(
                $"{PersistenceId}: {_resting.NextGeneration} generations are recorded of {_order.FirstGeneration}, "
                + "and their order was chosen: nothing can run them again");
        }

        _turn = new MachineTurn(_run!, _node.Seats.Take(), _resting, _node.Resume);
        _work = new MachineWork(_turn.Machine, Self);
        _queue = new TurnQueue(Self, _work);
        _turn.Machine.Host = _work;
        _crew.Serve(_work);
        BeginGeneration();
    }

    private void BeginGeneration()
    {
        _phase = Phase.Carrying;
        _turn!.BeginGeneration();
        _queue!.Clear();
        GiveTurn();
    }

    /// <summary>The turn is here: the crew follows the machine, and the next delivery goes out.</summary>
    private void GiveTurn()
    {
        if (_work!.Changes.Count != 0 && !_crew.Follow(_turn!.Clients))
        {
            return;
        }

        if (_run!.Order == DeliveryOrder.Seeded)
        {
            if (_turn!.Machine.IsGenerationOver)
            {
                EndGeneration();
            }
            else
            {
                _work.PassOn();
            }
        }
        else if (_turn!.Machine.IsGenerationOver)
        {
            EndGeneration();
        }
        else
        {
            _work.TellReady();
            _queue!.GrantNext();
        }
    }

    private void TakeTurnBack()
    {
        _queue!.TakeBack();
        GiveTurn();
    }

    private void EndGeneration()
    {
        _turn!.EndGeneration();
        _phase = Phase.Leaving;
        if (_crew.Dismiss())
        {
            AfterLeaving();
        }
    }

    /// <summary>The crew is gone: the next kernel boots, or the slice ends.</summary>
    private void AfterLeaving()
    {
        if (_phase == Phase.Carrying)
        {
            GiveTurn();
        }
        else if (_failure is not null)
        {
            Conclude();
        }
        else if (_phase == Phase.Leaving && (_isStopping || _isCancelled))
        {
            EndTurn();
            Answer(new SliceCancelled(_id.Run, _id.Number, _order!.FirstGeneration));
            StopWhenAsked();
        }
        else if (_phase == Phase.Leaving && _turn!.IsDone)
        {
            Record();
        }
        else if (_phase == Phase.Leaving)
        {
            BeginGeneration();
        }
    }

    /// <summary>The slice cannot go on.</summary>
    private void Fail(Exception failure)
    {
        _failure = failure;
        _phase = Phase.Leaving;
        if (_crew.Dismiss())
        {
            Conclude();
        }
    }

    private void Conclude()
    {
        Exception failure = _failure!;
        SliceRecorded? done = _turn?.ToEvent();
        _failure = null;
        _turn?.Machine.Dispose();
        _turn = null;
        _work = null;
        int first = _order?.FirstGeneration ?? _resting.NextGeneration;
        Answer(failure switch
        {
            ReplayDivergenceException divergence => new SliceDiffers(_id.Run, first, divergence.Difference),
            HistoryDamageException or HistoryUnavailableException => Failed(SliceFailure.Damage, failure.Message),
            EngineException => Failed(SliceFailure.Refused, failure.Message),
            _ => Failed(SliceFailure.Defect, MachineDefects.Describe(_id.Number, failure)) with { Done = done },
        });
        StopWhenAsked();
    }

    private void EndTurn()
    {
        _node.Seats.Return(_turn!.Machine);
        _turn = null;
        _work = null;
    }
}
