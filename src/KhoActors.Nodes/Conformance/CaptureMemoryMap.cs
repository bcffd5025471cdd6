using System.Globalization;
using System.Text.RegularExpressions;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Conformance;

/// <summary>One range of the firmware's memory map.</summary>
/// <param name="Start">First physical address.</param>
/// <param name="Last">Last physical address.</param>
/// <param name="Type">The firmware's word, for example <c>System RAM</c>, <c>usable</c>, <c>device reserved</c>.</param>
public readonly record struct FirmwareRange(ulong Start, ulong Last, string Type)
{
    /// <summary>Whether it is memory that the kernel may use.</summary>
    public bool IsRam => Type is "System RAM" or "usable";

    /// <summary>Bytes; 2^64 wraps to 0, which no firmware reports.</summary>
    public ulong SizeBytes => Last - Start + 1;
}

/// <summary>Memory of one NUMA node.</summary>
/// <param name="Node">Node number.</param>
/// <param name="Start">First physical address.</param>
/// <param name="Last">Last physical address.</param>
public readonly record struct NodeRange(int Node, ulong Start, ulong Last);

/// <summary>What a captured kernel was told about memory: the firmware's map and the NUMA nodes.</summary>
/// <param name="Ranges">The firmware's map in its order, without gaps.</param>
/// <param name="Nodes">Memory per node, ascending. From the SRAT where there is one, else the kernel's early node ranges.</param>
/// <param name="FromFirmware">True when the map stood in the log, false when it had to be taken from /proc/iomem.</param>
public sealed partial record CaptureMemoryMap(IReadOnlyList<FirmwareRange> Ranges, IReadOnlyList<NodeRange> Nodes, bool FromFirmware)
{
    private const int NodesMax = 1024;

    /// <summary>The ranges of memory that the kernel may use, in map order.</summary>
    public IEnumerable<FirmwareRange> Ram => Ranges.Where(range => range.IsRam);

    internal static CaptureMemoryMap Parse(CaptureLog log, string iomemFile, string[] iomem)
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

        bool fromFirmware = ranges.Count > 0;
        if (!fromFirmware)
        {
            ranges = ParseIomem(iomemFile, iomem);
        }

        List<NodeRange> nodes = srat.Count > 0 ? srat : Merge(early);
        nodes.Sort((left, right) => left.Start.CompareTo(right.Start));
        return new CaptureMemoryMap(ranges, nodes, fromFirmware);
    }

    /// <summary>The top-level ranges of /proc/iomem, in its order.</summary>
    internal static List<FirmwareRange> ParseIomem(string file, string[] lines)
    {
        List<FirmwareRange> ranges = [];
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0 || lines[i][0] == ' ')
            {
                continue;
            }

            Match match = IomemLine().Match(lines[i]);
            if (!match.Success || !TryRange(match, out ulong start, out ulong last))
            {
                throw new CaptureFormatException(file, $"line {i + 1}", "is not a range like 00001000-0009fbff : System RAM");
            }

            ranges.Add(new FirmwareRange(start, last, match.Groups["type"].Value));
        }

        return ranges;
    }

    private static void AddFirmwareRange(List<FirmwareRange> ranges, string text)
    {
        Match match = FirmwareLine().Match(text);
        if (match.Success && TryRange(match, out ulong start, out ulong last))
        {
            ranges.Add(new FirmwareRange(start, last, match.Groups["type"].Value));
        }
    }

    private static void AddNodeRange(List<NodeRange> nodes, Regex pattern, string text)
    {
        Match match = pattern.Match(text);
        if (match.Success && TryRange(match, out ulong start, out ulong last)
            && int.TryParse(match.Groups["node"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int node) && node < NodesMax)
        {
            nodes.Add(new NodeRange(node, start, last));
        }
    }

    /// <summary>Extended scratch splits a node's memory into several lines: neighbours of one node become one range again.</summary>
    private static List<NodeRange> Merge(List<NodeRange> early)
    {
        early.Sort((left, right) => left.Start.CompareTo(right.Start));
        List<NodeRange> merged = [];
        foreach (NodeRange range in early)
        {
            if (merged.Count > 0 && merged[^1].Node == range.Node && merged[^1].Last + 1 == range.Start)
            {
                merged[^1] = merged[^1] with { Last = range.Last };
            }
            else
            {
                merged.Add(range);
            }
        }

        return merged;
    }

    private static bool TryRange(Match match, out ulong start, out ulong last)
    {
        last = 0;
        return ulong.TryParse(match.Groups["start"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out start)
            && ulong.TryParse(match.Groups["last"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out last)
            && start <= last;
    }

    [GeneratedRegex(@"^BIOS-e820: \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]\s+(?<type>\S.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex FirmwareLine();

    [GeneratedRegex(@"^ACPI: SRAT: Node (?<node>\d{1,4}) PXM \d+ \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]", RegexOptions.CultureInvariant)]
    private static partial Regex SratLine();

    [GeneratedRegex(@"^ +node +(?<node>\d{1,4}): \[mem 0x(?<start>[0-9a-f]{1,16})-0x(?<last>[0-9a-f]{1,16})\]", RegexOptions.CultureInvariant)]
    private static partial Regex EarlyNodeLine();

    [GeneratedRegex(@"^(?<start>[0-9a-f]{1,16})-(?<last>[0-9a-f]{1,16}) : (?<type>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex IomemLine();
}
