using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// kho_init (fs_initcall from 6.19 on): tracker root, root FDT page, root FDT, kexec metadata; on a cold boot scratch goes to the
/// buddy allocator as CMA. Any failure disables KHO.
/// </summary>
internal sealed class KhoInit
{
    private const uint FirstCorrelation = 0x8000_0000;
    private readonly KhoCore _core;
    private Delivery _request;
    private ulong _metadataPhys;
    private int _result;

    public KhoInit(KhoCore core) => _core = core;

    private enum Step : uint
    {
        CreateRoot = FirstCorrelation,
        AllocateFdt,
        TrackFdt,
        AllocateMetadata,
        TrackMetadata,
        UntrackMetadata,
        FreeMetadata,
        UntrackFdt,
        FreeFdt,
        DestroyTracker,
        ReleaseScratch,
    }

    public static bool Handles(in Delivery delivery) => delivery.Message.Kind.Value == KhoProtocol.Init || delivery.Correlation >= FirstCorrelation;

    public void Receive(in Delivery delivery, Outbox outbox)
    {
        if (!delivery.Message.Kind.IsReply)
        {
            Begin(delivery, outbox);
            return;
        }

        KernelResult result = KernelResult.From(delivery.Message);
        switch ((Step)delivery.Correlation)
        {
            case Step.CreateRoot:
                AfterRoot(result, outbox);
                break;
            case Step.AllocateFdt:
                AfterAllocateFdt(result, outbox);
                break;
            case Step.TrackFdt:
                AfterTrackFdt(result, outbox);
                break;
            case Step.AllocateMetadata:
                AfterAllocateMetadata(result, outbox);
                break;
            case Step.TrackMetadata:
                AfterTrackMetadata(result, outbox);
                break;
            case Step.UntrackMetadata:
                Ask(Step.FreeMetadata, ActorId.Memblock, new FreePages(_metadataPhys, 0).ToMessage(), outbox);
                break;
            case Step.FreeMetadata:
                Untrack(Step.UntrackFdt, _core.FdtPhys, outbox);
                break;
            case Step.UntrackFdt:
                Ask(Step.FreeFdt, ActorId.Memblock, new FreePages(_core.FdtPhys, 0).ToMessage(), outbox);
                break;
            case Step.FreeFdt:
                Ask(Step.DestroyTracker, ActorId.Tracker, DestroyRequest.ToMessage(), outbox);
                break;
            case Step.DestroyTracker:
                Disable(outbox);
                break;
            default:
                outbox.Reply(_request, new KernelResult(_result).ToReply(_request.Message.Kind));
                break;
        }
    }

    private void Begin(in Delivery request, Outbox outbox)
    {
        _request = request;
        if (!_core.EnabledByOption)
        {
            outbox.Reply(request, default(KernelResult).ToReply(request.Message.Kind));
            return;
        }

        Ask(Step.CreateRoot, ActorId.Tracker, CreateRootRequest.ToMessage(), outbox);
    }

    private void AfterRoot(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail(result.Code, Step.CreateRoot, outbox);
            return;
        }

        _core.MapPhys = result.Value;
        Ask(Step.AllocateFdt, ActorId.Memblock, new AllocatePages(0, MigrateType.Unmovable, -1, Zero: true).ToMessage(), outbox);
    }

    private void AfterAllocateFdt(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail(result.Code, Step.DestroyTracker, outbox);
            return;
        }

        _core.FdtPhys = result.Value;
        Track(Step.TrackFdt, result.Value, outbox);
    }

    private void AfterTrackFdt(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail(result.Code, Step.FreeFdt, outbox);
            return;
        }

        int code = _core.SetUpFdt();
        if (code != 0)
        {
            Fail(code, Step.UntrackFdt, outbox);
        }
        else if (_core.Build.Abi.HasKexecMetadata)
        {
            _core.ReadMetadata();
            Ask(Step.AllocateMetadata, ActorId.Memblock, new AllocatePages(0, MigrateType.Unmovable, -1, Zero: true).ToMessage(), outbox);
        }
        else
        {
            Succeed(outbox);
        }
    }

    private void AfterAllocateMetadata(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Fail(result.Code, Step.UntrackFdt, outbox);
            return;
        }

        _metadataPhys = result.Value;
        Track(Step.TrackMetadata, result.Value, outbox);
    }

    private void AfterTrackMetadata(KernelResult result, Outbox outbox)
    {
        int code = result.Succeeded ? _core.PublishMetadata(_metadataPhys) : result.Code;
        if (code != 0)
        {
            Fail(code, result.Succeeded ? Step.UntrackMetadata : Step.FreeMetadata, outbox);
            return;
        }

        Succeed(outbox);
    }

    private void Succeed(Outbox outbox)
    {
        _core.Enable();
        if (_core.Incoming is null)
        {
            Ask(Step.ReleaseScratch, ActorId.Memblock, new Message(new MessageKind(MemblockProtocol.ReleaseScratch)), outbox);
        }
        else
        {
            outbox.Reply(_request, default(KernelResult).ToReply(_request.Message.Kind));
        }
    }

    /// <summary>Undoes what was done, from the given step on, then disables KHO.</summary>
    private void Fail(int code, Step undo, Outbox outbox)
    {
        _result = code;
        switch (undo)
        {
            case Step.UntrackMetadata:
                Untrack(undo, _metadataPhys, outbox);
                break;
            case Step.FreeMetadata:
                Ask(undo, ActorId.Memblock, new FreePages(_metadataPhys, 0).ToMessage(), outbox);
                break;
            case Step.UntrackFdt:
                Untrack(undo, _core.FdtPhys, outbox);
                break;
            case Step.FreeFdt:
                Ask(undo, ActorId.Memblock, new FreePages(_core.FdtPhys, 0).ToMessage(), outbox);
                break;
            case Step.DestroyTracker:
                Ask(undo, ActorId.Tracker, DestroyRequest.ToMessage(), outbox);
                break;
            default:
                Disable(outbox);
                break;
        }
    }

    private void Disable(Outbox outbox)
    {
        _core.Disable();
        if (_core.Incoming is null)
        {
            Ask(Step.ReleaseScratch, ActorId.Memblock, new Message(new MessageKind(MemblockProtocol.ReleaseScratch), A: 1), outbox);
        }
        else
        {
            outbox.Reply(_request, new KernelResult(_result).ToReply(_request.Message.Kind));
        }
    }

    private static void Track(Step step, ulong phys, Outbox outbox) =>
        Ask(step, ActorId.Tracker, new TrackRequest(PageGeometry.PfnOf(phys), 0).ToMessage(), outbox);

    private static void Untrack(Step step, ulong phys, Outbox outbox) =>
        Ask(step, ActorId.Tracker, new UntrackRequest(PageGeometry.PfnOf(phys), 0).ToMessage(), outbox);

    private static void Ask(Step step, ActorId actor, in Message message, Outbox outbox) => outbox.Send(actor, message, (uint)step);
}
