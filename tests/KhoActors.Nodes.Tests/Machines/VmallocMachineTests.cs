using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>Whole machines whose workload preserves vmalloc areas: with kernels as they are, and with one defect of a version each.</summary>
public class VmallocMachineTests
{
    private static readonly Scenario OnlyAreas = MachineBench.Small() with
    {
        Kexecs = 6,
        CommandLines = ["kho=on kho_scratch=16M,48M,16M"],
        Workload = new Workload
        {
            OperationsPerKexec = 40,
            OperationsAfterLoad = 6,
            OperationIntervalTicks = 500_000,
            RangePages = new ValueRange(1, 1300),
            Mix = new OperationMix { PreserveVmalloc = 6, Unpreserve = 2, Free = 1 },
        },
    };

    [Fact]
    public void Areas_are_restored_kernel_after_kernel()
    {
        for (ulong seed = 0; seed < 10; seed++)
        {
            MachineRun run = MachineBench.Run(OnlyAreas.SpecOf(seed));

            Assert.Empty(run.Violations);
            Assert.All(run.Reports.Skip(1), report => Assert.True(report is { Restored: > 5, HandedOver: true }, $"seed {seed}, {report.Restored} restored"));
        }
    }

    [Fact]
    public void The_story_of_a_generation_tells_of_areas()
    {
        MachineSpec spec = OnlyAreas.SpecOf(seed: 3);
        using Machine machine = new();
        machine.PowerOff(spec);
        string[] words =
        [
            "allocate a vmalloc area", "preserve the vmalloc area", "un-preserve the vmalloc area", "restore the vmalloc area", "free the vmalloc area",
        ];

        List<string> story = [];
        for (int generation = 0; generation < 4; generation++)
        {
            story.AddRange(machine.RunGeneration(isLast: false, keepLog: true).Story);
        }

        Assert.All(words, word => Assert.Contains(story, line => line.StartsWith(word, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_machine_without_memory_for_areas_loses_none_and_leaves_none_half_preserved() =>
        Assert.Empty(ViolationsOf(VmallocDefects.None, shortOfMemory: true));

    [Fact]
    public void A_mapping_of_heads_only_crashes_the_kernel_when_the_area_is_freed() =>
        Assert.Equal([InvariantCatalog.KernelAlive], ViolationsOf(new VmallocDefects { RestoresHeadsOnly = true }));

    [Fact]
    public void A_restore_that_reads_on_behind_a_full_chunk_is_caught() =>
        Assert.Contains(InvariantCatalog.RestoreExact, ViolationsOf(new VmallocDefects { ChunkUnbounded = true }));

    [Fact]
    public void A_preserve_that_fails_and_says_that_it_did_not_is_caught() =>
        Assert.Contains(InvariantCatalog.VmallocChain, ViolationsOf(new VmallocDefects { LosesNoMemory = true }, shortOfMemory: true));

    /// <summary>The invariants that machines break whose kernels have a defect, each once.</summary>
    private static IEnumerable<string> ViolationsOf(VmallocDefects defects, bool shortOfMemory = false)
    {
        Scenario scenario = shortOfMemory ? ShortOfMemory() : OnlyAreas;
        ResolvedScenario resolved = new(scenario, [MachineBench.Kernel(MachineBench.Newest) with { VmallocDefects = defects }]);
        return Enumerable.Range(0, 12)
            .SelectMany(seed => MachineBench.Run(resolved.SpecOf((ulong)seed)).Reports)
            .SelectMany(report => report.Violations)
            .Select(violation => violation.Invariant)
            .Distinct();
    }

    /// <summary>Small folios take what large areas leave, so that chunks are what runs out.</summary>
    private static Scenario ShortOfMemory() => OnlyAreas with
    {
        Kexecs = 2,
        Hardware = [new HardwareVariant { MemoryBytes = 256UL << 20 }],
        Workload = OnlyAreas.Workload with
        {
            OperationsPerKexec = 500,
            MemoryLimitBytes = 1UL << 40,
            RangePages = new ValueRange(512, 1100),
            FolioOrders = new ValueRange(0, 4),
            Mix = new OperationMix { PreserveVmalloc = 6, Unpreserve = 3, Allocate = 10, Free = 1 },
        },
    };
}
