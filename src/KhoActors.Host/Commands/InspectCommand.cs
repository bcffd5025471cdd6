using System.CommandLine;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Host.Commands;

/// <summary><c>kho inspect FILE.dtb|CAPTURE</c>: what is in a device tree blob or in memory captured on a real kernel.</summary>
internal static class InspectCommand
{
    private const int BlobBytesMax = 64 << 20;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Argument<string> target = new("target") { Description = "A device tree blob, a capture, or one generation of it (gen-N), which is shown in full." };
        Option<bool> json = CommonOptions.Json();
        Command command = new("inspect", "Show what is in a device tree blob or in memory captured on a real kernel.") { target, json };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(target), parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string target, bool asJson)
    {
        if (!Capture.Recognises(target))
        {
            return InspectBlob(terminal, target, asJson);
        }

        try
        {
            Capture capture = Capture.Open(target);
            Show(terminal, capture, CaptureInspection.Read(capture), asJson);
            return ExitCode.Held;
        }
        catch (CaptureFormatException refusal)
        {
            throw new UsageException($"{target}: {refusal.Message}");
        }
    }

    private static void Show(Terminal terminal, Capture capture, IReadOnlyList<CaptureInspection> inspections, bool asJson)
    {
        if (asJson)
        {
            JsonReport.Write(terminal, json =>
            {
                json.WriteStartArray();
                foreach (CaptureInspection inspection in inspections)
                {
                    inspection.WriteJson(json);
                }

                json.WriteEndArray();
            });
        }
        else if (capture.Selected is null)
        {
            CaptureChain.Write(capture, inspections, terminal);
        }
        else
        {
            inspections[0].WriteText(terminal.Out);
        }
    }

    private static ExitCode InspectBlob(Terminal terminal, string path, bool asJson)
    {
        byte[] blob = InputFile.Read(path, BlobBytesMax, "a device tree blob or a capture");
        using StringWriter source = new() { NewLine = "\n" };
        int result = FdtDts.Print(blob, source, FdtDtsStyle.NativeNumbers);
        if (result != 0)
        {
            terminal.Complain($"{path}: not a sound device tree blob: {FdtError.Symbol(result)}");
            return ExitCode.Usage;
        }

        if (asJson)
        {
            JsonReport.Write(terminal, json =>
            {
                json.WriteStartObject();
                json.WriteString("file", path);
                json.WriteNumber("totalsize", FdtReader.TotalSize(blob));
                json.WriteString("dts", source.ToString());
                json.WriteEndObject();
            });
        }
        else
        {
            terminal.Out.Write(source);
        }

        return ExitCode.Held;
    }
}
