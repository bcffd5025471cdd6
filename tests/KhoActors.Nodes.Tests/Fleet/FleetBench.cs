using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Fleets of tests, and all of a result as text.</summary>
internal static class FleetBench
{
    public const ulong Seed = 7;

    private static readonly Lazy<FleetResult> RunThrough = new(static () => FleetRunner.Run(new FleetPlan(Mixed(), Seed), new FleetOptions { Workers = 1 }));

    /// <summary>Twelve machines of eight generations.</summary>
    public static ResolvedScenario Fleet { get; } = Mixed();

    /// <summary>What it does when nothing disturbs it and nothing is recorded.</summary>
    public static string Undisturbed => Text(RunThrough.Value);

    /// <summary>The digest of that.</summary>
    public static string Digest => RunThrough.Value.Digest;

    /// <summary>One process: takes the fleet up where its history leaves it, and records.</summary>
    public static FleetResult Run(
        this MemoryHistory history, int workers, int stopAfter = int.MaxValue, long hibernatedBytesMax = long.MaxValue, Action<int, GenerationReport>? done = null)
    {
        int generations = 0;
        return FleetRunner.Run(new FleetPlan(Fleet, Seed), new FleetOptions
        {
            Workers = workers,
            Recorder = history,
            Resume = history.Session(),
            HibernatedBytesMax = hibernatedBytesMax,
            StopRequested = () => Volatile.Read(ref generations) >= stopAfter,
            GenerationDone = (machine, report) =>
            {
                Interlocked.Increment(ref generations);
                done?.Invoke(machine, report);
            },
        });
    }

    /// <summary>A history of the whole fleet.</summary>
    public static MemoryHistory Recorded(int sliceGenerations = 4)
    {
        MemoryHistory history = new(Fleet, Seed, sliceGenerations);
        history.Run(workers: 2);
        return history;
    }

    /// <summary>A record that says another digest of a generation.</summary>
    public static SliceRecord WithDigest(this SliceRecord record, int generation, byte[] digest) => record with
    {
        Generations = [.. record.Generations.Select(each => each.Report.Generation == generation ? each with { Digest = digest } : each)],
    };

    /// <summary>The sums of a finished run are those of its records.</summary>
    public static void AssertSums(this MemoryHistory history, FleetResult result)
    {
        RunSums sums = history.Current.Sums;
        Assert.Equal(
            (sums.Kexecs, sums.ColdBoots, sums.Messages, sums.Operations, sums.FailedRequests, sums.Violations),
            (result.Kexecs, result.ColdBoots, result.Messages, result.Operations, result.FailedRequests, result.ViolationCount));
    }

    /// <summary>Three chains of kernels, two kinds of hardware, panics and cold boots; in one generation of the chain every machine violates an invariant.</summary>
    public static ResolvedScenario Mixed(int machines = 12, int kexecs = 7) => (MachineBench.Small() with
    {
        Machines = machines,
        Kexecs = kexecs,
        Kernels = [],
        KernelChains =
        [
            new KernelChain { Kernels = ["7.3-rc7"] },
            new KernelChain { Kernels = ["7.2.13", "7.3-rc7"] },
            new KernelChain { Kernels = ["7.1.13", "7.2.13"], AfterLast = AfterLastKernel.Stay },
        ],
        Hardware = [new HardwareVariant { Weight = 2, MemoryBytes = 512UL << 20 }, new HardwareVariant { NodeBytes = [256UL << 20, 256UL << 20] }],
        Kexec = new LeavePlan { PanicWithoutHandoverPartsPerMillion = 50_000, ColdBootPartsPerMillion = 50_000 },
        Script = [new ScriptEntry { Generations = ["1", "5"], Steps = ["find-log nobody says this = 1"] }],
    }).Resolve();

    /// <summary>Everything that must not depend on how a fleet was run.</summary>
    public static string Text(FleetResult result)
    {
        IEnumerable<string> transitions = result.Transitions
            .Select(each => $"{each.From}>{each.To} {each.Count} {each.Restored} {each.Lost} {each.Violations}");
        return $"""
            {result.Digest} {result.Machines} {result.Kexecs} {result.ColdBoots}
            {result.Messages} {result.Operations} {result.FailedRequests} {result.ViolationCount}
            {string.Join(',', result.Outcomes)}
            {string.Join(',', transitions)}
            {string.Join(',', result.Violations)} {string.Join(',', result.Defects)} {result.Interrupted}
            {result.FirstDifference} {result.DifferingMachines} {result.Failure}
            """;
    }
}
