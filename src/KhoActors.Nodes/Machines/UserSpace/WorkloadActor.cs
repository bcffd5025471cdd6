using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// User space and the kernel client that serves it, for one generation: revives what the previous one left, then works, loads the next
/// kernel while it works on, and finally executes it without waiting for what is under way.
/// </summary>
internal sealed class WorkloadActor : IActor
{
    private const uint LoadCorrelation = 0x5000_0000;
    private readonly WorkloadState _state;
    private readonly Revival _revival;
    private readonly Operations _operations;
    private readonly bool _reviveOnly;
    private int _remaining;
    private bool _loadAsked;
    private bool _loaded;

    /// <param name="state">What it holds and draws.</param>
    /// <param name="reviveOnly">The chain ends with this generation: check what was handed over, then rest.</param>
    public WorkloadActor(WorkloadState state, bool reviveOnly)
    {
        _state = state;
        _reviveOnly = reviveOnly;
        _revival = new Revival(state);
        _operations = new Operations(state);
        _remaining = state.Plan.OperationsPerKexec;
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        switch (delivery.Message.Kind.Value)
        {
            case MachineProtocol.StartUserSpace:
                Revival.Start(outbox);
                break;
            case MachineProtocol.NextOperation:
                Work(outbox);
                break;
            default:
                ReceiveReply(delivery, outbox);
                break;
        }
    }

    private void ReceiveReply(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Correlation == LoadCorrelation)
        {
            AfterLoad(KernelResult.From(delivery.Message), outbox);
        }
        else if (delivery.Correlation >= Revival.FirstCorrelation)
        {
            _revival.Resume(delivery, outbox);
            if (_revival.Done && !_reviveOnly)
            {
                Tick(outbox);
            }
        }
        else
        {
            _operations.Resume(delivery, outbox);
        }
    }

    private void Work(Outbox outbox)
    {
        if (_remaining > 0)
        {
            _remaining--;
            _operations.Start(outbox);
            Tick(outbox);
        }
        else if (!_loadAsked)
        {
            _loadAsked = true;
            _remaining = _state.Plan.OperationsAfterLoad;
            outbox.Send(ActorId.Machine, MachineProtocol.Plain(MachineProtocol.Load), LoadCorrelation);
            Tick(outbox);
        }
        else if (_loaded)
        {
            outbox.Send(ActorId.Machine, MachineProtocol.Plain(MachineProtocol.Execute));
        }
        else
        {
            Tick(outbox);
        }
    }

    private void AfterLoad(KernelResult result, Outbox outbox)
    {
        _loaded = result.Succeeded;
        if (!_loaded)
        {
            outbox.Send(ActorId.Machine, MachineProtocol.Plain(MachineProtocol.Reboot));
        }
    }

    private void Tick(Outbox outbox) =>
        outbox.SendAfter(_state.Plan.OperationIntervalTicks, ActorId.Workload, MachineProtocol.Plain(MachineProtocol.NextOperation));
}
