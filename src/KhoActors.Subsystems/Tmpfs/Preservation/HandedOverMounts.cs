using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs.Layout;

namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>What came over from the previous kernel: the anchor's verdict and the mounts that wait. The anchor stays reserved and is read in place.</summary>
/// <param name="kernel">The kernel.</param>
internal sealed class HandedOverMounts(ClientKernel kernel)
{
    private readonly List<HandedOverMount> _mounts = [];
    private readonly TmpfsSnapshotReader _reader = new(kernel.Memory.Memory);
    private ulong _anchorPhys;

    /// <summary>What the anchor turned out to be.</summary>
    public AnchorVerdict Verdict { get; private set; } = AnchorVerdict.Nothing;

    /// <summary>The generation that this kernel writes.</summary>
    public ulong OutgoingGeneration { get; private set; } = 1;

    /// <summary>What waits, by name; broken ones included.</summary>
    public IReadOnlyList<HandedOverMount> Mounts => _mounts;

    /// <summary>Mounts that can still be mounted, each of which takes one of the 63 names.</summary>
    public int WaitingNames
    {
        get
        {
            int names = 0;
            foreach (HandedOverMount mount in _mounts)
            {
                names += mount.IsBroken ? 0 : 1;
            }

            return names;
        }
    }

    /// <summary>Reads the anchor that the previous kernel published.</summary>
    /// <param name="phys">Its address.</param>
    /// <param name="sizeBytes">Its size; 0 where the ABI has none.</param>
    public void ReadAnchor(ulong phys, ulong sizeBytes)
    {
        AnchorReading reading;
        List<MountSlot> slots = [];
        if (kernel.Build.Abi.SizeProperty is not null && sizeBytes != PageGeometry.SizeBytes)
        {
            reading = new AnchorReading(AnchorVerdict.Corrupt, "blob-size");
        }
        else if (!LayoutRules.IsPagePointer(phys) || !kernel.IsIncomingPage(phys))
        {
            reading = new AnchorReading(AnchorVerdict.Corrupt, "address");
        }
        else
        {
            Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
            kernel.Memory.Read(phys, page);
            reading = AnchorPage.Read(page, slots);
        }

        _anchorPhys = phys;
        Verdict = reading.Verdict;
        OutgoingGeneration = reading.Generation + 1;
        foreach (MountSlot slot in slots)
        {
            _mounts.Add(new HandedOverMount(slot));
        }

        Report(reading);
    }

    /// <summary>A lookup of the anchor failed in another way than that there is none.</summary>
    /// <param name="code">The errno.</param>
    public void AnchorUnreadable(int code)
    {
        Verdict = AnchorVerdict.Corrupt;
        kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: the incoming anchor cannot be found: {Errno.Symbol(code)}");
    }

    /// <summary>Finds a mount by name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The mount, or null.</returns>
    public HandedOverMount? Find(string name) => _mounts.Find(mount => mount.Slot.Name == name);

    /// <summary>Forgets a mount: it is live now, or its pages were given back.</summary>
    /// <param name="mount">The mount.</param>
    public void Remove(HandedOverMount mount) => _mounts.Remove(mount);

    /// <summary>Reads a mount and checks it; nothing is claimed.</summary>
    /// <param name="mount">The mount.</param>
    /// <returns>Its content, or null: -EUCLEAN, and the log says why.</returns>
    public TmpfsSnapshot? Read(HandedOverMount mount)
    {
        Func<ulong, bool> isHandedOver = kernel.IsIncomingPage;
        if (mount.IsHeld)
        {
            isHandedOver = new HashSet<ulong>(mount.Claimed).Contains;
        }

        TmpfsSnapshot? snapshot = _reader.Read(mount.Slot, _anchorPhys, isHandedOver, out string problem);
        if (snapshot is null)
        {
            kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: {mount.Slot.Name}: handed-over data is damaged: {problem}");
        }

        return snapshot;
    }

    /// <summary>How many kernels passed a mount on without having mounted it.</summary>
    /// <param name="mount">The mount.</param>
    /// <returns>The number, or 0 when its super page is damaged.</returns>
    public ulong CarriedCount(HandedOverMount mount)
    {
        ulong phys = mount.Slot.SuperPhys;
        if (!LayoutRules.IsPagePointer(phys) || !(mount.Claimed.Count != 0 ? mount.Claimed[0] == phys : kernel.IsIncomingPage(phys)))
        {
            return 0;
        }

        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        kernel.Memory.Read(phys, page);
        return SuperPage.Read(page, mount.Slot, out _)?.Carried ?? 0;
    }

    private void Report(in AnchorReading reading)
    {
        switch (reading.Verdict)
        {
            case AnchorVerdict.Complete:
                kernel.Log.Write(LogLevel.Info, $"tmpfs-kho: {_mounts.Count} mounts handed over, generation {reading.Generation}");
                break;
            case AnchorVerdict.Nothing:
                kernel.Log.Write(LogLevel.Info, "tmpfs-kho: the previous kernel handed no mount over");
                break;
            case AnchorVerdict.OtherVersion:
                kernel.Log.Write(LogLevel.Warning, $"tmpfs-kho: the incoming anchor is of another version ({reading.Reason}): ignored");
                break;
            default:
                kernel.Log.Write(LogLevel.Error, $"tmpfs-kho: the incoming anchor is damaged ({reading.Reason})");
                break;
        }
    }
}
