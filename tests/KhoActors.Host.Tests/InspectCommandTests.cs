namespace KhoActors.Host.Tests;

public class InspectCommandTests
{
    private const string Chain = "tests/data/real/v4-7.3-explicit";

    [Fact]
    public void A_chain_shows_each_generation()
    {
        ProgramRun run = ProgramRun.Of("inspect", ProgramRun.InTree(Chain));

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Contains("0x1db1000 kho-v4", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(" \n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_generation_shows_its_root_FDT_decoded_from_memory()
    {
        ProgramRun run = ProgramRun.Of("inspect", ProgramRun.InTree(Chain + "/gen-1"));

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Contains("compatible = \"kho-v4\"", run.Out, StringComparison.Ordinal);
        Assert.Contains("received: FDT 0x11b1000 (4096 bytes)", run.Out, StringComparison.Ordinal);
        Assert.Contains("preserved: 9 blocks", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void The_radix_view_walks_the_captured_tree()
    {
        ProgramRun run = ProgramRun.Of("inspect", ProgramRun.InTree(Chain + "/gen-1"), "radix");

        Assert.StartsWith("0x1ec00000 order 9 (2.0 MiB)", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_tree_is_reported_not_thrown()
    {
        ProgramRun run = ProgramRun.Of("inspect", ProgramRun.InTree("tests/data/real/faults-v4-7.3-tree-wild/gen-0"), "radix");

        Assert.Equal(ExitCode.Violated, run.ExitCode);
        Assert.Contains("page fault", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_blob_is_refused_with_the_libfdt_code()
    {
        using TemporaryFolder folder = new();
        ProgramRun run = ProgramRun.Of("inspect", folder.Write("not.dtb", "this is text, long enough for a header of forty bytes"));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("FDT_ERR_BADMAGIC", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_need_one_generation_and_its_memory()
    {
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("inspect", ProgramRun.InTree(Chain), "fdt").ExitCode);
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("inspect", ProgramRun.InTree(Chain + "/gen-5"), "fdt").ExitCode);
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("inspect", "no-such-thing").ExitCode);
    }
}
