using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using KhoActors.Host.Engines;

namespace KhoActors.Host.Doctor;

/// <summary>The checks of <c>kho doctor</c>. Each looks and says what to do; none changes anything but a probe file that it removes.</summary>
internal static class Examination
{
    private const int RuntimeMajor = 10;
    private const long ComfortableMemoryBytes = 2L << 30;
    private static readonly string[] ConfigFolders = ["scenarios", "kernels"];

    /// <summary>Runs every check.</summary>
    /// <returns>The results, in the order in which they are shown.</returns>
    public static IReadOnlyList<Check> OfThisComputer()
    {
        string? root = SourceTree.FindRoot();
        return
        [
            Runtime(Environment.Version),
            Sdk(root),
            Cores(Environment.ProcessorCount),
            Memory(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
            Writable(Directory.GetCurrentDirectory()),
            HistoryCheck.In(Directory.GetCurrentDirectory()),
            Config(root),
            EngineCheck.Of(EngineCatalog.OfProgram),
            DeviceTreeCompiler(),
        ];
    }

    /// <summary>The runtime that runs this program.</summary>
    /// <param name="version">Its version.</param>
    /// <returns>The result.</returns>
    public static Check Runtime(Version version) => version.Major >= RuntimeMajor
        ? new Check("runtime", Verdict.Ok, RuntimeInformation.FrameworkDescription)
        : new Check("runtime", Verdict.Missing, RuntimeInformation.FrameworkDescription, $"install .NET {RuntimeMajor}");

    /// <summary>Processors that workers can use.</summary>
    /// <param name="count">How many.</param>
    /// <returns>The result.</returns>
    public static Check Cores(int count) => count > 1
        ? new Check("cores", Verdict.Ok, count.ToString(CultureInfo.InvariantCulture))
        : new Check("cores", Verdict.Warning, "1", "fleets run on one worker; results are the same, later");

    /// <summary>Memory that this process may use, within its container's limit.</summary>
    /// <param name="availableBytes">How many bytes.</param>
    /// <returns>The result.</returns>
    public static Check Memory(long availableBytes)
    {
        string found = string.Create(CultureInfo.InvariantCulture, $"{availableBytes / (double)(1L << 30):F1} GiB");
        return availableBytes >= ComfortableMemoryBytes
            ? new Check("memory", Verdict.Ok, found)
            : new Check("memory", Verdict.Warning, found, "run smaller fleets (--machines)");
    }

    /// <summary>The folder where a run writes by default.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>The result.</returns>
    public static Check Writable(string folder)
    {
        string probe = Path.Combine(folder, $".kho-probe-{Environment.ProcessId}");
        try
        {
            using FileStream file = new(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            return new Check("current folder", Verdict.Ok, "can be written");
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return new Check("current folder", Verdict.Warning, "cannot be written", "reports and stores need a path elsewhere");
        }
    }

    /// <summary>Scenarios and kernels.</summary>
    /// <param name="root">Root of the source tree, or null.</param>
    /// <returns>The result.</returns>
    public static Check Config(string? root)
    {
        if (root is null)
        {
            return new Check("config", Verdict.Missing, "no source tree found", "run the program from a clone of the repository");
        }

        List<string> found = [];
        foreach (string folder in ConfigFolders)
        {
            string path = Path.Combine(root, "config", folder);
            int files = Directory.Exists(path) ? Directory.GetFiles(path, "*.yaml").Length : 0;
            if (files == 0)
            {
                return new Check("config", Verdict.Missing, $"no file in config/{folder}", "restore it from the repository");
            }

            found.Add($"{files} {folder}");
        }

        return new Check("config", Verdict.Ok, string.Join(", ", found));
    }

    private static Check Sdk(string? root)
    {
        (bool started, bool succeeded, string text) = Ask("dotnet", "--version", root);
        return started && succeeded
            ? new Check("sdk", Verdict.Ok, $".NET SDK {text}")
            : new Check("sdk", Verdict.Warning, "none that fits global.json", $"install the .NET {RuntimeMajor} SDK to build and test");
    }

    private static Check DeviceTreeCompiler()
    {
        (bool started, _, string text) = Ask("dtc", "--version", null);
        return started
            ? new Check("dtc", Verdict.Ok, text)
            : new Check("dtc", Verdict.Warning, "not found", "install device-tree-compiler to let tests compare with it");
    }

    private static (bool Started, bool Succeeded, string FirstLine) Ask(string program, string argument, string? folder)
    {
        ProcessStartInfo start = new(program, [argument])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? string.Empty,
        };
        try
        {
            using Process process = Process.Start(start)!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (true, process.ExitCode == 0, text.Split('\n')[0].Trim());
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (false, false, string.Empty);
        }
    }
}
