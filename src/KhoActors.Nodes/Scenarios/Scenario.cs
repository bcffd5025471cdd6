using System.ComponentModel.DataAnnotations;

namespace KhoActors.Nodes.Scenarios;

/// <summary>What to run: a fleet of machines, the kernels they boot, and what they do. Immutable data, read from config/scenarios.</summary>
public sealed record Scenario
{
    /// <summary>Name on the command line and in histories; the file's name without its ending. Lower-case letters, digits, dots and dashes.</summary>
    [Length(1, 64)]
    public required string Name { get; init; }

    /// <summary>One line that says what it shows.</summary>
    [Length(1, 200)]
    public required string Summary { get; init; }

    /// <summary>Seed of every draw of a run, unless the command line gives another.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Machines of the fleet.</summary>
    [Range(1, 10_000_000)]
    public int Machines { get; init; } = 1;

    /// <summary>Reboots of each machine: kexecs, and the panics and cold boots that take the place of some.</summary>
    [Range(1, 1_000_000)]
    public int Kexecs { get; init; } = 3;

    /// <summary>The kernels that every machine boots in turn, beginning again after the last; short for one entry of <c>kernel_chains</c>.</summary>
    [OneOrMany]
    public IReadOnlyList<string> Kernels { get; init; } = [];

    /// <summary>Weighted chains of kernels; each machine draws one. Instead of <c>kernels</c>.</summary>
    public IReadOnlyList<KernelChain> KernelChains { get; init; } = [];

    /// <summary>KHO clients that every kernel gets beside its own, by name.</summary>
    public IReadOnlyList<string> Clients { get; init; } = [];

    /// <summary>Weighted kinds of hardware; each machine draws one.</summary>
    public IReadOnlyList<HardwareVariant> Hardware { get; init; } = [new HardwareVariant { MemoryBytes = 512UL << 20 }];

    /// <summary>
    /// The kernel's command line. With several, generation k boots with number k modulo their count (drift of a reserve_mem size, for example).
    /// </summary>
    [Key("command_line"), OneOrMany, Length(0, 2047)]
    public IReadOnlyList<string> CommandLines { get; init; } = ["kho=on"];

    /// <summary>What runs between two kexecs.</summary>
    public Workload Workload { get; init; } = new();

    /// <summary>What user space does step by step, before it draws operations.</summary>
    public IReadOnlyList<ScriptEntry> Script { get; init; } = [];

    /// <summary>How machines leave a kernel.</summary>
    public LeavePlan Kexec { get; init; } = new();

    /// <summary>The chains that machines draw from, whichever way the file writes them.</summary>
    public IReadOnlyList<KernelChain> Chains => KernelChains.Count > 0 ? KernelChains : [new KernelChain { Kernels = Kernels }];

    /// <summary>The command line of a generation.</summary>
    /// <param name="generation">0 for the first boot of the machine.</param>
    /// <returns>The line.</returns>
    public string CommandLineOfGeneration(int generation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(generation);
        return CommandLines[generation % CommandLines.Count];
    }
}

/// <summary>How machines leave a kernel: by kexec unless one of these chances strikes.</summary>
public sealed record LeavePlan
{
    /// <summary>Chance per kexec that the machine panics and reboots through a crash kernel without handover, in parts per million.</summary>
    [Key("panic_without_handover")]
    public int PanicWithoutHandoverPartsPerMillion { get; init; }

    /// <summary>Chance per kexec that the machine is powered off and on instead, in parts per million.</summary>
    [Key("cold_boot")]
    public int ColdBootPartsPerMillion { get; init; }

    /// <summary>Chance per kexec that the machine makes an emergency restart instead, in parts per million.</summary>
    [Key("emergency_restart")]
    public int EmergencyRestartPartsPerMillion { get; init; }

    /// <summary>How often user space tries again when a client refuses the kexec, before it reboots through the firmware.</summary>
    [Range(0, 1000)]
    public int Retries { get; init; } = 3;

    /// <summary>Virtual time between two tries, in nanosecond ticks.</summary>
    [Key("retry_after"), Range(typeof(ulong), "1", "86400000000000")]
    public ulong RetryAfterTicks { get; init; } = 10_000_000;
}
