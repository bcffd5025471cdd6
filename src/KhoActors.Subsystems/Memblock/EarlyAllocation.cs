namespace KhoActors.Subsystems.Memblock;

/// <summary>When an early allocation happens, relative to the steps that KHO cares about.</summary>
public enum EarlyBootStage
{
    /// <summary>Before NUMA set-up, which then gives every region a node (log buffer with log_buf_len, page tables).</summary>
    BeforeNuma,

    /// <summary>After the memory model is set up, before <c>reserve_mem=</c> options are handled (memmap, per-CPU areas).</summary>
    BeforeReserveMem,

    /// <summary>Between the <c>reserve_mem=</c> options and the page allocator (hash tables).</summary>
    BeforePageAllocator,
}

/// <summary>How often an early allocation is made.</summary>
public enum EarlyAllocationScale
{
    /// <summary>Once.</summary>
    Once,

    /// <summary>Once for each NUMA node with memory, on that node.</summary>
    PerNode,

    /// <summary>Once for each 128 MiB section with memory, on its node.</summary>
    PerSection,

    /// <summary>Once for each entry of the firmware's memory map.</summary>
    PerMemoryMapEntry,
}

/// <summary>One thing the kernel takes from memblock while booting: what makes captured addresses come out exactly.</summary>
/// <param name="Name">What it is, for readers.</param>
/// <param name="Stage">When it happens.</param>
/// <param name="SizeBytes">Bytes.</param>
/// <param name="AlignBytes">Alignment, a power of two.</param>
/// <param name="Scale">How often.</param>
/// <param name="NodeBound">Whether the region is asked for on its node and recorded with it.</param>
/// <param name="MinAddress">Lowest address searched first; the search is repeated from 0 when nothing is found above.</param>
/// <param name="KeepBytes">Bytes kept when the rest is given back at once (per-CPU areas); 0 gives all back, null keeps all.</param>
/// <param name="FreedAtStage">When it is given back before the page allocator starts, or null.</param>
public sealed record EarlyAllocation(
    string Name,
    EarlyBootStage Stage,
    ulong SizeBytes,
    ulong AlignBytes = 64,
    EarlyAllocationScale Scale = EarlyAllocationScale.Once,
    bool NodeBound = false,
    ulong MinAddress = 0,
    ulong? KeepBytes = null,
    EarlyBootStage? FreedAtStage = null);
