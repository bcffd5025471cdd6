using System.CommandLine;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Host.Commands;

/// <summary>
/// <c>kho inspect FILE.dtb|CAPTURE|RUN|SCENARIO</c>: what is in a device tree blob, in memory captured on a real kernel, or in a machine of
/// a recorded run or of a scenario.
/// </summary>
internal static class InspectCommand
{
    private const int BlobBytesMax = 64 << 20;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Argument<string> target = new("target")
        {
            Description = "A device tree blob; a capture, or one generation of it (gen-N), which is shown in full; a recorded run (its number, 'last' or FILE.khist); or a scenario.",
        };
        Option<bool> json = CommonOptions.Json();
        InspectMachine machine = new();
        Command command = new("inspect", "Show what is in a device tree blob, in memory captured on a real kernel, or in a simulated machine.")
        {
            target, json,
        };
        machine.AddTo(command);
        command.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(target);
            bool asJson = parsed.GetValue(json);
            if (!machine.IsMeant(name, parsed))
            {
                return (int)Run(terminal, name, asJson);
            }

            if (Capture.Recognises(name))
            {
                throw new UsageException($"{name} is a capture: views are of simulated machines");
            }

            return (int)machine.Run(terminal, name, parsed, asJson);
        });
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
        string source = DeviceTreeSource.Of(blob) ?? throw new UsageException($"{path}: not a sound device tree blob: {DeviceTreeSource.ProblemOf(blob)}");

        if (asJson)
        {
            JsonReport.Write(terminal, json =>
            {
                json.WriteStartObject();
                json.WriteString("file", path);
                json.WriteNumber("totalsize", FdtReader.TotalSize(blob));
                json.WriteString("dts", source);
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
