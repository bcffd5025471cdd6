using System.Text.Json;

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
    public void A_generation_shows_its_root_FDT_decoded_from_memory_and_every_block()
    {
        ProgramRun run = ProgramRun.Of("inspect", ProgramRun.InTree(Chain + "/gen-1"));

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Contains("compatible = \"kho-v4\"", run.Out, StringComparison.Ordinal);
        Assert.Contains("received: root FDT 0x1db1000 (4096 bytes)", run.Out, StringComparison.Ordinal);
        Assert.Contains("preserved blocks: 9 (from ", run.Out, StringComparison.Ordinal);
        Assert.Contains("0x01ec00000  order  9", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_one_object_for_each_generation()
    {
        JsonElement[] generations = [.. ProgramRun.Of("inspect", ProgramRun.InTree(Chain), "--json").Json.EnumerateArray()];

        Assert.Equal(6, generations.Length);
        Assert.All(generations, static generation => Assert.Equal(
            ["capture", "generation", "kernel", "command_line", "injected", "memory_map", "nodes", "reserve_mem", "scratch", "received", "handover", "log"],
            ProgramRun.Fields(generation)));
        Assert.Equal(
            ["root_fdt", "header_code", "compatible", "totalsize", "preserved_memory_map", "dts", "saved_pages", "damage", "blobs", "orders", "blocks"],
            ProgramRun.Fields(generations[0].GetProperty("handover")));
        Assert.Equal(9, generations[0].GetProperty("handover").GetProperty("blocks").GetArrayLength());
    }

    [Fact]
    public void A_damaged_tree_is_shown_with_what_a_kernel_says_of_it()
    {
        ProgramRun run = ProgramRun.Of("inspect", ProgramRun.InTree("tests/data/real/faults-v4-7.3-tree-wild/gen-0"));

        Assert.Equal(ExitCode.Held, run.ExitCode);
        Assert.Contains("stops with: BUG: unable to handle page fault for address: ff11123456789000", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_blob_is_shown_as_source_and_as_JSON()
    {
        using TemporaryFolder folder = new();
        string file = folder["root.dtb"];
        File.Copy(ProgramRun.InTree(Chain + "/gen-0/kho/out/sub_fdts/memblock"), file);

        Assert.Contains("compatible = \"memblock-v1\"", ProgramRun.Of("inspect", file).Out, StringComparison.Ordinal);
        JsonElement json = ProgramRun.Of("inspect", file, "--json").Json;
        Assert.Equal(["file", "totalsize", "dts"], ProgramRun.Fields(json));
        Assert.Equal(294, json.GetProperty("totalsize").GetInt32());
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
    public void What_is_neither_a_file_nor_a_capture_is_refused()
    {
        Assert.Equal(ExitCode.Usage, ProgramRun.Of("inspect", "no-such-thing").ExitCode);
    }
}
