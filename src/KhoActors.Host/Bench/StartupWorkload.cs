using System.Diagnostics;

namespace KhoActors.Host.Bench;

/// <summary>How long a user waits for <c>kho --version</c>, in a process of its own.</summary>
internal static class StartupWorkload
{
    /// <summary>Measures.</summary>
    /// <returns>Milliseconds, the best of several starts.</returns>
    public static double Milliseconds()
    {
        string program = typeof(StartupWorkload).Assembly.Location;
        double seconds = Calibration.Best(() =>
        {
            ProcessStartInfo start = new("dotnet", ["exec", program, "--version"]) { RedirectStandardOutput = true };
            using Process process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
        });
        return seconds * 1000;
    }
}
