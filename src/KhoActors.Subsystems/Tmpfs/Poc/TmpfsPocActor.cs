using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// tmpfs with the proof of concept of December 2024: system calls on mounts, the switch <c>active</c>, and what is claimed at boot. One piece of
/// work that asks the KHO core is under way at a time, as under the core's lock of 2024; system calls go on meanwhile.
/// </summary>
public sealed class TmpfsPocActor : IActor
{
    /// <summary>
    /// Compaction moves a page of a file to another frame. A: place of the page; text: path. -ENOENT where no page is cached; -ENOMEM. The
    /// mirror is not told.
    /// </summary>
    public const byte MigratePage = 0x40;

    private readonly PocMounts _mounts;
    private readonly PocIncoming _incoming;
    private readonly PocOutgoing _outgoing;
    private readonly ClientKernel _kernel;
    private readonly Queue<Delivery> _waiting = [];
    private IEnumerator<Message>? _work;
    private PocCall? _call;
    private bool _activatedByKexec;

    /// <summary>The client in one kernel generation.</summary>
    /// <param name="kernel">What the kernel offers it.</param>
    public TmpfsPocActor(ClientKernel kernel)
    {
        _kernel = kernel;
        PocState state = new(kernel, PocAddresses.Boot(kernel));
        _incoming = new PocIncoming(kernel, state);
        _mounts = new PocMounts(kernel, state, _incoming);
        _outgoing = new PocOutgoing(kernel, state, _mounts.ToSupers);
    }

    /// <summary>The registration.</summary>
    public static KhoClient Client { get; } = new()
    {
        Name = "tmpfs-poc",
        Summary = "tmpfs handed over as the proof of concept of December 2024 did, with everything that it loses",
        Actor = TmpfsProtocol.Actor,
        Hooks = ClientHooks.Freeze,
        Create = kernel => new TmpfsPocActor(kernel),
    };

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply)
        {
            _call!.Reply = KernelResult.From(delivery.Message);
            Continue(outbox);
            return;
        }

        switch (ClientProtocol.NumberOf(delivery.Message.Kind))
        {
            case ClientProtocol.Init:
            case ClientProtocol.Freeze:
            case ClientProtocol.Thaw:
            case TmpfsProtocol.FreezeNow:
            case TmpfsProtocol.ThawNow:
                _waiting.Enqueue(delivery);
                StartNext(outbox);
                break;
            case ClientProtocol.Exit:
            case ClientProtocol.KmsgDump:
                outbox.Reply(delivery, default(KernelResult).ToReply(delivery.Message.Kind));
                break;
            default:
                _mounts.Receive(delivery, outbox);
                break;
        }
    }

    private void StartNext(Outbox outbox)
    {
        while (_work is null && _waiting.TryDequeue(out Delivery request))
        {
            _call = new PocCall(request);
            _work = WorkFor(_call);
            Continue(outbox);
        }
    }

    private void Continue(Outbox outbox)
    {
        if (_work!.MoveNext())
        {
            outbox.Send(ActorId.Kho, _work.Current);
            return;
        }

        Delivery request = _call!.Request;
        _work.Dispose();
        _work = null;
        _activatedByKexec = ClientProtocol.NumberOf(request.Message.Kind) == ClientProtocol.Freeze
            ? _activatedByKexec || (_call.Result == 0 && _call.Activated)
            : _activatedByKexec && _outgoing.IsActive;
        outbox.Reply(request, new KernelResult(_call.Result).ToReply(request.Message.Kind));
        StartNext(outbox);
    }

    private IEnumerator<Message> WorkFor(PocCall call)
    {
        switch (ClientProtocol.NumberOf(call.Request.Message.Kind))
        {
            case ClientProtocol.Init:
                return _incoming.Claim(call);
            case ClientProtocol.Freeze:
                return FreezeForKexec(call);
            case ClientProtocol.Thaw:
                return _activatedByKexec ? _outgoing.Abort() : Nothing();
            case TmpfsProtocol.FreezeNow:
                return _outgoing.Dump(refusesScratch: false, call);
            default:
                return _outgoing.Abort();
        }
    }

    /// <summary>
    /// A kexec begins. In 2024 an inactive KHO passed nothing; today's core always hands over, so the kexec activates when nobody did. What the
    /// loader of 2024 checked is checked here.
    /// </summary>
    private IEnumerator<Message> FreezeForKexec(PocCall call)
    {
        if (!_kernel.KhoEnabled)
        {
            return Nothing();
        }

        if (!_outgoing.IsActive)
        {
            call.Activated = true;
            return _outgoing.Dump(refusesScratch: true, call);
        }

        call.Result = _outgoing.OverlapsScratch ? -Errno.EINVAL : 0;
        return Nothing();
    }

    private static IEnumerator<Message> Nothing()
    {
        yield break;
    }
}
