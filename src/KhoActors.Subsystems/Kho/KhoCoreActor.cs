using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// The KHO core of one kernel generation as an actor (kernel/liveupdate/kexec_handover.c): preserve, un-preserve, restore and
/// sub-blobs. Work on a range yields after every block, so that requests of several clients and a kexec interleave as on a real
/// machine; a root FDT edit and a restore happen in one step, under the kernel's lock.
/// </summary>
public sealed class KhoCoreActor : IActor
{
    private readonly KhoCore _core;
    private readonly KhoInit _init;
    private PendingOperation[] _operations = new PendingOperation[8];

    /// <summary>Carries a core.</summary>
    /// <param name="core">The state of this generation.</param>
    public KhoCoreActor(KhoCore core)
    {
        _core = core;
        _init = new KhoInit(core);
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (_init.Handles(delivery))
        {
            _init.Receive(delivery, outbox);
        }
        else if (delivery.Message.Kind.IsReply)
        {
            Resume((int)delivery.Correlation - 1, KernelResult.From(delivery.Message), outbox);
        }
        else
        {
            Begin(delivery, outbox);
        }
    }

    private void Begin(in Delivery request, Outbox outbox)
    {
        Message message = request.Message;
        switch (message.Kind.Value)
        {
            case KhoProtocol.PreserveFolio:
                BeginPreserve(request, FolioRequest.From(message).Pfn, 1UL << FolioRequest.From(message).Order, FolioRequest.From(message).Order, outbox);
                break;
            case KhoProtocol.PreservePages:
                BeginPreserve(request, message.A, message.B, folioOrder: -1, outbox);
                break;
            case KhoProtocol.UnpreserveFolio:
                BeginUntrack(request, message.A, 1UL << (int)message.B, (int)message.B, outbox);
                break;
            case KhoProtocol.UnpreservePages:
                BeginUntrack(request, message.A, message.B, folioOrder: -1, outbox);
                break;
            case KhoProtocol.AllocPreserve:
                BeginAllocPreserve(request, outbox);
                break;
            case KhoProtocol.UnpreserveFree:
                int order = _core.Pages.TryGetBlock(PageGeometry.PfnOf(message.A), out ulong head, out int found, out _) ? found : 0;
                BeginUntrack(request, head, 1UL << order, order, outbox);
                break;
            case KhoProtocol.RestoreFolio:
                Answer(request, _core.RestoreFolio(message.A, ActorOwnership.OwnerOf(request.From)), outbox);
                break;
            case KhoProtocol.RestorePages:
                Answer(request, new KernelResult(_core.RestorePages(message.A, message.B, ActorOwnership.OwnerOf(request.From))), outbox);
                break;
            case KhoProtocol.AddSubtree:
                Answer(request, new KernelResult(_core.AddSubtree(message.Text!, message.A, message.B)), outbox);
                break;
            case KhoProtocol.RemoveSubtree:
                _core.RemoveSubtree(message.A);
                Answer(request, default, outbox);
                break;
            case KhoProtocol.RetrieveSubtree:
                int code = _core.Retrieve(message.Text!, out ulong phys, out ulong sizeBytes);
                Answer(request, new KernelResult(code, phys, sizeBytes), outbox);
                break;
            default:
                throw new InvalidOperationException($"the KHO core does not know message 0x{message.Kind.Value:x4} from actor {request.From.Value}");
        }
    }

    private void BeginPreserve(in Delivery request, ulong pfn, ulong pages, int folioOrder, Outbox outbox)
    {
        int refused = _core.CheckPreservable(pfn, pages);
        if (refused != 0 || pages == 0)
        {
            Answer(request, new KernelResult(refused), outbox);
            return;
        }

        BeginRange(OperationStage.Tracking, request, pfn, pages, folioOrder, outbox);
    }

    private void BeginUntrack(in Delivery request, ulong pfn, ulong pages, int folioOrder, Outbox outbox)
    {
        if (!_core.Enabled || pages == 0)
        {
            if (!_core.Enabled)
            {
                _core.Log.Warn("kho_radix_del_page");
            }

            Answer(request, default, outbox);
            return;
        }

        BeginRange(OperationStage.Untracking, request, pfn, pages, folioOrder, outbox);
    }

    private void BeginRange(OperationStage stage, in Delivery request, ulong pfn, ulong pages, int folioOrder, Outbox outbox)
    {
        int slot = FreeSlot();
        ref PendingOperation operation = ref _operations[slot];
        operation = new PendingOperation
        {
            Stage = stage,
            Request = request,
            StartPfn = pfn,
            CursorPfn = pfn,
            EndPfn = pfn + pages,
            IsFolio = folioOrder >= 0,
            Order = Math.Max(folioOrder, 0),
        };
        SendNextBlock(slot, outbox);
    }

    private void BeginAllocPreserve(in Delivery request, Outbox outbox)
    {
        ulong sizeBytes = request.Message.A;
        int order = sizeBytes == 0 ? 0 : PageGeometry.OrderOf(sizeBytes);
        int refused = sizeBytes == 0 ? -Errno.EINVAL : order > _core.Build.MaxPageOrder ? -Errno.E2BIG : 0;
        if (refused != 0)
        {
            Answer(request, new KernelResult(refused), outbox);
            return;
        }

        int slot = FreeSlot();
        _operations[slot] = new PendingOperation { Stage = OperationStage.AllocatingFolio, Request = request, Order = order, IsFolio = true };
        outbox.Send(ActorId.Memblock, new AllocatePages(order, MigrateType.Unmovable, -1, Zero: true).ToMessage(), Correlation(slot));
    }

    private void Resume(int slot, KernelResult result, Outbox outbox)
    {
        ref PendingOperation operation = ref _operations[slot];
        switch (operation.Stage)
        {
            case OperationStage.Tracking:
                AfterTrack(slot, ref operation, result, outbox);
                break;
            case OperationStage.RollingBack:
            case OperationStage.Untracking:
                if (!result.Succeeded)
                {
                    _core.Log.Warn("kho_radix_del_page");
                }

                operation.CursorPfn += 1UL << operation.Order;
                SendNextBlock(slot, outbox);
                break;
            case OperationStage.AllocatingFolio:
                AfterAllocate(slot, ref operation, result, outbox);
                break;
            case OperationStage.TrackingFolio:
                AfterTrackFolio(slot, ref operation, result, outbox);
                break;
            case OperationStage.FreeingFolio:
                Finish(slot, operation.Result, outbox);
                break;
            default:
                throw new InvalidOperationException($"a reply for operation {slot}, which waits for nothing");
        }
    }

    private void AfterTrack(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        if (result.Succeeded)
        {
            operation.CursorPfn += 1UL << operation.Order;
        }
        else
        {
            operation.Stage = OperationStage.RollingBack;
            operation.Result = result;
            operation.EndPfn = operation.CursorPfn;
            operation.CursorPfn = operation.StartPfn;
        }

        SendNextBlock(slot, outbox);
    }

    /// <summary>The next block of the range, or the end of the work on it.</summary>
    private void SendNextBlock(int slot, Outbox outbox)
    {
        ref PendingOperation operation = ref _operations[slot];
        if (operation.CursorPfn >= operation.EndPfn)
        {
            FinishRange(slot, ref operation, outbox);
            return;
        }

        if (!operation.IsFolio)
        {
            operation.Order = _core.BlockOrder(operation.CursorPfn, operation.EndPfn);
        }

        ushort kind = operation.Stage == OperationStage.Tracking ? TrackerProtocol.Track : TrackerProtocol.Untrack;
        outbox.Send(ActorId.Tracker, new TrackRequest(operation.CursorPfn, operation.Order).ToMessage(kind), Correlation(slot));
    }

    private void FinishRange(int slot, ref PendingOperation operation, Outbox outbox)
    {
        if (operation.Request.Message.Kind.Value == KhoProtocol.UnpreserveFree)
        {
            operation.Stage = OperationStage.FreeingFolio;
            FreePages folio = new(PageGeometry.PhysOf(operation.StartPfn), operation.Order);
            _core.Pages.Chown(folio.Phys, ActorOwnership.OwnerOf(operation.Request.From), ActorOwnership.OwnerOf(ActorId.Kho));
            outbox.Send(ActorId.Memblock, folio.ToMessage(), Correlation(slot));
            return;
        }

        Finish(slot, operation.Result, outbox);
    }

    private void AfterAllocate(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Finish(slot, result, outbox);
            return;
        }

        operation.StartPfn = PageGeometry.PfnOf(result.Value);
        operation.Result = result;
        operation.Result = _core.CheckPreservable(operation.StartPfn, 1UL << operation.Order) is var refused and not 0 ? new KernelResult(refused) : result;
        if (!operation.Result.Succeeded)
        {
            FreeUnpreserved(slot, ref operation, outbox);
            return;
        }

        operation.Stage = OperationStage.TrackingFolio;
        outbox.Send(ActorId.Tracker, new TrackRequest(operation.StartPfn, operation.Order).ToMessage(TrackerProtocol.Track), Correlation(slot));
    }

    private void AfterTrackFolio(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            operation.Result = result;
            FreeUnpreserved(slot, ref operation, outbox);
            return;
        }

        _core.Pages.Chown(PageGeometry.PhysOf(operation.StartPfn), ActorOwnership.OwnerOf(ActorId.Kho), ActorOwnership.OwnerOf(operation.Request.From));
        Finish(slot, operation.Result, outbox);
    }

    private static void FreeUnpreserved(int slot, ref PendingOperation operation, Outbox outbox)
    {
        operation.Stage = OperationStage.FreeingFolio;
        FreePages folio = new(PageGeometry.PhysOf(operation.StartPfn), operation.Order);
        outbox.Send(ActorId.Memblock, folio.ToMessage(), Correlation(slot));
    }

    private void Finish(int slot, KernelResult result, Outbox outbox)
    {
        Answer(_operations[slot].Request, result, outbox);
        _operations[slot] = default;
    }

    private static void Answer(in Delivery request, KernelResult result, Outbox outbox) => outbox.Reply(request, result.ToReply(request.Message.Kind));

    private static uint Correlation(int slot) => (uint)slot + 1;

    private int FreeSlot()
    {
        int slot = Array.FindIndex(_operations, operation => operation.Stage == OperationStage.Free);
        if (slot < 0)
        {
            slot = _operations.Length;
            Array.Resize(ref _operations, slot * 2);
        }

        return slot;
    }
}
