namespace KhoActors.Nodes.Conformance;

/// <summary>A chain that ended because the next kernel crashed while it booted: ours must print the same lines and crash on the same address.</summary>
internal static class CrashCheck
{
    /// <summary>Checks the crash.</summary>
    /// <returns>The result, or null unless the next kernel left nothing but a console.</returns>
    public static CaseResult? Run(CaptureGeneration generation, KernelsByRelease kernels)
    {
        if (generation.Next is not null || !generation.HasPages || generation.Capture.ReadConsoleTail() is null)
        {
            return null;
        }

        string name = $"{generation.Name} crash";
        if (generation.Release.IsBefore(7, 0))
        {
            return CaseResult.Skip(name, "kho-v1 kernels are not simulated yet");
        }

        try
        {
            CapturedStart start = CapturedStart.After(generation);
            if (kernels.Find(start.KernelBuild) is not { } build)
            {
                return CaseResult.Skip(name, $"no kernel file has release {start.KernelBuild}");
            }

            CaptureBoot boot = CaptureBoot.Run(start, build);
            Differences differences = new();
            differences.Lists("lines", boot.RealLines, boot.SimulatedLines);
            return differences.Result(name, boot.Kernel.Death ?? string.Empty);
        }
        catch (NotSimulatedException obstacle)
        {
            return CaseResult.Skip(name, obstacle.Message);
        }
    }
}
