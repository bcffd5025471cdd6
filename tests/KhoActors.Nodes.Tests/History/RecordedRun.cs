using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Nodes.Tests.Scenarios;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A machine that was run by chance and recorded.</summary>
internal sealed class RecordedRun
{
    private static readonly ScenarioCatalog Shipped = new(Fixtures.ScenarioFolder, new KernelCatalog(Fixtures.ShippedKernelFolder));

    private RecordedRun(FleetPlan plan, MachineSpec spec, MachineRecording recording)
    {
        Plan = plan;
        Spec = spec;
        using Machine machine = new();
        machine.PowerOff(spec, recording: recording);
        for (int generation = 0; generation <= spec.Scenario.Kexecs; generation++)
        {
            machine.RunGeneration(generation == spec.Scenario.Kexecs);
            Records.Add(machine.LastRecord!);
            if (generation < spec.Scenario.Kexecs)
            {
                Checkpoints.Add(MachineBench.Snapshot(machine));
            }
        }
    }

    private RecordedRun(FleetPlan plan, MachineSpec spec, List<GenerationRecord> records, List<byte[]> checkpoints) =>
        (Plan, Spec, Records, Checkpoints) = (plan, spec, records, checkpoints);

    public FleetPlan Plan { get; }

    public MachineSpec Spec { get; }

    /// <summary>The generations.</summary>
    public List<GenerationRecord> Records { get; } = [];

    /// <summary>The machine behind each generation but the last.</summary>
    public List<byte[]> Checkpoints { get; } = [];

    public static RecordedRun Of(ResolvedScenario resolved, ulong seed, int number = 0, bool order = false)
    {
        FleetPlan plan = new(resolved, seed);
        return new RecordedRun(plan, plan.SpecOf(number), new MachineRecording(order));
    }

    public static ResolvedScenario Load(string scenario, params string[] settings) => Shipped.Load(scenario, settings);

    /// <summary>The run with another record in the place of one.</summary>
    public RecordedRun With(int generation, GenerationRecord record)
    {
        RecordedRun changed = new(Plan, Spec, [.. Records], Checkpoints);
        changed.Records[generation] = record;
        return changed;
    }

    /// <summary>The records in slices.</summary>
    public IEnumerable<SliceRecord> Slices(int generations = 4)
    {
        for (int first = 0; first < Records.Count; first += generations)
        {
            yield return new SliceRecord
            {
                Machine = Spec.Number,
                Hardware = Spec.Hardware,
                Chain = Spec.ChainIndex,
                Generations = [.. Records.Skip(first).Take(generations)],
            };
        }
    }

    /// <summary>A machine whose workload generator throws when it is asked.</summary>
    public static Machine MachineWithoutChance() => new() { Generator = new ThrowingGenerator() };

    /// <summary>Two records are the same in everything.</summary>
    public static void AssertSame(GenerationRecord expected, GenerationRecord found)
    {
        Assert.Empty(ReportComparison.Differences(expected.Report, found.Report));
        Assert.Equal(expected.DrawCounters, found.DrawCounters);
        Assert.Equal(expected.Decisions.ToArray(), found.Decisions.ToArray());
        Assert.Equal(expected.Order.ToArray(), found.Order.ToArray());
        Assert.Equal(expected.Trail.ToArray(), found.Trail.ToArray());
        Assert.Equal(expected.Digest.ToArray(), found.Digest.ToArray());
    }

    private sealed class ThrowingGenerator : IDecider
    {
        public ulong Between(DecisionStream stream, ulong minimum, ulong maximum) => throw Asked(stream);

        public ulong Scaled(DecisionStream stream, ulong limit) => throw Asked(stream);

        public bool Chance(DecisionStream stream, uint partsPerMillion) => throw Asked(stream);

        public ulong Word(DecisionStream stream) => throw Asked(stream);

        public int Operation(DecisionStream stream, UserSpacePlan plan) => throw Asked(stream);

        public GenerationEnd End(DecisionStream stream, LeavePlan plan) => throw Asked(stream);

        private static InvalidOperationException Asked(DecisionStream stream) => new($"chance was asked for the stream {stream.Name}");
    }
}
