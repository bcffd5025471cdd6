using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// Judges one client of a kernel by its messages and by RAM, with a model and a reader of its own. Everything that it knows of a generation ends
/// with it: what the next one must find it reads from RAM after the boot.
/// </summary>
internal interface IClientJudge
{
    /// <summary>A kernel has booted; no actor runs yet.</summary>
    /// <param name="facts">The boot.</param>
    /// <param name="memory">RAM, to be read until the generation ends.</param>
    /// <param name="log">The kernel's log, which grows.</param>
    void Begin(BootFacts facts, PhysicalMemory memory, KernelLog log);

    /// <summary>A message is about to be handled.</summary>
    /// <param name="delivery">The message.</param>
    void Delivered(in Delivery delivery);

    /// <summary>The machine is at its jump and no actor is alive.</summary>
    /// <param name="handedOver">Whether it jumps with hand-over data.</param>
    void AtJump(bool handedOver);
}
