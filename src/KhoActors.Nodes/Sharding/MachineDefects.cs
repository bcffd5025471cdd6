using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Sharding;

/// <summary>How engines tell of the simulator's own failures.</summary>
public static class MachineDefects
{
    /// <summary>A failure of ours in one machine, named.</summary>
    /// <param name="machine">Number of the machine.</param>
    /// <param name="failure">What was thrown.</param>
    /// <returns>The entry for <see cref="FleetResult.Defects"/>; seed path and delivery are in it where a delivery failed.</returns>
    public static string Describe(int machine, Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return SliceWorker.DefectOf(machine, failure);
    }
}
