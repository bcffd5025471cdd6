namespace KhoActors.Subsystems.Memblock;

/// <summary>When an early allocation happens, relative to the steps that KHO cares about.</summary>
public enum EarlyBootStage
{
    /// <summary>Before NUMA set-up, which then gives every region a node.</summary>
    BeforeNuma,

    /// <summary>After NUMA set-up, in the rest of architecture set-up: node data, resources. KHO extends scratch after it.</summary>
    ArchitectureSetup,

    /// <summary>After architecture set-up and before the <c>reserve_mem=</c> options: memory map, command line, per-CPU areas.</summary>
    BeforeReserveMem,

    /// <summary>Between the <c>reserve_mem=</c> options and the page allocator: hash tables.</summary>
    BeforePageAllocator,
}

/// <summary>How often an early allocation is made.</summary>
public enum EarlyAllocationRepeat
{
    /// <summary>Once, on no particular node.</summary>
    Once,

    /// <summary>
    /// Once for each node with memory, on that node and recorded with it. Neighbours in the list with this value,
    /// <see cref="FirstNode"/> or <see cref="PerSection"/> are made node by node.
    /// </summary>
    PerNode,

    /// <summary>Once, on the first node with memory.</summary>
    FirstNode,

    /// <summary>Once for each 128 MiB section with memory, on its node.</summary>
    PerSection,

    /// <summary>Once for each 32 GiB (256 sections) with memory, on the node of its first section.</summary>
    PerSectionRoot,

    /// <summary>Once for each range of the firmware's memory map.</summary>
    PerFirmwareRange,
}

/// <summary>What <see cref="EarlyAllocation.SizeBytes"/> is multiplied by.</summary>
public enum EarlyAllocationUnit
{
    /// <summary>Nothing.</summary>
    Whole,

    /// <summary>The node's sections with memory.</summary>
    SectionsOfNode,

    /// <summary>Ranges of the kernel's own memory map (page 0 and the ROM hole cut out).</summary>
    MapRanges,

    /// <summary>Nodes with memory.</summary>
    Nodes,

    /// <summary>Possible CPUs.</summary>
    Cpus,

    /// <summary>Bytes of the command line with its terminating zero.</summary>
    CommandLine,

    /// <summary>Buckets of a hash table: a power of two that follows the free pages, see <see cref="EarlyAllocation.PagesPerBucketLog2"/>.</summary>
    HashBuckets,
}

/// <summary>
/// One thing the kernel takes from memblock while booting. Pure data: the list of a build is what makes captured addresses come out
/// exactly. An allocation that fails is a kernel panic, except hash tables, which are halved until they fit.
/// </summary>
/// <param name="Name">What it is, for readers.</param>
/// <param name="Stage">When it happens.</param>
/// <param name="SizeBytes">Bytes, or bytes of one <paramref name="Unit"/>.</param>
/// <param name="AlignBytes">Alignment, a power of two.</param>
/// <param name="Repeat">How often, and on which node.</param>
/// <param name="Unit">What the size is multiplied by.</param>
/// <param name="MinAddress">Lowest address searched first; the search is repeated from 0 when nothing is found above.</param>
/// <param name="MaxAddress">One past the highest address, or 0 for no limit.</param>
/// <param name="KeepBytes">Bytes that each CPU of the node keeps of its equal part of the block; the rest is given back at once. Null keeps all.</param>
/// <param name="SmallestBytes">When it does not fit it is halved down to this size (a hash table: to a page), then left out; 0 when it must not fail.</param>
/// <param name="FailureLine">A warning for each size that did not fit, <c>{bytes}</c> standing for the size; null for none.</param>
/// <param name="PagesPerBucketLog2">log2 of the pages that share one hash bucket (<see cref="EarlyAllocationUnit.HashBuckets"/>).</param>
/// <param name="Temporary">Whether it is given back at the end of the stage.</param>
/// <param name="OnlyAbove4GiB">Made only on machines with memory above 4 GiB.</param>
/// <param name="OnlyOneNode">Made only with one node: with more, the table is built later from the page allocator.</param>
public sealed record EarlyAllocation(
    string Name,
    EarlyBootStage Stage,
    ulong SizeBytes,
    ulong AlignBytes = 64,
    EarlyAllocationRepeat Repeat = EarlyAllocationRepeat.Once,
    EarlyAllocationUnit Unit = EarlyAllocationUnit.Whole,
    ulong MinAddress = 0,
    ulong MaxAddress = 0,
    ulong? KeepBytes = null,
    ulong SmallestBytes = 0,
    string? FailureLine = null,
    int PagesPerBucketLog2 = 0,
    bool Temporary = false,
    bool OnlyAbove4GiB = false,
    bool OnlyOneNode = false);
