using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>A fleet's result is a function of scenario and seed, however it is run.</summary>
public class FleetTests
{
    private static readonly ResolvedScenario Mixed = (MachineBench.Small() with
    {
        Machines = 12,
        Kexecs = 7,
        Kernels = [],
        KernelChains =
        [
            new KernelChain { Kernels = ["7.3-rc7"] },
            new KernelChain { Kernels = ["7.2.13", "7.3-rc7"] },
            new KernelChain { Kernels = ["7.1.13", "7.2.13"], AfterLast = AfterLastKernel.Stay },
        ],
        Hardware = [new HardwareVariant { Weight = 2, MemoryBytes = 512UL << 20 }, new HardwareVariant { NodeBytes = [256UL << 20, 256UL << 20] }],
        Kexec = new LeavePlan { PanicWithoutHandoverPartsPerMillion = 50_000, ColdBootPartsPerMillion = 50_000 },
    }).Resolve();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(8, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(8, 2)]
    [InlineData(1, 8)]
    [InlineData(8, 100)]
    public void Neither_workers_nor_slices_change_anything(int workers, int sliceGenerations)
    {
        FleetResult reference = Run(Mixed, seed: 7, workers: 1, sliceGenerations: 4);

        FleetResult result = Run(Mixed, seed: 7, workers, sliceGenerations);

        Assert.Equal(FleetBench.Text(reference), FleetBench.Text(result));
    }

    [Fact]
    public void Another_seed_has_another_digest()
    {
        Assert.Equal(4, Enumerable.Range(1, 4).Select(seed => Run(Mixed, (ulong)seed, 2, 4).Digest).Distinct().Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(20)]
    public void A_machine_does_not_depend_on_how_many_there_are(int machines)
    {
        ResolvedScenario resized = Mixed with { Scenario = Mixed.Scenario with { Machines = machines } };
        SortedDictionary<int, string> expected = LastReports(Mixed);

        SortedDictionary<int, string> found = LastReports(resized);

        Assert.Equal(machines, found.Count);
        for (int number = 0; number < Math.Min(machines, expected.Count); number++)
        {
            Assert.Equal(expected[number], found[number]);
            Assert.Equal(
                MachineBench.Run(Mixed.SpecOf(seed: 7, number)).Digests[^1],
                MachineBench.Run(resized.SpecOf(seed: 7, number)).Digests[^1]);
        }
    }

    [Fact]
    public void The_fleets_digest_is_the_hash_of_the_machines_digests_in_the_order_of_their_numbers()
    {
        List<byte> links = [];
        for (int number = 0; number < Mixed.Scenario.Machines; number++)
        {
            links.AddRange(Convert.FromHexString(MachineBench.Run(Mixed.SpecOf(seed: 7, number)).Digests[^1]));
        }

        Span<byte> digest = stackalloc byte[DigestChain.LinkBytes];
        DigestChain.Fleet(links.ToArray(), digest);

        Assert.Equal(Convert.ToHexStringLower(digest), Run(Mixed, seed: 7, workers: 2, sliceGenerations: 3).Digest);
    }

    [Fact]
    public void Every_boot_is_counted_once()
    {
        FleetResult result = Run(Mixed, seed: 7, workers: 2, sliceGenerations: 4);

        Assert.Equal(12 * 8, result.Kexecs + result.ColdBoots);
        Assert.Equal(12 * 8, result.Outcomes.Sum(outcome => outcome.Value));
        Assert.Equal(12, result.Outcomes.Single(outcome => outcome.Key == "end-of-chain").Value);
        Assert.Equal(result.Kexecs, result.Transitions.Sum(transition => transition.Count));
        Assert.All(result.Transitions, transition => Assert.Equal(transition.Count, transition.Restored + transition.Lost));
        Assert.Contains(result.Outcomes, outcome => outcome.Key == "panic");
        Assert.Contains(result.Outcomes, outcome => outcome.Key == "cold-boot");
        Assert.Equal((0, 0), (result.ViolationCount, result.Defects.Count));
    }

    [Fact]
    public void A_fleet_that_is_asked_to_stop_says_so_and_ends()
    {
        int generations = 0;
        FleetResult result = FleetRunner.Run(new FleetPlan(Mixed, 7), new FleetOptions
        {
            Workers = 1,
            GenerationDone = (_, _) => generations++,
            StopRequested = () => generations >= 10,
        });

        Assert.True(result.Interrupted);
        Assert.Equal(10, generations);
    }

    [Fact]
    public void A_machine_that_cannot_load_its_next_kernel_reboots_through_the_firmware()
    {
        ResolvedScenario tight = (MachineBench.Small() with { CommandLines = ["kho=on kho_scratch=12M,0,0"] }).Resolve();

        FleetResult result = Run(tight, seed: 1, workers: 1, sliceGenerations: 4);

        Assert.Equal(["end-of-chain:1", "load-failed:3"], result.Outcomes.Select(outcome => $"{outcome.Key}:{outcome.Value}"));
        Assert.Equal((0, 4, 0, 0), (result.Kexecs, result.ColdBoots, result.ViolationCount, result.Defects.Count));
    }

    private static FleetResult Run(ResolvedScenario resolved, ulong seed, int workers, int sliceGenerations) =>
        FleetRunner.Run(new FleetPlan(resolved, seed), new FleetOptions { Workers = workers, SliceGenerations = sliceGenerations });

    private static SortedDictionary<int, string> LastReports(ResolvedScenario resolved)
    {
        SortedDictionary<int, string> reports = [];
        FleetRunner.Run(new FleetPlan(resolved, 7), new FleetOptions
        {
            Workers = 1,
            GenerationDone = (machine, report) =>
                reports[machine] = $"{report.Generation} {report.Kernel} {report.End} {report.Messages} {report.Restored} {report.Operations}",
        });
        return reports;
    }
}
