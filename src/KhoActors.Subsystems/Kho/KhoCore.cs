using System.Globalization;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// The KHO core's state in one kernel generation (struct kho_out and kho_in, kernel/liveupdate/kexec_handover.c) and what it does under
/// its lock. Ends with the generation; what the next one needs is in RAM.
/// </summary>
public sealed class KhoCore
{
    private readonly OwnedMemory _memory;
    private readonly ScratchAreas _scratch;
    private readonly Restoration _restoration;
    private readonly PageStamps _stamps;
    private readonly VmallocRestoration _vmallocRestoration;
    private uint _incomingKexecCount;

    /// <summary>The core of a kernel that has just booted; <c>kho_init</c> has not run yet.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="pages">The page allocator, which adopts restored pages.</param>
    /// <param name="vmalloc">The vmalloc areas.</param>
    /// <param name="nodes">Which pages are RAM, and of which node.</param>
    /// <param name="scratch">The scratch areas.</param>
    /// <param name="stamps">The stamps of the blocks that the boot reserved.</param>
    /// <param name="incoming">What was accepted from the previous kernel, or null.</param>
    /// <param name="build">This kernel.</param>
    /// <param name="enabledByOption">Whether KHO is on after options and scratch reservation.</param>
    /// <param name="log">The kernel's log.</param>
    public KhoCore(
        PhysicalMemory memory,
        PageAllocator pages,
        VmallocAreas vmalloc,
        NodeMap nodes,
        ScratchAreas scratch,
        PageStamps stamps,
        KhoIncoming? incoming,
        KernelBuild build,
        bool enabledByOption,
        KernelLog log)
    {
        _memory = new OwnedMemory(memory, pages, PageOwner.Kho);
        Pages = pages;
        Nodes = nodes;
        _scratch = scratch;
        Incoming = incoming;
        Build = build;
        EnabledByOption = enabledByOption;
        Log = log;
        Debugfs = build.KhoDebugfs ? new Debugfs(memory, nodes, scratch, build.Abi, log) : null;
        NodeLimit = build.SplitsAtNodes ? nodes.NodeOf : null;
        RamPages = nodes.Pages;
        _stamps = stamps;
        _restoration = new Restoration(stamps, nodes.Contains, build.RestoreOrderLimit, log);
        VmallocAreas = vmalloc;
        Vmalloc = new VmallocContext(memory, _memory.WritablePage, build.VmallocDefects)
        {
            NodeOfPfn = NodeLimit, CheckPreservable = CheckPreservable, CheckUnpreservable = CheckUnpreservable, IsRam = nodes.Contains,
        };
        _vmallocRestoration = new VmallocRestoration(Vmalloc, _restoration, vmalloc, pages);
    }

    /// <summary>This kernel.</summary>
    public KernelBuild Build { get; }

    /// <summary>Its log.</summary>
    public KernelLog Log { get; }

    /// <summary>Its page allocator.</summary>
    public PageAllocator Pages { get; }

    /// <summary>Which pages are RAM.</summary>
    internal NodeMap Nodes { get; }

    /// <summary>What was accepted from the previous kernel, or null.</summary>
    public KhoIncoming? Incoming { get; }

    /// <summary>What /sys/kernel/debug/kho shows; null in a kernel built without it.</summary>
    public Debugfs? Debugfs { get; }

    /// <summary>Whether KHO is on after options and scratch reservation (kho_enable).</summary>
    public bool EnabledByOption { get; }

    /// <summary>Whether kho_init succeeded: preserving works and a kexec hands over.</summary>
    public bool Enabled { get; private set; }

    /// <summary>Pages of RAM (totalram_pages, with what the kernel itself takes).</summary>
    public ulong RamPages { get; }

    /// <summary>Physical address of the outgoing root FDT.</summary>
    public ulong FdtPhys { get; internal set; }

    /// <summary>What the root FDT's map property holds: the tracker's start.</summary>
    public ulong MapPhys { get; internal set; }

    /// <summary>kexec_count that this kernel publishes: hand-overs since the last cold boot, plus one.</summary>
    public uint OutgoingKexecCount => _incomingKexecCount + 1;

    /// <summary>Its vmalloc areas.</summary>
    internal VmallocAreas VmallocAreas { get; }

    /// <summary>What the functions for vmalloc areas need.</summary>
    internal VmallocContext Vmalloc { get; }

    /// <summary>The node rule for splitting ranges, or null where blocks may straddle nodes (up to 7.0).</summary>
    internal Func<ulong, int>? NodeLimit { get; }

    /// <summary>Restores a block as a folio and gives it to an owner.</summary>
    /// <param name="phys">Physical address; the low 12 bits are ignored.</param>
    /// <param name="owner">Who asked.</param>
    /// <returns>Value: the folio's order; -ENOENT where the kernel returns NULL.</returns>
    public KernelResult RestoreFolio(ulong phys, PageOwner owner)
    {
        Adopter adopter = new(Pages, owner);
        int order = _restoration.RestoreFolio(phys, ref adopter);
        return order == Restoration.Nothing ? new KernelResult(-Errno.ENOENT) : new KernelResult(0, (ulong)order);
    }

    /// <summary>Restores a run of pages and gives it to an owner.</summary>
    /// <param name="pfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="owner">Who asked.</param>
    /// <returns>0, or -ENOENT where the kernel returns NULL; earlier pieces stay restored.</returns>
    public int RestorePages(ulong pfn, ulong pages, PageOwner owner)
    {
        Adopter adopter = new(Pages, owner);
        return _restoration.RestorePages(PageGeometry.PhysOf(pfn), pages, ref adopter) == Restoration.Nothing ? -Errno.ENOENT : 0;
    }

    /// <summary>
    /// The order with which the previous kernel preserved a block, as page->private of its first page says. Changes nothing.
    /// </summary>
    /// <param name="phys">Physical address; the low 12 bits are ignored.</param>
    /// <param name="order">The order.</param>
    /// <returns>False when no preserved block starts there, or it was restored already.</returns>
    public bool TryGetIncomingOrder(ulong phys, out int order) => _stamps.TryRead(PageGeometry.PfnOf(phys), out order);

    /// <summary>Restores a vmalloc area and gives it to an owner.</summary>
    /// <param name="descriptor">What the previous kernel wrote.</param>
    /// <param name="owner">Who asked.</param>
    /// <returns>Value: the new area's virtual address; extra: its pages; -ENOENT where the kernel returns NULL.</returns>
    /// <exception cref="SimulatedOopsException">The chain of chunks leads where there is no RAM.</exception>
    public KernelResult RestoreVmalloc(VmallocDescriptor descriptor, PageOwner owner) =>
        _vmallocRestoration.Restore(descriptor, owner) is { } area ? new KernelResult(0, area.Address, area.Pages) : new KernelResult(-Errno.ENOENT);

    /// <summary>kho_add_subtree.</summary>
    /// <param name="name">Name of the sub-node.</param>
    /// <param name="phys">Address of the blob; neither alignment nor preservation is checked.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <returns>0, -EEXIST, -ENOMEM, or a raw libfdt code where the ABI's first kernels return it.</returns>
    /// <exception cref="SimulatedOopsException">
    /// KHO is off: the kernel dereferences NULL; or the blob lies outside RAM and debugfs looks into it for its length (ABIs without sizes).
    /// </exception>
    public int AddSubtree(string name, ulong phys, ulong sizeBytes)
    {
        int result = RootFdt.AddSubtree(OutgoingFdt(), Build.Abi, name, phys, sizeBytes);
        if (result == 0)
        {
            Debugfs?.AddOutgoing(name, phys, sizeBytes);
        }

        return result;
    }

    /// <summary>kho_remove_subtree: the first sub-node with that address goes; none is no error.</summary>
    /// <param name="phys">Address of the blob.</param>
    /// <exception cref="SimulatedOopsException">KHO is off: the kernel dereferences NULL.</exception>
    public void RemoveSubtree(ulong phys)
    {
        if (RootFdt.RemoveSubtree(OutgoingFdt(), Build.Abi, phys))
        {
            Debugfs?.RemoveOutgoing(phys);
        }
    }

    /// <summary>kho_retrieve_subtree.</summary>
    /// <param name="name">Name of the sub-node.</param>
    /// <param name="phys">Address of its blob.</param>
    /// <param name="sizeBytes">Its size, 0 where the ABI has none.</param>
    /// <returns>0, -ENOENT (also without an incoming FDT), or -EINVAL.</returns>
    public int Retrieve(string name, out ulong phys, out ulong sizeBytes)
    {
        phys = 0;
        sizeBytes = 0;
        return Incoming is null ? -Errno.ENOENT : Incoming.Retrieve(name, out phys, out sizeBytes);
    }

    /// <summary>What a kexec hands over (kho_fill_kimage).</summary>
    /// <param name="arrayPhys">Destination of the scratch array's segment.</param>
    /// <returns>The four numbers.</returns>
    public KhoHandoff HandOff(ulong arrayPhys) => new(FdtPhys, PageGeometry.SizeBytes, arrayPhys, _scratch.ArrayBytes);

    /// <summary>Whether a range lies in scratch, wholly or in part.</summary>
    internal bool OverlapsScratch(ulong phys, ulong sizeBytes) => _scratch.Overlaps(phys, sizeBytes);

    internal int CheckPreservable(ulong pfn, ulong pages)
    {
        if (Build.KhoDebug && _scratch.Overlaps(PageGeometry.PhysOf(pfn), pages << PageGeometry.Shift))
        {
            Log.Warn("kho_preserve_pages");
            return -Errno.EINVAL;
        }

        // The tree's functions notice that there is no tree; a run of no pages never calls them.
        if (!Enabled && pages != 0)
        {
            Log.Warn("kho_radix_add_key", once: true);
            return -Errno.EINVAL;
        }

        return 0;
    }

    internal int CheckUnpreservable(ulong pages)
    {
        if (!Enabled && pages != 0)
        {
            Log.Warn("kho_radix_del_key", once: true);
        }

        return Enabled ? 0 : -Errno.EINVAL;
    }

    /// <summary>The allocated folio that holds an address (virt_to_folio).</summary>
    internal FolioRequest FolioAt(ulong phys) =>
        Pages.TryGetBlock(PageGeometry.PfnOf(phys), out ulong head, out int order, out _)
            ? new FolioRequest(head, order)
            : new FolioRequest(PageGeometry.PfnOf(phys), 0);

    internal int SetUpFdt()
    {
        Debugfs?.CreateOut(FdtPhys);
        return RootFdt.Setup(_memory.WritablePageBytes(PageGeometry.PfnOf(FdtPhys)), Build.Abi, MapPhys);
    }

    /// <summary>Reads the previous kernel's metadata and says what it found.</summary>
    internal void ReadMetadata()
    {
        if (Incoming is null || Incoming.Retrieve(KexecMetadata.SubtreeName, out ulong phys, out ulong sizeBytes) != 0)
        {
            return;
        }

        Span<byte> blob = stackalloc byte[KexecMetadata.SizeBytes];
        _memory.Read(phys, blob);
        switch (KexecMetadata.TryRead(blob, sizeBytes, out KexecMetadata metadata))
        {
            case KexecMetadataReading.TooSmall:
                Warn($"KHO: kexec-metadata blob too small ({sizeBytes} bytes)");
                break;
            case KexecMetadataReading.VersionUnsupported:
                Warn($"KHO: kexec-metadata version {metadata.Version} not supported (expected {KexecMetadata.CurrentVersion})");
                break;
            case KexecMetadataReading.TooSmallForVersion:
                Warn($"KHO: kexec-metadata blob too small for v1 ({sizeBytes} < {KexecMetadata.SizeBytes})");
                break;
            default:
                _incomingKexecCount = metadata.KexecCount;
                Log.Write(
                    LogLevel.Info,
                    string.Create(CultureInfo.InvariantCulture, $"KHO: exec from: {metadata.PreviousRelease} (count {metadata.KexecCount})"));
                break;
        }
    }

    /// <summary>Writes this kernel's metadata into a preserved page and publishes it.</summary>
    internal int PublishMetadata(ulong phys)
    {
        KexecMetadata.Write(_memory.WritablePageBytes(PageGeometry.PfnOf(phys)), Build.Release, OutgoingKexecCount);
        int result = AddSubtree(KexecMetadata.SubtreeName, phys, KexecMetadata.SizeBytes);
        if (result != 0)
        {
            Log.Write(LogLevel.Warning, string.Create(CultureInfo.InvariantCulture, $"KHO: failed to initialize kexec-metadata subtree: {result}"));
        }

        return result;
    }

    internal void Enable()
    {
        Enabled = true;
        if (Incoming is not null)
        {
            Debugfs?.CreateIn(Incoming.Handoff.FdtPhys);
        }
        else
        {
            Debugfs?.AddOutgoingFdt();
        }
    }

    internal void Disable()
    {
        Enabled = false;
        FdtPhys = 0;
    }

    private Span<byte> OutgoingFdt() =>
        FdtPhys != 0 ? _memory.WritablePageBytes(PageGeometry.PfnOf(FdtPhys)) : throw new SimulatedOopsException();

    private void Warn(FormattableString text) => Log.Write(LogLevel.Warning, text.ToString(CultureInfo.InvariantCulture));

    /// <summary>Gives restored blocks to the page allocator.</summary>
    internal readonly struct Adopter(PageAllocator pages, PageOwner owner) : IRestoredBlockReceiver
    {
        public void Restored(PreservedBlock block, bool isFolio) => pages.Adopt(block.Pfn, block.Order, owner);
    }
}
