using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Nodes.Tests.Scenarios;

namespace KhoActors.Nodes.Tests.UserSpace;

/// <summary>The shipped scenarios with clients, cut down: they hold, whoever runs them, and show what they promise.</summary>
public class ShippedScenarioTests
{
    private static readonly ScenarioCatalog Catalog = new(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder));

    public static TheoryData<string, string[]> Scenarios => new()
    {
        { "smoke", ["machines=8", "kexecs=6"] },
        { "pstore-deflate", ["machines=3", "kexecs=4"] },
        { "log-buf-shift-drift", ["machines=3", "kexecs=4"] },
        { "client-drift", ["machines=6", "kexecs=5"] },
        { "tmpfs-chain", ["machines=6", "kexecs=7"] },
        { "upstream-selftest", [] },
        { "hundred-kexecs", ["machines=2", "kexecs=8"] },
    };

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void It_holds_and_neither_workers_nor_slices_change_anything(string name, string[] settings)
    {
        ResolvedScenario resolved = Catalog.Load(name, settings);
        FleetResult reference = Run(resolved, workers: 1, sliceGenerations: 3);

        Assert.Empty(reference.Violations.Select(static each => $"{each.Machine} {each.Violation}"));
        Assert.Empty(reference.Defects);
        Assert.Equal(reference.Digest, Run(resolved, workers: 2, sliceGenerations: 1).Digest);
        Assert.Equal(reference.Digest, Run(resolved, workers: 8, sliceGenerations: 100).Digest);
    }

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void Its_canonical_text_reads_back(string name, string[] settings)
    {
        string text = Catalog.Load(name, settings).ToCanonicalText();

        Assert.Equal(text, ResolvedScenario.Parse(text, name).ToCanonicalText());
    }

    [Fact]
    public void Smoke_does_every_kind_of_operation_somewhere_in_the_fleet()
    {
        ResolvedScenario smoke = Catalog.Load("smoke", ["kexecs=12"]);
        List<string> story = [];
        for (int machine = 0; machine < 12; machine++)
        {
            story.AddRange(MachineBench.Run(smoke.SpecOf(7, machine)).Reports.SelectMany(static report => report.Story));
        }

        string[] expected =
        [
            "preserve the folio", "preserve ", "allocate and preserve", "un-preserve", "publish", "withdraw", "preserve the vmalloc area",
            "write to the log",
            "pstore: mount", "pstore: list", "pstore: read", "pstore: unlink dmesg-kho-0: -EPERM", "pstore: umount",
            "tmpfs: mount", "tmpfs: readdir", "tmpfs: create", "tmpfs: write", "tmpfs: read ", "tmpfs: rename", "tmpfs: link", "tmpfs: symlink",
            "tmpfs: unlink",
            "tmpfs: mkdir", "tmpfs: rmdir", "tmpfs: truncate", "tmpfs: fallocate", "tmpfs: punch", "tmpfs: map-write", "tmpfs: chmod", "tmpfs: umount",
            "tmpfs: remount", "tmpfs: freeze", "tmpfs: thaw", "tmpfs: readlink", "<6>test_kho: KHO restore succeeded",
        ];
        Assert.All(expected, start => Assert.Contains(story, line => line.StartsWith(start, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_log_that_is_too_long_for_the_next_kernel_stays_compressed()
    {
        MachineRun run = MachineBench.Run(Catalog.Load("log-buf-shift-drift", ["kexecs=8"]).SpecOf(7));

        IEnumerable<string> story = run.Reports.SelectMany(static report => report.Story);
        string[] listed = [.. story.Where(static line => line.StartsWith("pstore: list", StringComparison.Ordinal))];
        Assert.Contains(listed, static line => line.EndsWith("'dmesg-kho-0.enc.z'", StringComparison.Ordinal));
        Assert.Contains(listed, static line => line.EndsWith("'dmesg-kho-0'", StringComparison.Ordinal));
    }

    [Fact]
    public void The_selftest_passes_for_the_reason_for_which_the_real_one_does()
    {
        MachineRun run = MachineBench.Run(Catalog.Load("upstream-selftest").SpecOf(1));

        Assert.Contains(run.Reports[1].Log, static line => line.Text == "test_kho: KHO restore succeeded");
        Assert.Equal([GenerationEnd.Kexec, GenerationEnd.Last], run.Reports.Select(static report => report.End));
    }

    private static FleetResult Run(ResolvedScenario resolved, int workers, int sliceGenerations) =>
        FleetRunner.Run(new FleetPlan(resolved, 7), new FleetOptions { Workers = workers, SliceGenerations = sliceGenerations });
}
