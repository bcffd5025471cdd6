using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Conformance;

/// <summary>What the boot check notices: planted bugs of the simulated kernel, and captures that say something else than the kernel does.</summary>
public sealed class BootCheckTests
{
    [Theory]
    [InlineData("scratch alignment", "v4-7.3-scratch-option-changes")]
    [InlineData("scratch sizes", "v4-7.2-default-scale")]
    [InlineData("scratch extension", "v4-7.3-8g")]
    [InlineData("64-bit blocks", "v3-7.1-8g-order19")]
    [InlineData("suffix without digits", "v4-7.3-scratch-malformed-cold")]
    [InlineData("silent reserve_mem", "v4-7.3-many-regions")]
    [InlineData("old ABI", "v4-7.3-explicit")]
    [InlineData("image size", "v4-7.3-default-scale")]
    [InlineData("one early allocation", "v4-7.3-explicit")]
    [InlineData("no KHO", "v4-7.3-explicit")]
    [InlineData("no debugfs", "v4-7.3-explicit")]
    [InlineData("errno", "faults-v4-7.3-root")]
    [InlineData("release", "v4-7.3-explicit")]
    public void A_kernel_that_is_built_wrong_is_noticed(string bug, string name)
    {
        Capture capture = Capture.Open(Path.Combine(Fixtures.Real, name));
        KernelBuild right = Fixtures.Kernels.Find(capture.Generation(0).Description.KernelBuild)!;
        KernelBuild wrong = bug switch
        {
            "scratch alignment" => right with { ScratchAlignmentBytes = right.ScratchAlignmentBytes << 1 },
            "scratch sizes" => right with { EarlyAllocations = [.. right.EarlyAllocations.Where(allocation => allocation.Name != "memory map")] },
            "scratch extension" => right with { ExtendsScratch = false },
            "64-bit blocks" => right with { BlockSize32Bit = false },
            "suffix without digits" => right with { MemparseBareSuffix = true },
            "silent reserve_mem" => right with { ReserveMemLogsErrors = false },
            "old ABI" => right with { Abi = KhoAbi.V3 },
            "image size" => right with { ImageReservedBytes = right.ImageReservedBytes - 0x200000 },
            "one early allocation" => right with { EarlyAllocations = [.. right.EarlyAllocations.Skip(1)] },
            "no KHO" => right with { KhoBuilt = false },
            "no debugfs" => right with { KhoDebugfs = false },
            "errno" => right with { RevivalLineHasErrno = true },
            "release" => right with { Release = "7.3.0-rc8" },
            _ => throw new ArgumentOutOfRangeException(nameof(bug), bug, "unknown"),
        };

        Assert.True(BootFails(capture, right, wrong), $"{bug} was not noticed");
        Assert.False(BootFails(capture, right, right));
    }

    [Theory]
    [InlineData("gen-1/dmesg.txt", "exec from: 7.3.0-rc7-a (count 1)", "exec from: 7.3.0-rc7-a (count 2)")]
    [InlineData("gen-1/dmesg.txt", "Revived memory reservation 'small' from KHO", "Revived memory reservation 'smell' from KHO")]
    [InlineData("gen-1/dmesg.txt", "KHO: found kexec handover data.", "KHO: disabling KHO revival")]
    [InlineData("gen-1/dmesg.txt", "<5>[    0.000000] KHO: scratch areas", "<6>[    0.000000] KHO: scratch areas")]
    [InlineData("gen-1/dmesg.txt", "node   0: [mem 0x0000000017c00000-", "node   0: [mem 0x0000000017d00000-")]
    [InlineData("gen-1/kho/out/scratch_phys", "0x1dc00000", "0x1dd00000")]
    [InlineData("gen-1/kho/out/scratch_len", "0x1000000", "0x1000001")]
    [InlineData("gen-1/kho.ls", "-r-------- 0 kho/in/fdt", "-rw------- 0 kho/in/fdt")]
    [InlineData("gen-1/kho.ls", "drwxr-xr-x 0 kho/in\n", "")]
    [InlineData("gen-1/kho.ls", "-r-------- 0 kho/in/sub_fdts/memblock\n", "")]
    [InlineData("gen-1/kho.ls", "kho/out/scratch_len\n", "kho/out/fdt\n-r-------- 0 kho/out/scratch_len\n")]
    [InlineData("gen-1/kho/in/sub_fdts/memblock", "memblock-v1", "memblock-v2")]
    [InlineData("gen-1/kho/in/sub_fdts/kexec-metadata", "7.3.0-rc7-a", "7.3.0-rc7-b")]
    [InlineData("gen-1/kho/out/sub_fdts/memblock", "memblock-v1", "memblock-v2")]
    [InlineData("gen-1/kho/out/sub_fdts/kexec-metadata", "7.3.0-rc7-a", "7.3.0-rc7-b")]
    [InlineData("case.json", "\"0x1f9137c0\",\n     \"0x10000\"", "\"0x1f9137c0\",\n     \"0x20000\"")]
    [InlineData("case.json", "\"size\": 294", "\"size\": 295")]
    [InlineData("case.json", "\"totalsize\": 293", "\"totalsize\": 294")]
    [InlineData("case.json", "\"0x1f918000\",\n      3", "\"0x1f918000\",\n      4")]
    public void A_capture_that_says_otherwise_fails(string file, string old, string replacement)
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        if (file.EndsWith("memblock", StringComparison.Ordinal) || file.EndsWith("kexec-metadata", StringComparison.Ordinal))
        {
            folder.ReplaceBytes(file, old, replacement);
        }
        else
        {
            folder.Replace(file, old, replacement);
        }

        CaseResult boot = RealCaptures.Run(folder.Full("gen-1"), Fixtures.Kernels)
            .Single(result => result.Name.EndsWith("gen-1 boot", StringComparison.Ordinal));

        Assert.Equal(CaseOutcome.Failed, boot.Outcome);
    }

    [Fact]
    public void Lines_of_clients_that_are_not_simulated_are_not_compared()
    {
        using CaptureFolder folder = new("v4-7.3-luo");
        folder.Replace("gen-1/dmesg.txt", "luo: Retrieved live update data", "luo: something else");

        Assert.DoesNotContain(RealCaptures.Run(folder.Path, Fixtures.Kernels), result => result.Outcome == CaseOutcome.Failed);
    }

    [Fact]
    public void A_kernel_without_a_kernel_file_is_unsupported_with_its_release()
    {
        CaseResult boot = RealCaptures.Run(Path.Combine(Fixtures.Real, "v4-7.3-explicit", "gen-0"), new KernelsByRelease([]))
            .Single(result => result.Name.EndsWith(" boot", StringComparison.Ordinal));

        Assert.Equal(CaseOutcome.Unsupported, boot.Outcome);
        Assert.Contains("7.3.0-rc7-a", boot.Detail, StringComparison.Ordinal);
    }

    private static bool BootFails(Capture capture, KernelBuild right, KernelBuild booted)
    {
        // Found by the right release, whatever the planted build calls itself.
        foreach (CaptureGeneration generation in capture.Generations.Where(g => g.Description.KernelBuild == right.Release))
        {
            CaseResult result = BootCheck.Run(generation, _ => booted)!;
            if (result.Outcome == CaseOutcome.Failed)
            {
                return true;
            }
        }

        return false;
    }
}
