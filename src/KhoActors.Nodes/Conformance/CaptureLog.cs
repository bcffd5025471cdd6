using System.Globalization;
using KhoActors.Subsystems;

namespace KhoActors.Nodes.Conformance;

/// <summary>A captured kernel log: <c>&lt;level&gt;[ seconds ] text</c> per line, only lines of interest.</summary>
public sealed class CaptureLog
{
    private CaptureLog(IReadOnlyList<LogLine> lines) => Lines = lines;

    /// <summary>The lines in order, without time stamps.</summary>
    public IReadOnlyList<LogLine> Lines { get; }

    /// <summary>The release that the first line names, or empty when that line was not captured.</summary>
    public string Release
    {
        get
        {
            const string banner = "Linux version ";
            foreach (LogLine line in Lines)
            {
                if (line.Text.StartsWith(banner, StringComparison.Ordinal))
                {
                    string rest = line.Text[banner.Length..];
                    int end = rest.IndexOf(' ', StringComparison.Ordinal);
                    return end < 0 ? rest : rest[..end];
                }
            }

            return string.Empty;
        }
    }

    internal static CaptureLog Parse(string file, string[] lines)
    {
        List<LogLine> parsed = new(lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].TrimEnd('\r');
            if (line.Length > 0)
            {
                parsed.Add(ParseLine(file, i, line));
            }
        }

        return new CaptureLog(parsed);
    }

    /// <summary>Removes a leading time stamp in brackets, and the one blank behind it.</summary>
    internal static string WithoutTimeStamp(string text)
    {
        if (!text.StartsWith('['))
        {
            return text;
        }

        int end = text.IndexOf(']', StringComparison.Ordinal);
        if (end < 0 || !text.AsSpan(1, end - 1).Trim(' ').ToString().All(c => char.IsAsciiDigit(c) || c == '.'))
        {
            return text;
        }

        return end + 1 < text.Length && text[end + 1] == ' ' ? text[(end + 2)..] : text[(end + 1)..];
    }

    private static LogLine ParseLine(string file, int index, string line)
    {
        int end = line.IndexOf('>', StringComparison.Ordinal);
        if (line[0] != '<' || end < 2 || !int.TryParse(line.AsSpan(1, end - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int level))
        {
            throw new CaptureFormatException(file, $"line {index + 1}", "does not start with a level like <6>");
        }

        // The lower three bits are the level, the rest the facility.
        return new LogLine((LogLevel)(level & 7), WithoutTimeStamp(line[(end + 1)..]));
    }
}
