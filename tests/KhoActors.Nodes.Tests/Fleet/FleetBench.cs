using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Fleets of tests, and all of a result as text.</summary>
internal static class FleetBench
{
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
