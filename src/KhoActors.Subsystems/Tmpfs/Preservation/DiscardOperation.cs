using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// Drops what was handed over under a name and is not mounted, and frees its pages. Pages of a damaged one cannot be told from others: they stay
/// reserved until the next kexec.
/// </summary>
/// <param name="preservation">The state.</param>
/// <param name="name">The name.</param>
internal sealed class DiscardOperation(TmpfsPreservation preservation, string name) : TmpfsOperation
{
    private HandedOverMount _mount = null!;
    private PageClaim? _claim;

    /// <inheritdoc/>
    public override KernelResult? Begin(Outbox outbox)
    {
        if (preservation.Holder != FreezeHolder.Nobody)
        {
            return Done(-Errno.EBUSY);
        }

        if (preservation.Incoming.Find(name) is not { } mount)
        {
            return Done(-Errno.ENOENT);
        }

        _mount = mount;
        if (!mount.IsBroken && !mount.IsHeld && preservation.Incoming.Read(mount) is { } snapshot)
        {
            _claim = new PageClaim(preservation.Kernel, mount, snapshot);
            if (!_claim.Begin(outbox))
            {
                return null;
            }
        }

        return Drop();
    }

    /// <inheritdoc/>
    public override KernelResult? Answered(uint correlation, KernelResult reply, Outbox outbox) =>
        _claim!.Answered(correlation, reply, outbox) ? Drop() : null;

    private KernelResult? Drop()
    {
        foreach (ulong page in _mount.Claimed)
        {
            preservation.Kernel.FreePage(page);
        }

        preservation.Incoming.Remove(_mount);
        preservation.Kernel.Log.Write(LogLevel.Info, $"tmpfs-kho: {name}: discarded, {_mount.Claimed.Count} pages freed");
        return Done(0);
    }
}
