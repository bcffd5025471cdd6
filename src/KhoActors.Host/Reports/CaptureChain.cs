using System.Globalization;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Host.Reports;

/// <summary>A whole capture at a glance: one row for each generation.</summary>
internal static class CaptureChain
{
    private const string None = "-";

    /// <summary>Writes the table.</summary>
    /// <param name="capture">The capture.</param>
    /// <param name="inspections">Its generations.</param>
    /// <param name="terminal">Receives it.</param>
    public static void Write(Capture capture, IReadOnlyList<CaptureInspection> inspections, Terminal terminal)
    {
        terminal.Out.WriteLine($"{capture.Name}: {capture.Description}");
        terminal.Out.WriteLine();
        SummaryTable table = new(">gen", "kernel", "root FDT", ">blocks", ">preserved KiB", "command line");
        foreach (CaptureInspection inspection in inspections)
        {
            CaptureDescription description = inspection.Generation.Description;
            bool saved = inspection.RootFdt is not null;
            table.Row(
                Number((ulong)description.Number),
                description.KernelBuild,
                saved ? $"0x{inspection.RootFdtPhys:x} {inspection.RootFdt!.Compatible}".TrimEnd() : None,
                saved ? Number((ulong)inspection.Blocks.Count) : None,
                saved ? Number(inspection.Orders.Aggregate(0UL, static (sum, order) => sum + order.Bytes) >> 10) : None,
                description.CommandLine);
        }

        table.Write(terminal);
    }

    private static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
