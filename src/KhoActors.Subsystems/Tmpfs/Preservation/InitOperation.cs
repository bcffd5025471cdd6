using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// Looks for what the previous kernel handed over, and publishes this kernel's anchor when mounts wait that may have to be passed on. tmpfs works
/// without either, so it never fails: what cannot be published now is tried again when it is needed.
/// </summary>
/// <param name="preservation">The state.</param>
internal sealed class InitOperation(TmpfsPreservation preservation) : TmpfsOperation
{
    private bool _isPublishing;

    /// <inheritdoc/>
    public override KernelResult? Begin(Outbox outbox)
    {
        if (!preservation.Kernel.KhoEnabled)
        {
            return Done(0);
        }

        outbox.Send(ActorId.Kho, new RetrieveSubtree(AnchorPage.SubtreeName).ToMessage());
        return null;
    }

    /// <inheritdoc/>
    public override KernelResult? Answered(uint correlation, KernelResult reply, Outbox outbox)
    {
        if (_isPublishing)
        {
            return preservation.Anchor.Answered(reply, outbox) ? Done(0) : null;
        }

        HandedOverMounts incoming = preservation.Incoming;
        if (reply.Succeeded)
        {
            incoming.ReadAnchor(reply.Value, reply.Extra);
        }
        else if (reply.Code != -Errno.ENOENT)
        {
            incoming.AnchorUnreadable(reply.Code);
        }

        if (incoming.Mounts.Count == 0)
        {
            return Done(0);
        }

        _isPublishing = true;
        preservation.Anchor.Publish(outbox);
        return null;
    }
}
