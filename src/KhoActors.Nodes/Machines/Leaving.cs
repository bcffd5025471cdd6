using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// How a kernel comes to its end, step by step, with other actors still at work (kernel_kexec, panic, kernel_restart, emergency_restart,
/// kernel/kexec_core.c, kernel/panic.c, kernel/reboot.c): freeze for a kexec, undone when a client refuses; the last line of the log; the dump
/// of the log; the end. The dumps of an oops and of a jump that comes back end nothing.
/// </summary>
/// <param name="generation">The kernel.</param>
/// <param name="finish">Ends the generation.</param>
internal sealed class Leaving(KernelGeneration generation, Action<GenerationEnd> finish)
{
    private readonly ClientCalls _calls = new(generation.Kernel);
    private readonly Queue<Delivery> _waiting = new();
    private Delivery _request;
    private Stage _stage;
    private ulong _frozen;
    private KernelResult _refusal;
    private GenerationEnd _end;

    private enum Stage
    {
        Idle,
        Freezing,
        Thawing,
        Dumping,
    }

    /// <summary>
    /// Handles a request that ends the kernel, or dumps its log. Requests that come while one is handled wait for their turn; only a panic and an
    /// emergency restart wait for no client that freezes or thaws.
    /// </summary>
    /// <returns>False when the message is none.</returns>
    public bool Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply && delivery.Correlation == ClientCalls.Correlation)
        {
            // An answer to a call that a panic did not wait for concerns nobody any more.
            if (_stage != Stage.Dumping || ClientProtocol.NumberOf(delivery.Message.Kind) == ClientProtocol.KmsgDump)
            {
                Answered(KernelResult.From(delivery.Message), outbox);
            }

            return true;
        }

        if (delivery.Message.Kind.Value is not (MachineProtocol.Execute or MachineProtocol.Reboot or MachineProtocol.Panic or MachineProtocol.PowerOff
            or MachineProtocol.EmergencyRestart or MachineProtocol.Oops or MachineProtocol.JumpAndReturn))
        {
            return false;
        }

        bool waitsForNobody = delivery.Message.Kind.Value is MachineProtocol.Panic or MachineProtocol.EmergencyRestart;
        if (waitsForNobody && _stage is (Stage.Freezing or Stage.Thawing))
        {
            _request = delivery;
            Begin(outbox);
            return true;
        }

        _waiting.Enqueue(delivery);
        TakeTurn(outbox);
        return true;
    }

    private void TakeTurn(Outbox outbox)
    {
        while (_stage == Stage.Idle && _waiting.TryDequeue(out _request))
        {
            Begin(outbox);
        }
    }

    private void Begin(Outbox outbox)
    {
        string? text = _request.Message.Text;
        switch (_request.Message.Kind.Value)
        {
            case MachineProtocol.Execute:
                Execute(outbox);
                break;
            case MachineProtocol.Panic:
                Panic(text ?? "sysrq triggered crash", outbox);
                break;
            case MachineProtocol.Oops:
                generation.Kernel.Log.Write(LogLevel.Alert, text ?? "BUG: kernel NULL pointer dereference, address: 0000000000000000");
                Dump(KmsgDumpReason.Oops, GenerationEnd.Running, outbox);
                break;
            case MachineProtocol.JumpAndReturn:
                generation.Kernel.Log.Write(LogLevel.Notice, "kexec_core: Starting new kernel");
                Dump(KmsgDumpReason.Shutdown, GenerationEnd.Running, outbox);
                break;
            case MachineProtocol.EmergencyRestart:
                Dump(KmsgDumpReason.Emergency, GenerationEnd.EmergencyRestart, outbox);
                break;
            case MachineProtocol.PowerOff:
                Dump(KmsgDumpReason.Shutdown, GenerationEnd.ColdBoot, outbox);
                break;
            default:
                Dump(KmsgDumpReason.Shutdown, EndOf((RebootCause)_request.Message.A), outbox);
                break;
        }
    }

    private void Execute(Outbox outbox)
    {
        if (!generation.IsLoaded)
        {
            Reply(new KernelResult(-Errno.EINVAL), outbox);
            return;
        }

        switch (generation.DrawEnd())
        {
            case GenerationEnd.Panic:
                Panic("panic without hand-over", outbox);
                break;
            case GenerationEnd.ColdBoot:
                Dump(KmsgDumpReason.Shutdown, GenerationEnd.ColdBoot, outbox);
                break;
            case GenerationEnd.EmergencyRestart:
                Dump(KmsgDumpReason.Emergency, GenerationEnd.EmergencyRestart, outbox);
                break;
            default:
                _stage = Stage.Freezing;
                _calls.Begin(ClientHooks.Freeze, ClientProtocol.Freeze);
                Continue(outbox);
                break;
        }
    }

    private static GenerationEnd EndOf(RebootCause cause) => cause switch
    {
        RebootCause.LoadFailed => GenerationEnd.LoadFailed,
        RebootCause.KexecRefused => GenerationEnd.KexecRefused,
        _ => GenerationEnd.Reboot,
    };

    private void Panic(string text, Outbox outbox)
    {
        generation.Kernel.Log.Write(LogLevel.Emergency, $"Kernel panic - not syncing: {text}");
        Dump(KmsgDumpReason.Panic, GenerationEnd.Panic, outbox);
    }

    private void Dump(KmsgDumpReason reason, GenerationEnd end, Outbox outbox)
    {
        _stage = Stage.Dumping;
        _end = end;
        _calls.Begin(ClientHooks.KmsgDump, ClientProtocol.KmsgDump, (ulong)reason, reason is KmsgDumpReason.Panic or KmsgDumpReason.Emergency ? 0UL : 1);
        Continue(outbox);
    }

    private void Answered(KernelResult result, Outbox outbox)
    {
        _calls.Answered(result.Code);
        if (_stage == Stage.Freezing && !result.Succeeded)
        {
            _refusal = result;
            _frozen = _calls.Returned;
            _stage = Stage.Thawing;
            _calls.Begin(ClientHooks.Freeze, ClientProtocol.Thaw);
        }

        Continue(outbox);
    }

    private void Continue(Outbox outbox)
    {
        if (_calls.CallNext(_stage == Stage.Thawing ? _frozen : ulong.MaxValue, outbox))
        {
            return;
        }

        switch (_stage)
        {
            case Stage.Freezing:
                generation.Kernel.Log.Write(LogLevel.Notice, "kexec_core: Starting new kernel");
                Dump(KmsgDumpReason.Shutdown, GenerationEnd.Kexec, outbox);
                break;
            case Stage.Thawing:
                _stage = Stage.Idle;
                Reply(_refusal, outbox);
                break;
            default:
                Dumped(outbox);
                break;
        }
    }

    private void Dumped(Outbox outbox)
    {
        _stage = Stage.Idle;
        if (_end != GenerationEnd.Running)
        {
            finish(_end);
        }
        else if (_request.Message.Kind.Value == MachineProtocol.Oops && generation.PanicsOnOops)
        {
            Panic("Fatal exception", outbox);
        }
        else
        {
            Reply(default, outbox);
        }
    }

    private void Reply(KernelResult result, Outbox outbox)
    {
        outbox.Reply(_request, result.ToReply(_request.Message.Kind));
        TakeTurn(outbox);
    }
}
