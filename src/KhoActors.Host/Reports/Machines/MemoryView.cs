using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Host.Reports.Machines;

/// <summary>How RAM is shared out: who owns how many pages, what is reserved, preserved and scratch.</summary>
internal sealed class MemoryView : MachineView
{
    /// <inheritdoc/>
    public override string Name => "memory";

    /// <inheritdoc/>
    public override string Summary => "pages by owner; free, reserved, preserved and scratch";

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        KhoCore kho = generation.Kernel.Kho;
        SummaryTable owners = new("owner", ">pages", ">KiB", ">of them reserved at boot");
        foreach (OwnedPages owned in kho.Pages.CountOwners(generation.Kernel.Start.Memory.Ram))
        {
            owners.Row(owned.Owner.ToString(), Number(owned.Pages), Kibibytes(owned.Pages), Number(owned.ReservedPages));
        }

        ulong ram = generation.Kernel.Start.Memory.RamPages;
        owners.Row("all RAM", Number(ram), Kibibytes(ram), string.Empty);
        owners.Write(terminal);
        terminal.Out.WriteLine();
        SummaryTable uses = new("use", ">pages", ">KiB", "at");
        TrackedBlocks preserved = generation.ReadTracker();
        AddUse("preserved for the next kernel", preserved.TotalBytes, $"{preserved.Blocks.Count} blocks");
        foreach (ScratchArea area in generation.Kernel.Early.Scratch.Areas)
        {
            AddUse("scratch", area.SizeBytes, Hex(area.Phys));
        }

        foreach (ref readonly MemblockFdtEntry region in generation.Kernel.Early.ReserveMem.Entries)
        {
            AddUse($"reserve_mem {region.Name}", region.SizeBytes, Hex(region.Start));
        }

        AddUse("free in CMA (scratch)", kho.Pages.FreeCmaPages << PageGeometry.Shift, string.Empty);
        uses.Write(terminal);

        void AddUse(string use, ulong bytes, string at) => uses.Row(use, Number(bytes >> PageGeometry.Shift), Number(bytes >> 10), at);
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        KhoCore kho = generation.Kernel.Kho;
        json.WriteStartObject();
        json.WriteNumber("ram_pages", generation.Kernel.Start.Memory.RamPages);
        json.WriteNumber("free_pages", kho.Pages.FreePages);
        json.WriteNumber("free_cma_pages", kho.Pages.FreeCmaPages);
        json.WriteStartArray("owners");
        foreach (OwnedPages owned in kho.Pages.CountOwners(generation.Kernel.Start.Memory.Ram))
        {
            json.WriteStartObject();
            json.WriteString("owner", owned.Owner.ToString());
            json.WriteNumber("pages", owned.Pages);
            json.WriteNumber("reserved_pages", owned.ReservedPages);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        TrackedBlocks preserved = generation.ReadTracker();
        json.WriteStartObject("preserved");
        json.WriteNumber("blocks", preserved.Blocks.Count);
        json.WriteNumber("bytes", preserved.TotalBytes);
        json.WriteEndObject();
        json.WriteStartArray("scratch");
        foreach (ScratchArea area in generation.Kernel.Early.Scratch.Areas)
        {
            WriteRange(null, area.Phys, area.SizeBytes, json);
        }

        json.WriteEndArray();
        json.WriteStartArray("reserve_mem");
        foreach (ref readonly MemblockFdtEntry region in generation.Kernel.Early.ReserveMem.Entries)
        {
            WriteRange(region.Name, region.Start, region.SizeBytes, json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRange(string? name, ulong phys, ulong sizeBytes, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (name is not null)
        {
            json.WriteString("name", name);
        }

        json.WriteString("phys", Hex(phys));
        json.WriteNumber("bytes", sizeBytes);
        json.WriteEndObject();
    }

    private static string Kibibytes(ulong pages) => Number(pages << (PageGeometry.Shift - 10));

    private static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
