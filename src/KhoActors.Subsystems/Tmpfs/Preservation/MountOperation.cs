using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>Who mounts what, where.</summary>
/// <param name="Options">The options, with a <c>kho=</c> name.</param>
/// <param name="Mounter">Privilege.</param>
/// <param name="Uid">Uid of the mounter.</param>
/// <param name="Gid">Gid of the mounter.</param>
internal sealed record NamedMount(TmpfsMountOptions Options, TmpfsMounter Mounter, uint Uid, uint Gid);

/// <summary>
/// mount with <c>kho=NAME</c>: what the previous kernel handed over under the name, or a fresh file system. Validation and limits change nothing,
/// so a mount refused by them can be tried again; only then pages are claimed.
/// </summary>
/// <param name="preservation">The state.</param>
/// <param name="resources">What a file system is given.</param>
/// <param name="request">Who mounts what, where.</param>
/// <param name="mounted">Called with the new mount.</param>
internal sealed class MountOperation(TmpfsPreservation preservation, TmpfsResources resources, NamedMount request, Action<TmpfsMount> mounted)
    : TmpfsOperation
{
    private readonly string _name = request.Options.KhoName!;
    private HandedOverMount? _incoming;
    private TmpfsSnapshot? _snapshot;
    private PageClaim? _claim;

    private ClientKernel Kernel => preservation.Kernel;

    /// <inheritdoc/>
    public override KernelResult? Begin(Outbox outbox)
    {
        int refused = Refuse(out string reason);
        refused = refused != 0 ? refused : FindContent(out reason);
        if (refused != 0)
        {
            Kernel.Log.Write(LogLevel.Warning, $"tmpfs-kho: {_name}: not mounted: {reason} ({Errno.Symbol(refused)})");
            return Done(refused);
        }

        if (preservation.Anchor.IsPublished)
        {
            return Mount(outbox);
        }

        preservation.Anchor.Publish(outbox);
        return null;
    }

    /// <inheritdoc/>
    public override KernelResult? Answered(uint correlation, KernelResult reply, Outbox outbox)
    {
        if (_claim is not null)
        {
            return _claim.Answered(correlation, reply, outbox) ? Adopt() : null;
        }

        if (!preservation.Anchor.Answered(reply, outbox))
        {
            return null;
        }

        return preservation.Anchor.Error != 0 ? Done(preservation.Anchor.Error) : Mount(outbox);
    }

    private int Refuse(out string reason)
    {
        bool isPrivileged = (request.Mounter & (TmpfsMounter.Unprivileged | TmpfsMounter.OtherUserNamespace)) == 0;
        (int code, reason) = !isPrivileged ? (-Errno.EPERM, "needs privilege in the initial user namespace")
            : !LayoutRules.IsMountName(_name) ? (-Errno.EINVAL, "not a name")
            : !Kernel.KhoEnabled ? (-Errno.EOPNOTSUPP, "KHO is off")
            : preservation.FindLive(_name) is not null ? (-Errno.EBUSY, "the name is mounted")
            : preservation.Holder != FreezeHolder.Nobody ? (-Errno.EBUSY, "frozen")
            : (0, string.Empty);
        return code;
    }

    /// <summary>Finds what was handed over under the name, and checks it; nothing is claimed.</summary>
    private int FindContent(out string reason)
    {
        _incoming = preservation.Incoming.Find(_name);
        reason = string.Empty;
        if (_incoming is null)
        {
            return FindNothing(out reason);
        }

        if (_incoming.IsBroken)
        {
            reason = "a page was lost";
            return -Errno.EIO;
        }

        _snapshot = preservation.Incoming.Read(_incoming);
        if (_snapshot is null)
        {
            reason = "damaged";
            return -Errno.EUCLEAN;
        }

        reason = "a limit is below use";
        return TmpfsFileSystem.CheckLimits(request.Options, _snapshot.Super.UsedBlocks, _snapshot.Super.UsedInodeSpace);
    }

    private int FindNothing(out string reason)
    {
        AnchorVerdict verdict = preservation.Incoming.Verdict;
        bool must = request.Options.KhoMust;
        int names = preservation.Live.Count + preservation.Incoming.WaitingNames;
        (int code, reason) = verdict == AnchorVerdict.Corrupt ? (-Errno.EUCLEAN, "the incoming anchor is damaged")
            : names >= AnchorPage.SlotsMax ? (-Errno.ENOSPC, "all names are taken")
            : must && verdict == AnchorVerdict.OtherVersion ? (-Errno.EPROTO, "the incoming anchor is of another version")
            : must ? (-Errno.ENOENT, "nothing was handed over under the name")
            : (0, string.Empty);
        if (code == 0 && verdict == AnchorVerdict.OtherVersion)
        {
            Kernel.Log.Write(LogLevel.Warning, $"tmpfs-kho: {_name}: the incoming anchor is of another version: a fresh file system is mounted");
        }

        return code;
    }

    private KernelResult? Mount(Outbox outbox)
    {
        if (_incoming is null)
        {
            TmpfsTime now = TmpfsFileSystem.TimeOf(outbox.NowTicks);
            Finish(new TmpfsFileSystem(request.Options, resources, request.Uid, request.Gid, now), carried: 0);
            return Done(0);
        }

        _claim = new PageClaim(Kernel, _incoming, _snapshot!);
        return _claim.Begin(outbox) ? Adopt() : null;
    }

    /// <summary>Every page is claimed: the format's own are freed, the others become the page cache.</summary>
    private KernelResult? Adopt()
    {
        if (_claim!.Error != 0)
        {
            return Done(_claim.Error);
        }

        TmpfsSnapshot snapshot = _snapshot!;
        foreach (ulong page in snapshot.MetaPages)
        {
            Kernel.FreePage(page);
        }

        preservation.Incoming.Remove(_incoming!);
        TmpfsFileSystem restored = TmpfsFileSystem.Restore(StateOf(snapshot.Super), snapshot.Root, snapshot.Inodes, resources);
        Finish(restored, snapshot.Super.Carried);
        return Done(0);
    }

    private void Finish(TmpfsFileSystem fileSystem, ulong carried)
    {
        TmpfsMount mount = new(fileSystem, carried);
        preservation.Add(mount);
        mounted(mount);
    }

    /// <summary>Options given now win over handed-over ones; the root directory keeps its own mode and owner, like every inode.</summary>
    private TmpfsState StateOf(SuperBlock super) => new()
    {
        MaxBlocks = request.Options.MaxBlocks ?? super.MaxBlocks,
        MaxInodes = request.Options.MaxInodes ?? super.MaxInodes,
        Mode = request.Options.Mode ?? super.Mode,
        Uid = request.Options.Uid ?? super.Uid,
        Gid = request.Options.Gid ?? super.Gid,
        Uuid = super.Uuid,
        NextInodeNumber = super.NextNumber,
        ReadOnly = request.Options.ReadOnly,
        KhoName = super.Name,
    };
}
