using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.Memblock;

/// <summary>A range of physical memory.</summary>
/// <param name="Phys">First address.</param>
/// <param name="SizeBytes">Bytes.</param>
public readonly record struct PhysicalRange(ulong Phys, ulong SizeBytes);

/// <summary>What a kernel finds when it starts: the machine, itself, its options and where the loader put things.</summary>
public sealed record EarlyBootRequest
{
    /// <summary>The machine's memory map.</summary>
    public required MemoryMap Map { get; init; }

    /// <summary>The build that boots.</summary>
    public required KernelBuild Build { get; init; }

    /// <summary>Its command line.</summary>
    public required string CommandLine { get; init; }

    /// <summary>Possible CPUs, at least 1.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>Where the kernel image lies: its preferred address on a cold boot, its segment after a kexec.</summary>
    public required ulong ImagePhys { get; init; }

    /// <summary>Where the initial RAM disk lies; size 0 without one.</summary>
    public PhysicalRange Initrd { get; init; }

    /// <summary>The setup data nodes that the loader passes, header included.</summary>
    public IReadOnlyList<PhysicalRange> SetupData { get; init; } = [];

    /// <summary>The request of a cold boot: the image at its preferred address, the RAM disk at the top of low RAM.</summary>
    /// <param name="map">The machine's memory map.</param>
    /// <param name="build">The build that boots.</param>
    /// <param name="commandLine">Its command line.</param>
    /// <param name="cpus">Possible CPUs.</param>
    /// <returns>The request.</returns>
    public static EarlyBootRequest Cold(MemoryMap map, KernelBuild build, string commandLine, int cpus = 1)
    {
        ulong bytes = build.ColdInitrdBytes ?? build.InitrdBytes;
        ulong phys = (map.LowRamEnd() - bytes) & ~(ulong)(Memory.PageGeometry.SizeBytes - 1);
        return new EarlyBootRequest
        {
            Map = map,
            Build = build,
            CommandLine = commandLine,
            Cpus = cpus,
            ImagePhys = build.ImagePreferredAddress,
            Initrd = bytes == 0 ? default : new PhysicalRange(phys, bytes),
        };
    }
}
