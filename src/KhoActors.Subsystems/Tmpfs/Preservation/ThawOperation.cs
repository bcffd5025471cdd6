using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// Takes a snapshot apart, whole or not, and admits writers again. Until the last page is back the anchor says that it is being worked on: a jump
/// in between hands nothing over.
/// </summary>
/// <param name="preservation">The state.</param>
/// <param name="code">What it ends with: 0, or the errno of the freeze that failed.</param>
internal sealed class ThawOperation(TmpfsPreservation preservation, int code) : TmpfsOperation
{
    /// <inheritdoc/>
    public override KernelResult? Begin(Outbox outbox)
    {
        if (preservation.Anchor.IsPublished)
        {
            preservation.Anchor.WriteHeader(AnchorState.Building);
        }

        foreach ((HandedOverMount mount, uint carried) in preservation.Frozen.Carried)
        {
            SuperPage.SetCarried(preservation.Kernel.Memory.WritablePageBytes(PageGeometry.PfnOf(mount.Slot.SuperPhys)), carried);
        }

        return preservation.Frozen.BeginUndoing(outbox) ? Finish() : null;
    }

    /// <inheritdoc/>
    public override KernelResult? Answered(uint correlation, KernelResult reply, Outbox outbox) =>
        preservation.Frozen.UndoAnswered(correlation, outbox) ? Finish() : null;

    private KernelResult? Finish()
    {
        if (preservation.Anchor.IsPublished)
        {
            preservation.Anchor.WriteHeader(AnchorState.Empty);
        }

        preservation.SetHolder(FreezeHolder.Nobody);
        return Done(code);
    }
}
