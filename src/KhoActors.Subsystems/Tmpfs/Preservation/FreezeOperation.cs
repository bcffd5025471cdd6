using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// Makes the snapshot that a kexec hands over: blocks writers of every mount with a name, preserves metadata and data pages, passes on what nobody
/// mounted, fills the metadata and says last that all is whole. Any failure undoes everything and is the result.
/// </summary>
/// <param name="preservation">The state.</param>
/// <param name="holder">On whose behalf.</param>
internal sealed class FreezeOperation(TmpfsPreservation preservation, FreezeHolder holder) : TmpfsOperation
{
    private readonly List<MountSlot> _slots = [];
    private Stage _stage;
    private int _nextIncoming;
    private int _firstCarriedPage;
    private TmpfsSnapshot _carriedSnapshot = null!;
    private PageClaim _claim = null!;
    private ThawOperation? _undo;
    private TmpfsTime _frozen;

    private enum Stage : byte
    {
        PublishingAnchor,
        PreservingLive,
        ClaimingUnmounted,
        PreservingUnmounted,
        Undoing,
    }

    private ClientKernel Kernel => preservation.Kernel;

    private FrozenPages Frozen => preservation.Frozen;

    private bool Carries => !preservation.DropsUnmounted;

    /// <inheritdoc/>
    public override KernelResult? Begin(Outbox outbox)
    {
        preservation.SetHolder(holder);
        _frozen = TmpfsFileSystem.TimeOf(outbox.NowTicks);
        int names = preservation.Live.Count + (Carries ? preservation.Incoming.WaitingNames : 0);
        if (names > AnchorPage.SlotsMax)
        {
            return Undo(-Errno.ENOSPC, outbox);
        }

        if (preservation.Anchor.IsPublished)
        {
            return PreserveLive(outbox);
        }

        if (names == 0)
        {
            return Done(0);
        }

        _stage = Stage.PublishingAnchor;
        preservation.Anchor.Publish(outbox);
        return null;
    }

    /// <inheritdoc/>
    public override KernelResult? Answered(uint correlation, KernelResult reply, Outbox outbox) => _stage switch
    {
        Stage.PublishingAnchor => !preservation.Anchor.Answered(reply, outbox) ? null
            : preservation.Anchor.Error != 0 ? Undo(preservation.Anchor.Error, outbox)
            : PreserveLive(outbox),
        Stage.PreservingLive => Frozen.PreserveAnswered(correlation, reply, outbox) ? AfterLive(outbox) : null,
        Stage.ClaimingUnmounted => _claim.Answered(correlation, reply, outbox) ? AfterClaim(outbox) : null,
        Stage.PreservingUnmounted => Frozen.PreserveAnswered(correlation, reply, outbox) ? AfterUnmounted(outbox) : null,
        _ => _undo!.Answered(correlation, reply, outbox),
    };

    private KernelResult? PreserveLive(Outbox outbox)
    {
        preservation.Anchor.WriteHeader(AnchorState.Building);
        foreach (TmpfsMount mount in preservation.Live)
        {
            TmpfsFileSystem fileSystem = mount.FileSystem;
            mount.Writer.Plan(fileSystem.Root, fileSystem.Inodes);
            mount.FirstFrozenPage = Frozen.Count;
            Frozen.AddMetadata(mount.Writer.MetaPages);
            mount.Writer.ListDataPages(Frozen.Addresses);
            Frozen.AddAppended();
            ReportLosses(mount);
        }

        _stage = Stage.PreservingLive;
        return Frozen.BeginPreserving(0, outbox) ? AfterLive(outbox) : null;
    }

    private void ReportLosses(TmpfsMount mount)
    {
        if (mount.FileSystem.UnlinkedOpenInodes != 0 || mount.Writer.ExtendedAttributes != 0)
        {
            Kernel.Log.Write(
                LogLevel.Notice,
                $"tmpfs-kho: {mount.FileSystem.KhoName}: not handed over: {mount.FileSystem.UnlinkedOpenInodes} unlinked open files, "
                    + $"{mount.Writer.ExtendedAttributes} extended attributes");
        }
    }

    private KernelResult? AfterLive(Outbox outbox)
    {
        if (Frozen.Error != 0)
        {
            return Undo(Frozen.Error, outbox);
        }

        _stage = Stage.ClaimingUnmounted;
        _firstCarriedPage = Frozen.Count;
        return ClaimNext(outbox);
    }

    /// <summary>Restores what nobody mounted, one mount after the other. One that is damaged is left out.</summary>
    private KernelResult? ClaimNext(Outbox outbox)
    {
        IReadOnlyList<HandedOverMount> mounts = preservation.Incoming.Mounts;
        while (Carries && _nextIncoming < mounts.Count)
        {
            HandedOverMount mount = mounts[_nextIncoming];
            if (mount.CanBeCarried && preservation.Incoming.Read(mount) is { } snapshot)
            {
                _carriedSnapshot = snapshot;
                _claim = new PageClaim(Kernel, mount, snapshot);
                if (!_claim.Begin(outbox))
                {
                    return null;
                }

                PlanCarried();
            }
            else
            {
                ReportDropped(mount);
            }

            _nextIncoming++;
        }

        _stage = Stage.PreservingUnmounted;
        return Frozen.BeginPreserving(_firstCarriedPage, outbox) ? AfterUnmounted(outbox) : null;
    }

    private KernelResult? AfterClaim(Outbox outbox)
    {
        PlanCarried();
        _nextIncoming++;
        return ClaimNext(outbox);
    }

    private void PlanCarried()
    {
        HandedOverMount mount = preservation.Incoming.Mounts[_nextIncoming];
        if (_claim.Error == 0)
        {
            Frozen.AddCarried(mount, _carriedSnapshot.Super.Carried);
        }
        else
        {
            ReportDropped(mount);
        }
    }

    private void ReportDropped(HandedOverMount mount) =>
        Kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: {mount.Slot.Name}: cannot be passed on, dropped");

    private KernelResult? AfterUnmounted(Outbox outbox) => Frozen.Error != 0 ? Undo(Frozen.Error, outbox) : Complete();

    private KernelResult? Complete()
    {
        foreach (TmpfsMount mount in preservation.Live)
        {
            foreach (TmpfsInode inode in mount.FileSystem.Inodes)
            {
                mount.FileSystem.ZeroBehindEnd(inode);
            }

            mount.Writer.Write(Kernel.Memory, Frozen.Addresses, mount.FirstFrozenPage, SuperOf(mount.FileSystem));
            uint pages = (uint)(mount.Writer.MetaPages + mount.Writer.DataPages);
            AddSlot(new MountSlot(mount.FileSystem.KhoName!, Frozen.Addresses[mount.FirstFrozenPage], IsCarried: false, pages));
        }

        foreach ((HandedOverMount mount, uint carried) in Frozen.Carried)
        {
            uint next = carried == uint.MaxValue ? carried : carried + 1;
            SuperPage.SetCarried(Kernel.Memory.WritablePageBytes(PageGeometry.PfnOf(mount.Slot.SuperPhys)), next);
            AddSlot(mount.Slot with { IsCarried = true });
        }

        preservation.Anchor.WriteComplete(preservation.Incoming.OutgoingGeneration, _slots);
        return Done(0);
    }

    /// <summary>Slots stand by name in byte order.</summary>
    private void AddSlot(MountSlot slot)
    {
        int at = _slots.Count;
        while (at > 0 && string.CompareOrdinal(_slots[at - 1].Name, slot.Name) > 0)
        {
            at--;
        }

        _slots.Insert(at, slot);
    }

    private SuperBlock SuperOf(TmpfsFileSystem fileSystem) => new()
    {
        Name = fileSystem.KhoName!,
        Uuid = fileSystem.Uuid,
        MaxBlocks = fileSystem.MaxBlocks,
        MaxInodes = fileSystem.MaxInodes,
        NextNumber = fileSystem.NextInodeNumber,
        IsReadOnly = fileSystem.IsReadOnly,
        Mode = fileSystem.Mode,
        Uid = fileSystem.Uid,
        Gid = fileSystem.Gid,
        Frozen = _frozen,
    };

    private KernelResult? Undo(int error, Outbox outbox)
    {
        Kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: freeze failed: {Errno.Symbol(error)}");
        _stage = Stage.Undoing;
        _undo = new ThawOperation(preservation, error);
        return _undo.Begin(outbox);
    }
}
