using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Host.Reports.Machines;

/// <summary>A blob that a root FDT in RAM names.</summary>
/// <param name="Phys">Its address, in RAM.</param>
/// <param name="SizeBytes">Its size; null where the ABI generation has none.</param>
internal readonly record struct SubtreeBlob(ulong Phys, ulong? SizeBytes)
{
    /// <summary>Finds a blob that a kernel received.</summary>
    /// <param name="generation">The kernel.</param>
    /// <param name="name">Name of the sub-node.</param>
    /// <returns>The blob; null when there is none, or it is not in RAM.</returns>
    public static SubtreeBlob? Incoming(LiveGeneration generation, string name) => Find(generation, generation.ReadIncomingFdt(), name);

    /// <summary>Finds a blob that a kernel hands over.</summary>
    /// <param name="generation">The kernel.</param>
    /// <param name="name">Name of the sub-node.</param>
    /// <returns>The blob; null when there is none, or it is not in RAM.</returns>
    public static SubtreeBlob? Outgoing(LiveGeneration generation, string name) => Find(generation, generation.ReadRootFdt(), name);

    private static SubtreeBlob? Find(LiveGeneration generation, byte[]? rootFdt, string name)
    {
        KernelStart start = generation.Kernel.Start;
        return rootFdt is not null
            && RootFdt.FindSubtree(rootFdt, start.Build.Abi, name, out ulong phys, out ulong? sizeBytes) == SubtreeLookup.Found
            && start.Memory.Ram.Contains(PageGeometry.PfnOf(phys))
            ? new SubtreeBlob(phys, sizeBytes)
            : null;
    }
}
