using System.Globalization;
using KhoActors.Nodes.Conformance;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Host.Reports;

/// <summary>A boot from captured memory as a person reads it: what the kernel was given, said and found, and whether the real one agrees.</summary>
/// <param name="boot">The boot.</param>
/// <param name="terminal">Receives it.</param>
internal sealed class BootStory(CaptureBoot boot, Terminal terminal)
{
    private const string TestFailed = "test_kho: KHO restore failed";

    private const ulong Mebibyte = 1UL << 20;

    /// <summary>Tells it.</summary>
    public void Tell()
    {
        TellGiven();
        TellLog();
        TellFound();
        TellRegions();
        TellVerdict();
    }

    private void TellGiven()
    {
        CapturedStart start = boot.Start;
        string origin = start.Predecessor is { } predecessor
            ? $"from the memory of a real Linux {predecessor.Description.KernelBuild}"
            : "cold";
        Line($"Booting a simulated Linux {boot.Build.Release} {origin}");
        Line();
        Field("capture", start.Predecessor?.Name ?? start.Name);
        Field("kernel", $"{boot.Build.Name}: {boot.Build.Summary}");
        Field("memory", $"{Size(RamBytes())} of RAM, of which {start.Pages?.Pages.Count ?? 0} pages were captured; the rest reads as zero");
        Field("image", $"0x{start.Source.ImagePhys:x}, RAM disk 0x{start.Source.Initrd.Phys:x} ({Size(start.Source.Initrd.SizeBytes)})");
        Field("hand-off", boot.Kernel.Handoff is { } handoff
            ? $"root FDT 0x{handoff.FdtPhys:x} ({handoff.FdtSizeBytes} bytes), scratch array 0x{handoff.ScratchPhys:x} ({handoff.ScratchSizeBytes} bytes)"
            : "none");
        Line();
    }

    private void TellLog()
    {
        bool compares = boot.Verdict != BootVerdict.NothingToCompare;
        Line(compares ? "It says (lines marked = are the real kernel's own, ! are not; others are not compared)" : "It says");
        int compared = 0;
        foreach (LogLine line in boot.Kernel.Log.Lines)
        {
            bool counts = compares && CaptureBoot.IsCompared(line);
            Line($"  {(counts ? Mark(compared++) : ' ')} {line}");
            if (line.Text == TestFailed)
            {
                Line("      (a capture need not hold the content of what test_kho saved; then its checksum cannot come out)");
            }
        }

        if (boot.Kernel.Death is { } death)
        {
            Line($"  {(compares ? Mark(compared) : ' ')} <1>{death}");
        }

        Line();
    }

    private void TellFound()
    {
        if (boot.ReadFound() is not { } found)
        {
            Line(boot.Kernel.Handoff is null ? "Nothing was handed over." : "It accepted nothing of its predecessor.");
            Line();
            return;
        }

        Line($"It found ({found.RootFdt.Compatible})");
        foreach (InspectedBlob blob in found.Blobs)
        {
            string size = blob.SizeBytes is { } bytes ? $"{bytes,5} bytes" : "           ";
            Line($"    {blob.Name,-14}  0x{blob.Phys ?? 0:x9}  {size}  {blob.Content}");
        }

        ulong preserved = found.Orders.Aggregate(0UL, static (sum, order) => sum + order.Bytes);
        string orders = string.Join(", ", found.Orders.Select(static order => $"{order.Blocks} of order {order.Order}"));
        Line($"    {"preserved",-14}  {Count((ulong)found.BlockCount, "block")}, {Size(preserved)}: {orders}");
        for (int i = 0; i < boot.Kernel.Early.Scratch.Areas.Count; i++)
        {
            ScratchArea area = boot.Kernel.Early.Scratch.Areas[i];
            Line($"    {(i == 0 ? "scratch" : string.Empty),-14}  0x{area.Phys:x9}  {Size(area.SizeBytes)}");
        }

        Line();
    }

    private void TellRegions()
    {
        ReadOnlySpan<MemblockFdtEntry> regions = boot.Kernel.Early.ReserveMem.Entries;
        if (regions.IsEmpty || boot.Kernel.Death is not null)
        {
            return;
        }

        Line("Regions of reserve_mem=");
        foreach (ref readonly MemblockFdtEntry region in regions)
        {
            string outcome = boot.Revived(region.Name) ? "revived" : "fresh";
            Line($"    {region.Name,-14}  0x{region.Start:x9}  {Size(region.SizeBytes),9}  {outcome,-8}  {Pattern(boot.CheckPattern(region))}");
        }

        Line();
    }

    private void TellVerdict()
    {
        string real = boot.Start.KernelBuild.Length > 0 ? boot.Start.KernelBuild : "kernel";
        string end = boot.Kernel.Death is null ? "booted" : "died booting";
        switch (boot.Verdict)
        {
            case BootVerdict.Same:
                string lines = Count((ulong)boot.RealLines.Count, "line");
                Line($"The real {real} {end} from the same memory: {lines} of KHO, memblock and reserve_mem, the same, in the same order.");
                break;
            case BootVerdict.Different:
                Line($"The real {real} differs. It printed:");
                foreach (LogLine line in boot.RealLines)
                {
                    Line($"    {line}");
                }

                break;
            default:
                Line("No real kernel booted from this memory: there is nothing to compare with.");
                break;
        }
    }

    private static string Pattern(FillPatternResult pattern) =>
        pattern.Pages == 0 ? "no pattern was written into it"
        : pattern.InCapture == 0 ? $"pattern on {Count(pattern.Pages, "page")}: not in the capture, which holds metadata only"
        : pattern.Intact == pattern.InCapture ? $"pattern intact on {pattern.Intact} captured of {Count(pattern.Pages, "page")}"
        : $"pattern broken on {pattern.InCapture - pattern.Intact} of {pattern.InCapture} captured pages";

    private static string Size(ulong bytes) =>
        bytes % Mebibyte == 0 ? $"{bytes / Mebibyte} MiB"
        : bytes > Mebibyte ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)Mebibyte:N1} MiB")
        : $"{bytes >> 10} KiB";

    private static string Count(ulong count, string what) => $"{count} {what}{(count == 1 ? string.Empty : "s")}";

    private ulong RamBytes() => boot.Start.Map.Ram.Aggregate(0UL, static (sum, range) => sum + range.End - range.Start);

    private char Mark(int index) =>
        index < boot.RealLines.Count && boot.RealLines[index] == boot.SimulatedLines[index] ? '=' : '!';

    private void Field(string name, string value) => Line($"    {name,-14}  {value}");

    /// <summary>A captured name or line may hold control characters: a terminal must not act on them.</summary>
    private void Line(string text = "") => terminal.Out.WriteLine(string.Concat(text.Select(static c => char.IsControl(c) ? '?' : c)));
}
