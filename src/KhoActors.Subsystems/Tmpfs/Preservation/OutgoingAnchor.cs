using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>The anchor that this kernel hands over: allocated and published once, then rewritten in place for the rest of the boot.</summary>
/// <param name="kernel">The kernel.</param>
internal sealed class OutgoingAnchor(ClientKernel kernel)
{
    private Stage _stage;
    private ulong _phys;

    private enum Stage : byte
    {
        Absent,
        Allocating,
        Adding,
        Freeing,
        Published,
    }

    /// <summary>Whether it is in the root FDT.</summary>
    public bool IsPublished => _stage == Stage.Published;

    /// <summary>0, or why it could not be published.</summary>
    public int Error { get; private set; }

    /// <summary>Begins to allocate and publish it.</summary>
    /// <param name="outbox">Receives the first request.</param>
    public void Publish(Outbox outbox)
    {
        Error = 0;
        _stage = Stage.Allocating;
        outbox.Send(ActorId.Kho, new AllocPreserve(PageGeometry.SizeBytes).ToMessage());
    }

    /// <summary>Goes on with an answer.</summary>
    /// <param name="reply">The answer to the last request.</param>
    /// <param name="outbox">Receives the next request.</param>
    /// <returns>True when it is published or <see cref="Error"/> says why not.</returns>
    public bool Answered(KernelResult reply, Outbox outbox)
    {
        switch (_stage)
        {
            case Stage.Allocating when reply.Succeeded:
                _phys = reply.Value;
                WriteHeader(AnchorState.Empty);
                _stage = Stage.Adding;
                outbox.Send(ActorId.Kho, new AddSubtree(AnchorPage.SubtreeName, _phys, PageGeometry.SizeBytes).ToMessage());
                return false;
            case Stage.Allocating:
                Error = reply.Code;
                break;
            case Stage.Adding when reply.Succeeded:
                _stage = Stage.Published;
                return true;
            case Stage.Adding:
                // The first kernels of an ABI return a raw libfdt code here: for the mounter it is a full root FDT all the same.
                Error = -Errno.ENOMEM;
                _stage = Stage.Freeing;
                outbox.Send(ActorId.Kho, new AddressRequest(_phys).ToMessage(KhoProtocol.UnpreserveFree));
                return false;
            default:
                break;
        }

        _stage = Stage.Absent;
        kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: cannot publish the anchor: {Errno.Symbol(Error)}");
        return true;
    }

    /// <summary>Says that nothing is handed over, or that a snapshot is being made.</summary>
    /// <param name="state">Empty or building.</param>
    public void WriteHeader(AnchorState state) => AnchorPage.WriteHeader(Bytes, state);

    /// <summary>Says that a snapshot is whole.</summary>
    /// <param name="generation">Of this kernel.</param>
    /// <param name="slots">The mounts, by name.</param>
    public void WriteComplete(ulong generation, IReadOnlyList<MountSlot> slots) => AnchorPage.WriteComplete(Bytes, generation, slots);

    private Span<byte> Bytes => kernel.Memory.WritablePageBytes(PageGeometry.PfnOf(_phys));
}
