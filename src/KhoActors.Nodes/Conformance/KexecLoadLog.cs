using System.Globalization;
using System.Text.RegularExpressions;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>One segment as the loader printed it.</summary>
/// <param name="BufferBytes">bufsz.</param>
/// <param name="Start">mem.</param>
/// <param name="SizeBytes">memsz.</param>
public readonly record struct LoggedSegment(ulong BufferBytes, ulong Start, ulong SizeBytes);

/// <summary>The debug lines of one kexec_file_load.</summary>
/// <param name="Placements">The lines <c>Loaded X at 0x...</c> in order, without prefix; printed as each segment is placed.</param>
/// <param name="Segments">The segment list; empty when the load failed.</param>
public sealed partial record KexecLoadLog(IReadOnlyList<string> Placements, IReadOnlyList<LoggedSegment> Segments)
{
    /// <summary>Splits a log into its loads.</summary>
    /// <param name="lines">Lines with time stamps; they may begin with the end of an earlier load.</param>
    /// <returns>The loads, oldest first.</returns>
    public static IReadOnlyList<KexecLoadLog> Parse(IReadOnlyList<string> lines)
    {
        List<KexecLoadLog> loads = [];
        List<string> placements = [];
        List<LoggedSegment> segments = [];
        foreach (string line in lines)
        {
            string text = CaptureLog.WithoutTimeStamp(line);
            if (text.StartsWith("kexec_file: kernel: ", StringComparison.Ordinal))
            {
                placements = [];
                segments = [];
                loads.Add(new KexecLoadLog(placements, segments));
            }
            else if (text.StartsWith(PlacementPrefix, StringComparison.Ordinal))
            {
                placements.Add(text[PlacementPrefix.Length..]);
            }
            else if (SegmentLine().Match(text) is { Success: true } match)
            {
                segments.Add(new LoggedSegment(Hex(match, "bufsz"), Hex(match, "mem"), Hex(match, "memsz")));
            }
        }

        return loads;
    }

    private const string PlacementPrefix = "kexec-bzImage64: ";

    private static ulong Hex(Match match, string group)
    {
        ulong value = ulong.Parse(match.Groups[group].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return value <= 1UL << PageGeometry.PhysicalAddressBits
            ? value
            : throw new CaptureFormatException(CaptureCaseFile.Name, "kexec_load_log", $"{group} 0x{value:x} is larger than 2^52");
    }

    [GeneratedRegex(
        @"^kexec_file: segment\[\d+\]: buf=\S+ bufsz=0x(?<bufsz>[0-9a-f]{1,16}) mem=0x(?<mem>[0-9a-f]{1,16}) memsz=0x(?<memsz>[0-9a-f]{1,16})$",
        RegexOptions.CultureInvariant)]
    private static partial Regex SegmentLine();
}
