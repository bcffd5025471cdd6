using System.Diagnostics;
using System.Globalization;
using System.Text;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Scenarios;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>RAM is the only road: a generation boots in another process from a file as it does in this one.</summary>
public class FreshProcessTests
{
    [Theory]
    [InlineData(0, "7.3-rc7")]
    [InlineData(2, "7.2.13", "7.3-rc7")]
    [InlineData(0, "7.1.13", "7.3-rc7")]
    public void The_next_generation_boots_from_a_file_in_a_fresh_process_with_the_same_result(int generation, params string[] kernels)
    {
        ResolvedScenario resolved = MachineBench.Small(kernels).WithTwoNodes().Resolve();
        const ulong Seed = 41;
        const int Number = 3;
        MachineSpec spec = resolved.SpecOf(Seed, Number);
        using Machine machine = MachineBench.AtJump(spec, generation);
        bool isLast = machine.NextGeneration == spec.Scenario.Kexecs;
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        string[] found;
        try
        {
            string head = string.Create(CultureInfo.InvariantCulture, $"{resolved.ToCanonicalText()}\n{Seed}\n{Number}\n{isLast}\n");
            File.WriteAllBytes(path, [.. Encoding.UTF8.GetBytes(head), .. MachineBench.Snapshot(machine)]);

            found = RunProcess(path);
        }
        finally
        {
            File.Delete(path);
        }

        GenerationReport report = machine.RunGeneration(isLast, keepLog: true);
        string summary = string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Generation} {report.PreviousKernel} {report.Kernel} {report.HandedOver} {report.End} {report.Survived} {report.Lost} {report.Restored} {report.Operations} {report.FailedRequests} {report.Messages} {report.ViolationCount}");
        string[] expected = [MachineBench.DigestOf(machine), summary, .. report.Log.Select(line => line.ToString())];
        Assert.Equal(expected, found);
    }

    /// <summary>The program lies beside this one's output folder, built for the same configuration.</summary>
    private static string[] RunProcess(string file)
    {
        string output = Path.GetRelativePath(Path.Combine(Fixtures.Root, "tests", "KhoActors.Nodes.Tests"), AppContext.BaseDirectory);
        string program = Path.Combine(Fixtures.Root, "tests", "KhoActors.FreshProcess", output, "KhoActors.FreshProcess.dll");
        ProcessStartInfo start = new("dotnet", ["exec", program, file]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string lines = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r')).ToArray();
    }
}
