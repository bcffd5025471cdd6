using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Tmpfs.Layout;
using KhoActors.Subsystems.Tmpfs.Preservation;

namespace KhoActors.Subsystems.Tmpfs;

/// <summary>
/// tmpfs of one kernel generation, handed over as tmpfs-kho-v1 (docs/tmpfs.md): answers the requests of <see cref="TmpfsProtocol"/>, freezes for a
/// kexec, and restores what the previous kernel handed over when it is mounted. System calls are complete in one delivery; what needs the KHO core
/// takes several, with everything else going on between them. What mounts, unmounts or freezes waits for its turn.
/// </summary>
public sealed class TmpfsActor : IActor
{
    private readonly ClientKernel _kernel;
    private readonly TmpfsPreservation _preservation;
    private readonly TmpfsResources _resources;
    private readonly TmpfsMountTable _mounts = new();
    private readonly TmpfsSystemCalls _calls;
    private readonly Queue<Delivery> _waiting = new();
    private readonly List<Delivery> _blocked = [];
    private TmpfsOperation? _operation;
    private bool _isInitialized;
    private Delivery _request;
    private bool _kexecTookOver;

    /// <summary>tmpfs of a kernel that has just booted.</summary>
    /// <param name="kernel">The kernel.</param>
    public TmpfsActor(ClientKernel kernel)
    {
        _kernel = kernel;
        _preservation = new TmpfsPreservation(kernel);
        _resources = new TmpfsResources(kernel.Memory, kernel, kernel.NextRandom, kernel.RamPages);
        _calls = new TmpfsSystemCalls(_mounts);
    }

    /// <summary>The registration: client <c>tmpfs</c>.</summary>
    public static KhoClient Client { get; } = new()
    {
        Name = "tmpfs",
        Summary = "tmpfs whose mounts survive a kexec: a snapshot taken at the freeze, layout tmpfs-kho-v1",
        Actor = TmpfsProtocol.Actor,
        Level = InitcallLevel.Device,
        Hooks = ClientHooks.Freeze,
        Create = kernel => new TmpfsActor(kernel),
        UserProgram = static () => new TmpfsUserProgram(),
    };

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The message is none of its own.</exception>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply)
        {
            TmpfsOperation operation = _operation ?? throw new InvalidOperationException("a reply that nothing waits for");
            Continue(operation.Answered(delivery.Correlation, KernelResult.From(delivery.Message), outbox), outbox);
        }
        else if (TmpfsSystemCalls.Carries(ClientProtocol.NumberOf(delivery.Message.Kind)))
        {
            Execute(delivery, outbox);
        }
        else
        {
            _waiting.Enqueue(delivery);
            TakeTurns(outbox);
        }
    }

    /// <summary>A system call; what would change a frozen file system sleeps until the thaw.</summary>
    private void Execute(in Delivery request, Outbox outbox)
    {
        KernelResult result = _calls.Execute(request.Message, outbox.NowTicks, out string? text);
        if (TmpfsSystemCalls.IsBlocked(result))
        {
            _blocked.Add(request);
        }
        else
        {
            outbox.Reply(request, result.ToReply(request.Message.Kind) with { Text = text });
        }
    }

    private void TakeTurns(Outbox outbox)
    {
        while (_operation is null && _waiting.TryDequeue(out _request))
        {
            KernelResult? result = Begin(_request.Message, outbox, out string? text);
            if (result is { } known)
            {
                _operation = null;
                Answer(known, text, outbox);
            }
        }
    }

    private void Continue(KernelResult? result, Outbox outbox)
    {
        if (result is { } known)
        {
            _operation = null;
            Answer(known, null, outbox);
            TakeTurns(outbox);
        }
    }

    private void Answer(KernelResult result, string? text, Outbox outbox)
    {
        outbox.Reply(_request, result.ToReply(_request.Message.Kind) with { Text = text });
        if (_preservation.Holder == FreezeHolder.Nobody && _blocked.Count != 0)
        {
            WakeWriters(outbox);
        }
    }

    /// <summary>Writers that slept go on in the order in which they came.</summary>
    private void WakeWriters(Outbox outbox)
    {
        Delivery[] awake = [.. _blocked];
        _blocked.Clear();
        foreach (ref readonly Delivery request in awake.AsSpan())
        {
            Execute(request, outbox);
        }
    }

    private KernelResult? Begin(in Message message, Outbox outbox, out string? text)
    {
        text = null;
        switch (ClientProtocol.NumberOf(message.Kind))
        {
            case ClientProtocol.Init when !_isInitialized:
                _isInitialized = true;
                return Start(new InitOperation(_preservation), outbox);
            case ClientProtocol.Init:
                return new KernelResult(0);
            case ClientProtocol.Exit:
                // Built into the kernel: module tools cannot take it away.
                return new KernelResult(-Errno.EBUSY);
            case ClientProtocol.Freeze:
                return Freeze(FreezeHolder.Kexec, outbox);
            case ClientProtocol.Thaw:
                return Thaw(FreezeHolder.Kexec, outbox);
            case TmpfsProtocol.FreezeNow:
                return Freeze(FreezeHolder.User, outbox);
            case TmpfsProtocol.ThawNow:
                return Thaw(FreezeHolder.User, outbox);
            case TmpfsProtocol.Mount:
                return Mount(message, outbox);
            case TmpfsProtocol.Remount:
                return new KernelResult(Remount(message));
            case TmpfsProtocol.Unmount:
                return new KernelResult(Unmount(message.Text ?? string.Empty));
            case TmpfsProtocol.Discard:
                return Start(new DiscardOperation(_preservation, message.Text ?? string.Empty), outbox);
            case TmpfsProtocol.MigratePage:
                // Its pages are unmovable.
                return new KernelResult(-Errno.EBUSY);
            case TmpfsProtocol.CarryPolicy:
                return new KernelResult(SetCarryPolicy(message.A));
            case TmpfsProtocol.ListNames:
                return _preservation.Describe(message.A, out text);
            default:
                throw new InvalidOperationException($"tmpfs does not know message {message.Kind}");
        }
    }

    private int SetCarryPolicy(ulong policy)
    {
        if (policy > 1)
        {
            return -Errno.EINVAL;
        }

        _preservation.DropsUnmounted = policy == 1;
        return 0;
    }

    private KernelResult? Start(TmpfsOperation operation, Outbox outbox)
    {
        _operation = operation;
        return operation.Begin(outbox);
    }

    /// <summary>A kexec takes over what user space froze before; two freezes of user space are one too many.</summary>
    private KernelResult? Freeze(FreezeHolder holder, Outbox outbox)
    {
        if (_preservation.Holder == FreezeHolder.Nobody)
        {
            return Start(new FreezeOperation(_preservation, holder), outbox);
        }

        bool takesOver = holder == FreezeHolder.Kexec && _preservation.Holder == FreezeHolder.User;
        _kexecTookOver |= takesOver;
        return new KernelResult(takesOver ? 0 : -Errno.EBUSY);
    }

    /// <summary>
    /// Each undoes its own freeze: a kexec that is given up leaves frozen what user space froze before it, and user space thaws nothing that a
    /// kexec has taken over.
    /// </summary>
    private KernelResult? Thaw(FreezeHolder holder, Outbox outbox)
    {
        bool isTakenOver = holder == FreezeHolder.User && _kexecTookOver;
        _kexecTookOver = isTakenOver;
        if (_preservation.Holder == holder && !isTakenOver)
        {
            return Start(new ThawOperation(_preservation, code: 0), outbox);
        }

        return new KernelResult(holder == FreezeHolder.Kexec ? 0 : _preservation.Holder == FreezeHolder.Nobody ? -Errno.EINVAL : -Errno.EBUSY);
    }

    private KernelResult? Mount(in Message message, Outbox outbox)
    {
        TmpfsMounter mounter = (TmpfsMounter)message.A;
        (string pointText, string optionText) = TmpfsProtocol.TextsOf(message);
        if (!TmpfsMountTable.TryName(pointText, out string point))
        {
            return new KernelResult(-Errno.EINVAL);
        }

        int error = TmpfsOptionParser.Parse(optionText, mounter, _kernel.RamPages, _kernel.Build.MemparseBareSuffix, out TmpfsMountOptions options);
        if (error == 0 && _mounts.Find(point) is not null)
        {
            error = -Errno.EBUSY;
        }

        if (error == 0 && options.KhoName is null && options.KhoMust)
        {
            error = -Errno.EINVAL;
        }

        if (error != 0)
        {
            return new KernelResult(error);
        }

        (uint uid, uint gid) = ((uint)(message.B >> 32), (uint)message.B);
        if (options.KhoName is not null)
        {
            NamedMount request = new(options, mounter, uid, gid);
            return Start(new MountOperation(_preservation, _resources, request, mount => _mounts.Add(point, mount.FileSystem)), outbox);
        }

        _mounts.Add(point, new TmpfsFileSystem(options, _resources, uid, gid, TmpfsFileSystem.TimeOf(outbox.NowTicks)));
        return new KernelResult(0);
    }

    private int Remount(in Message message)
    {
        (string pointText, string optionText) = TmpfsProtocol.TextsOf(message);
        if (!TmpfsMountTable.TryName(pointText, out string point) || _mounts.Find(point) is not { } fileSystem)
        {
            return -Errno.EINVAL;
        }

        TmpfsMounter mounter = (TmpfsMounter)message.A;
        int error = TmpfsOptionParser.Parse(optionText, mounter, _kernel.RamPages, _kernel.Build.MemparseBareSuffix, out TmpfsMountOptions options);
        return error != 0 ? error : fileSystem.IsFrozen ? -Errno.EBUSY : fileSystem.Remount(options);
    }

    private int Unmount(string pointText)
    {
        if (!TmpfsMountTable.TryName(pointText, out string point) || _mounts.Find(point) is not { } fileSystem)
        {
            return -Errno.EINVAL;
        }

        if (fileSystem.IsFrozen || fileSystem.OpenDescriptors != 0)
        {
            return -Errno.EBUSY;
        }

        if (fileSystem.KhoName is { } name)
        {
            _preservation.Remove(_preservation.FindLive(name)!);
        }

        _mounts.Remove(point);
        fileSystem.Unmount();
        return 0;
    }
}
