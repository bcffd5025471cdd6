using System.CommandLine;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Host.Commands;

/// <summary><c>kho boot CAPTURE</c>: boots a simulated kernel from memory captured on a real one, and compares it with the real next kernel.</summary>
internal static class BootCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        Argument<string> capture = new("capture") { Description = "A capture (its generation 0 is taken) or one generation of it (gen-N): the memory to boot from." };
        Option<string?> kernel = new("--kernel") { Description = "The kernel to boot, by name or file; by default the one that was really booted." };
        Option<bool> json = CommonOptions.Json();
        Command command = new("boot", "Boot a simulated kernel from memory captured on a real one.") { capture, kernel, json };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(capture), parsed.GetValue(kernel), parsed.GetValue(json)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string path, string? kernelName, bool asJson)
    {
        CapturedStart start;
        CaptureBoot boot;
        try
        {
            start = CapturedStart.After(Predecessor(path));
            boot = CaptureBoot.Run(start, Choose(start, kernelName));
        }
        catch (CaptureFormatException refusal)
        {
            throw new UsageException($"{path}: {refusal.Message}");
        }
        catch (NotSimulatedException obstacle)
        {
            terminal.Complain($"{path}: {obstacle.Message}");
            return ExitCode.Inconclusive;
        }

        if (asJson)
        {
            BootJson.Write(boot, terminal);
        }
        else
        {
            new BootStory(boot, terminal).Tell();
        }

        return boot.Verdict switch
        {
            BootVerdict.Same => ExitCode.Held,
            BootVerdict.Different => ExitCode.Violated,
            _ => ExitCode.Inconclusive,
        };
    }

    private static CaptureGeneration Predecessor(string path)
    {
        if (!Capture.Recognises(path))
        {
            throw new UsageException($"{path} is no capture: a folder with case.json, or one of its gen-N folders, is");
        }

        Capture capture = Capture.Open(path);
        return capture.Selected is { } number ? capture.Generation(number)
            : capture.Generations.Count > 0 ? capture.Generations[0]
            : throw new UsageException($"{path}: the capture has no generations");
    }

    private static KernelBuild Choose(CapturedStart start, string? name)
    {
        KernelsByRelease kernels = new(SourceTree.Kernels());
        return name is not null ? kernels.Load(name)
            : kernels.Find(start.KernelBuild)
            ?? throw new UsageException($"no kernel file has release {start.KernelBuild}; --kernel NAME boots another one, `kho kernels` lists them");
    }
}
