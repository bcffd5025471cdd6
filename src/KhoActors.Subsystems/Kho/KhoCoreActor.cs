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
    private readonly VmallocOperations _vmalloc;
    private PendingOperation[] _operations = new PendingOperation[8];

    /// <summary>Carries a core.</summary>
    /// <param name="core">The state of this generation.</param>
    public KhoCoreActor(KhoCore core)
    {
        _core = core;
        _init = new KhoInit(core);
        _vmalloc = new VmallocOperations(core);
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (KhoInit.Handles(delivery))
        {
            _init.Receive(delivery, outbox);
        }
        else if (VmallocOperations.Handles(delivery))
        {
            _vmalloc.Receive(delivery, outbox);
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
                BeginFolio(request, FolioRequest.From(message), preserve: true, outbox);
                break;
            case KhoProtocol.UnpreserveFolio:
                BeginFolio(request, FolioRequest.From(message), preserve: false, outbox);
                break;
            case KhoProtocol.PreservePages:
                BeginPreserve(request, PagesRequest.From(message), outbox);
                break;
            case KhoProtocol.UnpreservePages:
                BeginUnpreserve(request, PagesRequest.From(message), outbox);
                break;
            case KhoProtocol.AllocPreserve:
                BeginAllocPreserve(request, outbox);
                break;
            case KhoProtocol.UnpreserveFree:
                BeginFolio(request, _core.FolioAt(message.A), preserve: false, outbox);
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

    private void BeginFolio(in Delivery request, FolioRequest folio, bool preserve, Outbox outbox)
    {
        int refused = preserve ? _core.CheckPreservable(folio.Pfn, 1UL << folio.Order) : _core.CheckUnpreservable(1UL << folio.Order);
        if (refused != 0 && request.Message.Kind.Value != KhoProtocol.UnpreserveFree)
        {
            Answer(request, new KernelResult(preserve ? refused : 0), outbox);
            return;
        }

        ref PendingOperation operation = ref Open(OperationStage.OneFolio, request, out int slot);
        operation.Folio = new PreservedBlock(folio.Pfn, folio.Order);
        if (refused != 0)
        {
            // Without a tree there is nothing to un-preserve, and kho_unpreserve_free frees all the same.
            AfterFolio(slot, ref operation, default, outbox);
            return;
        }

        AskTracker(slot, new TrackStep(operation.Folio, IsUntrack: !preserve), outbox);
    }

    private void BeginPreserve(in Delivery request, PagesRequest range, Outbox outbox)
    {
        int refused = _core.CheckPreservable(range.Pfn, range.Pages);
        if (refused != 0)
        {
            Answer(request, new KernelResult(refused), outbox);
            return;
        }

        ref PendingOperation operation = ref Open(OperationStage.Preserving, request, out int slot);
        operation.Preservation = new RangePreservation(range.Pfn, range.Pages, _core.NodeLimit);
        ContinuePreserving(slot, outbox);
    }

    private void BeginUnpreserve(in Delivery request, PagesRequest range, Outbox outbox)
    {
        if (_core.CheckUnpreservable(range.Pages) != 0)
        {
            Answer(request, default, outbox);
            return;
        }

        ref PendingOperation operation = ref Open(OperationStage.Unpreserving, request, out int slot);
        operation.Unpreservation = new RangeUnpreservation(range.Pfn, range.Pages, _core.NodeLimit);
        ContinueUnpreserving(slot, outbox);
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

        Open(OperationStage.AllocatingFolio, request, out int slot).Folio = new PreservedBlock(0, order);
        outbox.Send(ActorId.Memblock, new AllocatePages(order, MigrateType.Unmovable, -1, Zero: true).ToMessage(), Correlation(slot));
    }

    private void Resume(int slot, KernelResult result, Outbox outbox)
    {
        ref PendingOperation operation = ref _operations[slot];
        switch (operation.Stage)
        {
            case OperationStage.Preserving:
                operation.Preservation.Completed(result.Code);
                ContinuePreserving(slot, outbox);
                break;
            case OperationStage.Unpreserving:
                operation.Unpreservation.Completed(result.Code);
                ContinueUnpreserving(slot, outbox);
                break;
            case OperationStage.OneFolio:
                AfterFolio(slot, ref operation, result, outbox);
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

    private void ContinuePreserving(int slot, Outbox outbox)
    {
        ref PendingOperation operation = ref _operations[slot];
        if (operation.Preservation.NextStep(out TrackStep step))
        {
            AskTracker(slot, step, outbox);
        }
        else
        {
            Finish(slot, new KernelResult(operation.Preservation.Result), outbox);
        }
    }

    private void ContinueUnpreserving(int slot, Outbox outbox)
    {
        if (_operations[slot].Unpreservation.NextStep(out TrackStep step))
        {
            AskTracker(slot, step, outbox);
        }
        else
        {
            Finish(slot, default, outbox);
        }
    }

    /// <summary>A folio was preserved or un-preserved; kho_unpreserve_free goes on to free it.</summary>
    private void AfterFolio(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        switch (operation.Request.Message.Kind.Value)
        {
            case KhoProtocol.UnpreserveFree:
                _core.Pages.Chown(operation.Folio.Phys, ActorOwnership.OwnerOf(operation.Request.From), PageOwner.Kho);
                FreeFolio(slot, ref operation, default, outbox);
                break;
            case KhoProtocol.UnpreserveFolio:
                Finish(slot, default, outbox);
                break;
            default:
                Finish(slot, result, outbox);
                break;
        }
    }

    private void AfterAllocate(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Finish(slot, result, outbox);
            return;
        }

        operation.Folio = operation.Folio with { Pfn = PageGeometry.PfnOf(result.Value) };
        int refused = _core.CheckPreservable(operation.Folio.Pfn, operation.Folio.Pages);
        if (refused != 0)
        {
            FreeFolio(slot, ref operation, new KernelResult(refused), outbox);
            return;
        }

        operation.Stage = OperationStage.TrackingFolio;
        AskTracker(slot, new TrackStep(operation.Folio, IsUntrack: false), outbox);
    }

    private void AfterTrackFolio(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            FreeFolio(slot, ref operation, result, outbox);
            return;
        }

        _core.Pages.Chown(operation.Folio.Phys, PageOwner.Kho, ActorOwnership.OwnerOf(operation.Request.From));
        Finish(slot, new KernelResult(0, operation.Folio.Phys), outbox);
    }

    private static void AskTracker(int slot, TrackStep step, Outbox outbox) => outbox.Send(
        ActorId.Tracker,
        step.IsUntrack ? new UntrackRequest(step.Block.Pfn, step.Block.Order).ToMessage() : new TrackRequest(step.Block.Pfn, step.Block.Order).ToMessage(),
        Correlation(slot));

    private static void FreeFolio(int slot, ref PendingOperation operation, KernelResult result, Outbox outbox)
    {
        operation.Stage = OperationStage.FreeingFolio;
        operation.Result = result;
        outbox.Send(ActorId.Memblock, new FreePages(operation.Folio.Phys, operation.Folio.Order).ToMessage(), Correlation(slot));
    }

    private void Finish(int slot, KernelResult result, Outbox outbox)
    {
        ref PendingOperation operation = ref _operations[slot];
        Answer(operation.Request, result, outbox);
        operation.Stage = OperationStage.Free;
    }

    private static void Answer(in Delivery request, KernelResult result, Outbox outbox) => outbox.Reply(request, result.ToReply(request.Message.Kind));

    private static uint Correlation(int slot) => (uint)slot + 1;

    /// <summary>Takes a slot. An operation is large: it is written in place, and what its stage does not use keeps old values.</summary>
    private ref PendingOperation Open(OperationStage stage, in Delivery request, out int slot)
    {
        slot = FreeSlot();
        ref PendingOperation operation = ref _operations[slot];
        operation.Stage = stage;
        operation.Request = request;
        return ref operation;
    }

    private int FreeSlot()
    {
        for (int slot = 0; slot < _operations.Length; slot++)
        {
            if (_operations[slot].Stage == OperationStage.Free)
            {
                return slot;
            }
        }

        Array.Resize(ref _operations, _operations.Length * 2);
        return _operations.Length / 2;
    }
}
