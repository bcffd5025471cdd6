using System.Text.Json;
using KhoActors.Nodes.Conformance;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Host.Reports;

/// <summary>A boot from captured memory as JSON. Addresses are strings in hexadecimal, sizes are numbers of bytes.</summary>
internal static class BootJson
{
    /// <summary>Writes it.</summary>
    /// <param name="boot">The boot.</param>
    /// <param name="terminal">Receives it.</param>
    public static void Write(CaptureBoot boot, Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteString("capture", boot.Start.Predecessor?.Name ?? boot.Start.Name);
        json.WriteString("kernel", boot.Build.Name);
        json.WriteString("release", boot.Build.Release);
        json.WriteString("real_kernel", boot.Start.KernelBuild);
        json.WriteString("command_line", boot.Start.CommandLine);
        json.WriteString("image", Hex(boot.Start.Source.ImagePhys));
        WriteHandoff(boot, json);
        WriteLines("log", boot.Kernel.Log.Lines, json);
        json.WriteString("death", boot.Kernel.Death);
        WriteFound(boot, json);
        WriteScratch(boot, json);
        WriteRegions(boot, json);
        json.WriteString("verdict", boot.Verdict switch
        {
            BootVerdict.Same => "same",
            BootVerdict.Different => "different",
            _ => "nothing-to-compare",
        });
        WriteLines("compared", boot.SimulatedLines, json);
        WriteLines("real", boot.RealLines, json);
        json.WriteEndObject();
    });

    private static void WriteHandoff(CaptureBoot boot, Utf8JsonWriter json)
    {
        if (boot.Kernel.Handoff is not { } handoff)
        {
            json.WriteNull("hand_off");
            return;
        }

        json.WriteStartObject("hand_off");
        json.WriteString("fdt", Hex(handoff.FdtPhys));
        json.WriteNumber("fdt_bytes", handoff.FdtSizeBytes);
        json.WriteString("scratch", Hex(handoff.ScratchPhys));
        json.WriteNumber("scratch_bytes", handoff.ScratchSizeBytes);
        json.WriteEndObject();
    }

    private static void WriteLines(string name, IReadOnlyList<LogLine> lines, Utf8JsonWriter json)
    {
        json.WriteStartArray(name);
        foreach (LogLine line in lines)
        {
            json.WriteStartObject();
            json.WriteNumber("level", (int)line.Level);
            json.WriteString("text", line.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteFound(CaptureBoot boot, Utf8JsonWriter json)
    {
        if (boot.ReadFound() is not { } found)
        {
            json.WriteNull("found");
            return;
        }

        json.WriteStartObject("found");
        json.WriteString("compatible", found.RootFdt.Compatible);
        json.WriteString("preserved_memory_map", Hex(found.RootFdt.MapPhys ?? 0));
        json.WriteStartArray("blobs");
        foreach (InspectedBlob blob in found.Blobs)
        {
            json.WriteStartObject();
            json.WriteString("name", blob.Name);
            json.WriteString("phys", Hex(blob.Phys ?? 0));
            json.WriteNumber("bytes", blob.SizeBytes ?? 0);
            json.WriteString("content", blob.Content);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        JsonReport.WriteOrders(found.Orders, json);
        json.WriteEndObject();
    }

    private static void WriteScratch(CaptureBoot boot, Utf8JsonWriter json)
    {
        json.WriteStartArray("scratch");
        foreach (ScratchArea area in boot.Kernel.Early.Scratch.Areas)
        {
            json.WriteStartObject();
            json.WriteString("phys", Hex(area.Phys));
            json.WriteNumber("bytes", area.SizeBytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRegions(CaptureBoot boot, Utf8JsonWriter json)
    {
        json.WriteStartArray("reserve_mem");
        foreach (ref readonly MemblockFdtEntry region in boot.Kernel.Early.ReserveMem.Entries)
        {
            FillPatternResult pattern = boot.CheckPattern(region);
            json.WriteStartObject();
            json.WriteString("name", region.Name);
            json.WriteString("phys", Hex(region.Start));
            json.WriteNumber("bytes", region.SizeBytes);
            json.WriteString("outcome", boot.Revived(region.Name) ? "revived" : "fresh");
            json.WriteNumber("pattern_pages", pattern.Pages);
            json.WriteNumber("pattern_pages_captured", pattern.InCapture);
            json.WriteNumber("pattern_pages_intact", pattern.Intact);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Hex(ulong value) => $"0x{value:x}";
}
