using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>What the x86 loader knows of the kernel that it is asked to load.</summary>
public readonly record struct KexecImage
{
    /// <summary>Bytes of struct boot_params.</summary>
    public const ulong BootParamsBytes = 4096;

    /// <summary>Room kept behind the command line for a crash kernel's elfcorehdr= option (MAX_ELFCOREHDR_STR_LEN).</summary>
    public const ulong ElfCoreHeaderOptionBytes = 30;

    /// <summary>Bytes of the EFI node (header and struct efi_setup_data); room is kept for it in every image.</summary>
    public const ulong EfiNodeBytes = SetupData.HeaderBytes + 96;

    /// <summary>Bytes of the seed node (header and RNG_SEED_LENGTH).</summary>
    public const ulong RngSeedNodeBytes = SetupData.HeaderBytes + 32;

    /// <summary>Bytes of the 64-bit part of the kernel file, without its setup sectors. Placement does not depend on it.</summary>
    public ulong KernelBytes { get; init; }

    /// <summary>init_size of the setup header: bytes of the kernel segment, before rounding to a page.</summary>
    public required ulong InitSizeBytes { get; init; }

    /// <summary>kernel_alignment of the setup header; a power of two.</summary>
    public required ulong AlignmentBytes { get; init; }

    /// <summary>pref_address of the setup header: the kernel is never placed below.</summary>
    public required ulong PreferredAddress { get; init; }

    /// <summary>Bytes of the initial RAM disk, 0 for none.</summary>
    public required ulong InitrdBytes { get; init; }

    /// <summary>Characters of the next kernel's command line, without the final NUL.</summary>
    public required int CommandLineLength { get; init; }

    /// <summary>How many scratch areas are handed over; 0 when the image carries no KHO data (KHO is off, or kho-v1 is not finalized).</summary>
    public required int ScratchAreas { get; init; }

    /// <summary>Bytes of the EFI runtime map, 0 on machines without EFI.</summary>
    public ulong EfiMapBytes { get; init; }

    /// <summary>
    /// Where KHO's node starts inside the boot-params segment: behind boot_params, command line with its NUL, elfcorehdr room (rounded up
    /// to 16) and, on EFI machines, the EFI map (rounded to 16) and node. Confirmed by every captured load without EFI; the EFI part is
    /// read from arch/x86/kernel/kexec-bzimage64.c.
    /// </summary>
    public ulong SetupDataNodeOffset => EfiMapBytes == 0 ? ParametersBytes : ParametersBytes + AlignUp16(EfiMapBytes) + EfiNodeBytes;

    /// <summary>Bytes of the boot-params segment's content: room for EFI, seed and KHO nodes is always kept.</summary>
    public ulong BootParamsSegmentBytes =>
        ParametersBytes + AlignUp16(EfiMapBytes) + EfiNodeBytes + RngSeedNodeBytes + SetupData.KhoNodeBytes;

    /// <summary>Bytes of the scratch array.</summary>
    public ulong ScratchArrayBytes => (ulong)ScratchAreas * ScratchArea.EntryBytes;

    /// <summary>The image of a simulated kernel build.</summary>
    /// <param name="build">The next kernel.</param>
    /// <param name="commandLineLength">Characters of its command line.</param>
    /// <param name="scratchAreas">Scratch areas handed over, 0 for none.</param>
    /// <returns>The image.</returns>
    public static KexecImage Of(KernelBuild build, int commandLineLength, int scratchAreas) => new()
    {
        InitSizeBytes = build.ImageInitSizeBytes,
        AlignmentBytes = build.ImageAlignmentBytes,
        PreferredAddress = build.ImagePreferredAddress,
        InitrdBytes = build.InitrdBytes,
        CommandLineLength = commandLineLength,
        ScratchAreas = scratchAreas,
    };

    private ulong ParametersBytes => AlignUp16(BootParamsBytes + (ulong)CommandLineLength + 1 + ElfCoreHeaderOptionBytes);

    private static ulong AlignUp16(ulong bytes) => (bytes + 15) & ~15UL;
}

/// <summary>What a segment of a loaded image holds, in load order.</summary>
public enum KexecSegmentKind
{
    /// <summary>The scratch array, added by kho_fill_kimage.</summary>
    ScratchArray,

    /// <summary>The code between two kernels.</summary>
    Purgatory,

    /// <summary>boot_params, command line and setup_data nodes.</summary>
    BootParams,

    /// <summary>The kernel and the room that it needs to unpack itself.</summary>
    Kernel,

    /// <summary>The initial RAM disk.</summary>
    Initrd,
}

/// <summary>One segment of a loaded image.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="BufferBytes">Bytes copied to the destination (bufsz).</param>
/// <param name="Start">Destination, page aligned.</param>
/// <param name="SizeBytes">Bytes taken there (memsz), whole pages; what is not copied is zeroed.</param>
public readonly record struct KexecSegment(KexecSegmentKind Kind, ulong BufferBytes, ulong Start, ulong SizeBytes)
{
    /// <summary>First address behind the segment.</summary>
    public ulong End => Start + SizeBytes;

    /// <summary>Pages taken.</summary>
    public ulong Pages => SizeBytes >> PageGeometry.Shift;
}

/// <summary>The outcome of placing an image.</summary>
/// <param name="SegmentCount">How many segments were placed; fewer than asked for when the load failed.</param>
/// <param name="ScratchArrayPhys">Destination of the scratch array, 0 without one.</param>
/// <param name="SetupDataNodePhys">Where KHO's node lies (reserved even when it is not linked), 0 when boot params were not placed.</param>
public readonly record struct KexecPlan(int SegmentCount, ulong ScratchArrayPhys, ulong SetupDataNodePhys);
