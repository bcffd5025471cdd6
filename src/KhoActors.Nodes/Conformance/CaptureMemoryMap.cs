using System.Globalization;
using System.Text.RegularExpressions;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>Reads what a captured kernel was told about memory: the firmware's map and the NUMA nodes.</summary>
internal static partial class CaptureMemoryMap
{
    private const int NodesMax = 1024;

    /// <summary>
    /// The map that the log shows, or that of /proc/iomem when the log does not hold it; nodes from the SRAT, else from the kernel's early
    /// node ranges when there is more than one node.
    /// </summary>
    public static MemoryMap Parse(string logFile, CaptureLog log, string iomemFile, string[] iomem)
    {
        List<FirmwareRange> ranges = [];
        List<NodeRange> srat = [];
        List<NodeRange> early = [];
        foreach (LogLine line in log.Lines)
        {
            AddFirmwareRange(ranges, line.Text);
            AddNodeRange(srat, SratLine(), line.Text);
            AddNodeRange(early, EarlyNodeLine(), line.Text);
        }

        string file = logFile;
        if (ranges.Count == 0)
        {
            ranges = ParseIomem(iomemFile, iomem);
            file = iomemFile;
        }

        List<NodeRange> nodes = srat.Count > 0 ? srat : early.Exists(range => range.Node != early[0].Node) ? early : [];
        ranges.Sort((left, right) => left.Start.CompareTo(right.Start));
        nodes.Sort((left, right) => left.Start.CompareTo(right.Start));
        try
        {
            return new MemoryMap(ranges, nodes);
        }
        catch (ArgumentException problem)
        {
            throw new CaptureFormatException(file, "memory map", problem.Message, problem);
        }
    }

    /// <summary>The top-level ranges of /proc/iomem, in its order.</summary>
    public static List<FirmwareRange> ParseIomem(string file, string[] lines)
    {
        List<FirmwareRange> ranges = [];
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0 || lines[i][0] == ' ')
            {
                continue;
            }

            Match match = IomemLine().Match(lines[i]);
            if (!match.Success || !TryRange(match, out ulong start, out ulong end))
            {
                throw new CaptureFormatException(file, $"line {i + 1}", "is not a range like 00001000-0009fbff : System RAM");
            }

            ranges.Add(new FirmwareRange(start, end, KindOf(match)));
        }

        return ranges;
    }

    /// <summary>The start of the kernel's code, which /proc/iomem shows inside RAM.</summary>
    public static ulong? FindKernelCode(string[] iomem)
    {
        foreach (string line in iomem)
        {
            Match match = IomemLine().Match(line.Trim());
            if (match.Success && match.Groups["type"].Value == "Kernel code" && TryRange(match, out ulong start, out _) && IsAddress(start))
            {
                return start;
            }
        }

        return null;
    }

    /// <summary>The initial RAM disk, from the kernel's line about it.</summary>
    public static PhysicalRange? FindRamDisk(CaptureLog log)
    {
        foreach (LogLine line in log.Lines)
        {
            Match match = RamDiskLine().Match(line.Text);
            if (match.Success && TryRange(match, out ulong start, out ulong end) && IsAddress(end))
            {
                return new PhysicalRange(start, end - start);
            }
        }

        return null;
    }

    /// <summary>The early node ranges of a log, in its order.</summary>
    public static List<NodeRange> EarlyNodeRanges(CaptureLog log)
    {
        List<NodeRange> ranges = [];
        foreach (LogLine line in log.Lines)
        {
            AddNodeRange(ranges, EarlyNodeLine(), line.Text);
        }

        return ranges;
    }

    private static bool IsAddress(ulong value) => value <= 1UL << PageGeometry.PhysicalAddressBits;

    private static FirmwareRangeKind KindOf(Match match) =>
        match.Groups["type"].Value is "System RAM" or "usable" ? FirmwareRangeKind.Ram : FirmwareRangeKind.Reserved;

    private static void AddFirmwareRange(List<FirmwareRange> ranges, string text)
    {
        Match match = FirmwareLine().Match(text);
        if (match.Success && TryRange(match, out ulong start, out ulong end))
        {
            ranges.Add(new FirmwareRange(start, end, KindOf(match)));
        }
    }

    private static void AddNodeRange(List<NodeRange> nodes, Regex pattern, string text)
    {
        Match match = pattern.Match(text);
        if (match.Success && TryRange(match, out ulong start, out ulong end)
            && int.TryParse(match.Groups["node"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int node) && node < NodesMax)
        {
            nodes.Add(new NodeRange(start, end, node));
        }
    }

    private static bool TryRange(Match match, out ulong start, out ulong end)
    {
        end = 0;
        if (!ulong.TryParse(match.Groups["start"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out start)
            || !ulong.TryParse(match.Groups["last"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong last)
            || start > last || last == ulong.MaxValue)
        {
            return false;
        }

        end = last + 1;
        return true;
    }

    [GeneratedRegex(@"^BIOS-e820: \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]\s+(?<type>\S.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex FirmwareLine();

    [GeneratedRegex(@"^ACPI: SRAT: Node (?<node>\d{1,4}) PXM \d+ \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]", RegexOptions.CultureInvariant)]
    private static partial Regex SratLine();

    [GeneratedRegex(@"^ +node +(?<node>\d{1,4}): \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]", RegexOptions.CultureInvariant)]
    private static partial Regex EarlyNodeLine();

    [GeneratedRegex(@"^RAMDISK: \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]", RegexOptions.CultureInvariant)]
    private static partial Regex RamDiskLine();

    [GeneratedRegex(@"^(?<start>[0-9a-f]{1,16})-(?<last>[0-9a-f]{1,16}) : (?<type>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex IomemLine();
}
