using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Scenarios;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>What the simulator writes into RAM is a device tree to others: dtc decodes it and has nothing to say.</summary>
public class DtcTests
{
    [DtcTheory]
    [InlineData("tiny", 1)]
    [InlineData("fleet", 3)]
    public void Every_device_tree_that_is_handed_over_is_decoded_by_dtc_without_warnings(string scenario, int machines)
    {
        ResolvedScenario resolved = new ScenarioCatalog(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder)).Load(scenario);
        for (int number = 0; number < machines; number++)
        {
            MachineSpec spec = resolved.SpecOf(seed: 7, number);
            using Machine machine = new();
            machine.PowerOff(spec);
            for (int generation = 0; generation < 3; generation++)
            {
                machine.RunGeneration(isLast: false);
                HandOver handOver = HandOver.Of(machine, spec);
                (ulong memblock, ulong sizeBytes) = handOver.Blob("memblock");
                (ulong metadata, _) = handOver.Blob(KexecMetadata.SubtreeName);

                string root = Decode(handOver.RootFdtPage);
                string regions = Decode(handOver.Memory.WritablePageBytes(PageGeometry.PfnOf(memblock))[..(int)sizeBytes]);

                Assert.Contains($"compatible = \"{spec.KernelOf(generation).Abi.Compatible}\";", root, StringComparison.Ordinal);
                Assert.Matches($"preserved-data = {Cells(metadata)};", root);
                Assert.Contains("workload {", root, StringComparison.Ordinal);
                Assert.Contains("compatible = \"memblock-v1\";", regions, StringComparison.Ordinal);
                Assert.Contains("trace {", regions, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>KHO's numbers are little-endian; dtc shows eight bytes as two big-endian cells, with leading zeros or without.</summary>
    private static string Cells(ulong value)
    {
        ulong swapped = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value);
        return string.Create(CultureInfo.InvariantCulture, $"<0x0*{swapped >> 32:x} 0x0*{(uint)swapped:x}>");
    }

    private static string Decode(ReadOnlySpan<byte> blob)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(path, blob);
            (int exitCode, string text, string errors) = Dtc("-I", "dtb", "-O", "dts", path);
            Assert.Equal((0, ""), (exitCode, errors));
            return text;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static (int ExitCode, string Text, string Errors) Dtc(params string[] arguments)
    {
        ProcessStartInfo start = new("dtc", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text, errors.Result.Trim());
    }
}
