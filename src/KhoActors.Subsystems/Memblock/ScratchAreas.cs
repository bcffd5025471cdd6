using System.Globalization;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// The scratch areas of a machine: chosen by the first kernel, inherited unchanged by all others (kernel/liveupdate/kexec_handover.c).
/// Order: lowmem, global, then one per node with memory in ascending node id.
/// </summary>
public sealed class ScratchAreas
{
    /// <summary>lowmem is searched below this: ARCH_LOW_ADDRESS_LIMIT.</summary>
    private const ulong LowLimit = 0xffffffff;

    /// <summary>The most that can be mapped early in boot: 64 pages (NR_FIX_BTMAPS).</summary>
    private const ulong LargestMappableBytes = 64 * PageGeometry.SizeBytes;

    private readonly List<ScratchArea> _areas = [];

    /// <summary>The areas in array order; empty without KHO.</summary>
    public IReadOnlyList<ScratchArea> Areas => _areas;

    /// <summary>Physical address of the array in RAM; 0 when there is none.</summary>
    public ulong ArrayPhys { get; private set; }

    /// <summary>Whether the areas were taken over from a predecessor: a KHO boot.</summary>
    public bool Inherited { get; private set; }

    /// <summary>Bytes of the array.</summary>
    public ulong ArrayBytes => (ulong)_areas.Count * ScratchArea.EntryBytes;

    /// <summary>Forgets everything: a new kernel boots.</summary>
    public void Clear()
    {
        _areas.Clear();
        ArrayPhys = 0;
        Inherited = false;
    }

    /// <summary>Whether a range touches any area (kho_scratch_overlap).</summary>
    /// <param name="phys">First address.</param>
    /// <param name="sizeBytes">Bytes.</param>
    /// <returns>True when it overlaps one.</returns>
    public bool Overlaps(ulong phys, ulong sizeBytes)
    {
        foreach (ScratchArea area in _areas)
        {
            if (area.Overlaps(phys, sizeBytes))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Takes over a predecessor's array: its areas become memory flagged as scratch, the array is reserved, and memblock allocates
    /// from scratch only. The last steps of kho_populate.
    /// </summary>
    /// <param name="memory">RAM.</param>
    /// <param name="memblock">The boot-time allocator.</param>
    /// <param name="arrayPhys">Address of the array, from the hand-off.</param>
    /// <param name="arrayBytes">Its bytes; a trailing part of an entry is ignored.</param>
    /// <param name="log">Receives the kernel's lines.</param>
    /// <returns>0, or -EFAULT when the array cannot be mapped: it is empty or longer than 64 pages.</returns>
    public int TakeOver(PhysicalMemory memory, MemblockAllocator memblock, ulong arrayPhys, ulong arrayBytes, KernelLog log)
    {
        ulong mapped = (arrayPhys & (PageGeometry.SizeBytes - 1)) + arrayBytes;
        if (arrayBytes == 0 || arrayBytes > LargestMappableBytes || mapped > LargestMappableBytes || arrayPhys >= 1UL << PageGeometry.PhysicalAddressBits)
        {
            log.Write(
                LogLevel.Warning,
                string.Create(CultureInfo.InvariantCulture, $"KHO: setup: failed to memremap scratch (phys=0x{arrayPhys:x}, len={arrayBytes})"));
            return -Errno.EFAULT;
        }

        _areas.Clear();
        for (ulong offset = 0; offset + ScratchArea.EntryBytes <= arrayBytes; offset += ScratchArea.EntryBytes)
        {
            ScratchArea area = new(memory.ReadUInt64(arrayPhys + offset), memory.ReadUInt64(arrayPhys + offset + sizeof(ulong)));
            memblock.Add(area.Phys, area.SizeBytes);
            memblock.MarkKhoScratch(area.Phys, area.SizeBytes);
            _areas.Add(area);
        }

        memblock.Reserve(arrayPhys, arrayBytes);
        memblock.ScratchOnly = true;
        ArrayPhys = arrayPhys;
        Inherited = true;
        return 0;
    }

    /// <summary>
    /// Chooses and reserves the areas of a first kernel and writes the array to RAM (kho_reserve_scratch). When one does not fit,
    /// all are given back and a line says that KHO is off.
    /// </summary>
    /// <param name="memory">RAM.</param>
    /// <param name="memblock">The boot-time allocator, at the point just before the page allocator starts.</param>
    /// <param name="build">The kernel build: alignment and rounding.</param>
    /// <param name="options">What the command line asks for.</param>
    /// <param name="nodes">Nodes with memory, ascending.</param>
    /// <param name="log">Receives the kernel's lines.</param>
    /// <returns>0, or -ENOMEM: KHO is disabled.</returns>
    public int Reserve(
        PhysicalMemory memory,
        MemblockAllocator memblock,
        KernelBuild build,
        in KhoOptions options,
        IReadOnlyList<int> nodes,
        KernelLog log)
    {
        Clear();
        ulong align = build.ScratchAlignmentBytes;
        ulong lowmem = Scaled(memblock.ReservedKernelBytes(LowLimit), options);
        (ulong lowmemBytes, ulong globalBytes) = SharedSizes(memblock, build, options, lowmem);
        ulong arrayBytes = (ulong)(nodes.Count + 2) * ScratchArea.EntryBytes;
        ulong array = memblock.Allocate(arrayBytes, PageGeometry.SizeBytes);
        if (array == 0)
        {
            log.Write(LogLevel.Error, "KHO: Failed to reserve scratch array");
            return Disable(memblock, 0, 0, log);
        }

        if (!Take(memblock, lowmemBytes, align, LowLimit, MemblockRegions.NoNode))
        {
            log.Write(LogLevel.Error, "KHO: Failed to reserve lowmem scratch buffer");
            return Disable(memblock, array, arrayBytes, log);
        }

        if (!Take(memblock, globalBytes, align, 0, MemblockRegions.NoNode))
        {
            log.Write(LogLevel.Error, "KHO: Failed to reserve global scratch buffer");
            return Disable(memblock, array, arrayBytes, log);
        }

        foreach (int node in nodes)
        {
            ulong bytes = options.ScalePercent == 0 ? options.PerNodeBytes : Scaled(memblock.ReservedKernelBytes(ulong.MaxValue, node), options);
            if (!Take(memblock, RoundUp(bytes, align), align, 0, node))
            {
                log.Write(LogLevel.Error, string.Create(CultureInfo.InvariantCulture, $"KHO: Failed to reserve nid {node} scratch buffer"));
                return Disable(memblock, array, arrayBytes, log);
            }
        }

        WriteArray(memory, array);
        return 0;
    }

    private static (ulong Lowmem, ulong Global) SharedSizes(MemblockAllocator memblock, KernelBuild build, in KhoOptions options, ulong lowmem)
    {
        ulong align = build.ScratchAlignmentBytes;
        if (options.ScalePercent == 0)
        {
            return build.ScratchSizesRounded
                ? (RoundUp(options.LowmemBytes, align), RoundUp(options.GlobalBytes, align))
                : (options.LowmemBytes, options.GlobalBytes);
        }

        ulong rounded = RoundUp(lowmem, align);
        ulong all = Scaled(memblock.ReservedKernelBytes(ulong.MaxValue), options);
        return (rounded, RoundUp(unchecked(all - (build.ScratchSizesRounded ? lowmem : rounded)), align));
    }

    private static ulong Scaled(ulong bytes, in KhoOptions options) => unchecked(bytes * options.ScalePercent) / 100;

    private static ulong RoundUp(ulong bytes, ulong align) => unchecked(bytes + align - 1) & ~(align - 1);

    private bool Take(MemblockAllocator memblock, ulong bytes, ulong align, ulong limit, int node)
    {
        ulong phys = memblock.Allocate(bytes, align, 0, limit, node, exact: node != MemblockRegions.NoNode);
        if (phys != 0)
        {
            _areas.Add(new ScratchArea(phys, bytes));
        }

        return phys != 0;
    }

    private int Disable(MemblockAllocator memblock, ulong array, ulong arrayBytes, KernelLog log)
    {
        for (int i = _areas.Count - 1; i >= 0; i--)
        {
            memblock.Free(_areas[i].Phys, _areas[i].SizeBytes);
        }

        memblock.Free(array, arrayBytes);
        Clear();
        log.Write(LogLevel.Warning, "KHO: Failed to reserve scratch area, disabling kexec handover");
        return -Errno.ENOMEM;
    }

    private void WriteArray(PhysicalMemory memory, ulong array)
    {
        ArrayPhys = array;
        for (int i = 0; i < _areas.Count; i++)
        {
            ulong entry = array + ((ulong)i * ScratchArea.EntryBytes);
            memory.WriteUInt64(entry, _areas[i].Phys);
            memory.WriteUInt64(entry + sizeof(ulong), _areas[i].SizeBytes);
        }
    }
}
