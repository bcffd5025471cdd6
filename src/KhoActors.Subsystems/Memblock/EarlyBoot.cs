using System.Globalization;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// The memory side of a kernel's boot, from its first instruction to the page allocator: an ordered list of reservations that
/// leaves the addresses that real kernels show (arch/x86/kernel/setup.c, mm/mm_init.c). A plain function; state lives in <see cref="EarlyMemory"/>.
/// </summary>
public static class EarlyBoot
{
    private const ulong LowMegabyte = 1UL << 20;
    private const ulong FirstReservedBytes = 0x10000;

    /// <summary>Boots up to the page allocator.</summary>
    /// <param name="memory">RAM: the incoming scratch array and blobs are read from it, a new scratch array is written to it.</param>
    /// <param name="request">The machine, the build, the options and where the loader put things.</param>
    /// <param name="early">Receives the result; what an earlier boot left in it is forgotten.</param>
    /// <param name="hooks">The KHO core's part, or null on a boot without hand-off.</param>
    /// <param name="log">The kernel's log.</param>
    /// <returns>False when the kernel panicked, see <see cref="EarlyMemory.Panic"/>.</returns>
    public static bool Run(PhysicalMemory memory, EarlyBootRequest request, EarlyMemory early, IKhoEarlyHooks? hooks, KernelLog log)
    {
        early.Clear();
        ReserveLoaded(request, early.Memblock);
        hooks?.Populate(early, log);
        early.Options = KhoOptions.Parse(request.CommandLine, request.Build, log);
        AddMemory(request, early.Memblock, log);
        if (FindScratchOutsideMemory(request.Map, early.Scratch) is { } area)
        {
            early.Panic = string.Create(CultureInfo.InvariantCulture, $"scratch area 0x{area.Phys:x}+0x{area.SizeBytes:x} is not memory");
            return false;
        }

        if (!early.DirectMap.MapAll(early.Memblock, BrkOf(request), request.Map.End))
        {
            early.Panic = "alloc_low_pages: can not alloc memory";
            return false;
        }

        EarlyAllocations allocations = new(request, early, log);
        if (!allocations.Run(EarlyBootStage.BeforeNuma))
        {
            return false;
        }

        LogBuffer.Allocate(request, early.Memblock);
        SetNodes(request.Map, early.Memblock);
        if (!allocations.Run(EarlyBootStage.ArchitectureSetup))
        {
            return false;
        }

        hooks?.MemoryInitEarly(early, log);
        if (!allocations.Run(EarlyBootStage.BeforeReserveMem))
        {
            return false;
        }

        early.FreePagesAtReserveMem = early.CountFreePages();
        HandleReserveMem(memory, request, early, hooks?.Subtrees(early), log);
        if (!allocations.Run(EarlyBootStage.BeforePageAllocator))
        {
            return false;
        }

        InitKhoMemory(memory, request, early, hooks, log);
        early.FreeAll();
        return true;
    }

    /// <summary>What is reserved before anything else: the image, the first 64 KiB, the RAM disk, the setup data.</summary>
    private static void ReserveLoaded(EarlyBootRequest request, MemblockAllocator memblock)
    {
        memblock.Reserve(request.ImagePhys, request.Build.ImageReservedBytes, MemblockAttributes.ReservedKernel);
        memblock.Reserve(0, FirstReservedBytes);
        ulong initrd = PageGeometry.AlignUp(request.Initrd.SizeBytes);
        memblock.Reserve(request.Initrd.Phys, initrd, MemblockAttributes.ReservedKernel);
        foreach (PhysicalRange node in request.SetupData)
        {
            memblock.Reserve(node.Phys, node.SizeBytes, MemblockAttributes.ReservedKernel);
        }
    }

    /// <summary>RAM becomes known; the trampoline takes its place below 1 MiB, and the rest of that is set aside.</summary>
    private static void AddMemory(EarlyBootRequest request, MemblockAllocator memblock, KernelLog log)
    {
        PhysicalRange brk = BrkOf(request);
        memblock.Reserve(brk.Phys, brk.SizeBytes, MemblockAttributes.ReservedKernel);
        foreach (FirmwareRange ram in request.Map.Ram)
        {
            memblock.Add(ram.Start, ram.End - ram.Start);
        }

        memblock.MarkKhoScratch(0, LowMegabyte);
        memblock.Memory.Trim(PageGeometry.SizeBytes);
        if (memblock.Allocate(request.Build.RealModeBytes, PageGeometry.SizeBytes, 0, LowMegabyte) == 0)
        {
            log.Write(LogLevel.Info, "No sub-1M memory is available for the trampoline");
        }

        memblock.Reserve(0, LowMegabyte);
        memblock.ClearKhoScratch(0, LowMegabyte);
    }

    /// <summary>
    /// A damaged scratch array can name addresses without memory behind them. The kernel does not check; it faults on first use, which
    /// is here.
    /// </summary>
    private static ScratchArea? FindScratchOutsideMemory(MemoryMap map, ScratchAreas scratch)
    {
        foreach (ScratchArea area in scratch.Areas)
        {
            bool isMemory = area.SizeBytes == 0;
            foreach (FirmwareRange ram in map.Ram)
            {
                isMemory |= area.Phys >= ram.Start && area.Phys < ram.End && area.SizeBytes <= ram.End - area.Phys;
            }

            if (!isMemory)
            {
                return area;
            }
        }

        return null;
    }

    private static PhysicalRange BrkOf(EarlyBootRequest request) =>
        new(request.ImagePhys + request.Build.ImageReservedBytes, request.Build.BrkBytes);

    private static void SetNodes(MemoryMap map, MemblockAllocator memblock)
    {
        foreach (NodeRange range in map.NodeRanges)
        {
            memblock.SetNode(range.Start, range.End - range.Start, range.Node);
        }
    }

    private static void HandleReserveMem(PhysicalMemory memory, EarlyBootRequest request, EarlyMemory early, IIncomingSubtrees? subtrees, KernelLog log)
    {
        BootOptions options = new(request.CommandLine);
        while (options.MoveNext())
        {
            if (options.HasValue && options.Is("reserve_mem"))
            {
                early.ReserveMem.Handle(options.Value, memory, early.Memblock, request.Build, subtrees, log);
            }
        }
    }

    private static void InitKhoMemory(PhysicalMemory memory, EarlyBootRequest request, EarlyMemory early, IKhoEarlyHooks? hooks, KernelLog log)
    {
        early.KhoEnabled = early.Options.Enabled;
        if (early.IsKhoBoot)
        {
            hooks?.ReservePreserved(early, log);
        }
        else if (early.KhoEnabled)
        {
            early.KhoEnabled = early.Scratch.Reserve(memory, early.Memblock, request.Build, early.Options, request.Map.Nodes, log) == 0;
        }
    }
}
