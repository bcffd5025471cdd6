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
        UserProgram = static () => new TmpfsUserProgram(isFaithful: false),
    };

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A reply that nothing waits for.</exception>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply)
        {
            PocCall call = _work is null ? throw new InvalidOperationException("a reply that nothing waits for") : _call!;
            call.Reply = KernelResult.From(delivery.Message);
            Continue(outbox);
            StartNext(outbox);
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
                // Built into the kernel: module tools cannot take it away.
                outbox.Reply(delivery, new KernelResult(-Errno.EBUSY).ToReply(delivery.Message.Kind));
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
            _work = WorkFor(_call).GetEnumerator();
            Continue(outbox);
        }
    }

    /// <summary>Asks what the work asks next, or answers whoever wanted it.</summary>
    private void Continue(Outbox outbox)
    {
        if (_work!.MoveNext())
        {
            outbox.Send(ActorId.Kho, _work.Current);
            return;
        }

        _work.Dispose();
        _work = null;
        outbox.Reply(_call!.Request, new KernelResult(_call.Result).ToReply(_call.Request.Message.Kind));
    }

    private IEnumerable<Message> WorkFor(PocCall call) => ClientProtocol.NumberOf(call.Request.Message.Kind) switch
    {
        ClientProtocol.Init => _incoming.Claim(call),
        ClientProtocol.Freeze => FreezeForKexec(call),
        ClientProtocol.Thaw => ThawAfterKexec(),
        TmpfsProtocol.FreezeNow => _outgoing.Dump(refusesScratch: false, call),
        _ => _outgoing.Abort(),
    };

    /// <summary>
    /// A kexec begins. In 2024 an inactive KHO passed nothing; today's core always hands over, so the kexec activates when nobody did. What the
    /// loader of 2024 checked is checked here.
    /// </summary>
    private IEnumerable<Message> FreezeForKexec(PocCall call)
    {
        if (!_kernel.KhoEnabled)
        {
            yield break;
        }

        if (_outgoing.IsActive)
        {
            call.Result = _outgoing.OverlapsScratch ? -Errno.EINVAL : 0;
            yield break;
        }

        foreach (Message request in _outgoing.Dump(refusesScratch: true, call))
        {
            yield return request;
        }

        _activatedByKexec = _outgoing.IsActive;
    }

    /// <summary>The kexec was given up: what it activated is undone, what user space activated stays.</summary>
    private IEnumerable<Message> ThawAfterKexec()
    {
        bool undoes = _activatedByKexec;
        _activatedByKexec = false;
        return undoes ? _outgoing.Abort() : [];
    }
}
