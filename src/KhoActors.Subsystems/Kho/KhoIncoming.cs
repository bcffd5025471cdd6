using System.Globalization;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>What a kernel accepted from its predecessor (struct kho_in): addresses only; the data stays in RAM and is read there.</summary>
public sealed class KhoIncoming : IIncomingSubtrees
{
    private readonly PhysicalMemory _memory;
    private readonly KernelBuild _build;
    private readonly KernelLog _log;

    private KhoIncoming(PhysicalMemory memory, KernelBuild build, KernelLog log, in KhoHandoff handoff, ulong mapPhys)
    {
        _memory = memory;
        _build = build;
        _log = log;
        Handoff = handoff;
        MapPhys = mapPhys;
    }

    /// <summary>The four numbers of the hand-off.</summary>
    public KhoHandoff Handoff { get; }

    /// <summary>Where the tracker's data starts.</summary>
    public ulong MapPhys { get; }

    /// <summary>
    /// kho_populate: checks the hand-off, takes scratch over and switches memblock to scratch-only allocation. Everything it says goes to
    /// the log. On x86 it runs while setup_data is parsed, before any option is, so <c>kho=off</c> does not prevent it.
    /// </summary>
    /// <param name="memory">RAM.</param>
    /// <param name="memblock">The boot-time allocator.</param>
    /// <param name="scratch">Receives the inherited areas.</param>
    /// <param name="build">This kernel.</param>
    /// <param name="handoff">What the loader handed over.</param>
    /// <param name="log">Receives the kernel's lines.</param>
    /// <returns>The accepted data, or null: the kernel boots as if cold.</returns>
    public static KhoIncoming? Populate(
        PhysicalMemory memory, MemblockAllocator memblock, ScratchAreas scratch, KernelBuild build, in KhoHandoff handoff, KernelLog log)
    {
        if (!build.KhoBuilt)
        {
            log.Write(LogLevel.Warning, "Passed KHO data, but CONFIG_KEXEC_HANDOVER not set. Ignoring.");
            return null;
        }

        int result = Check(memory, build, handoff, log, out ulong mapPhys);
        if (result == 0)
        {
            result = scratch.TakeOver(memory, memblock, handoff.ScratchPhys, handoff.ScratchSizeBytes, log);
        }

        if (result != 0)
        {
            log.Write(LogLevel.Warning, build.RevivalLineHasErrno ? Invariant($"KHO: disabling KHO revival: {result}") : "KHO: disabling KHO revival");
            return null;
        }

        log.Write(LogLevel.Info, "KHO: found kexec handover data.");
        return new KhoIncoming(memory, build, log, handoff, mapPhys);
    }

    /// <summary>The incoming root FDT's page.</summary>
    /// <param name="page">Receives 4096 bytes.</param>
    public void ReadFdt(Span<byte> page) => _memory.Read(Handoff.FdtPhys, page[..PageGeometry.SizeBytes]);

    /// <summary>kho_retrieve_subtree.</summary>
    /// <param name="name">Name of the sub-node.</param>
    /// <param name="phys">Its blob's address; stored even when only the size is bad.</param>
    /// <param name="sizeBytes">Its blob's size; 0 where the ABI has none.</param>
    /// <returns>0, -ENOENT, or -EINVAL.</returns>
    public int Retrieve(string name, out ulong phys, out ulong sizeBytes)
    {
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        ReadFdt(page);
        SubtreeLookup lookup = RootFdt.FindSubtree(page, _build.Abi, name, out phys, out ulong? size);
        sizeBytes = size ?? 0;
        if (lookup == SubtreeLookup.SizeInvalid)
        {
            _log.Write(LogLevel.Warning, $"KHO: broken KHO subnode '{name}': missing or invalid {_build.Abi.SizeProperty} property");
        }

        return RootFdt.ErrnoOf(lookup);
    }

    private static int Check(PhysicalMemory memory, KernelBuild build, in KhoHandoff handoff, KernelLog log, out ulong mapPhys)
    {
        mapPhys = 0;
        if (handoff.FdtPhys >= (1UL << PageGeometry.PhysicalAddressBits) - PageGeometry.SizeBytes || handoff.FdtSizeBytes == 0)
        {
            log.Write(LogLevel.Warning, Invariant($"KHO: setup: failed to memremap FDT (0x{handoff.FdtPhys:x})"));
            return -Errno.EFAULT;
        }

        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        memory.Read(handoff.FdtPhys, page);
        int code = FdtReader.CheckHeader(page);
        if (code != 0)
        {
            log.Write(LogLevel.Warning, Invariant($"KHO: setup: handover FDT (0x{handoff.FdtPhys:x}) is invalid: {code}"));
            return -Errno.EINVAL;
        }

        code = RootFdt.Compatible(page, build.Abi);
        if (code != 0)
        {
            log.Write(
                LogLevel.Warning, Invariant($"KHO: setup: handover FDT (0x{handoff.FdtPhys:x}) is incompatible with '{build.Abi.Compatible}': {code}"));
            return -Errno.EINVAL;
        }

        MemoryMapLookup map = RootFdt.MemoryMap(page, out mapPhys);
        if (map != MemoryMapLookup.Found)
        {
            string what = build.Abi.Tracker == TrackerKind.Bitmaps ? "bitmaps" : "map";
            log.Write(LogLevel.Error, $"KHO: failed to get preserved memory {what}");
            return -Errno.ENOENT;
        }

        return mapPhys == 0 ? -Errno.ENOENT : 0;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
