namespace KhoActors.Subsystems.Actors;

/// <summary>
/// A state machine that a host carries: message in, messages out, nothing else. The seam between subsystems and their hosts:
/// the local deterministic runtime, Akka.NET, a test. A host calls it for one delivery at a time.
/// </summary>
public interface IActor
{
    /// <summary>Handles one delivery.</summary>
    /// <param name="delivery">What was received, and from whom.</param>
    /// <param name="outbox">Receives everything the actor sends.</param>
    void Receive(in Delivery delivery, Outbox outbox);
}

/// <summary>
/// State that outlives a jump (the machine, the plan of its user space): written when no subsystem actor is alive and read back
/// in another process, another day. Subsystems of a kernel have none: their state is RAM.
/// </summary>
public interface ISnapshotting
{
    /// <summary>Writes the whole state.</summary>
    /// <param name="writer">Receives it.</param>
    void Snapshot(SnapshotWriter writer);

    /// <summary>Replaces the state by a written one.</summary>
    /// <param name="reader">Source; malformed data throws <see cref="SnapshotFormatException"/>.</param>
    void Recover(SnapshotReader reader);
}
