using System.ComponentModel.DataAnnotations;

namespace KhoActors.Nodes.Scenarios;

/// <summary>What user space and the kernel's KHO clients can do in one step.</summary>
public enum WorkloadOperation
{
    /// <summary>kho_preserve_folio on an allocated folio.</summary>
    PreserveFolio,

    /// <summary>kho_preserve_pages on an allocated run of pages.</summary>
    PreservePages,

    /// <summary>kho_alloc_preserve.</summary>
    AllocPreserve,

    /// <summary>kho_unpreserve_folio, kho_unpreserve_pages or kho_unpreserve_free: whatever undoes what was preserved.</summary>
    Unpreserve,

    /// <summary>Allocate memory that is not preserved.</summary>
    Allocate,

    /// <summary>Free memory that is not preserved.</summary>
    Free,

    /// <summary>kho_add_subtree with a blob of preserved memory.</summary>
    AddSubtree,

    /// <summary>kho_remove_subtree.</summary>
    RemoveSubtree,

    /// <summary>kho_preserve_vmalloc on an area of vmalloc.</summary>
    PreserveVmalloc,

    /// <summary>A line written to /dev/kmsg.</summary>
    Log,

    /// <summary>dmesg -C.</summary>
    ClearLog,

    /// <summary>An oops in the context of a process; the log is dumped, and the kernel lives on unless it has <c>oops=panic</c>.</summary>
    Oops,

    /// <summary>A kexec with KEXEC_PRESERVE_CONTEXT that comes back; the log is dumped.</summary>
    JumpAndReturn,
}

/// <summary>An operation of a client's user program, and how often it is chosen.</summary>
/// <param name="Name">Its name, for example <c>tmpfs_write</c>.</param>
/// <param name="Weight">Its weight.</param>
public sealed record NamedWeight(string Name, int Weight);

/// <summary>How often each operation is chosen, as weights. A mix is complete: an operation that it does not name is never chosen.</summary>
public sealed record OperationMix
{
    /// <summary>The mix of a scenario that gives none.</summary>
    public static readonly OperationMix Default = new()
    {
        PreserveFolio = 20, PreservePages = 20, AllocPreserve = 10, Unpreserve = 15, Allocate = 15, Free = 10, AddSubtree = 5, RemoveSubtree = 5,
    };

    /// <summary>Weight of kho_preserve_folio.</summary>
    [Range(0, 1_000_000)]
    public int PreserveFolio { get; init; }

    /// <summary>Weight of kho_preserve_pages.</summary>
    [Range(0, 1_000_000)]
    public int PreservePages { get; init; }

    /// <summary>Weight of kho_alloc_preserve.</summary>
    [Range(0, 1_000_000)]
    public int AllocPreserve { get; init; }

    /// <summary>Weight of unpreserving something preserved.</summary>
    [Range(0, 1_000_000)]
    public int Unpreserve { get; init; }

    /// <summary>Weight of allocating memory that is not preserved.</summary>
    [Range(0, 1_000_000)]
    public int Allocate { get; init; }

    /// <summary>Weight of freeing memory that is not preserved.</summary>
    [Range(0, 1_000_000)]
    public int Free { get; init; }

    /// <summary>Weight of kho_add_subtree.</summary>
    [Range(0, 1_000_000)]
    public int AddSubtree { get; init; }

    /// <summary>Weight of kho_remove_subtree.</summary>
    [Range(0, 1_000_000)]
    public int RemoveSubtree { get; init; }

    /// <summary>Weight of vmalloc and kho_preserve_vmalloc.</summary>
    [Range(0, 1_000_000)]
    public int PreserveVmalloc { get; init; }

    /// <summary>Weight of writing a line to /dev/kmsg.</summary>
    [Range(0, 1_000_000)]
    public int Log { get; init; }

    /// <summary>Weight of clearing the log for its readers.</summary>
    [Range(0, 1_000_000)]
    public int ClearLog { get; init; }

    /// <summary>Weight of an oops in the context of a process.</summary>
    [Range(0, 1_000_000)]
    public int Oops { get; init; }

    /// <summary>Weight of a kexec that comes back.</summary>
    [Range(0, 1_000_000)]
    public int JumpAndReturn { get; init; }

    /// <summary>
    /// Weights of operations of the clients' user programs, by name, for example <c>tmpfs_write</c>; <c>kho clients</c> lists them. A kernel
    /// without the client never chooses them.
    /// </summary>
    [RemainingKeys, Range(0, 1_000_000)]
    public IReadOnlyList<NamedWeight> ClientOperations { get; init; } = [];

    /// <summary>The keys of the workload's own operations in a mix, in the order of <see cref="WorkloadOperation"/>.</summary>
    internal static IReadOnlyList<string> Names { get; } = [.. Enum.GetNames<WorkloadOperation>().Select(FieldShape.SnakeCase)];

    /// <summary>The weights of the workload's own operations, in the order of <see cref="WorkloadOperation"/>.</summary>
    public IReadOnlyList<int> Weights =>
    [
        PreserveFolio, PreservePages, AllocPreserve, Unpreserve, Allocate, Free, AddSubtree, RemoveSubtree, PreserveVmalloc, Log, ClearLog, Oops, JumpAndReturn,
    ];
}

/// <summary>What runs on a machine between two kexecs.</summary>
public sealed record Workload
{
    /// <summary>Operations of user space and KHO clients before the next kernel is loaded.</summary>
    [Range(0, 1_000_000)]
    public int OperationsPerKexec { get; init; } = 64;

    /// <summary>Operations between load and execute, when the machine still runs.</summary>
    [Range(0, 1_000_000)]
    public int OperationsAfterLoad { get; init; } = 8;

    /// <summary>
    /// Virtual time between the starts of two operations, in nanosecond ticks. A delivery takes 1 us and an operation about ten of them:
    /// with less than that between them, operations overlap with each other and with the kexec.
    /// </summary>
    [Key("operation_interval"), Range(typeof(ulong), "1", "86400000000000")]
    public ulong OperationIntervalTicks { get; init; } = 3_000;

    /// <summary>How often each operation is chosen.</summary>
    public OperationMix Mix { get; init; } = OperationMix.Default;

    /// <summary>Pages of a run that is preserved with kho_preserve_pages, and of an area that is preserved with kho_preserve_vmalloc.</summary>
    [Range(1, 4_194_304)]
    public ValueRange RangePages { get; init; } = new(1, 600);

    /// <summary>Orders of folios that are allocated and preserved.</summary>
    [Range(0, 10)]
    public ValueRange FolioOrders { get; init; } = new(0, 9);

    /// <summary>Bytes of a blob that is added as a sub-tree.</summary>
    [Key("blob_size"), Range(1, 4_194_304)]
    public ValueRange BlobBytes { get; init; } = new(64, 4096);

    /// <summary>Memory that the workload holds at most, preserved or not; an allocation that would exceed it is not attempted.</summary>
    [Key("memory_limit"), Range(typeof(ulong), "4096", "35184372088832")]
    public ulong MemoryLimitBytes { get; init; } = 64UL << 20;

    /// <summary>Bytes of a line that is written to /dev/kmsg.</summary>
    [Key("log_line_size"), Range(16, 960)]
    public ValueRange LogLineBytes { get; init; } = new(24, 96);

    /// <summary>Whether reserve_mem regions are filled with a pattern at the first boot and checked after each kexec.</summary>
    public bool ReserveMemPatterns { get; init; } = true;
}
