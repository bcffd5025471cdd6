using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// Loading and unloading of the KHO backend (module_init and module_exit of fs/pstore/pstore_kho.c): a chain of requests to the KHO core, undone
/// from its end when one fails.
/// </summary>
/// <param name="kernel">The kernel.</param>
/// <param name="profile">Which version it is.</param>
/// <param name="platform">pstore.</param>
/// <param name="backend">The callbacks.</param>
internal sealed class PstoreModule(ClientKernel kernel, PstoreProfile profile, PstorePlatform platform, PstoreKhoBackend backend)
{
    private Stage _stage;
    private Delivery _request;
    private int _result;
    private bool _subtreeAdded;
    private ulong _fdtPhys;
    private ulong _bufferPhys;

    private enum Stage
    {
        Unloaded,
        Retrieving,
        AllocatingRecord,
        AllocatingFdt,
        Adding,
        Loaded,
        Removing,
        FreeingFdt,
        FreeingRecord,
        RestoringIncoming,
    }

    private ulong BlobPhys => profile.FdtBytes != 0 ? _fdtPhys : backend.RecordPhys;

    private ulong RecordBytes => profile.Layout.AllocationBytes((ulong)backend.CapacityBytes);

    private ulong BlobBytes => profile.FdtBytes != 0 ? profile.FdtBytes : RecordBytes;

    private int BufferOrder => PageGeometry.OrderOf((ulong)backend.CapacityBytes);

    /// <summary>module_init.</summary>
    /// <param name="request">Answered with 0 or an errno when everything is done, or undone. -EEXIST when it is loaded or being loaded.</param>
    /// <param name="outbox">Requests to the KHO core.</param>
    public void Init(in Delivery request, Outbox outbox)
    {
        if (_stage != Stage.Unloaded)
        {
            Answer(request, -Errno.EEXIST, outbox);
            return;
        }

        if (!kernel.KhoEnabled)
        {
            kernel.Log.Write(LogLevel.Info, "pstore_kho: KHO is disabled");
            Answer(request, -Errno.ENODEV, outbox);
            return;
        }

        _request = request;
        Ask(Stage.Retrieving, new RetrieveSubtree(PstoreProfile.SubtreeName).ToMessage(), outbox);
    }

    /// <summary>module_exit.</summary>
    /// <param name="request">Answered with 0 when everything is undone; -ENOENT when it is not loaded, -EBUSY while it is being loaded or unloaded.</param>
    /// <param name="outbox">Requests to the KHO core.</param>
    public void Exit(in Delivery request, Outbox outbox)
    {
        if (_stage != Stage.Loaded)
        {
            Answer(request, _stage == Stage.Unloaded ? -Errno.ENOENT : -Errno.EBUSY, outbox);
            return;
        }

        _request = request;
        platform.Unregister();
        Undo(0, outbox);
    }

    /// <summary>The KHO core's answer to the last request.</summary>
    /// <param name="result">The answer.</param>
    /// <param name="outbox">Requests to the KHO core.</param>
    public void Resume(KernelResult result, Outbox outbox)
    {
        switch (_stage)
        {
            case Stage.Retrieving:
                backend.TakeIncoming(result.Code, result.Value, result.Extra);
                Ask(Stage.AllocatingRecord, new AllocPreserve(RecordBytes).ToMessage(), outbox);
                break;
            case Stage.AllocatingRecord:
                AfterAllocateRecord(result, outbox);
                break;
            case Stage.AllocatingFdt:
                AfterAllocateFdt(result, outbox);
                break;
            case Stage.Adding:
                AfterAdd(result.Code, outbox);
                break;
            case Stage.Removing:
                _subtreeAdded = false;
                Undo(_result, outbox);
                break;
            case Stage.FreeingFdt:
                _fdtPhys = 0;
                Undo(_result, outbox);
                break;
            case Stage.FreeingRecord:
                backend.RecordPhys = 0;
                Undo(_result, outbox);
                break;
            case Stage.RestoringIncoming:
                AfterRestoreIncoming(result, outbox);
                break;
            default:
                throw new InvalidOperationException($"pstore waits for nothing in stage {_stage}");
        }
    }

    private void AfterAllocateRecord(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail("failed to allocate and preserve memory", result.Code, outbox);
            return;
        }

        backend.RecordPhys = result.Value;
        backend.Clear();
        if (profile.FdtBytes != 0)
        {
            Ask(Stage.AllocatingFdt, new AllocPreserve(profile.FdtBytes).ToMessage(), outbox);
        }
        else
        {
            AddSubtree(outbox);
        }
    }

    private void AfterAllocateFdt(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail("failed to allocate and preserve the FDT", result.Code, outbox);
            return;
        }

        _fdtPhys = result.Value;
        int written = PstoreFdt.Write(kernel.Memory.WritablePageBytes(PageGeometry.PfnOf(_fdtPhys)), backend.RecordPhys);
        if (written != 0)
        {
            Fail("failed to write the FDT", written, outbox);
            return;
        }

        AddSubtree(outbox);
    }

    private void AddSubtree(Outbox outbox) =>
        Ask(Stage.Adding, new AddSubtree(PstoreProfile.SubtreeName, BlobPhys, BlobBytes).ToMessage(), outbox);

    private void AfterAdd(int code, Outbox outbox)
    {
        if (code != 0)
        {
            Fail("failed to add the subtree", code, outbox);
            return;
        }

        _subtreeAdded = true;
        _bufferPhys = kernel.AllocatePages(BufferOrder, zero: false);
        int registered = _bufferPhys == 0 ? -Errno.ENOMEM : platform.Register(backend.ToInfo(), NowSeconds(outbox));
        if (registered != 0)
        {
            Undo(registered, outbox);
            return;
        }

        _stage = Stage.Loaded;
        Answer(_request, 0, outbox);
    }

    private void Fail(string what, int code, Outbox outbox)
    {
        kernel.Log.Write(LogLevel.Error, $"pstore_kho: {what}: {code}");
        Undo(code, outbox);
    }

    /// <summary>Takes back the last thing that is still there; when nothing is, answers.</summary>
    private void Undo(int result, Outbox outbox)
    {
        _result = result;
        if (_bufferPhys != 0)
        {
            kernel.FreePages(_bufferPhys, BufferOrder);
            _bufferPhys = 0;
        }

        if (_subtreeAdded)
        {
            Ask(Stage.Removing, new AddressRequest(BlobPhys).ToMessage(KhoProtocol.RemoveSubtree), outbox);
        }
        else if (_fdtPhys != 0)
        {
            Ask(Stage.FreeingFdt, new AddressRequest(_fdtPhys).ToMessage(KhoProtocol.UnpreserveFree), outbox);
        }
        else if (backend.RecordPhys != 0)
        {
            Ask(Stage.FreeingRecord, new AddressRequest(backend.RecordPhys).ToMessage(KhoProtocol.UnpreserveFree), outbox);
        }
        else if (profile.FreesIncoming && backend.Incoming is { } incoming)
        {
            Ask(Stage.RestoringIncoming, new AddressRequest(incoming.RecordPhys).ToMessage(KhoProtocol.RestoreFolio), outbox);
        }
        else
        {
            _stage = Stage.Unloaded;
            Answer(_request, result, outbox);
        }
    }

    /// <summary>kho_restore_free: what is restored is freed; what cannot be was warned of.</summary>
    private void AfterRestoreIncoming(KernelResult result, Outbox outbox)
    {
        if (result.Succeeded && backend.Incoming is { } incoming)
        {
            kernel.FreePages(incoming.RecordPhys, (int)result.Value);
        }

        backend.IncomingFreed();
        Undo(_result, outbox);
    }

    private void Ask(Stage stage, in Message message, Outbox outbox)
    {
        _stage = stage;
        outbox.Send(ActorId.Kho, message, (uint)stage);
    }

    private static long NowSeconds(Outbox outbox) => ClientKernel.RealTime(outbox.NowTicks).Seconds;

    private static void Answer(in Delivery request, int code, Outbox outbox) =>
        outbox.Reply(request, new KernelResult(code).ToReply(request.Message.Kind));
}
