using System.Numerics;
using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// pstore with its KHO backend in one kernel generation: the log's last lines cross a kexec in preserved memory. Requests in
/// <see cref="ClientProtocol"/> and <see cref="PstoreProtocol"/>.
/// </summary>
public sealed class PstoreActor : IActor
{
    private const ulong TicksPerMillisecond = 1_000_000;
    private readonly PstorePlatform _platform;
    private readonly PstoreModule _module;
    private ulong _timerNumber;

    internal PstoreActor(ClientKernel kernel, PstoreProfile profile)
    {
        PrintkBuffer printk = new(kernel.Log, LogBufferShift(kernel), PstoreParameters.Truth(kernel, "printk.time", unset: true));
        _platform = new PstorePlatform(kernel, printk);
        _module = new PstoreModule(kernel, profile, _platform, new PstoreKhoBackend(kernel, profile));
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply)
        {
            _module.Resume(KernelResult.From(delivery.Message), outbox);
            return;
        }

        switch (ClientProtocol.NumberOf(delivery.Message.Kind))
        {
            case ClientProtocol.Init:
                _module.Init(delivery, outbox);
                break;
            case ClientProtocol.Exit:
                _module.Exit(delivery, outbox);
                break;
            case ClientProtocol.KmsgDump:
                Dump(KmsgDump.From(delivery.Message), outbox);
                Answer(delivery, default, null, outbox);
                break;
            case PstoreProtocol.Rescan:
                Rescan(delivery.Message.A, outbox);
                break;
            default:
                KernelResult result = Serve(delivery.Message, outbox, out string? text);
                Answer(delivery, result, text, outbox);
                break;
        }
    }

    private static int LogBufferShift(ClientKernel kernel)
    {
        ulong bytes = LogBuffer.RequestedBytes(kernel.Build, kernel.CommandLine);
        return bytes == 0 ? kernel.Build.LogBufShift : BitOperations.Log2(bytes);
    }

    private static long NowSeconds(Outbox outbox) => ClientKernel.RealTime(outbox.NowTicks).Seconds;

    private static void Answer(in Delivery request, KernelResult result, string? text, Outbox outbox) =>
        outbox.Reply(request, result.ToReply(request.Message.Kind) with { Text = text });

    /// <summary>What user space asks.</summary>
    private KernelResult Serve(in Message message, Outbox outbox, out string? text)
    {
        text = null;
        switch (ClientProtocol.NumberOf(message.Kind))
        {
            case PstoreProtocol.Mount:
                int mounted = _platform.Mount(message.Text, NowSeconds(outbox));
                return new KernelResult(mounted, mounted == 0 && _platform.File is not null ? 1UL : 0);
            case PstoreProtocol.Unmount:
                return new KernelResult(_platform.Unmount());
            case PstoreProtocol.Remount:
                return new KernelResult(_platform.Remount(message.Text));
            case PstoreProtocol.List:
                return List(message.A, out text);
            case PstoreProtocol.Read:
                return Read(message.Text, out text);
            case PstoreProtocol.Unlink:
                return new KernelResult(_platform.Unlink(message.Text));
            case PstoreProtocol.ReadParameter:
                text = _platform.Parameters.Show(message.Text);
                return new KernelResult(text is null ? -Errno.ENOENT : 0);
            case PstoreProtocol.WriteUpdateInterval:
                _platform.Parameters.UpdateMilliseconds = (int)(long)message.A;
                return default;
            default:
                throw new InvalidOperationException($"pstore does not know message {message.Kind}");
        }
    }

    private KernelResult List(ulong position, out string? name)
    {
        name = null;
        if (position != 0 || _platform.File is not { } file)
        {
            return new KernelResult(-Errno.ENOENT);
        }

        name = file.Name;
        return new KernelResult(0, (ulong)file.Content.Length, (ulong)file.ModifiedSeconds);
    }

    private KernelResult Read(string? name, out string? content)
    {
        content = null;
        if (_platform.Find(name) is not { } file)
        {
            return new KernelResult(-Errno.ENOENT);
        }

        content = Encoding.Latin1.GetString(file.Content.Span);
        return new KernelResult(0, (ulong)file.Content.Length, Crc32.Of(file.Content.Span));
    }

    private void Dump(KmsgDump dump, Outbox outbox)
    {
        int interval = _platform.Parameters.UpdateMilliseconds;
        if (_platform.Dump(dump, outbox.NowTicks) && interval >= 0)
        {
            // The kernel's timer runs all the time and does nothing until an oops was stored, which also restarts it (pstore_timer_kick).
            Message rescan = ClientProtocol.Plain(PstoreProtocol.Actor, PstoreProtocol.Rescan) with { A = ++_timerNumber };
            outbox.SendAfter((ulong)interval * TicksPerMillisecond, PstoreProtocol.Actor, rescan);
        }
    }

    private void Rescan(ulong timerNumber, Outbox outbox)
    {
        if (timerNumber == _timerNumber)
        {
            _platform.ReadRecords(NowSeconds(outbox), quiet: true);
        }
    }
}
