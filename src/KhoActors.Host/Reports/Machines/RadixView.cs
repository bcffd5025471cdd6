using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Host.Reports.Machines;

/// <summary>What is preserved for the next kernel, as the tree in RAM records it.</summary>
internal sealed class RadixView : MachineView
{
    private const int RootLevel = 5;

    /// <inheritdoc/>
    public override string Name => "radix";

    /// <inheritdoc/>
    public override string Summary => "preserved blocks by order, and the tree's pages";

    /// <inheritdoc/>
    public override void WriteText(LiveGeneration generation, string? item, Terminal terminal)
    {
        TrackedBlocks tracked = TreeOf(generation);
        SummaryTable table = new(">order", ">blocks", ">KiB");
        foreach (TrackedOrder order in tracked.Orders)
        {
            table.Row(Number((ulong)order.Order), Number((ulong)order.Blocks), Number(order.Bytes >> 10));
        }

        table.Row("all", Number((ulong)tracked.Blocks.Count), Number(tracked.TotalBytes >> 10));
        table.Write(terminal);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine($"tree at {Hex(generation.Kernel.Kho.MapPhys)}: {string.Join(", ", Levels(tracked).Select(DescribeLevel))}");
        if (tracked.Damage.Length > 0)
        {
            terminal.Out.WriteLine($"a kernel that walks it stops with: {tracked.Damage}");
        }
    }

    /// <inheritdoc/>
    public override void WriteJson(LiveGeneration generation, string? item, Utf8JsonWriter json)
    {
        TrackedBlocks tracked = TreeOf(generation);
        json.WriteStartObject();
        json.WriteString("root", Hex(generation.Kernel.Kho.MapPhys));
        json.WriteString("damage", tracked.Damage);
        json.WriteStartArray("levels");
        foreach ((int level, int pages) in Levels(tracked))
        {
            json.WriteStartObject();
            json.WriteNumber("level", level);
            json.WriteNumber("pages", pages);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        JsonReport.WriteOrders(tracked.Orders, json);
        json.WriteStartArray("blocks");
        foreach (PreservedBlock block in tracked.Blocks)
        {
            json.WriteStartObject();
            json.WriteString("phys", Hex(block.Phys));
            json.WriteNumber("order", block.Order);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static TrackedBlocks TreeOf(LiveGeneration generation) => generation.Kernel.Kho.Enabled
        ? generation.ReadTracker()
        : throw new UsageException("KHO is off in this kernel: it preserves nothing");

    private static IEnumerable<(int Level, int Pages)> Levels(TrackedBlocks tracked) =>
        tracked.Pages.GroupBy(static page => page.Level).OrderByDescending(static level => level.Key).Select(static level => (level.Key, level.Count()));

    private static string DescribeLevel((int Level, int Pages) count) => count.Level switch
    {
        RootLevel => "the root",
        0 => string.Create(CultureInfo.InvariantCulture, $"{count.Pages} {(count.Pages == 1 ? "leaf" : "leaves")}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count.Pages} of level {count.Level}"),
    };

    private static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
