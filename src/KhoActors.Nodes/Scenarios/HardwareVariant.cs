using System.ComponentModel.DataAnnotations;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Scenarios;

/// <summary>One kind of hardware of a fleet. Exactly one of <c>memory</c>, <c>nodes</c> and <c>memory_map</c> describes its memory.</summary>
public sealed record HardwareVariant
{
    /// <summary>How often machines draw this variant, relative to the weights of the others.</summary>
    [Range(1, 1_000_000)]
    public int Weight { get; init; } = 1;

    /// <summary>Possible CPUs; each takes memory while the kernel boots.</summary>
    [Range(1, 8192)]
    public int Cpus { get; init; } = 1;

    /// <summary>Installed memory of a machine without NUMA: a multiple of 1 MiB.</summary>
    [Key("memory"), Range(typeof(ulong), "16777216", "35184372088832")]
    public ulong? MemoryBytes { get; init; }

    /// <summary>Installed memory of NUMA nodes 0, 1, ...: multiples of 1 MiB.</summary>
    [Key("nodes"), Range(typeof(ulong), "1048576", "35184372088832")]
    public IReadOnlyList<ulong> NodeBytes { get; init; } = [];

    /// <summary>The firmware's memory map, entry by entry, in ascending order.</summary>
    public IReadOnlyList<FirmwareRange> MemoryMap { get; init; } = [];

    /// <summary>Node ranges of the firmware's affinity table; only with <c>memory_map</c>.</summary>
    public IReadOnlyList<NodeRange> NumaRanges { get; init; } = [];

    /// <summary>The hardware that the variant describes.</summary>
    /// <returns>A memory map and its node ranges.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The variant was not read and checked by a scenario reader and holds impossible sizes.</exception>
    public MachineHardware ToMachineHardware() =>
        MemoryMap.Count > 0 ? new MachineHardware(MemoryMap, NumaRanges)
        : NodeBytes.Count > 0 ? MachineHardware.FromNodes(NodeBytes)
        : MachineHardware.FromMemory(MemoryBytes ?? 0);
}
