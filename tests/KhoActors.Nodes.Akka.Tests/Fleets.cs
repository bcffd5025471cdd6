using System.Text;
using KhoActors.Nodes.Akka.Machines;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>Fleets for tests, and what the local engine makes of them.</summary>
internal static class Fleets
{
    /// <summary>A scenario in text; tests append to it.</summary>
    public const string Small = """
        name: small
        summary: A fleet for actors
        kernel_chains:
          - kernels: [7.3-rc7]
          - kernels: [7.2.13, 7.3-rc7]
        machines: 6
        kexecs: 5
        hardware:
          - memory: 512 MiB
        command_line: kho=on kho_scratch=32M,64M,32M reserve_mem=2M:4096:trace
        workload:
          operations_per_kexec: 12
          operations_after_load: 2

        """;

    /// <summary>The repository.</summary>
    public static string Root
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
            {
                folder = folder.Parent;
            }

            return folder?.FullName ?? throw new InvalidOperationException("The repository was not found above the test assembly.");
        }
    }

    /// <summary>A fleet from a text.</summary>
    public static FleetPlan Plan(string yaml = Small, ClientCatalog? clients = null) => new(
        ScenarioFile.Resolve(Encoding.UTF8.GetBytes(yaml), "small.yaml", [], new KernelCatalog(Path.Combine(Root, "config", "kernels")), clients), 7);

    /// <summary>A fleet of the repository.</summary>
    public static FleetPlan Shipped(string scenario, params string[] settings) => new(
        new ScenarioCatalog(Path.Combine(Root, "config", "scenarios"), new KernelCatalog(Path.Combine(Root, "config", "kernels"))).Load(scenario, settings), 7);

    /// <summary>What a run of a fleet depends on.</summary>
    public static RunFacts Facts(FleetPlan plan, int sliceGenerations = 2) => new()
    {
        Scenario = plan.Scenario.Name,
        ResolvedScenario = plan.Resolved.ToCanonicalText(),
        Seed = plan.Seed,
        Engine = "akka",
        ModelVersion = Machine.ModelVersion,
        ProgramVersion = "test",
        OrderIsRecorded = false,
        SliceGenerations = sliceGenerations,
        Machines = plan.Scenario.Machines,
        Kexecs = plan.Scenario.Kexecs,
        Started = DateTimeOffset.UnixEpoch,
        Command = "kho run",
    };

    /// <summary>A run of a fleet.</summary>
    public static ShardedRun Run(FleetPlan plan, DeliveryOrder order = DeliveryOrder.Seeded) => new(1, Facts(plan), order, plan);

    /// <summary>What the local engine makes of a fleet.</summary>
    public static FleetResult Expected(FleetPlan plan) => FleetRunner.Run(plan, new FleetOptions { Workers = 1 });

    /// <summary>A machine's digest when the local runtime carries it.</summary>
    public static byte[] DigestOf(FleetPlan plan, int number)
    {
        using Machine machine = new();
        machine.PowerOff(plan.SpecOf(number));
        for (int generation = 0; generation <= plan.Scenario.Kexecs; generation++)
        {
            machine.RunGeneration(generation == plan.Scenario.Kexecs);
        }

        return machine.Digest.ToArray();
    }

    /// <summary>Settings of a node.</summary>
    public static NodeSettings Settings { get; } = new()
    {
        Shards = 4,
        InFlightPerNode = 3,
        SnapshotEverySlices = 2,
        PassivateAfter = TimeSpan.FromMinutes(5),
        RetryAfter = TimeSpan.FromSeconds(1),
        ProgressEvery = TimeSpan.FromMilliseconds(100),
    };
}
