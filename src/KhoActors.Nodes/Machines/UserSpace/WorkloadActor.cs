using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// User space and the kernel client that serves it, for one generation: revives what the previous one left while its clients' programs look
/// at what came over, carries out the script, works, loads the next kernel while it works on, and finally executes it without waiting for
/// what is under way.
/// </summary>
internal sealed class WorkloadActor : IActor
{
    /// <summary>How long the start waits for programs whose requests nobody answers.</summary>
    private const ulong StartPatienceTicks = 10_000_000_000;
    private const ulong StartWait = ulong.MaxValue;

    private readonly WorkloadState _state;
    private readonly Revival _revival;
    private readonly Operations _operations;
    private readonly UserPrograms _programs;
    private readonly ScriptRunner _script;
    private readonly KexecTries _tries;
    private readonly bool _isLast;
    private Phase _phase;
    private int _remaining;

    /// <param name="state">What it holds and draws.</param>
    /// <param name="programs">The programs of the kernel's clients.</param>
    /// <param name="script">The generation's script.</param>
    /// <param name="isLast">The chain ends with this generation: check what was handed over, carry out the script, then rest.</param>
    public WorkloadActor(WorkloadState state, UserPrograms programs, ScriptRunner script, bool isLast)
    {
        _state = state;
        _isLast = isLast;
        _programs = programs;
        _script = script;
        _revival = new Revival(state);
        _operations = new Operations(state);
        _tries = new KexecTries(state.Scenario.Kexec);
        _remaining = state.Plan.OperationsPerKexec;
    }

    private enum Phase
    {
        Starting,
        Script,
        Work,
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        switch (delivery.Message.Kind.Value)
        {
            case MachineProtocol.StartUserSpace:
                Start(outbox);
                break;
            case MachineProtocol.NextOperation:
                Work(outbox);
                break;
            case MachineProtocol.TryAgain:
                KexecTries.Execute(outbox);
                break;
            case MachineProtocol.LostPatience:
                LosePatience(delivery.Message.A, outbox);
                break;
            default:
                ReceiveReply(delivery, outbox);
                break;
        }
    }

    private void Start(Outbox outbox)
    {
        Revival.Start(outbox);
        _programs.Start(outbox);
        if (!_programs.AreQuiet)
        {
            outbox.SendAfter(StartPatienceTicks, ActorId.Workload, new Message(new MessageKind(MachineProtocol.LostPatience), StartWait));
        }
    }

    private void ReceiveReply(in Delivery delivery, Outbox outbox)
    {
        switch (delivery.Correlation)
        {
            case 0:
                _tries.AfterRefusal(KernelResult.From(delivery.Message), outbox);
                break;
            case < UserPrograms.FirstCorrelation:
                _operations.Resume(delivery, outbox);
                break;
            case < Revival.FirstCorrelation:
                _programs.Resume(delivery, outbox);
                Continue(outbox);
                break;
            case < KexecTries.LoadCorrelation:
                _revival.Resume(delivery, outbox);
                Continue(outbox);
                break;
            case KexecTries.LoadCorrelation:
                _tries.AfterLoad(KernelResult.From(delivery.Message), outbox);
                break;
            case KexecTries.LogCorrelation:
                break;
            default:
                _script.Resume(delivery, outbox);
                Continue(outbox);
                break;
        }
    }

    private void LosePatience(ulong wait, Outbox outbox)
    {
        if (wait == StartWait)
        {
            Continue(outbox, isPatient: false);
        }
        else
        {
            _script.LosePatience((int)wait, outbox);
            Continue(outbox);
        }
    }

    /// <summary>Goes on to the next phase when this one is over.</summary>
    private void Continue(Outbox outbox, bool isPatient = true)
    {
        if (_phase == Phase.Starting && _revival.Done && (!isPatient || _programs.AreQuiet))
        {
            _phase = Phase.Script;
            _script.Start(outbox);
        }

        if (_phase == Phase.Script && _script.Done)
        {
            _phase = Phase.Work;
            if (_script.HasLoaded)
            {
                _tries.AlreadyLoaded();
                _remaining += _state.Plan.OperationsAfterLoad;
            }

            if (!_isLast)
            {
                Tick(outbox);
            }
        }
    }

    private void Work(Outbox outbox)
    {
        if (_remaining > 0)
        {
            _remaining--;
            Operate(outbox);
            Tick(outbox);
        }
        else if (!_tries.LoadAsked)
        {
            _remaining = _state.Plan.OperationsAfterLoad;
            _tries.Load(outbox);
            Tick(outbox);
        }
        else if (_tries.Loaded)
        {
            KexecTries.Execute(outbox);
        }
        else
        {
            Tick(outbox);
        }
    }

    private void Operate(Outbox outbox)
    {
        int operation = _state.DrawOperation();
        if (operation < 0)
        {
            return;
        }

        _state.Counters.Operations++;
        if (operation < UserSpacePlan.OwnOperations)
        {
            _operations.Start((Scenarios.WorkloadOperation)operation, outbox);
        }
        else
        {
            (int program, int number) = _state.ProgramOperation(operation);
            _programs.Operate(program, number, outbox);
        }
    }

    private void Tick(Outbox outbox) =>
        outbox.SendAfter(_state.Plan.OperationIntervalTicks, ActorId.Workload, MachineProtocol.Plain(MachineProtocol.NextOperation));
}
