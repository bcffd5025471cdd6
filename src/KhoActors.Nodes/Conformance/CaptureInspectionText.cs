using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Conformance;

/// <summary>An inspected capture as text for people.</summary>
internal static class CaptureInspectionText
{
    /// <summary>Longer lists of blocks are only summed up; the JSON form holds them all.</summary>
    private const int BlocksListedMax = 64;

    /// <summary>Writes everything, section by section.</summary>
    public static void Write(CaptureInspection inspection, TextWriter output)
    {
        CaptureDescription description = inspection.Generation.Description;
        Line(output, inspection.Generation.Name);
        Line(output, $"  kernel        {description.KernelBuild}");
        Line(output, $"  command line  {description.CommandLine}");
        if (description.Injected.Length > 0)
        {
            Line(output, $"  damaged       {description.Injected}");
        }

        WriteMap(inspection, output);
        WriteReceived(description, output);
        WriteHandOff(description, output);
        WriteHandover(inspection, output);
        WriteLog(inspection, output);
    }

    private static void WriteMap(CaptureInspection inspection, TextWriter output)
    {
        if (inspection.MemoryMap is not { } map)
        {
            return;
        }

        Line(output, "memory map");
        foreach (FirmwareRange range in map.Ranges)
        {
            Line(output, $"  0x{range.Start:x16}-0x{range.End - 1:x16}  {(range.Kind == FirmwareRangeKind.Ram ? "RAM" : "reserved")}");
        }

        foreach (NodeRange node in map.NodeRanges)
        {
            Line(output, $"  0x{node.Start:x16}-0x{node.End - 1:x16}  node {node.Node}");
        }
    }

    private static void WriteReceived(CaptureDescription description, TextWriter output)
    {
        if (description.Incoming is { Handoff: var received })
        {
            string scratch = $"scratch array 0x{received.ScratchPhys:x} ({received.ScratchSizeBytes} bytes)";
            Line(output, $"received: root FDT 0x{received.FdtPhys:x} ({received.FdtSizeBytes} bytes), {scratch}");
        }
    }

    private static void WriteHandOff(CaptureDescription description, TextWriter output)
    {
        if (description.ReserveMem is { Count: > 0 } table)
        {
            Line(output, "reserve_mem");
            foreach (CaptureRegion region in table)
            {
                Line(output, $"  {region.Name,-15}  0x{region.Start:x}, {region.SizeBytes} bytes");
            }
        }

        if (description.ScratchArray is { } areas)
        {
            Line(output, "scratch handed over");
            foreach (ScratchArea area in areas)
            {
                Line(output, $"  0x{area.Phys:x}, {area.SizeBytes >> 20} MiB");
            }
        }

        if (description.SetupDataNodePhys is { } node)
        {
            Line(output, $"setup_data node at 0x{node:x}");
        }
    }

    private static void WriteHandover(CaptureInspection inspection, TextWriter output)
    {
        if (inspection.RootFdt is not { } root)
        {
            Line(output, "nothing handed over was saved");
            return;
        }

        Line(output, $"root FDT at 0x{inspection.RootFdtPhys:x}, {root.TotalSizeBytes} bytes, header {root.HeaderCode}");
        Indented(output, inspection.RootDts);
        foreach (InspectedBlob blob in inspection.Blobs)
        {
            Line(output, $"blob {blob.Name} at 0x{blob.Phys ?? 0:x}: {blob.Content}");
            Indented(output, blob.Dts);
        }

        if (inspection.Damage.Length > 0)
        {
            Line(output, $"the tree is damaged, a kernel that walks it stops with: {inspection.Damage}");
        }

        ulong bytes = 0;
        Line(output, $"preserved blocks: {inspection.Blocks.Count} (from {inspection.SavedPages} saved pages)");
        foreach (CaptureBlock block in inspection.Blocks.Count <= BlocksListedMax ? inspection.Blocks : [])
        {
            Line(output, $"  0x{block.Phys:x9}  order {block.Order,2}");
        }

        foreach (TrackedOrder order in inspection.Orders)
        {
            Line(output, $"  order {order.Order,2}  {order.Blocks,8} blocks  {order.Bytes,14} bytes");
            bytes += order.Bytes;
        }

        Line(output, $"  total     {inspection.Blocks.Count,8} blocks  {bytes,14} bytes");
    }

    private static void WriteLog(CaptureInspection inspection, TextWriter output)
    {
        Line(output, "log");
        foreach (LogLine line in inspection.Log)
        {
            Line(output, $"  {line}");
        }
    }

    private static void Indented(TextWriter output, string text)
    {
        foreach (string line in text.TrimEnd('\n').Split('\n').Where(line => line.Length > 0))
        {
            Line(output, $"  {line}");
        }
    }

    /// <summary>A captured name or log line may hold control characters: a terminal must not act on them.</summary>
    private static void Line(TextWriter output, string text)
    {
        foreach (char c in text)
        {
            output.Write(char.IsControl(c) && c != '\t' ? '?' : c);
        }

        output.Write('\n');
    }
}
