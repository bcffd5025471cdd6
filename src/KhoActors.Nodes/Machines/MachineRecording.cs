namespace KhoActors.Nodes.Machines;

/// <summary>Asks a <see cref="Machine"/> to record each generation, see <see cref="Machine.LastRecord"/>. It changes no digest.</summary>
/// <param name="Order">
/// Whether the order of deliveries is recorded pick by pick; otherwise a replay draws it again from the seed. A checkpoint may be
/// continued with either.
/// </param>
public sealed record MachineRecording(bool Order = false);
