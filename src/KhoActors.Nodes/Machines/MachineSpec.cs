using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>What one machine is: drawn once from the scenario, never changed. A function of (scenario, seed, number).</summary>
public sealed record MachineSpec
{
    /// <summary>Its number in its fleet, from 0: for reports.</summary>
    public int Number { get; init; }

    /// <summary>The path of its randomness.</summary>
    public required SeedPath Path { get; init; }

    /// <summary>Index of its hardware in the scenario.</summary>
    public int Hardware { get; init; }

    /// <summary>The memory of its hardware.</summary>
    public required MachineMemory Memory { get; init; }

    /// <summary>Index of its chain of kernels in the scenario.</summary>
    public int ChainIndex { get; init; }

    /// <summary>The kernels that it boots in turn.</summary>
    public required KernelChain Chain { get; init; }

    /// <summary>The scenario with its kernels.</summary>
    public required ResolvedScenario Resolved { get; init; }

    /// <summary>What it does.</summary>
    public Scenario Scenario => Resolved.Scenario;

    /// <summary>The kernel of a generation.</summary>
    /// <param name="generation">0 for the first boot.</param>
    /// <returns>The build.</returns>
    public KernelBuild KernelOf(int generation) => Resolved.Kernel(Chain.KernelOfGeneration(generation));

    /// <summary>The KHO clients of a generation's kernel, in the order in which they start.</summary>
    /// <param name="generation">0 for the first boot.</param>
    /// <returns>The clients.</returns>
    public IReadOnlyList<KhoClient> ClientsOf(int generation) => Resolved.ClientsOfKernel(Chain.KernelOfGeneration(generation));
}

/// <summary>The memory of a kind of hardware, in the forms that a boot needs; shared by all machines of that kind.</summary>
public sealed class MachineMemory
{
    /// <summary>Derives them.</summary>
    /// <param name="map">What the firmware says.</param>
    /// <param name="cpus">Possible CPUs: some early allocations are made once for each.</param>
    public MachineMemory(MemoryMap map, int cpus = 1)
    {
        Map = map;
        Cpus = cpus;
        foreach (FirmwareRange ram in map.Ram)
        {
            ulong end = PageGeometry.PfnOf(ram.End);
            for (ulong pfn = PageGeometry.PfnOf(PageGeometry.AlignUp(ram.Start)); pfn < end;)
            {
                int node = map.NodeOf(PageGeometry.PhysOf(pfn));
                ulong next = NextNodeBorder(map, pfn, end);
                Ram.Add(pfn, next, node);
                RamPages += next - pfn;
                pfn = next;
            }
        }
    }

    /// <summary>What the firmware says.</summary>
    public MemoryMap Map { get; }

    /// <summary>Possible CPUs.</summary>
    public int Cpus { get; }

    /// <summary>Which pages are RAM, and of which node.</summary>
    public NodeMap Ram { get; } = new();

    /// <summary>Pages of RAM.</summary>
    public ulong RamPages { get; }

    private static ulong NextNodeBorder(MemoryMap map, ulong pfn, ulong end)
    {
        foreach (Subsystems.Memblock.NodeRange range in map.NodeRanges)
        {
            ulong border = PageGeometry.PfnOf(range.Start);
            border = border > pfn ? border : PageGeometry.PfnOf(range.End);
            if (border > pfn)
            {
                return Math.Min(end, border);
            }
        }

        return end;
    }
}
