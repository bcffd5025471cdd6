using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>The hand-off itself: KHO's setup_data node and the scratch array, in memory, in case.json and as the next kernel shows them.</summary>
internal static class HandOffCheck
{
    /// <summary>Checks the hand-off of a generation.</summary>
    /// <returns>The result, or null when nothing was saved.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (generation.Description.SetupDataNodePhys is not { } nodePhys || !generation.HasPages)
        {
            return null;
        }

        Differences differences = new();
        CapturePages pages = generation.ReadPages();
        PhysicalMemory memory = pages.ToMemory();
        SetupDataNode node = SetupData.ReadNode(memory, nodePhys);
        KhoHandoff handoff = SetupData.ReadKhoPayload(memory, nodePhys);
        differences.Equal("type of the node", SetupData.KexecKhoType, node.Type);
        differences.Equal("length of the node", (uint)SetupData.KhoPayloadBytes, node.PayloadBytes);
        differences.Hex("FDT address", pages.RootFdtPhys, handoff.FdtPhys);
        differences.Equal("FDT size", (ulong)PageGeometry.SizeBytes, handoff.FdtSizeBytes);
        CompareNodeBytes(memory, nodePhys, node, handoff, differences);
        CompareScratch(generation, memory, handoff, differences);
        CompareNextKernel(generation, memory, node, handoff, differences);
        return differences.Result($"{generation.Name} hand-off");
    }

    private static void CompareNodeBytes(PhysicalMemory memory, ulong phys, SetupDataNode node, in KhoHandoff handoff, Differences differences)
    {
        byte[] captured = new byte[SetupData.KhoNodeBytes];
        memory.Read(phys, captured);
        PhysicalMemory written = new();
        SetupData.WriteKhoNode(written, phys, node.NextPhys, handoff);
        byte[] ours = new byte[SetupData.KhoNodeBytes];
        written.Read(phys, ours);
        differences.Bytes("node written again", captured, ours);
    }

    private static void CompareScratch(CaptureGeneration generation, PhysicalMemory memory, in KhoHandoff handoff, Differences differences)
    {
        if (generation.Description.ScratchArray is not { } recorded)
        {
            return;
        }

        differences.Equal("scratch array bytes", (ulong)recorded.Count * ScratchArea.EntryBytes, handoff.ScratchSizeBytes);
        ulong phys = handoff.ScratchPhys;
        List<ScratchArea> areas = [];
        for (int i = 0; i < recorded.Count; i++, phys += ScratchArea.EntryBytes)
        {
            areas.Add(new ScratchArea(memory.ReadUInt64(phys), memory.ReadUInt64(phys + sizeof(ulong))));
        }

        differences.Lists("scratch areas", recorded, areas);
    }

    private static void CompareNextKernel(
        CaptureGeneration generation, PhysicalMemory memory, SetupDataNode node, in KhoHandoff handoff, Differences differences)
    {
        if (generation.Next is not { Description.Incoming: { } incoming } next)
        {
            return;
        }

        differences.Equal("what the next kernel received", incoming.Handoff, handoff);
        differences.Equal("type that the next kernel received", incoming.Type, node.Type);
        differences.Equal("length that the next kernel received", incoming.PayloadBytes, node.PayloadBytes);
        IReadOnlyList<CaptureSetupDataFile> shown = next.ReadSetupData();
        byte[] payload = new byte[SetupData.KhoPayloadBytes];
        memory.Read(node.Phys + SetupData.HeaderBytes, payload);
        if (shown.FirstOrDefault(file => file.Type == SetupData.KexecKhoType) is not { } file)
        {
            differences.Add("the next kernel shows no node of type 10");
            return;
        }

        differences.Bytes("node that the next kernel shows", file.Data, payload);
        if (shown[0].Type == SetupData.RngSeedType)
        {
            // The seed's node lies right behind KHO's and was pushed on the list after it.
            List<SetupDataNode> nodes = [];
            differences.Equal("walk of the list", 0, SetupData.Walk(memory, node.Phys + SetupData.KhoNodeBytes, nodes));
            differences.Lists("types in the list", [.. shown.Select(s => s.Type)], [.. nodes.Select(n => n.Type)]);
        }
    }
}
