using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Conformance;

/// <summary>What the pstore check notices: simulated kernels that are built wrong, and captures that say something else than the kernel does.</summary>
public sealed class PstoreCheckTests
{
    private const string Case = "v4-7.3-pstore";

    [Fact]
    public void File_errors_lines_and_record_of_every_boot_are_reproduced()
    {
        CaseResult[] results = [.. Results(Path.Combine(Fixtures.Real, Case), Fixtures.Kernels)];

        Assert.Equal(4, results.Length);
        Assert.All(results, result => Assert.True(result.Outcome == CaseOutcome.Passed, $"{result.Name}: {result.Detail}"));
        Assert.Contains("dmesg-kho-0.enc.z", results[1].Detail, StringComparison.Ordinal);
        Assert.Contains("Shutdown#1 Part1, 21400 bytes of text, 1795167127.783868494", results[1].Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gen-2/pstore/dmesg-kho-0", "hello from generation 1", "hello from generation 2")]
    [InlineData("gen-1/dmesg.txt", "pstore: no decompression method initialized!", "pstore: zlib_inflate() failed, ret = -5!")]
    [InlineData("gen-3/dmesg.txt", "<6>[    0.498517] pstore_kho: successfully", "<5>[    0.498517] pstore_kho: successfully")]
    [InlineData("gen-3/dmesg.txt", "<6>[    0.514920] pstore: Registered kho as persistent store backend\n", "")]
    [InlineData("case.json", "2026-11-20 09:32:07 +0000 dmesg-kho-0", "2026-11-20 09:32:08 +0000 dmesg-kho-0")]
    [InlineData("case.json", "Operation not permitted", "No such file or directory")]
    [InlineData("gen-1/cmdline", "pstore.compress=none", "pstore.compress=nine")]
    public void A_capture_that_says_something_else_is_noticed(string file, string old, string replacement)
    {
        using CaptureFolder folder = new(Case);
        folder.ReplaceBytes(file, old, replacement);

        Assert.Contains(Results(folder.Path, Fixtures.Kernels), result => result.Outcome == CaseOutcome.Failed);
    }

    [Theory]
    [InlineData("pstore-v1", 17)]
    [InlineData("pstore-v2", 12)]
    public void A_kernel_that_is_built_wrong_is_noticed(string client, int shift)
    {
        KernelBuild right = Fixtures.Kernels.Find("7.3.0-rc7-p")!;
        KernelsByRelease wrong = new([right with { Clients = [client], LogBufShift = shift }]);

        Assert.Contains(Results(Path.Combine(Fixtures.Real, Case), wrong), result => result.Outcome == CaseOutcome.Failed);
    }

    [Fact]
    public void The_hardened_profile_reads_the_same_files()
    {
        KernelBuild right = Fixtures.Kernels.Find("7.3.0-rc7-p")!;
        KernelsByRelease hardened = new([right with { Clients = ["pstore"] }]);

        Assert.All(Results(Path.Combine(Fixtures.Real, Case), hardened), result => Assert.Equal(CaseOutcome.Passed, result.Outcome));
    }

    private static IEnumerable<CaseResult> Results(string folder, KernelsByRelease kernels) =>
        RealCaptures.Run(folder, kernels).Where(result => result.Name.EndsWith(" pstore", StringComparison.Ordinal));
}
