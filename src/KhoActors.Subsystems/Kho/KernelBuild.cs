using System.ComponentModel.DataAnnotations;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// One simulated kernel build: everything in which two builds may differ, as data. Read from a kernel file (config/kernels).
/// Values of the shipped files were read off captured kernels (tests/data/real).
/// </summary>
public sealed record KernelBuild
{
    /// <summary>Name in scenarios, for example <c>7.3-rc7</c>.</summary>
    [Length(1, 64)]
    public required string Name { get; init; }

    /// <summary>One line that says what it is.</summary>
    [Length(1, 200)]
    public required string Summary { get; init; }

    /// <summary>The release string (uname -r), at most 64 characters.</summary>
    [Length(1, 64)]
    public required string Release { get; init; }

    /// <summary>The ABI generation it writes and accepts.</summary>
    public required KhoAbi Abi { get; init; }

    /// <summary>CONFIG_KEXEC_HANDOVER: without it handed-over data is refused with a line.</summary>
    public bool KhoBuilt { get; init; } = true;

    /// <summary>CONFIG_KEXEC_HANDOVER_ENABLE_DEFAULT: KHO is on without <c>kho=on</c>.</summary>
    public bool KhoEnabledByDefault { get; init; }

    /// <summary>CONFIG_KEXEC_HANDOVER_DEBUG: preserving memory inside scratch is refused with EINVAL and a warning.</summary>
    public bool KhoDebug { get; init; }

    /// <summary>CONFIG_KEXEC_HANDOVER_DEBUGFS: /sys/kernel/debug/kho shows what is handed over, and the boot says what it cannot show of it.</summary>
    public bool KhoDebugfs { get; init; } = true;

    /// <summary>Order of a pageblock: 9 with huge pages built in, else 10.</summary>
    [AllowedValues(9, 10)]
    public int PageblockOrder { get; init; } = 10;

    /// <summary>MAX_PAGE_ORDER: the largest order of the page allocator. The simulated one has the orders of x86-64, 0 to 10.</summary>
    [Range(10, 10)]
    public int MaxPageOrder { get; init; } = 10;

    /// <summary>Alignment of scratch areas in bytes; a power of two.</summary>
    [Range(typeof(ulong), "4096", "1073741824")]
    public ulong ScratchAlignmentBytes { get; init; } = 4UL << 20;

    /// <summary>Whether explicit lowmem and global scratch sizes are rounded up, and the scaled global one is computed from unrounded lowmem.</summary>
    public bool ScratchSizesRounded { get; init; } = true;

    /// <summary>Whether the kernel extends scratch over 1 GiB blocks without preserved memory early in boot (kho_extend_scratch).</summary>
    public bool ExtendsScratch { get; init; }

    /// <summary>Whether the size of an incoming block is computed in a signed 32-bit int (wrong from order 19 on).</summary>
    public bool BlockSize32Bit { get; init; }

    /// <summary>Largest order that a restore accepts, or null for no limit.</summary>
    [Range(0, 51)]
    public int? RestoreOrderLimit { get; init; }

    /// <summary>Whether a block of a preserved range may not straddle NUMA nodes.</summary>
    public bool SplitsAtNodes { get; init; } = true;

    /// <summary>Defects of this version's functions for vmalloc areas.</summary>
    public VmallocDefects VmallocDefects { get; init; } = VmallocDefects.None;

    /// <summary>Whether memparse accepts a suffix letter without digits as 0 (and wraps on overflow), as kernels before 7.2 do.</summary>
    public bool MemparseBareSuffix { get; init; }

    /// <summary>Whether failures of <c>reserve_mem=</c> are printed.</summary>
    public bool ReserveMemLogsErrors { get; init; } = true;

    /// <summary>Whether "disabling KHO revival" carries the error number.</summary>
    public bool RevivalLineHasErrno { get; init; }

    /// <summary>init_size of the bzImage: bytes of the kernel segment, before rounding to a page.</summary>
    [Range(typeof(ulong), "4096", "1073741824")]
    public ulong ImageInitSizeBytes { get; init; } = 0xa80000;

    /// <summary>Preferred load address of the image.</summary>
    public ulong ImagePreferredAddress { get; init; } = 0x1000000;

    /// <summary>Alignment of the kernel segment.</summary>
    [Range(typeof(ulong), "4096", "1073741824")]
    public ulong ImageAlignmentBytes { get; init; } = 0x200000;

    /// <summary>Bytes of the running kernel's text, data and bss that memblock reserves from the load address on.</summary>
    [Range(typeof(ulong), "4096", "1073741824")]
    public ulong ImageReservedBytes { get; init; } = 0x827000;

    /// <summary>Bytes that the kernel's early page tables take right behind its image (the brk area).</summary>
    [Range(typeof(ulong), "0", "1073741824")]
    public ulong BrkBytes { get; init; } = 0x11000;

    /// <summary>Bytes of the real-mode trampoline below 1 MiB.</summary>
    [Range(typeof(ulong), "0", "589824")]
    public ulong RealModeBytes { get; init; } = 0x6000;

    /// <summary>Bytes of its initial RAM disk, as loaded for a kexec.</summary>
    [Range(typeof(ulong), "0", "1073741824")]
    public ulong InitrdBytes { get; init; } = 0x5b99bc;

    /// <summary>Bytes of the initial RAM disk of a cold boot; null for the same as <see cref="InitrdBytes"/>.</summary>
    [Range(typeof(ulong), "0", "1073741824")]
    public ulong? ColdInitrdBytes { get; init; }

    /// <summary>log2 of the log buffer's size in bytes (CONFIG_LOG_BUF_SHIFT).</summary>
    [Range(12, 25)]
    public int LogBufShift { get; init; } = 17;

    /// <summary>
    /// A pstore backend that registers before KHO's, for example <c>efi_pstore</c> or <c>ramoops</c>; null for none. Only one backend can exist:
    /// KHO's then fails to load unless <c>pstore.backend=kho</c> keeps this one out.
    /// </summary>
    [Length(1, 32)]
    public string? EarlierPstoreBackend { get; init; }

    /// <summary>KHO clients that are built in, by name: <c>pstore-v2</c>, <c>tmpfs</c>, <c>test_kho</c>, ...</summary>
    public IReadOnlyList<string> Clients { get; init; } = [];

    /// <summary>What the kernel takes from memblock between start and the page allocator, in order.</summary>
    public IReadOnlyList<EarlyAllocation> EarlyAllocations { get; init; } = [];
}
