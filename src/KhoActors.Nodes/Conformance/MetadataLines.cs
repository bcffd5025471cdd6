using System.Globalization;
using System.Text.RegularExpressions;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Conformance;

/// <summary>The line with which a kernel reports the metadata that it received.</summary>
internal static partial class MetadataLines
{
    /// <summary>The count that a kernel took over: that of its line, or 0 when it printed none (cold boot, or a refused blob).</summary>
    public static uint CountIn(CaptureLog log)
    {
        foreach (LogLine line in log.Lines)
        {
            Match match = ExecFrom().Match(line.Text);
            if (match.Success && uint.TryParse(match.Groups["count"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out uint count))
            {
                return count;
            }
        }

        return 0;
    }

    [GeneratedRegex(@"^KHO: exec from: \S+ \(count (?<count>\d{1,10})\)$", RegexOptions.CultureInvariant)]
    private static partial Regex ExecFrom();
}
