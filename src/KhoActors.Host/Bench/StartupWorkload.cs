using System.Diagnostics;

namespace KhoActors.Host.Bench;

/// <summary>How long a user waits for <c>kho --version</c>, in a process of its own.</summary>
internal static class StartupWorkload
{
    private const double BudgetMilliseconds = 150;

    /// <summary>Measures.</summary>
    /// <returns>The row.</returns>
    public static BenchRow Measure()
    {
        string program = typeof(StartupWorkload).Assembly.Location;
        double seconds = Calibration.Best(() =>
        {
            ProcessStartInfo start = new("dotnet", ["exec", program, "--version"]) { RedirectStandardOutput = true };
            using Process process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
        });
        return new BenchRow("kho --version", "ms", seconds * 1000, BudgetMilliseconds, BudgetKind.AtMost);
    }
}
