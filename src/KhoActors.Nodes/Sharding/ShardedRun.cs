using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Sharding;

/// <summary>A run as every node that carries machines of it needs to know it. Safe to ask from several threads.</summary>
public sealed class ShardedRun
{
    /// <summary>A run whose plan is at hand.</summary>
    /// <param name="number">Its number in the engine's journal, from 1.</param>
    /// <param name="facts">What it depends on.</param>
    /// <param name="order">Who chooses the order of deliveries.</param>
    /// <param name="plan">The fleet, of these facts.</param>
    public ShardedRun(int number, RunFacts facts, DeliveryOrder order, FleetPlan plan)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(plan);
        Number = number;
        Facts = facts;
        Order = order;
        Plan = plan;
        Codec = new SliceCodec(plan.Resolved);
        Recording = new MachineRecording(facts.OrderIsRecorded);
    }

    /// <summary>Its number, from 1.</summary>
    public int Number { get; }

    /// <summary>What it depends on.</summary>
    public RunFacts Facts { get; }

    /// <summary>Who chooses the order of deliveries.</summary>
    public DeliveryOrder Order { get; }

    /// <summary>The fleet.</summary>
    public FleetPlan Plan { get; }

    /// <summary>A codec for its records.</summary>
    public SliceCodec Codec { get; }

    /// <summary>What its machines record.</summary>
    public MachineRecording Recording { get; }

    /// <summary>Generations of a whole chain.</summary>
    public int Generations => Facts.Kexecs + 1;

    /// <summary>A run from its facts alone, as another node tells them or a journal has them.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="facts">What it depends on.</param>
    /// <param name="order">Who chooses the order of deliveries.</param>
    /// <param name="clients">Where clients are that the scenario names; null for those that come with the laboratory.</param>
    /// <returns>The run.</returns>
    /// <exception cref="EngineException">This program cannot run it: it is of another version, or lacks clients.</exception>
    public static ShardedRun FromFacts(int number, RunFacts facts, DeliveryOrder order, ClientCatalog? clients = null)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.ModelVersion != Machine.ModelVersion || facts.RecordFormat != RunFacts.CurrentRecordFormat)
        {
            throw new EngineException(
                $"run {number} is of model version {facts.ModelVersion} and record format {facts.RecordFormat}; "
                + $"this node has {Machine.ModelVersion} and {RunFacts.CurrentRecordFormat}");
        }

        try
        {
            ResolvedScenario resolved = ResolvedScenario.Parse(facts.ResolvedScenario, $"run {number}", clients);
            bool isSame = resolved.Scenario.Machines == facts.Machines && resolved.Scenario.Kexecs == facts.Kexecs;
            return isSame
                ? new ShardedRun(number, facts, order, new FleetPlan(resolved, facts.Seed))
                : throw new EngineException($"run {number} is said to have {facts.Machines} machines and {facts.Kexecs} kexecs; its scenario says otherwise");
        }
        catch (ScenarioException problem)
        {
            throw new EngineException($"this node cannot carry run {number}: {problem.Message}", problem);
        }
    }

    /// <summary>The generation behind a slice that begins with another.</summary>
    /// <param name="firstGeneration">The first of the slice.</param>
    /// <returns>The generation behind its last.</returns>
    public int EndOfSlice(int firstGeneration) => Math.Min(firstGeneration + Facts.SliceGenerations, Generations);
}
