namespace KhoActors.Nodes.Machines;

/// <summary>Asks a <see cref="Machine"/> to record each generation, see <see cref="Machine.LastRecord"/>. It changes no digest.</summary>
/// <param name="Order">
/// Whether the order of deliveries is recorded wherever it was drawn: pick by pick, where there was a choice; otherwise a replay draws it again from the seed.
/// What an engine chooses (<see cref="Runtime.DeliveryOrder.Concurrent"/>) is recorded in any case, every pick of it. A generation that is replayed is
/// recorded as its record has it. A checkpoint may be continued with either.
/// </param>
public sealed record MachineRecording(bool Order = false);
