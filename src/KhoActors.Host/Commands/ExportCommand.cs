using System.CommandLine;
using System.Text;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Commands;

/// <summary><c>kho export RUN</c>: a run as rows for other programs, or as one self-contained file that replays on another computer.</summary>
internal sealed class ExportCommand
{
    private const string Csv = "csv";
    private const string Json = "json";
    private const string Khist = "khist";
    private static readonly string[] Formats = [Csv, Json, Khist];

    private readonly Terminal _terminal;
    private readonly Argument<string> _run = HistoryOptions.Run(mayBeFile: true);
    private readonly Option<string?> _format = new("--format") { Description = "csv or json: a row for each generation; khist: records to replay. Default: what FILE ends in." };
    private readonly Option<int?> _machine = CommonOptions.Number("--machine", "Only this machine, from 0.");
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write; a file there is replaced. Default: standard output.", HelpName = "FILE" };
    private readonly Option<string> _store = HistoryOptions.Store();
    private readonly Option<string[]> _clients = CommonOptions.Clients();

    private ExportCommand(Terminal terminal) => _terminal = terminal;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        ExportCommand export = new(terminal);
        Command command = new("export", "Write a recorded run as CSV or JSON, or as one file that replays on another computer.")
        {
            export._run, export._format, export._machine, export._output, export._store, export._clients,
        };
        command.SetAction(parsed => (int)export.Run(parsed));
        return command;
    }

    private ExitCode Run(ParseResult parsed)
    {
        string? output = parsed.GetValue(_output);
        string format = FormatOf(parsed.GetValue(_format), output);
        using RecordSource source = RecordSource.Open(parsed.GetRequiredValue(_run), parsed.GetRequiredValue(_store));
        int? machine = parsed.GetValue(_machine) is { } asked ? source.MachineOf(asked) : null;
        if (format == Khist)
        {
            return WriteRecords(source, machine, output ?? throw new UsageException($"a {Khist} file is bytes: -o FILE{HistoryFile.Extension} says where to write it"));
        }

        RecordedScenario recorded = RecordedScenario.Read(source.Facts, source.Title, parsed.GetValue(_clients) ?? []);
        SliceCodec codec = new(recorded.Resolved);
        IEnumerable<SliceRecord> records = source.ReadSlices(machine).Select(slice => codec.Decode(slice, source.Place));
        if (output is null)
        {
            WriteRows(format, source, records, _terminal.Out);
            return ExitCode.Held;
        }

        OutputFile.Write(output, stream =>
        {
            using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
            WriteRows(format, source, records, writer);
        });
        _terminal.Error.WriteLine(Terminal.Printable($"{source.Title} is in {output}"));
        return ExitCode.Held;
    }

    private ExitCode WriteRecords(RecordSource source, int? machine, string output)
    {
        OutputFile.RequireFreePath(output);
        HistoryFile.Write(output, source.Run, source.ReadSlices(machine), overwrite: true);
        _terminal.Error.WriteLine(Terminal.Printable($"{source.Title}{(machine is { } one ? $", machine {one}," : "")} is in {output}"));
        return ExitCode.Held;
    }

    private static void WriteRows(string format, RecordSource source, IEnumerable<SliceRecord> records, TextWriter writer)
    {
        if (format == Csv)
        {
            HistoryExport.WriteCsv(writer, records);
        }
        else
        {
            HistoryExport.WriteJson(writer, source.Run, records);
        }
    }

    private static string FormatOf(string? asked, string? output)
    {
        string format = asked ?? (output is null ? string.Empty : Path.GetExtension(output).TrimStart('.'));
        return Formats.Contains(format, StringComparer.Ordinal) ? format
            : throw new UsageException(
                (asked is null ? "--format is needed, or a FILE that ends in its name" : $"--format '{asked}'") + $": one of {string.Join(", ", Formats)} is accepted");
    }
}
