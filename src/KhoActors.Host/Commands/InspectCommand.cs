using System.CommandLine;
using KhoActors.Host.Inspect;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Host.Commands;

/// <summary><c>kho inspect FILE.dtb|CAPTURE [VIEW]</c>: what is in a device tree blob or in memory captured on a real kernel.</summary>
internal static class InspectCommand
{
    private const string Summary = "summary";
    private const int BlobBytesMax = 64 << 20;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Argument<string> target = new("target") { Description = "A device tree blob, a capture, or one generation of it (gen-N)." };
        Argument<string> view = new("view")
        {
            Description = "What to show of a generation.",
            DefaultValueFactory = static _ => Summary,
        };
        view.AcceptOnlyFromAmong(Summary, "fdt", "radix", "memory", "dmesg");
        Command command = new("inspect", "Show what is in a device tree blob or in memory captured on a real kernel.") { target, view };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(target), parsed.GetRequiredValue(view)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string target, string view)
    {
        try
        {
            return Capture.Recognises(target) ? InspectCapture(terminal, Capture.Open(target), view) : InspectBlob(terminal, target);
        }
        catch (CaptureFormatException refusal)
        {
            throw new UsageException($"{target}: {refusal.Message}");
        }
        catch (SimulatedOopsException oops)
        {
            // Some captures hold damaged trees on purpose: the real kernel oopsed there, too.
            terminal.Complain($"{target}: a kernel that walks this memory stops with: {oops.Message}");
            return ExitCode.Violated;
        }
    }

    private static ExitCode InspectCapture(Terminal terminal, Capture capture, string view)
    {
        CaptureView output = new(terminal);
        if (capture.Selected is not { } number)
        {
            if (view != Summary)
            {
                throw new UsageException($"which generation? `{view}` shows one: name a gen-N folder of {capture.Name}");
            }

            output.WriteChain(capture);
            return ExitCode.Held;
        }

        CaptureGeneration generation = capture.Generation(number);
        if (!generation.HasPages && view is "fdt" or "radix")
        {
            throw new UsageException($"{generation.Name} captured no memory");
        }

        Action<CaptureGeneration> write = view switch
        {
            "fdt" => output.WriteFdt,
            "radix" => output.WriteBlocks,
            "memory" => output.WriteMemory,
            "dmesg" => output.WriteLog,
            _ => output.WriteSummary,
        };
        write(generation);
        return ExitCode.Held;
    }

    private static ExitCode InspectBlob(Terminal terminal, string path)
    {
        FileInfo file = new(path);
        if (!file.Exists)
        {
            throw new UsageException($"{path} is neither a file nor a capture");
        }

        if (file.Length > BlobBytesMax)
        {
            throw new UsageException($"{path}: too large for a device tree blob");
        }

        int result = FdtDts.Print(File.ReadAllBytes(path), terminal.Out, FdtDtsStyle.NativeNumbers);
        if (result == 0)
        {
            return ExitCode.Held;
        }

        terminal.Complain($"{path}: not a sound device tree blob: {FdtError.Symbol(result)}");
        return ExitCode.Usage;
    }
}
