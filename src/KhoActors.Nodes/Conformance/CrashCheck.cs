using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>A chain that ended because the tracker of the last generation made the next kernel crash: our walk must crash on the same address.</summary>
internal static class CrashCheck
{
    private const string PageFault = "BUG: unable to handle page fault for address: ";

    /// <summary>Checks the crash.</summary>
    /// <returns>The result, or null unless the next kernel left nothing but a console with a page fault.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (generation.Next is not null || generation.Capture.ReadConsoleTail() is not { } console
            || HandoverMaterial.Load(generation) is not { Abi.Tracker: TrackerKind.Radix } material)
        {
            return null;
        }

        string crash = console.Select(CaptureLog.WithoutTimeStamp).FirstOrDefault(line => line.StartsWith(PageFault, StringComparison.Ordinal)) ?? string.Empty;
        Differences differences = new();
        differences.Equal("crash of the next kernel", crash, Predict(material, generation.ReadMemoryMap()));
        return differences.Result($"{generation.Name} crash");
    }

    private static string Predict(HandoverMaterial material, MemoryMap map)
    {
        bool IsRam(ulong pfn) => map.Ram.Any(ram => PageGeometry.PhysOf(pfn) >= ram.Start && PageGeometry.PhysOf(pfn) < ram.End);
        RootFdtView view = RootFdtView.Read(material.RootPage(material.AsReceived));
        if (view.MapPhys is not ({ } root and not 0))
        {
            return string.Empty;
        }

        try
        {
            StampBlocks stamp = new(IsRam);
            RadixTree.Attach(material.AsReceived, root, isRam: IsRam).Walk(ref stamp);
            return string.Empty;
        }
        catch (SimulatedOopsException oops)
        {
            return oops.Message;
        }
    }

    /// <summary>The next kernel stamps the head page of each block that it meets.</summary>
    private struct StampBlocks(Func<ulong, bool> isRam) : IBlockVisitor
    {
        // A damaged tree may reach one leaf along millions of paths.
        private const int BlocksMax = 4 << 20;

        private int _blocks;

        public int Visit(ulong phys, int order)
        {
            ulong pfn = PageGeometry.PfnOf(phys);
            return !isRam(pfn) ? throw SimulatedOopsException.BadPageFrame(pfn) : ++_blocks > BlocksMax ? 1 : 0;
        }
    }
}
