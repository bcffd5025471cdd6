using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Scenarios;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>Small scenarios in code, with the shipped kernels, and shorthand for running their machines.</summary>
internal static class MachineBench
{
    public const string Newest = "7.3-rc7";

    private static readonly KernelCatalog Catalog = new(Fixtures.ShippedKernelFolder);

    /// <summary>One machine of 512 MiB, three kexecs, some twenty operations between two of them, one reserve_mem region.</summary>
    public static Scenario Small(params string[] kernels) => new()
    {
        Name = "small",
        Summary = "A small machine",
        Kernels = kernels.Length == 0 ? [Newest] : kernels,
        CommandLines = ["kho=on kho_scratch=32M,64M,32M reserve_mem=2M:4096:trace"],
        Workload = new Workload
        {
            OperationsPerKexec = 20,
            OperationsAfterLoad = 4,
            RangePages = new ValueRange(1, 40),
            FolioOrders = new ValueRange(0, 4),
        },
    };

    /// <summary>Two nodes of 256 MiB; ranges that straddle their border are split there.</summary>
    public static Scenario WithTwoNodes(this Scenario scenario) =>
        scenario with { Hardware = [new HardwareVariant { NodeBytes = [256UL << 20, 256UL << 20] }] };

    public static KernelBuild Kernel(string name) => Catalog.Load(name);

    /// <summary>The scenario with its kernels and their clients, checked as a file is.</summary>
    public static ResolvedScenario Resolve(this Scenario scenario, ClientCatalog? clients = null) => ResolvedScenario.Parse(
        new ResolvedScenario(scenario, [.. scenario.Chains.SelectMany(chain => chain.Kernels).Distinct().Select(Kernel)]).ToCanonicalText(),
        scenario.Name,
        clients);

    public static MachineSpec SpecOf(this Scenario scenario, ulong seed, int number = 0) => scenario.Resolve().SpecOf(seed, number);

    public static MachineSpec SpecOf(this ResolvedScenario resolved, ulong seed, int number = 0) => new FleetPlan(resolved, seed).SpecOf(number);

    /// <summary>Runs a machine to the end of its chain.</summary>
    public static MachineRun Run(MachineSpec spec, DrawLog? log = null)
    {
        using Machine machine = new();
        machine.PowerOff(spec, log);
        return Continue(machine, spec);
    }

    /// <summary>Runs the generations that are left.</summary>
    public static MachineRun Continue(Machine machine, MachineSpec spec)
    {
        MachineRun run = new();
        while (machine.NextGeneration <= spec.Scenario.Kexecs)
        {
            run.Step(machine, spec);
        }

        return run;
    }

    /// <summary>A machine at its jump, after some kexecs have been asked for.</summary>
    public static Machine AtJump(MachineSpec spec, int generation = 0)
    {
        Machine machine = new();
        machine.PowerOff(spec);
        for (int i = 0; i <= generation; i++)
        {
            machine.RunGeneration(isLast: false);
        }

        return machine;
    }

    public static byte[] Snapshot(Machine machine)
    {
        SnapshotWriter writer = new();
        machine.Snapshot(writer);
        return writer.Written.ToArray();
    }

    public static string DigestOf(Machine machine) => Convert.ToHexStringLower(machine.Digest);
}

/// <summary>What a machine did, generation by generation.</summary>
internal sealed class MachineRun
{
    public List<string> Digests { get; } = [];

    public List<GenerationReport> Reports { get; } = [];

    public IEnumerable<string> Violations =>
        Reports.SelectMany(report => report.Violations).Select(violation => $"{violation.Generation} {violation.Invariant}: {violation.Detail}");

    public void Step(Machine machine, MachineSpec spec)
    {
        Reports.Add(machine.RunGeneration(isLast: machine.NextGeneration == spec.Scenario.Kexecs, keepLog: true));
        Digests.Add(MachineBench.DigestOf(machine));
    }
}
