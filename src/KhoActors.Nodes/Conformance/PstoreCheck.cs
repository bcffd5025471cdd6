using System.Globalization;
using System.Text.RegularExpressions;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Reproduces pstore of a captured kernel: from the memory that it received, the same file with the same bytes, time, errors and log lines; from
/// the lines that it printed, the same record.
/// </summary>
internal static partial class PstoreCheck
{
    private const ulong TicksPerSecond = 1_000_000_000;
    private const ulong TicksPerMicrosecond = 1000;

    /// <summary>Checks a generation whose kernel has a pstore backend.</summary>
    /// <returns>The result, or null when it has none.</returns>
    public static CaseResult? Run(CaptureGeneration generation, KernelsByRelease kernels)
    {
        KernelBuild? build = kernels.Find(generation.Description.KernelBuild);
        KhoClient? client = build?.Clients.Select(ClientCatalog.BuiltIn.Find).FirstOrDefault(found => found?.Actor == PstoreProtocol.Actor);
        if (build is null || client is null || !generation.HasLog)
        {
            return null;
        }

        string name = $"{generation.Name} pstore";
        CapturedStart start;
        try
        {
            start = CapturedStart.Of(generation);
        }
        catch (NotSimulatedException obstacle)
        {
            return CaseResult.Skip(name, obstacle.Message);
        }

        Differences differences = new();
        PstoreBlob? handedOver = HandedOver(generation);
        PstoreSession session = PstoreSession.Run(start, build, client, handedOver is null ? [] : LinesOf(generation, handedOver));
        if (session.Death is { } death)
        {
            differences.Add($"the simulated kernel died: {death}");
            return differences.Result(name);
        }

        differences.Lists("lines", [.. PstoreLines(generation.ReadLog().Lines)], [.. PstoreLines(session.Lines)]);
        CompareFile(generation, session, differences);
        if (handedOver is not null)
        {
            CompareRecord(handedOver, session.Record, differences);
        }

        return differences.Result(name, $"file {session.File?.Name ?? "none"}, record {handedOver?.ToString() ?? "not saved"}");
    }

    /// <summary>Lines of pstore and of its backend, up to the first mount.</summary>
    private static IEnumerable<LogLine> PstoreLines(IEnumerable<LogLine> lines) =>
        lines.Where(line => line.Text.StartsWith("pstore", StringComparison.Ordinal)).Select(line => new LogLine(line.Level, line.Text));

    private static void CompareFile(CaptureGeneration generation, PstoreSession session, Differences differences)
    {
        IReadOnlyList<string> names = generation.PstoreNames();
        differences.Lists("files", names, session.File is { } only ? [only.Name] : []);
        if (!differences.None || session.File is not { } file)
        {
            return;
        }

        differences.Bytes(file.Name, generation.ReadPstore(file.Name), file.Content);
        differences.Equal("unlink", -Errno.EPERM, session.UnlinkResult ?? 0);
        string[] printed = [.. generation.Description.Actions.SelectMany(action => action.Output)];
        DateTimeOffset modified = DateTimeOffset.FromUnixTimeSeconds(file.ModifiedSeconds);
        string listed = string.Create(CultureInfo.InvariantCulture, $"{file.Content.Length} {modified:yyyy-MM-dd HH:mm:ss} +0000 {file.Name}");
        if (!printed.Any(line => line.EndsWith(listed, StringComparison.Ordinal)))
        {
            differences.Add("listing", printed.FirstOrDefault(line => line.EndsWith(file.Name, StringComparison.Ordinal)), listed);
        }

        if (printed.FirstOrDefault(line => line.StartsWith("rm:", StringComparison.Ordinal)) is { } refusal)
        {
            differences.Equal("rm", $"rm: can't remove '/sys/fs/pstore/{file.Name}': Operation not permitted", refusal);
        }
    }

    /// <summary>The record of the same lines: all fields but the time, the text, and the bytes where they are not compressed.</summary>
    private static void CompareRecord(PstoreBlob expected, PstoreBlob? found, Differences differences)
    {
        if (found is null)
        {
            differences.Add("the simulated kernel hands no record over");
            return;
        }

        differences.Equal("layout", expected.Layout.Name, found.Layout.Name);
        differences.Equal("text", expected.Text(), found.Text());
        PstoreRecord fields = found.Record with { TimeSeconds = expected.Record.TimeSeconds, TimeNanoseconds = expected.Record.TimeNanoseconds };
        if (expected.Record.Compressed == 1)
        {
            fields = fields with { SizeBytes = expected.Record.SizeBytes };
        }
        else
        {
            differences.Bytes("record data", expected.Data.Span, found.Data.Span);
        }

        differences.Equal("record fields", expected.Record, fields);
    }

    /// <summary>What this generation handed over.</summary>
    private static PstoreBlob? HandedOver(CaptureGeneration generation)
    {
        if (HandoverMaterial.Load(generation) is not { } material)
        {
            return null;
        }

        CaptureSubnode node = material.Recorded.Subnodes.FirstOrDefault(subnode => subnode.Name == PstoreBlob.SubtreeName);
        PstoreBlob? blob = node.Phys == 0 ? null : PstoreBlob.Read(material.AsReceived, node.Phys, node.SizeBytes);
        return blob is { IsEmpty: false } ? blob : null;
    }

    /// <summary>The lines that a record holds, as they were printed.</summary>
    private static List<LogLine> LinesOf(CaptureGeneration generation, PstoreBlob record)
    {
        string text = record.Text()
            ?? throw new CaptureFormatException(CapturePages.FileName, generation.Name, "holds a pstore record that cannot be inflated");
        List<LogLine> lines = [];
        foreach (string printed in text.TrimEnd('\n').Split('\n').Skip(1))
        {
            Match match = PrintedLine().Match(printed);
            if (!match.Success)
            {
                throw new CaptureFormatException(CapturePages.FileName, generation.Name, $"holds a pstore record with the line '{printed}'");
            }

            int priority = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            ulong seconds = ulong.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
            ulong microseconds = ulong.Parse(match.Groups[3].ValueSpan, CultureInfo.InvariantCulture);
            lines.Add(new LogLine(
                (LogLevel)(priority & 7), match.Groups[4].Value, (seconds * TicksPerSecond) + (microseconds * TicksPerMicrosecond), (byte)(priority >> 3)));
        }

        return lines;
    }

    [GeneratedRegex(@"^<(\d{1,3})>\[ *(\d{1,9})\.(\d{6})\] (.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex PrintedLine();
}
