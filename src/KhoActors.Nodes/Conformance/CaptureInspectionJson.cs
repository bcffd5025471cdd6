using System.Globalization;
using System.Text.Json;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Conformance;

/// <summary>An inspected capture as JSON. Field names are a promise.</summary>
internal static class CaptureInspectionJson
{
    /// <summary>Writes one object.</summary>
    public static void Write(CaptureInspection inspection, Utf8JsonWriter json)
    {
        CaptureDescription description = inspection.Generation.Description;
        json.WriteStartObject();
        json.WriteString("capture", inspection.Generation.Name);
        json.WriteNumber("generation", description.Number);
        json.WriteString("kernel", description.KernelBuild);
        json.WriteString("command_line", description.CommandLine);
        json.WriteString("injected", description.Injected);
        WriteMap(inspection.MemoryMap, json);
        WriteRegions("reserve_mem", (description.ReserveMem ?? []).Select(region => (region.Name, region.Start, region.SizeBytes)), json);
        WriteRegions(
            "scratch", (description.ScratchArray ?? []).Select((area, i) => (i.ToString(CultureInfo.InvariantCulture), area.Phys, area.SizeBytes)), json);
        WriteReceived(description, json);
        WriteHandover(inspection, json);
        WriteArray("log", inspection.Log, json, (writer, line) =>
        {
            writer.WriteNumber("level", (int)line.Level);
            writer.WriteString("text", line.Text);
        });
        json.WriteEndObject();
    }

    private static void WriteMap(MemoryMap? map, Utf8JsonWriter json)
    {
        WriteArray("memory_map", map?.Ranges ?? [], json, (writer, range) =>
        {
            Hex(writer, "start", range.Start);
            writer.WriteNumber("bytes", range.End - range.Start);
            writer.WriteString("kind", range.Kind == FirmwareRangeKind.Ram ? "ram" : "reserved");
        });
        WriteArray("nodes", map?.NodeRanges ?? [], json, (writer, range) =>
        {
            Hex(writer, "start", range.Start);
            writer.WriteNumber("bytes", range.End - range.Start);
            writer.WriteNumber("node", range.Node);
        });
    }

    private static void WriteRegions(string name, IEnumerable<(string Name, ulong Phys, ulong SizeBytes)> regions, Utf8JsonWriter json) =>
        WriteArray(name, regions, json, (writer, region) =>
        {
            writer.WriteString("name", region.Name);
            Hex(writer, "phys", region.Phys);
            writer.WriteNumber("bytes", region.SizeBytes);
        });

    private static void WriteReceived(CaptureDescription description, Utf8JsonWriter json)
    {
        if (description.Incoming is not { Handoff: var received })
        {
            json.WriteNull("received");
            return;
        }

        json.WriteStartObject("received");
        Hex(json, "fdt", received.FdtPhys);
        json.WriteNumber("fdt_bytes", received.FdtSizeBytes);
        Hex(json, "scratch", received.ScratchPhys);
        json.WriteNumber("scratch_bytes", received.ScratchSizeBytes);
        json.WriteEndObject();
    }

    private static void WriteHandover(CaptureInspection inspection, Utf8JsonWriter json)
    {
        if (inspection.RootFdt is not { } root)
        {
            json.WriteNull("handover");
            return;
        }

        json.WriteStartObject("handover");
        Hex(json, "root_fdt", inspection.RootFdtPhys);
        json.WriteNumber("header_code", root.HeaderCode);
        json.WriteString("compatible", root.Compatible);
        json.WriteNumber("totalsize", root.TotalSizeBytes);
        Hex(json, "preserved_memory_map", root.MapPhys ?? 0);
        json.WriteString("dts", inspection.RootDts);
        json.WriteNumber("saved_pages", inspection.SavedPages);
        json.WriteString("damage", inspection.Damage);
        WriteArray("blobs", inspection.Blobs, json, (writer, blob) =>
        {
            writer.WriteString("name", blob.Name);
            Hex(writer, "phys", blob.Phys ?? 0);
            writer.WriteNumber("bytes", blob.SizeBytes ?? 0);
            writer.WriteString("content", blob.Content);
            writer.WriteString("dts", blob.Dts);
        });
        WriteArray("orders", inspection.Orders, json, (writer, order) =>
        {
            writer.WriteNumber("order", order.Order);
            writer.WriteNumber("blocks", order.Blocks);
            writer.WriteNumber("bytes", order.Bytes);
        });
        WriteArray("blocks", inspection.Blocks, json, (writer, block) =>
        {
            Hex(writer, "phys", block.Phys);
            writer.WriteNumber("order", block.Order);
        });
        json.WriteEndObject();
    }

    private static void WriteArray<T>(string name, IEnumerable<T> items, Utf8JsonWriter json, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Hex(Utf8JsonWriter json, string name, ulong value) =>
        json.WriteString(name, string.Create(CultureInfo.InvariantCulture, $"0x{value:x}"));
}
