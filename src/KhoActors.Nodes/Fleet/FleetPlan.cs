using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// What each machine of a fleet is: a function of scenario, seed and number, so that one machine more or less changes no other.
/// Safe to ask from several workers.
/// </summary>
public sealed class FleetPlan
{
    private readonly ResolvedScenario _resolved;
    private readonly SeedPath _path;
    private readonly MachineMemory[] _memories;

    /// <summary>Plans a fleet.</summary>
    /// <param name="resolved">The scenario with its kernels.</param>
    /// <param name="seed">The run's seed.</param>
    public FleetPlan(ResolvedScenario resolved, ulong seed)
    {
        _resolved = resolved;
        Seed = seed;
        _path = SeedPath.Root(seed).Child("fleet");
        _memories = [.. resolved.Scenario.Hardware.Select(variant => new MachineMemory(variant.ToMachineHardware().ToMemoryMap(), variant.Cpus))];
    }

    /// <summary>The scenario with its kernels: with the seed, all that a fleet is.</summary>
    public ResolvedScenario Resolved => _resolved;

    /// <summary>The scenario.</summary>
    public Scenario Scenario => _resolved.Scenario;

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; }

    /// <summary>
    /// Generations that machines run in a turn, and that a record holds, unless a run says otherwise: 4, or one less than a short chain has, so
    /// that every machine is alive when the first comes to its end.
    /// </summary>
    public int SliceGenerations => Math.Min(4, Scenario.Kexecs);

    /// <summary>What a machine is.</summary>
    /// <param name="number">Its number, from 0.</param>
    /// <returns>The machine.</returns>
    public MachineSpec SpecOf(int number)
    {
        SeedPath path = _path.Child("machine", (ulong)number);
        int hardware = Draw(path.Child("hardware"), Scenario.Hardware.Count, i => Scenario.Hardware[i].Weight);
        int chain = Draw(path.Child("kernels"), Scenario.Chains.Count, i => Scenario.Chains[i].Weight);
        return SpecOf(number, hardware, chain);
    }

    /// <summary>A machine whose hardware and kernels were drawn before, as a history says.</summary>
    /// <param name="number">Its number, from 0.</param>
    /// <param name="hardware">Index of its hardware in the scenario.</param>
    /// <param name="chain">Index of its chain of kernels in the scenario.</param>
    /// <returns>The machine.</returns>
    public MachineSpec SpecOf(int number, int hardware, int chain) => new()
    {
        Number = number,
        Path = _path.Child("machine", (ulong)number),
        Hardware = hardware,
        Memory = _memories[hardware],
        ChainIndex = chain,
        Chain = Scenario.Chains[chain],
        Resolved = _resolved,
    };

    private static int Draw(SeedPath path, int count, Func<int, int> weightOf)
    {
        ulong total = 0;
        for (int i = 0; i < count; i++)
        {
            total += (ulong)weightOf(i);
        }

        ulong pick = new RandomStream(path).NextBelow(total);
        int choice = 0;
        while (pick >= (ulong)weightOf(choice))
        {
            pick -= (ulong)weightOf(choice++);
        }

        return choice;
    }
}
