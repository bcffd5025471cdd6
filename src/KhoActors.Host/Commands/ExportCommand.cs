using System.CommandLine;
using System.Globalization;
using System.Text;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Commands;

/// <summary><c>kho export RUN</c>: a run as rows for other programs, or as one self-contained file that replays on another computer.</summary>
internal sealed class ExportCommand
{
    private const string Csv = "csv";
    private const string Json = "json";
    private static readonly string Records = HistoryFile.Extension.TrimStart('.');
    private static readonly string[] Formats = [Csv, Json, Records];

    private readonly Terminal _terminal;
    private readonly Argument<string> _run = HistoryOptions.Run(mayBeFile: true);
    private readonly Option<string?> _format = new("--format")
    {
        Description = $"{Csv} or {Json}: a row for each generation; {Records}: the records, to be replayed. Default: what FILE ends in.",
    };

    private readonly Option<int?> _machine = CommonOptions.Number("--machine", "Only this machine, from 0.");
    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "Where to write; a file there is replaced. Default: standard output.",
        HelpName = "FILE",
    };

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
        if (format == Records && output is null)
        {
            throw new UsageException($"--format {Records} writes bytes: -o FILE{HistoryFile.Extension} says where to");
        }

        using RecordSource source = RecordSource.Open(parsed.GetRequiredValue(_run), parsed.GetRequiredValue(_store));
        int? machine = parsed.GetValue(_machine) is { } asked ? source.MachineOf(asked) : null;
        RecordedScenario recorded = RecordedScenario.Read(source.Facts, source.Title, parsed.GetValue(_clients) ?? []);
        int damages = 0;
        IEnumerable<EncodedSlice> slices = source.ReadSound(machine, new SliceCodec(recorded.Resolved), sentence =>
        {
            damages++;
            _terminal.Complain(Terminal.Printable(sentence));
        });
        long generations = 0;
        IEnumerable<EncodedSlice> counted = slices.Select(slice =>
        {
            _terminal.Interrupted.ThrowIfCancellationRequested();
            generations += slice.Record.Generations.Count;
            return slice;
        });
        Write(format, output, source.Run, counted);
        if (output is not null)
        {
            _terminal.Error.WriteLine(Terminal.Printable(string.Create(
                CultureInfo.InvariantCulture,
                $"{source.Title}: {generations:N0} generations {(machine is { } one ? $"of machine {one} " : "")}are in {output}")));
        }

        return damages > 0 ? ExitCode.StoreFailure : ExitCode.Held;
    }

    private void Write(string format, string? output, StoredRun run, IEnumerable<EncodedSlice> slices)
    {
        if (format == Records)
        {
            OutputFile.RequireFreePath(output!);
            HistoryFile.Write(
                output!, run, slices.Select(static slice => new StoredSlice(slice.Record.Machine, slice.Record.FirstGeneration, slice.Encoded)), overwrite: true);
        }
        else if (output is not null)
        {
            OutputFile.Write(output, stream => WriteRows(format, slices, stream));
        }
        else
        {
            using TextWriterStream stream = new(_terminal.Out);
            WriteRows(format, slices, stream);
            _terminal.Out.Flush();
        }
    }

    private static void WriteRows(string format, IEnumerable<EncodedSlice> slices, Stream stream)
    {
        IEnumerable<SliceRecord> records = slices.Select(static slice => slice.Record);
        using StreamWriter writer = new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
        if (format == Csv)
        {
            HistoryExport.WriteCsv(records, writer);
        }
        else
        {
            HistoryExport.WriteJson(records, stream);
            writer.WriteLine();
        }
    }

    private static string FormatOf(string? asked, string? output)
    {
        string format = asked ?? (output is null ? string.Empty : Path.GetExtension(output).TrimStart('.'));
        if (!Formats.Contains(format, StringComparer.Ordinal))
        {
            string what = asked is null ? "--format is needed, or a FILE whose name ends in one" : $"--format '{asked}'";
            throw new UsageException($"{what}: one of {string.Join(", ", Formats)} is accepted");
        }

        return format;
    }
}
