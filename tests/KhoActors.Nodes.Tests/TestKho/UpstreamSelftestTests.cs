using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;

namespace KhoActors.Nodes.Tests.TestKho;

/// <summary>The upstream selftest (tools/testing/selftests/kho): one kexec, and the line that its script looks for in the second kernel's log.</summary>
public sealed class UpstreamSelftestTests
{
    private const string CommandLine = "console=ttyS0 kho=on panic=-1";

    [Theory]
    [InlineData("7.1.13")]
    [InlineData("7.2.13")]
    [InlineData("7.3-rc7")]
    [InlineData("7.1.13-debug")]
    [InlineData("7.2.13-debug")]
    [InlineData("7.3-rc7-debug")]
    public void One_kexec_prints_that_the_restore_succeeded(string kernel)
    {
        MachineRun run = MachineBench.Run(TestKhoBench.Scenario(kernel, CommandLine).SpecOf(seed: 1));

        Assert.Empty(run.Violations);
        Assert.DoesNotContain(run.Reports[0].Log, line => line.Text.StartsWith("test_kho", StringComparison.Ordinal));
        Assert.Equal(
            ["<6>test_kho: KHO restore succeeded"],
            run.Reports[1].Log.Where(line => line.Text.StartsWith("test_kho", StringComparison.Ordinal)).Select(line => line.ToString()));
    }

    [Fact]
    public void Every_second_kernel_of_a_chain_saves_and_every_other_restores()
    {
        ScenarioRun run = new(kexecs: 5);

        Assert.Empty(run.Violations);
        Assert.Equal([false, true, false, true, false, true], run.Succeeded);
    }

    [Fact]
    public void The_default_data_is_eight_mebibytes_in_folios_that_are_preserved_with_the_order_that_the_array_lists()
    {
        using TestKhoBench bench = new(CommandLine);
        HashSet<(ulong, int)> preserved = [.. bench.HandOver.Blocks.Select(block => (block.Phys, block.Order))];
        ulong[] entries = [.. Enumerable.Range(0, (int)bench.Blob.Folios).Select(bench.Entry)];

        Assert.Equal(TestKhoActor.DefaultMaxBytes, entries.Aggregate(0UL, (sum, entry) => sum + (4096UL << (int)(entry & 0xFFF))));
        Assert.All(entries, entry => Assert.Contains((entry & ~0xFFFUL, (int)(entry & 0xFFF)), preserved));
        Assert.Contains((bench.BlobPhys, 1), preserved);
        Assert.Equal(240UL, bench.HandOver.Blob("kho_test").SizeBytes);
        Assert.Equal((1u, 1, 0), (bench.Blob.Array.TotalPages, bench.Blob.Array.Flags, bench.Blob.Array.Order));
    }

    [Fact]
    public void The_content_of_the_folios_is_not_materialised_to_be_summed()
    {
        using TestKhoBench bench = new(CommandLine);

        Assert.All(
            Enumerable.Range(0, (int)bench.Blob.Folios).Select(bench.Entry),
            entry => Assert.False(bench.Memory.AnyWritten(PageGeometry.PfnOf(entry), PageGeometry.PfnOf(entry) + (1UL << (int)(entry & 0xFFF)))));
    }

    [Theory]
    [InlineData("test_kho.max_mem=4096", 1UL << 12)]
    [InlineData("test_kho.max_mem=1", 1UL << 12)]
    [InlineData("test_kho.max_mem=1M", 1UL << 20)]
    [InlineData("test_kho.max_mem=0x21000", 0x21000)]
    [InlineData("test_kho.max-mem=64K test_kho.max_mem=128K", 1UL << 17)]
    [InlineData("test_kho.max_mem=12MB", TestKhoActor.DefaultMaxBytes)]
    [InlineData("test_kho.max_mem=-1", TestKhoActor.DefaultMaxBytes)]
    [InlineData("test_kho.max_mem=", TestKhoActor.DefaultMaxBytes)]
    [InlineData("test_kho.max_mem=8E", TestKhoActor.DefaultMaxBytes)]
    public void The_parameter_sets_how_much_is_saved(string parameter, ulong expected)
    {
        using TestKhoBench bench = new($"kho=on {parameter}");

        Assert.Equal(expected, Enumerable.Range(0, (int)bench.Blob.Folios).Aggregate(0UL, (sum, i) => sum + (4096UL << (int)(bench.Entry(i) & 0xFFF))));
        Assert.Equal(["<6>test_kho: KHO restore succeeded"], bench.Boot().Lines);
    }

    [Fact]
    public void A_kernel_without_KHO_neither_saves_nor_restores()
    {
        using TestKhoBench bench = new(secondCommandLine: "kho=off");
        SecondKernel second = bench.Boot();

        Assert.Equal(0, second.Returned);
        Assert.Empty(second.Lines);
    }

    [Fact]
    public void What_was_restored_is_free_again_and_the_blob_stays_reserved()
    {
        using TestKhoBench bench = new();
        ulong blob = PageGeometry.PfnOf(bench.BlobPhys);
        ulong array = PageGeometry.PfnOf(bench.ArrayPhys);
        ulong[] folios = [.. Enumerable.Range(0, (int)bench.Blob.Folios).Select(i => PageGeometry.PfnOf(bench.Entry(i)))];
        BootedKernel kernel = bench.Boot().Kernel;

        Assert.All([.. folios, array], pfn => Assert.Equal(PageOwner.Free, kernel.Kho.Pages.OwnerOf(pfn)));
        Assert.Equal(PageOwner.Memblock, kernel.Kho.Pages.OwnerOf(blob));
    }

    /// <summary>A longer chain, with the shipped workload at work beside the module.</summary>
    private sealed class ScenarioRun
    {
        private readonly MachineRun _run;

        public ScenarioRun(int kexecs)
        {
            Scenario scenario = MachineBench.Small() with { Kexecs = kexecs, Clients = ["test_kho"], CommandLines = ["kho=on test_kho.max_mem=512K"] };
            _run = MachineBench.Run(scenario.SpecOf(seed: 3));
        }

        public IEnumerable<string> Violations => _run.Violations;

        public IEnumerable<bool> Succeeded => _run.Reports.Select(report => report.Log.Any(line => line.Text == "test_kho: KHO restore succeeded"));
    }
}
