using System.Text.Json;

namespace KhoActors.Host.Tests;

public class BootCommandTests
{
    private const string Chain = "tests/data/real/v4-7.3-explicit";

    [Fact]
    public void A_boot_from_captured_memory_says_what_the_real_kernel_said()
    {
        ProgramRun run = ProgramRun.Of("boot", ProgramRun.InTree(Chain + "/gen-0"));

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Empty(run.Error);
        Assert.Contains("  = <6>KHO: found kexec handover data.", run.Out, StringComparison.Ordinal);
        Assert.Contains("  = <6>KHO: exec from: 7.3.0-rc7-a (count 1)", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\n  ! ", run.Out, StringComparison.Ordinal);
        Assert.Contains("revived", run.Out, StringComparison.Ordinal);
        Assert.Contains("pattern on 512 pages: not in the capture", run.Out, StringComparison.Ordinal);
        Assert.Contains("5 lines of KHO, memblock and reserve_mem, the same, in the same order.", run.Out, StringComparison.Ordinal);
        Assert.All(run.Out.Split('\n'), static line => Assert.Equal(line.TrimEnd(), line));
    }

    [Fact]
    public void A_case_stands_for_its_first_generation()
    {
        Assert.Equal(
            ProgramRun.Of("boot", ProgramRun.InTree(Chain + "/gen-0")).Out,
            ProgramRun.Of("boot", ProgramRun.InTree(Chain)).Out);
    }

    [Fact]
    public void Json_has_the_documented_fields()
    {
        JsonElement json = ProgramRun.Of("boot", ProgramRun.InTree(Chain), "--json").Json;

        Assert.Equal(
            [
                "capture", "kernel", "release", "real_kernel", "command_line", "image", "hand_off", "log", "death", "found", "scratch", "reserve_mem",
                "verdict", "compared", "real",
            ],
            ProgramRun.Fields(json));
        Assert.Equal("same", json.GetProperty("verdict").GetString());
        Assert.Equal("0x1db1000", json.GetProperty("hand_off").GetProperty("fdt").GetString());
        Assert.Equal(
            ["memblock", "kexec-metadata"],
            json.GetProperty("found").GetProperty("blobs").EnumerateArray().Select(static blob => blob.GetProperty("name").GetString()));
        Assert.All(json.GetProperty("reserve_mem").EnumerateArray(), static region => Assert.Equal("revived", region.GetProperty("outcome").GetString()));
        Assert.Equal(3, json.GetProperty("scratch").GetArrayLength());
    }

    [Fact]
    public void A_kernel_that_dies_as_the_real_one_did_is_the_same()
    {
        ProgramRun run = ProgramRun.Of("boot", ProgramRun.InTree("tests/data/real/faults-v4-7.3-tree/gen-5"));

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Contains("  = <1>BUG: unable to handle page fault for address: ffd4000001000028", run.Out, StringComparison.Ordinal);
        Assert.Contains("died booting from the same memory", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_kernel_than_the_real_one_differs_and_the_real_lines_are_shown()
    {
        ProgramRun run = ProgramRun.Of("boot", ProgramRun.InTree(Chain), "--kernel", "7.1.13");

        Assert.Equal(ExitCode.Violated, run.ExitCode);
        Assert.Contains("  ! <4>KHO: setup: handover FDT (0x1db1000) is incompatible with 'kho-v3': 1", run.Out, StringComparison.Ordinal);
        Assert.Contains("It accepted nothing of its predecessor.", run.Out, StringComparison.Ordinal);
        Assert.Contains("The real 7.3.0-rc7-a differs. It printed:", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_of_a_chain_has_nothing_to_compare()
    {
        ProgramRun run = ProgramRun.Of("boot", ProgramRun.InTree(Chain + "/gen-5"));

        Assert.Equal(ExitCode.Inconclusive, run.ExitCode);
        Assert.Contains("no kernel followed it", run.ErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-such-thing")]
    [InlineData("tests/data/real/v1-6.19-explicit")]
    public void What_cannot_be_booted_is_refused(string path)
    {
        ProgramRun run = ProgramRun.Of("boot", ProgramRun.InTree(path));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.NotEmpty(run.ErrorLine);
    }

    [Fact]
    public void An_unknown_kernel_is_refused() =>
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("boot", ProgramRun.InTree(Chain), "--kernel", "7.9").ExitCode);
}
