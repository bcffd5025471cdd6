using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// Restores every page of a handed-over mount: from then on they are this kernel's. A page that cannot be restored breaks the mount, for the
/// others cannot be put back.
/// </summary>
/// <param name="kernel">The kernel.</param>
/// <param name="mount">The mount.</param>
/// <param name="snapshot">Its content, as it was read just before.</param>
internal sealed class PageClaim(ClientKernel kernel, HandedOverMount mount, TmpfsSnapshot snapshot)
{
    private PageWindow _window;

    /// <summary>0, or -EIO.</summary>
    public int Error => _window.Error == 0 ? 0 : -Errno.EIO;

    /// <summary>Begins; does nothing for a mount that is held.</summary>
    /// <param name="outbox">Receives requests.</param>
    /// <returns>Whether everything is claimed, or <see cref="Error"/> says why not.</returns>
    public bool Begin(Outbox outbox)
    {
        _window = new PageWindow(0, mount.IsHeld ? 0 : snapshot.Pages);
        return ClaimMore(outbox);
    }

    /// <summary>Goes on with an answer.</summary>
    /// <param name="correlation">The request's correlation.</param>
    /// <param name="reply">Its result.</param>
    /// <param name="outbox">Receives requests.</param>
    /// <returns>Whether everything is claimed, or <see cref="Error"/> says why not.</returns>
    public bool Answered(uint correlation, KernelResult reply, Outbox outbox)
    {
        if (reply.Succeeded)
        {
            mount.Claimed.Add(snapshot.PageAt((int)correlation - 1));
        }

        _window.Answered(reply.Code);
        return ClaimMore(outbox);
    }

    private bool ClaimMore(Outbox outbox)
    {
        while (_window.TryNext(out int position))
        {
            outbox.Send(ActorId.Kho, new AddressRequest(snapshot.PageAt(position)).ToMessage(KhoProtocol.RestoreFolio), (uint)position + 1);
        }

        if (!_window.IsDone)
        {
            return false;
        }

        mount.IsHeld = Error == 0;
        mount.IsBroken = Error != 0;
        if (mount.IsBroken)
        {
            kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: {mount.Slot.Name}: a handed-over page cannot be restored");
        }

        return true;
    }
}
