using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>Messages that the runtime itself sends. Their protocol byte lies outside the actor numbers, so no actor's protocol can collide.</summary>
public static class RuntimeMessages
{
    /// <summary>A watched actor stopped. From: that actor. A: its number.</summary>
    public static readonly MessageKind Terminated = new(0xFF01);

    /// <summary>
    /// A child's kernel code crashed (SimulatedOopsException), or touched a page of another owner (PageOwnershipException), and the child was
    /// stopped. From: the child. A: its number. B: 1 for a page of another owner. Text: what it
    /// said. The root has no parent: it gets the message itself, and is not stopped.
    /// </summary>
    public static readonly MessageKind Oops = new(0xFF02);
}
