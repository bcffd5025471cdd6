using System.Diagnostics;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Host.Bench;

/// <summary>Machines of a scenario, judged as always: kexecs a second on two workers, what a machine allocates, what it weighs asleep.</summary>
internal sealed class FleetWorkload
{
    private const int Machines = 200;
    private const int Workers = 2;
    private const int Sampled = 16;
    private const ulong Seed = 7;
    private readonly FleetPlan _plan;
    private string? _digest;

    /// <summary>Plans the fleet.</summary>
    /// <param name="scenarios">Where the scenario is found.</param>
    /// <param name="name">The scenario: <c>smoke</c> has every client at work, <c>fleet</c> none.</param>
    public FleetWorkload(ScenarioCatalog scenarios, string name) =>
        _plan = new FleetPlan(scenarios.Load(name, [$"machines={Machines}"]), Seed);

    /// <summary>Runs the fleet to its end.</summary>
    /// <returns>Kexecs a second.</returns>
    /// <exception cref="InvalidOperationException">An invariant was violated, the simulator failed, or a run of the same seed had another digest.</exception>
    public double KexecsPerSecond()
    {
        long start = Stopwatch.GetTimestamp();
        FleetResult result = FleetRunner.Run(_plan, new FleetOptions { Workers = Workers });
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (result.ViolationCount > 0 || result.Defects.Count > 0 || result.Digest != (_digest ??= result.Digest))
        {
            throw new InvalidOperationException(
                $"the fleet of the benchmark ended with {result.ViolationCount} violations, {result.Defects.Count} defects and digest {result.Digest}");
        }

        return result.Kexecs / seconds;
    }

    /// <summary>What one machine allocates in a chain of kexecs, once its worker has carried it before.</summary>
    /// <returns>Bytes per message, all that a kexec allocates included.</returns>
    public double AllocatedBytesPerMessage()
    {
        using Machine machine = new();
        RunChain(machine, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        RunChain(machine, 0);
        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / machine.Messages;
    }

    /// <summary>What a machine's state takes between its turns.</summary>
    /// <returns>Bytes of the largest of some machines, at the last jump of their chains.</returns>
    public int HibernatedBytes()
    {
        using Machine machine = new();
        SnapshotWriter writer = new();
        int largest = 0;
        for (int number = 0; number < Sampled; number++)
        {
            RunChain(machine, number);
            writer.Clear();
            machine.Snapshot(writer);
            largest = Math.Max(largest, writer.Length);
        }

        return largest;
    }

    private void RunChain(Machine machine, int number)
    {
        machine.PowerOff(_plan.SpecOf(number));
        for (int kexec = 0; kexec < _plan.Scenario.Kexecs; kexec++)
        {
            machine.RunGeneration(isLast: false);
        }
    }
}
