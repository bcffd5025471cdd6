using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Conformance;

/// <summary>A preserved block.</summary>
/// <param name="Phys">Physical address.</param>
/// <param name="Order">log2 of its pages.</param>
public readonly record struct CaptureBlock(ulong Phys, int Order)
{
    /// <summary>Blocks that a walk found, as captures record them.</summary>
    internal static List<CaptureBlock> Of(IReadOnlyList<PreservedBlock> blocks) => [.. blocks.Select(block => new CaptureBlock(block.Phys, block.Order))];
}

/// <summary>An entry of the reserve_mem table.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Start">First physical address.</param>
/// <param name="SizeBytes">Bytes.</param>
public readonly record struct CaptureRegion(string Name, ulong Start, ulong SizeBytes);

/// <summary>A sub-node of a captured root FDT.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Phys">Address of its blob.</param>
/// <param name="SizeBytes">Bytes of the blob; null when the ABI does not record them.</param>
public readonly record struct CaptureSubnode(string Name, ulong Phys, ulong? SizeBytes);

/// <summary>What was found in the memory that a generation handed over.</summary>
/// <param name="Snapshot"><c>next-kernel-entry</c>, or <c>pre-exec</c> when only the earlier snapshot exists.</param>
/// <param name="RootFdtPhys">Address of the root FDT.</param>
/// <param name="Compatible">Its compatible string.</param>
/// <param name="TotalSizeBytes">Its totalsize.</param>
/// <param name="MapPhys">Value of preserved-memory-map: radix root or first chunk.</param>
/// <param name="Subnodes">Its sub-nodes in FDT order.</param>
/// <param name="Blocks">All preserved blocks in walk order.</param>
public sealed record CaptureHandover(
    string Snapshot,
    ulong RootFdtPhys,
    string Compatible,
    uint TotalSizeBytes,
    ulong MapPhys,
    IReadOnlyList<CaptureSubnode> Subnodes,
    IReadOnlyList<CaptureBlock> Blocks);

/// <summary>A KHO node as the next kernel shows it.</summary>
/// <param name="Type">Its type, 10.</param>
/// <param name="PayloadBytes">Its length, 32.</param>
/// <param name="Handoff">The four numbers.</param>
public readonly record struct CaptureSetupData(uint Type, uint PayloadBytes, KhoHandoff Handoff);

/// <summary>One file of the setup_data list.</summary>
/// <param name="Index">Its place in the list.</param>
/// <param name="Type">Its type.</param>
/// <param name="Data">Its payload.</param>
public sealed record CaptureSetupDataFile(int Index, uint Type, byte[] Data);

/// <summary>Something that was done in a captured generation.</summary>
/// <param name="Kind">The verb, for example <c>fill-pattern</c>, <c>load-next-kernel</c>, <c>write-physical</c>.</param>
public sealed record CaptureAction(string Kind)
{
    /// <summary>Kernel that was loaded, as the capture's key, or empty.</summary>
    public string Kernel { get; init; } = string.Empty;

    /// <summary>Command line of the loaded kernel, or empty.</summary>
    public string CommandLine { get; init; } = string.Empty;

    /// <summary>The syscall used, or empty.</summary>
    public string Syscall { get; init; } = string.Empty;

    /// <summary>The error that the operation reported, or empty.</summary>
    public string Error { get; init; } = string.Empty;

    /// <summary>What an operation on pstore printed, line by line.</summary>
    public IReadOnlyList<string> Output { get; init; } = [];

    /// <summary>errno of the operation, 0 for success; null where none was recorded.</summary>
    public int? Errno { get; init; }

    /// <summary>Physical address, where there is one.</summary>
    public ulong Phys { get; init; }

    /// <summary>Bytes concerned.</summary>
    public ulong SizeBytes { get; init; }

    /// <summary>Label of a pattern, or empty.</summary>
    public string Label { get; init; } = string.Empty;

    /// <summary>Tag of a pattern, or empty.</summary>
    public string Tag { get; init; } = string.Empty;

    /// <summary>Pages that a check found wrong; null where none was recorded.</summary>
    public int? BadPages { get; init; }

    /// <summary>Value before a write, little-endian in <see cref="SizeBytes"/> bytes.</summary>
    public ulong OldValue { get; init; }

    /// <summary>Value after a write.</summary>
    public ulong NewValue { get; init; }

    /// <summary>Whether this is a load by the syscall that knows KHO.</summary>
    public bool IsFileLoad => Kind == "load-next-kernel" && Syscall == "kexec_file_load";

    /// <summary>Whether this was a successful write of a number to kho/out/finalize, and which.</summary>
    public bool? Finalizes => Error.Length > 0 ? null : Kind switch
    {
        "write 1 to kho/out/finalize" => true,
        "write 0 to kho/out/finalize" => false,
        _ => null,
    };

    /// <summary>Whether this damaged memory on purpose.</summary>
    public bool IsInjection => Kind == "write-physical";
}

/// <summary>Everything that a captured case says of one generation in its case.json.</summary>
/// <param name="Number">Place in the chain, 0 for the cold boot.</param>
/// <param name="KernelBuild">Name of the kernel build, for example <c>7.3.0-rc7-a</c>.</param>
/// <param name="CommandLine">Its command line.</param>
public sealed record CaptureDescription(int Number, string KernelBuild, string CommandLine)
{
    /// <summary>Key of the kernel in the actions of this case; generations with one key ran one build.</summary>
    public string KernelKey { get; init; } = string.Empty;

    /// <summary>What was done, in order.</summary>
    public IReadOnlyList<CaptureAction> Actions { get; init; } = [];

    /// <summary>The reserve_mem table from the published blob; null when none was recorded.</summary>
    public IReadOnlyList<CaptureRegion>? ReserveMem { get; init; }

    /// <summary>The loader's log lines, oldest first.</summary>
    public IReadOnlyList<string> LoadLog { get; init; } = [];

    /// <summary>The scratch areas handed over by this generation; null when none were.</summary>
    public IReadOnlyList<ScratchArea>? ScratchArray { get; init; }

    /// <summary>Where KHO's setup_data node lies; null when none was found.</summary>
    public ulong? SetupDataNodePhys { get; init; }

    /// <summary>What this generation received; null on a boot without KHO.</summary>
    public CaptureSetupData? Incoming { get; init; }

    /// <summary>What this generation handed over; null when nothing was found.</summary>
    public CaptureHandover? Handover { get; init; }

    /// <summary>The damage done on purpose, or empty.</summary>
    public string Injected { get; init; } = string.Empty;

    /// <summary>Order of a page block; null when not recorded.</summary>
    public int? PageblockOrder { get; init; }

    /// <summary>MemTotal of /proc/meminfo in KiB; null when not recorded.</summary>
    public ulong? MemTotalKib { get; init; }
}
