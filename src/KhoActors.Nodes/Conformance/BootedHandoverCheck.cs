using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// What a simulated kernel is ready to hand over when its initcalls are done, against what the captured one shows in debugfs and left at
/// its jump. Clients that are not simulated are left out.
/// </summary>
internal static class BootedHandoverCheck
{
    /// <summary>Clients whose sub-trees the simulated kernel publishes.</summary>
    public static readonly string[] SimulatedClients = [MemblockFdt.SubtreeName, KexecMetadata.SubtreeName];

    /// <summary>Whether the simulated kernel publishes a sub-tree: also those whose random content has a check of its own.</summary>
    public static bool IsSimulated(CaptureBoot boot, string name) =>
        SimulatedClients.Contains(name) || (name == TestKhoFdt.SubtreeName && boot.Kernel.Start.Clients.Contains(TestKhoActor.Client));

    /// <summary>Compares.</summary>
    public static void Compare(CaptureGeneration generation, CaptureBoot boot, Differences differences)
    {
        bool real = generation.ReadDebugfs("out/scratch_phys") is not null;
        if (generation.HasDebugfsListing)
        {
            differences.Equal("KHO is on", real, boot.Kernel.Kho.Enabled);
        }

        if (!boot.Kernel.Kho.Enabled)
        {
            return;
        }

        // A client with random content has a check of its own.
        RootFdtView ours = boot.RootFdtAt(boot.Kernel.Kho.FdtPhys);
        ours = ours with { Subnodes = [.. ours.Subnodes.Where(subnode => SimulatedClients.Contains(subnode.Name))] };
        List<CaptureBlock> blocks = boot.ReadOutgoingBlocks();
        ComparePlaces(boot, ours, blocks, differences);
        if (generation.Description.Handover is { } handover && !generation.Description.Actions.Any(action => action.IsInjection))
        {
            CompareRoot(handover, ours, differences);
            CompareRegions(generation, blocks, differences);
        }
    }

    /// <summary>The root FDT and every blob lie outside scratch and are preserved themselves.</summary>
    private static void ComparePlaces(CaptureBoot boot, RootFdtView ours, List<CaptureBlock> blocks, Differences differences)
    {
        IEnumerable<(string Name, ulong Phys)> places = ours.Subnodes.Select(subnode => (subnode.Name, subnode.Phys ?? 0));
        foreach ((string name, ulong phys) in places.Prepend(("the root FDT", boot.Kernel.Kho.FdtPhys)))
        {
            if (!blocks.Contains(new CaptureBlock(phys, 0)))
            {
                differences.Add($"{name} at 0x{phys:x} is not preserved");
            }

            if (boot.Kernel.Early.Scratch.Overlaps(phys, PageGeometry.SizeBytes))
            {
                differences.Add($"{name} at 0x{phys:x} lies in scratch");
            }
        }

        differences.Equal("compatible", boot.Build.Abi.Compatible, ours.Compatible);
        differences.Hex("preserved-memory-map", boot.Kernel.Kho.MapPhys, ours.MapPhys ?? 0);
    }

    private static void CompareRoot(CaptureHandover handover, RootFdtView ours, Differences differences)
    {
        CaptureSubnode[] known = [.. handover.Subnodes.Where(subnode => SimulatedClients.Contains(subnode.Name))];
        differences.Equal("compatible", handover.Compatible, ours.Compatible);
        differences.Lists("sub-nodes", [.. known.Select(s => (s.Name, s.SizeBytes))], [.. ours.Subnodes.Select(s => (s.Name, s.SizeBytes))]);
        if (known.Length == handover.Subnodes.Count)
        {
            differences.Equal("totalsize of the root FDT", handover.TotalSizeBytes, ours.TotalSizeBytes);
        }
    }

    /// <summary>The blocks of each region: how a range is split depends on its address alone.</summary>
    private static void CompareRegions(CaptureGeneration generation, List<CaptureBlock> ours, Differences differences)
    {
        IReadOnlyList<CaptureBlock> captured = generation.ReadBlocks();
        foreach (CaptureRegion region in generation.Description.ReserveMem ?? [])
        {
            ulong first = region.Start & ~(ulong)(PageGeometry.SizeBytes - 1);
            ulong end = first + (region.SizeBytes & ~(ulong)(PageGeometry.SizeBytes - 1));
            bool IsInside(CaptureBlock block) => block.Phys >= first && block.Phys < end;
            differences.Lists($"blocks of {region.Name}", [.. captured.Where(IsInside)], [.. ours.Where(IsInside)]);
        }
    }
}
