using System.Buffers;
using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.History;

/// <summary>
/// Rows of a run for other programs, one for each generation, in the order of the records. Written as they are read: memory does not grow
/// with the history. Names of fields are a promise; later versions append fields.
/// </summary>
public static class HistoryExport
{
    private const int PendingBytesMax = 1 << 16;
    private const string LineEnd = "\r\n";
    private static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    /// <summary>Names of the fields, in order.</summary>
    public static IReadOnlyList<string> Fields { get; } =
    [
        "machine", "generation", "kernel", "previous_kernel", "boot", "handed_over", "end", "survived", "lost", "restored",
        "operations", "failed_requests", "messages", "violations", "digest",
    ];

    /// <summary>Writes comma-separated values as RFC 4180 says: a header, CRLF behind each line, quotes where they are needed.</summary>
    /// <param name="slices">The records.</param>
    /// <param name="target">Where to.</param>
    /// <returns>Rows, without the header.</returns>
    public static long WriteCsv(IEnumerable<SliceRecord> slices, TextWriter target)
    {
        ArgumentNullException.ThrowIfNull(slices);
        ArgumentNullException.ThrowIfNull(target);
        target.Write(string.Join(',', Fields) + LineEnd);
        long rows = 0;
        foreach (SliceRecord slice in slices)
        {
            foreach (GenerationRecord generation in slice.Generations)
            {
                WriteRow(slice.Machine, generation, target);
                rows++;
            }
        }

        return rows;
    }

    /// <summary>Writes one JSON array with an object for each generation, in UTF-8.</summary>
    /// <param name="slices">The records.</param>
    /// <param name="target">Where to.</param>
    /// <returns>Objects.</returns>
    public static long WriteJson(IEnumerable<SliceRecord> slices, Stream target)
    {
        ArgumentNullException.ThrowIfNull(slices);
        using Utf8JsonWriter writer = new(target);
        long rows = 0;
        writer.WriteStartArray();
        foreach (SliceRecord slice in slices)
        {
            foreach (GenerationRecord generation in slice.Generations)
            {
                WriteObject(slice.Machine, generation, writer);
                rows++;
            }

            if (writer.BytesPending > PendingBytesMax)
            {
                writer.Flush();
            }
        }

        writer.WriteEndArray();
        return rows;
    }

    private static string BootOf(GenerationReport report) => report.WasKexec ? "kexec" : "cold";

    private static string DigestOf(GenerationRecord generation) => Convert.ToHexStringLower(generation.Digest.Span);

    private static void WriteRow(int machine, GenerationRecord generation, TextWriter target)
    {
        GenerationReport report = generation.Report;
        string kernel = Quote(report.Kernel);
        string previous = Quote(report.PreviousKernel);
        string end = FleetResult.NameOf(report.End);
        target.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{machine},{report.Generation},{kernel},{previous},{BootOf(report)},{(report.HandedOver ? "true" : "false")},{end},"));
        target.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Survived},{report.Lost},{report.Restored},{report.Operations},{report.FailedRequests},{report.Messages},{report.ViolationCount},"));
        target.Write(DigestOf(generation) + LineEnd);
    }

    private static void WriteObject(int machine, GenerationRecord generation, Utf8JsonWriter writer)
    {
        GenerationReport report = generation.Report;
        writer.WriteStartObject();
        writer.WriteNumber(Fields[0], machine);
        writer.WriteNumber(Fields[1], report.Generation);
        writer.WriteString(Fields[2], report.Kernel);
        writer.WriteString(Fields[3], report.PreviousKernel);
        writer.WriteString(Fields[4], BootOf(report));
        writer.WriteBoolean(Fields[5], report.HandedOver);
        writer.WriteString(Fields[6], FleetResult.NameOf(report.End));
        writer.WriteNumber(Fields[7], report.Survived);
        writer.WriteNumber(Fields[8], report.Lost);
        writer.WriteNumber(Fields[9], report.Restored);
        writer.WriteNumber(Fields[10], report.Operations);
        writer.WriteNumber(Fields[11], report.FailedRequests);
        writer.WriteNumber(Fields[12], report.Messages);
        writer.WriteNumber(Fields[13], report.ViolationCount);
        writer.WriteString(Fields[14], DigestOf(generation));
        writer.WriteEndObject();
    }

    private static string Quote(string text) =>
        text.AsSpan().ContainsAny(Quoted) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
