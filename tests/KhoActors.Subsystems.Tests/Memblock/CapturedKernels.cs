using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>The captured 7.x kernels (tests/data/real/kernels.json) as builds, by release. config/kernels holds the same values.</summary>
internal static class CapturedKernels
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelBuild> All { get; } =
    [
        Linux71("7.1.13", "7.1.13-a", 0xc82000, 0xa27000, 10),
        Linux71("7.1.13-debug", "7.1.13-b", 0xc8a000, 0xa2f000, 9) with { KhoDebug = true },
        Linux72("7.2.13", "7.2.13-a", 0xe90000),
        Linux72("7.2.13-debug", "7.2.13-b", 0xe8f000) with { KhoDebug = true },
        Linux73("7.3-rc7", "7.3.0-rc7-a", 0xa80000),
        Linux73("7.3-rc7-debug", "7.3.0-rc7-b", 0xa81000) with { KhoDebug = true, ColdInitrdBytes = 0x5b2000 },
        Linux73("7.3-rc7-pstore17", "7.3.0-rc7-p", 0xa81000) with { ColdInitrdBytes = 0x5b5000 },
        Linux73("7.3-rc7-pstore14", "7.3.0-rc7-q", 0xa1f000) with { ColdInitrdBytes = 0x5b5000, ImageReservedBytes = 0x7a9000, LogBufShift = 14 },
    ];

    /// <summary>Finds a build by its captured release.</summary>
    public static KernelBuild? Find(string release) => All.FirstOrDefault(build => build.Release == release);

    private static KernelBuild Linux71(string name, string release, ulong initSize, ulong reserved, int pageblockOrder) => new()
    {
        Name = name,
        Summary = "Linux 7.1.13 as captured",
        Release = release,
        Abi = KhoAbi.V3,
        PageblockOrder = pageblockOrder,
        ScratchAlignmentBytes = 4096UL << pageblockOrder,
        BlockSize32Bit = true,
        MemparseBareSuffix = true,
        ImageInitSizeBytes = initSize,
        ImageReservedBytes = reserved,
        ColdInitrdBytes = pageblockOrder == 9 ? 0x5b9000UL : 0x5aa000UL,
        EarlyAllocations = Allocations(nodeDataBytes: 0x3e40, usageBytes: pageblockOrder == 9 ? 88UL : 56),
    };

    private static KernelBuild Linux72(string name, string release, ulong initSize) => new()
    {
        Name = name,
        Summary = "Linux 7.2.13 as captured",
        Release = release,
        Abi = KhoAbi.V4,
        PageblockOrder = 9,
        ImageInitSizeBytes = initSize,
        ImageReservedBytes = 0xc31000,
        ColdInitrdBytes = 0x5c1000,
        EarlyAllocations = Allocations(nodeDataBytes: 0x3e40, usageBytes: 88),
    };

    private static KernelBuild Linux73(string name, string release, ulong initSize) => new()
    {
        Name = name,
        Summary = "Linux 7.3-rc7 as captured",
        Release = release,
        Abi = KhoAbi.V4,
        ExtendsScratch = true,
        ImageInitSizeBytes = initSize,
        ColdInitrdBytes = 0x5b1000,
        EarlyAllocations = Allocations(nodeDataBytes: 0x3e80, usageBytes: 56),
    };

    private static EarlyAllocation[] Allocations(ulong nodeDataBytes, ulong usageBytes) =>
    [
        new("node data", EarlyBootStage.ArchitectureSetup, nodeDataBytes, Repeat: EarlyAllocationRepeat.PerNode),
        new("HPET resource", EarlyBootStage.ArchitectureSetup, 73),
        new("I/O APIC resource", EarlyBootStage.ArchitectureSetup, 75),
        new("memory map resources", EarlyBootStage.ArchitectureSetup, 64, Unit: EarlyAllocationUnit.MapRanges),
        new("firmware map entries", EarlyBootStage.ArchitectureSetup, 104, Repeat: EarlyAllocationRepeat.PerFirmwareRange),
        new("section roots", EarlyBootStage.BeforeReserveMem, 0x100000),
        new("sections", EarlyBootStage.BeforeReserveMem, 0x1000, Repeat: EarlyAllocationRepeat.PerSectionRoot),
        new("section usage", EarlyBootStage.BeforeReserveMem, usageBytes, Repeat: EarlyAllocationRepeat.PerNode, Unit: EarlyAllocationUnit.SectionsOfNode),
        .. Enumerable.Range(0, 3).Select(_ => new EarlyAllocation(
            "memory map page tables", EarlyBootStage.BeforeReserveMem, 0x1000, 0x1000, EarlyAllocationRepeat.FirstNode, MinAddress: 0x1000000)),
        new("memory map", EarlyBootStage.BeforeReserveMem, 0x200000, 0x200000, EarlyAllocationRepeat.PerSection, MinAddress: 0x1000000),
        new("saved command line", EarlyBootStage.BeforeReserveMem, 1, Unit: EarlyAllocationUnit.CommandLine),
        new("static command line", EarlyBootStage.BeforeReserveMem, 1, Unit: EarlyAllocationUnit.CommandLine),
        new("per-CPU layout", EarlyBootStage.BeforeReserveMem, 0x1000, 0x1000, Temporary: true),
        new("per-CPU group addresses", EarlyBootStage.BeforeReserveMem, 0x1000, Temporary: true),
        new("per-CPU areas", EarlyBootStage.BeforeReserveMem, 0x200000, 0x200000, EarlyAllocationRepeat.PerNode, MinAddress: 0x1000000, KeepBytes: 0x27000),
        new("per-CPU group offsets", EarlyBootStage.BeforeReserveMem, 8, Unit: EarlyAllocationUnit.Nodes),
        new("per-CPU group sizes", EarlyBootStage.BeforeReserveMem, 8, Unit: EarlyAllocationUnit.Nodes),
        new("per-CPU unit map", EarlyBootStage.BeforeReserveMem, 4, Unit: EarlyAllocationUnit.Cpus),
        new("per-CPU unit offsets", EarlyBootStage.BeforeReserveMem, 8, Unit: EarlyAllocationUnit.Cpus),
        new("per-CPU chunk lists", EarlyBootStage.BeforeReserveMem, 368),
        new("per-CPU first chunk", EarlyBootStage.BeforeReserveMem, 136),
        new("per-CPU allocation map", EarlyBootStage.BeforeReserveMem, 1024),
        new("per-CPU boundary map", EarlyBootStage.BeforeReserveMem, 1032),
        new("per-CPU blocks", EarlyBootStage.BeforeReserveMem, 256),
        new(
            "dentry hash", EarlyBootStage.BeforePageAllocator, 8, Unit: EarlyAllocationUnit.HashBuckets,
            PagesPerBucketLog2: 1, SmallestBytes: 8, OnlyOneNode: true),
        new(
            "inode hash", EarlyBootStage.BeforePageAllocator, 8, Unit: EarlyAllocationUnit.HashBuckets,
            PagesPerBucketLog2: 2, SmallestBytes: 8, OnlyOneNode: true),
        .. Enumerable.Range(0, 3).Select(_ => new EarlyAllocation("fixed map page tables", EarlyBootStage.BeforePageAllocator, 0x1000, 0x1000)),
        new(
            "software I/O TLB", EarlyBootStage.BeforePageAllocator, 64UL << 20, 0x1000, MaxAddress: 0xffffffff, SmallestBytes: 1UL << 20,
            FailureLine: "software IO TLB: swiotlb_memblock_alloc: Failed to allocate {bytes} bytes tlb structure", OnlyAbove4GiB: true),
    ];
}
