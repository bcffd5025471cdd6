using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// Where the scheduler of a machine sits, exchanged between generations. Its position is always the seeded stream's: a machine may be replayed
/// from a recorded order and go on by chance.
/// </summary>
/// <param name="seeded">Draws the order from the seed.</param>
internal sealed class SchedulerSeat(SeededScheduler seeded) : IScheduler
{
    /// <summary>Draws the order from the seed.</summary>
    public SeededScheduler Seeded => seeded;

    /// <summary>Who picks.</summary>
    public IScheduler Current { get; set; } = seeded;

    public int Pick(ReadOnlySpan<ActorPair> ready) => Current.Pick(ready);

    public void Snapshot(SnapshotWriter writer) => seeded.Snapshot(writer);

    public void Recover(SnapshotReader reader) => seeded.Recover(reader);
}
