using System.Text.RegularExpressions;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The lines of a kernel's log that a simulated boot must print, too: those of KHO, memblock and reserve_mem. Lines of clients (LUO, pstore,
/// the test module) and of everything else in a kernel are left out.
/// </summary>
internal static partial class BootLines
{
    /// <summary>How the line begins with which a kernel accepts the hand-off.</summary>
    public const string Found = "KHO: found kexec handover data.";

    /// <summary>The lines to compare, in order. Of a warning's line only the function that warns is kept.</summary>
    public static LogLine[] Of(IEnumerable<LogLine> log) => [.. log.Select(Plain).Where(line => Ours().IsMatch(line.Text))];

    /// <summary>Whether a line is one of those.</summary>
    public static bool IsOurs(LogLine line) => Ours().IsMatch(Plain(line).Text);

    /// <summary>Both kinds of line that a console shows of a boot that dies: ours, and the crash.</summary>
    /// <returns>The texts up to the first crash; a console does not show levels.</returns>
    public static string[] OfConsole(IEnumerable<string> console)
    {
        List<string> lines = [];
        foreach (string text in console.Select(CaptureLog.WithoutTimeStamp))
        {
            if (text.StartsWith("BUG: ", StringComparison.Ordinal) || text.StartsWith("Kernel panic", StringComparison.Ordinal))
            {
                lines.Add(text);
                return [.. lines];
            }

            string plain = Plain(new LogLine(LogLevel.Info, text)).Text;
            if (Ours().IsMatch(plain))
            {
                lines.Add(plain);
            }
        }

        return [.. lines];
    }

    /// <summary>Level and text alone: a simulated kernel takes another time than a real one.</summary>
    private static LogLine Plain(LogLine line) => new(
        line.Level, WarningPlace().Match(line.Text) is { Success: true } match ? $"WARNING: {match.Groups["function"].Value}" : line.Text);

    [GeneratedRegex(
        "^(KHO: |KHO reserve-mem '|Revived memory reservation |FDT 'memblock' |Node '|failed to retrieve FDT 'memblock'"
        + "|failed to prepare memblock FDT|reserve_mem: |Passed KHO data, |Malformed early option 'kho|software IO TLB: swiotlb_memblock_alloc: "
        + "|WARNING: (kho_|__kho_|memblock_|reserve_mem))",
        RegexOptions.CultureInvariant)]
    private static partial Regex Ours();

    [GeneratedRegex(@"^WARNING: \S+:\d+ at (?<function>[\w.]+)\+0x", RegexOptions.CultureInvariant)]
    private static partial Regex WarningPlace();
}
