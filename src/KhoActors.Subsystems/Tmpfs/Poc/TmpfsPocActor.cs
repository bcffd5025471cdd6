using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// tmpfs with the proof of concept of December 2024: system calls on mounts, the switch <c>active</c>, and what is claimed at boot. One piece of
/// work that asks the KHO core is under way at a time, as under the core's lock of 2024; system calls go on meanwhile.
/// </summary>
public sealed class TmpfsPocActor : SequentialClient
{
    private readonly PocMounts _mounts;
    private readonly PocIncoming _incoming;
    private readonly PocOutgoing _outgoing;
    private readonly ClientKernel _kernel;
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
        Summary = "tmpfs handed over as the proof of concept of December 2024 did, with all that it loses and breaks",
        Actor = TmpfsProtocol.Actor,
        Hooks = ClientHooks.Freeze,
        Create = kernel => new TmpfsPocActor(kernel),
        UserProgram = static () => new TmpfsUserProgram(isFaithful: false),
    };

    /// <inheritdoc/>
    protected override bool AnswerAtOnce(in Delivery delivery, Outbox outbox)
    {
        switch (ClientProtocol.NumberOf(delivery.Message.Kind))
        {
            case ClientProtocol.Init:
            case ClientProtocol.Freeze:
            case ClientProtocol.Thaw:
            case TmpfsProtocol.FreezeNow:
            case TmpfsProtocol.ThawNow:
                return false;
            case ClientProtocol.Exit:
                // Built into the kernel: module tools cannot take it away.
                outbox.Reply(delivery, new KernelResult(-Errno.EBUSY).ToReply(delivery.Message.Kind));
                return true;
            default:
                _mounts.Receive(delivery, outbox);
                return true;
        }
    }

    /// <inheritdoc/>
    protected override IEnumerator<KernelCall> Serve(ClientRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Number switch
        {
            ClientProtocol.Init => _incoming.Claim(),
            ClientProtocol.Freeze => FreezeForKexec(request).GetEnumerator(),
            ClientProtocol.Thaw => ThawAfterKexec().GetEnumerator(),
            TmpfsProtocol.FreezeNow => _outgoing.Dump(refusesScratch: false, request).GetEnumerator(),
            _ => _outgoing.Abort().GetEnumerator(),
        };
    }

    /// <summary>
    /// A kexec begins. In 2024 an inactive KHO passed nothing; today's core always hands over, so the kexec activates when nobody did. What the
    /// loader of 2024 checked is checked here.
    /// </summary>
    private IEnumerable<KernelCall> FreezeForKexec(ClientRequest request)
    {
        if (!_kernel.KhoEnabled)
        {
            yield break;
        }

        if (_outgoing.IsActive)
        {
            request.Return(_outgoing.OverlapsScratch ? -Errno.EINVAL : 0);
            yield break;
        }

        foreach (KernelCall call in _outgoing.Dump(refusesScratch: true, request))
        {
            yield return call;
        }

        _activatedByKexec = _outgoing.IsActive;
    }

    /// <summary>The kexec was given up: what it activated is undone, what user space activated stays.</summary>
    private IEnumerable<KernelCall> ThawAfterKexec()
    {
        bool undoes = _activatedByKexec;
        _activatedByKexec = false;
        return undoes ? _outgoing.Abort() : [];
    }
}
