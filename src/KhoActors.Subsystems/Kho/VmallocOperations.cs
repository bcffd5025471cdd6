using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// The requests of <see cref="KhoCoreActor"/> that concern vmalloc areas. Preserving and un-preserving yield at every chunk and every block, so
/// that they interleave with other requests and with a kexec; a restore happens in one step, as all restores do.
/// </summary>
internal sealed class VmallocOperations(KhoCore core)
{
    private const uint FirstCorrelation = 0x4000_0000;
    private Pending[] _pending = new Pending[4];

    private enum Stage : byte
    {
        Free,
        Preserving,
        Unpreserving,
    }

    /// <summary>Whether a request, or a reply to one of its own, is for this class.</summary>
    public static bool Handles(in Delivery delivery) => delivery.Message.Kind.IsReply
        ? delivery.Correlation >= FirstCorrelation
        : delivery.Message.Kind.Value is KhoProtocol.PreserveVmalloc or KhoProtocol.UnpreserveVmalloc or KhoProtocol.RestoreVmalloc;

    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (delivery.Message.Kind.IsReply)
        {
            Resume((int)(delivery.Correlation - FirstCorrelation), KernelResult.From(delivery.Message), outbox);
            return;
        }

        switch (delivery.Message.Kind.Value)
        {
            case KhoProtocol.PreserveVmalloc:
                BeginPreserve(delivery, PreserveVmalloc.From(delivery.Message), outbox);
                break;
            case KhoProtocol.UnpreserveVmalloc:
                BeginUnpreserve(delivery, VmallocDescriptorRequest.From(delivery.Message).Descriptor, outbox);
                break;
            default:
                VmallocDescriptor descriptor = VmallocDescriptorRequest.From(delivery.Message).Descriptor;
                Answer(delivery, core.RestoreVmalloc(descriptor, ActorOwnership.OwnerOf(delivery.From)), outbox);
                break;
        }
    }

    private void BeginPreserve(in Delivery request, PreserveVmalloc asked, Outbox outbox)
    {
        VmallocArea? area = core.VmallocAreas.Find(asked.Address);
        int refused = area is null ? -Errno.EINVAL : (area.Flags & ~VmallocDescriptor.SupportedFlags) != 0 ? -Errno.EOPNOTSUPP : 0;
        if (refused != 0)
        {
            Answer(request, new KernelResult(refused, asked.Before.Low, asked.Before.High), outbox);
            return;
        }

        ref Pending pending = ref Open(Stage.Preserving, request, out int slot);
        pending.Preservation = new VmallocPreservation(core.Vmalloc, area!, asked.Before);
        Continue(slot, ref pending, outbox);
    }

    private void BeginUnpreserve(in Delivery request, VmallocDescriptor descriptor, Outbox outbox)
    {
        ref Pending pending = ref Open(Stage.Unpreserving, request, out int slot);
        pending.Unpreservation = new VmallocUnpreservation(core.Vmalloc, descriptor);
        Continue(slot, ref pending, outbox);
    }

    private void Resume(int slot, KernelResult result, Outbox outbox)
    {
        ref Pending pending = ref _pending[slot];
        switch (pending.Stage)
        {
            case Stage.Preserving:
                pending.Preservation.Completed(result);
                break;
            case Stage.Unpreserving:
                pending.Unpreservation.Completed(result.Code);
                break;
            default:
                throw new InvalidOperationException($"a reply for vmalloc operation {slot}, which waits for nothing");
        }

        Continue(slot, ref pending, outbox);
    }

    private static void Continue(int slot, ref Pending pending, Outbox outbox)
    {
        bool goesOn = pending.Stage == Stage.Preserving ? pending.Preservation.NextStep(out VmallocStep step) : pending.Unpreservation.NextStep(out step);
        if (goesOn)
        {
            Ask(slot, step, outbox);
            return;
        }

        VmallocDescriptor descriptor = pending.Preservation.Descriptor;
        Answer(
            pending.Request,
            pending.Stage == Stage.Preserving ? new KernelResult(pending.Preservation.Result, descriptor.Low, descriptor.High) : default,
            outbox);
        pending.Stage = Stage.Free;
    }

    private static void Ask(int slot, VmallocStep step, Outbox outbox)
    {
        (ActorId receiver, Message message) = step.Kind switch
        {
            VmallocStepKind.AllocateChunk => (ActorId.Memblock, new AllocatePages(0, MigrateType.Unmovable, -1, Zero: true).ToMessage()),
            VmallocStepKind.FreeChunk => (ActorId.Memblock, new FreePages(step.Block.Phys, 0).ToMessage()),
            VmallocStepKind.Track => (ActorId.Tracker, new TrackRequest(step.Block.Pfn, step.Block.Order).ToMessage()),
            _ => (ActorId.Tracker, new UntrackRequest(step.Block.Pfn, step.Block.Order).ToMessage()),
        };
        outbox.Send(receiver, message, FirstCorrelation + (uint)slot);
    }

    private static void Answer(in Delivery request, KernelResult result, Outbox outbox) => outbox.Reply(request, result.ToReply(request.Message.Kind));

    private ref Pending Open(Stage stage, in Delivery request, out int slot)
    {
        slot = Array.FindIndex(_pending, static pending => pending.Stage == Stage.Free);
        if (slot < 0)
        {
            slot = _pending.Length;
            Array.Resize(ref _pending, slot * 2);
        }

        ref Pending opened = ref _pending[slot];
        opened.Stage = stage;
        opened.Request = request;
        return ref opened;
    }

    /// <summary>A request that is being worked on. Fields that a stage does not use are undefined.</summary>
    private struct Pending
    {
        public Stage Stage;
        public Delivery Request;
        public VmallocPreservation Preservation;
        public VmallocUnpreservation Unpreservation;
    }
}
