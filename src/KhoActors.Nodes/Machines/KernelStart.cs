using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// All that a kernel is given beside RAM: the machine, itself, its command line and the loader's numbers. The same for a simulated and for a
/// captured predecessor.
/// </summary>
public sealed record KernelStart
{
    /// <summary>The build that boots.</summary>
    public required KernelBuild Build { get; init; }

    /// <summary>Its command line.</summary>
    public required string CommandLine { get; init; }

    /// <summary>The machine's memory.</summary>
    public required MachineMemory Memory { get; init; }

    /// <summary>Possible CPUs, at least 1.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>
    /// Whether freed pages are poisoned (page_poison=1), as in the laboratory, where nothing may live on by luck. Captured kernels did not: what
    /// they freed kept its bytes.
    /// </summary>
    public bool PoisonsFreedPages { get; init; } = true;

    /// <summary>Its KHO clients, in the order in which they start.</summary>
    public IReadOnlyList<KhoClient> Clients { get; init; } = [];

    /// <summary>What the loader passes.</summary>
    public required BootSource Source { get; init; }

    /// <summary>The request that this makes of the early boot.</summary>
    /// <param name="setupData">The nodes of the setup_data list in RAM.</param>
    /// <returns>The request; a cold boot's addresses are the firmware's choice unless <see cref="Source"/> names an image.</returns>
    internal EarlyBootRequest ToRequest(IReadOnlyList<PhysicalRange> setupData)
    {
        bool loaderChoosesPlaces = Source.Kind == BootKind.Cold && Source.ImagePhys == 0;
        return loaderChoosesPlaces
            ? EarlyBootRequest.Cold(Memory.Map, Build, CommandLine, Cpus)
            : new EarlyBootRequest
            {
                Map = Memory.Map,
                Build = Build,
                CommandLine = CommandLine,
                Cpus = Cpus,
                ImagePhys = Source.ImagePhys,
                Initrd = Source.Initrd,
                SetupData = setupData,
            };
    }
}
