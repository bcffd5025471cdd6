using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Boots the simulated kernel as the captured one was booted and compares what can be seen from outside: log lines, scratch areas,
/// reserve_mem regions, early memory ranges, debugfs, and the outgoing hand-over. Addresses that the real page and slab allocators chose are
/// compared by what they must be (preserved, outside scratch), not by their values.
/// </summary>
internal static class BootCheck
{
    /// <summary>Checks a generation's own boot.</summary>
    public static CaseResult? Run(CaptureGeneration generation, KernelsByRelease kernels) => Run(generation, kernels.Find);

    /// <summary>Checks a generation's own boot with a build found by its release.</summary>
    public static CaseResult? Run(CaptureGeneration generation, Func<string, KernelBuild?> find)
    {
        string name = $"{generation.Name} boot";
        if (!generation.HasLog)
        {
            return CaseResult.Skip(name, "its log was not saved");
        }

        if (generation.Release.IsBefore(7, 0))
        {
            return CaseResult.Skip(name, "kho-v1 kernels are not simulated yet");
        }

        if (find(generation.Description.KernelBuild) is not { } build)
        {
            return CaseResult.Skip(name, $"no kernel file has release {generation.Description.KernelBuild}");
        }

        CapturedStart start;
        try
        {
            start = CapturedStart.Of(generation);
        }
        catch (NotSimulatedException obstacle)
        {
            return CaseResult.Skip(name, obstacle.Message);
        }

        return Compare(name, generation, CaptureBoot.Run(start, build));
    }

    private static CaseResult Compare(string name, CaptureGeneration generation, CaptureBoot boot)
    {
        Differences differences = new();
        differences.Lists("lines", boot.RealLines, boot.SimulatedLines);
        if (boot.Kernel.Death is { } death)
        {
            differences.Add($"the simulated kernel died: {death}");
            return differences.Result(name);
        }

        EarlyMemory early = boot.Kernel.Early;
        ScratchArea[]? areas = ScratchOf(generation);
        if (areas is not null)
        {
            differences.Lists("scratch areas", areas, early.Scratch.Areas);
        }

        if (generation.Description.ReserveMem is { } regions)
        {
            MemblockFdtEntry[] ours = boot.Kernel.Kho.Enabled ? early.ReserveMem.Entries.ToArray() : [];
            differences.Lists("reserve_mem", regions, [.. ours.Select(entry => new CaptureRegion(entry.Name, entry.Start, entry.SizeBytes))]);
        }

        CompareEarlyRanges(generation, boot, differences);
        CompareReserved(boot, differences);
        BootedHandoverCheck.Compare(generation, boot, differences);
        BootedDebugfsCheck.Compare(generation, boot, differences);
        return differences.Result(
            name,
            $"{boot.SimulatedLines.Count} lines, {areas?.Length ?? 0} scratch areas, {generation.Description.ReserveMem?.Count ?? 0} regions, "
            + $"{boot.Kernel.ReservedBlocks} blocks reserved; addresses of the outgoing root FDT, tree and blobs compared relative");
    }

    private static ScratchArea[]? ScratchOf(CaptureGeneration generation) =>
        generation.ReadDebugfs("out/scratch_phys") is { } addresses && generation.ReadDebugfs("out/scratch_len") is { } sizes
            ? ScratchFiles.Parse(generation.Name, addresses, sizes)
            : generation.Description.ScratchArray is { } handedOver ? [.. handedOver] : null;

    /// <summary>
    /// Ranges of memory as the early allocator holds them, split where scratch begins and ends. A cold boot chooses its scratch only after
    /// the kernel printed them: there what we hold later is joined again.
    /// </summary>
    private static void CompareEarlyRanges(CaptureGeneration generation, CaptureBoot boot, Differences differences)
    {
        IReadOnlyList<NodeRange> printed = generation.ReadEarlyNodeRanges();
        if (printed.Count == 0)
        {
            return;
        }

        List<NodeRange> ours = [];
        foreach (MemblockRegion region in boot.Kernel.Early.Memblock.Memory.Regions)
        {
            NodeRange range = new(region.Base, region.End, Math.Max(region.Node, 0));
            if (boot.Kernel.Incoming is null && ours.Count > 0 && ours[^1].End == range.Start && ours[^1].Node == range.Node)
            {
                ours[^1] = ours[^1] with { End = range.End };
            }
            else
            {
                ours.Add(range);
            }
        }

        differences.Lists("early memory ranges", [.. printed.Select(Show)], [.. ours.Select(Show)]);
    }

    /// <summary>Every block that the predecessor preserved is kept from the page allocator.</summary>
    private static void CompareReserved(CaptureBoot boot, Differences differences)
    {
        if (boot.Kernel.Incoming is null || boot.Start.Predecessor is not { } predecessor || predecessor.Description.Actions.Any(action => action.IsInjection))
        {
            return;
        }

        IReadOnlyList<CaptureBlock> preserved = predecessor.ReadBlocks();
        differences.Equal("blocks reserved", preserved.Count, boot.Kernel.ReservedBlocks);
        MemblockRegions reserved = boot.Kernel.Early.Memblock.Reserved;
        foreach (CaptureBlock block in preserved)
        {
            ulong at = block.Phys;
            ulong end = at + ((ulong)PageGeometry.SizeBytes << block.Order);
            for (int i = reserved.FirstEndingAfter(at); i < reserved.Count && reserved[i].Base <= at && at < end; i++)
            {
                at = reserved[i].End;
            }

            if (at < end)
            {
                differences.Add($"block 0x{block.Phys:x} of order {block.Order} was preserved and is not reserved from 0x{at:x} on");
            }
        }
    }

    private static string Show(NodeRange range) => $"node {range.Node} 0x{range.Start:x}-0x{range.End - 1:x}";
}
