using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Akka.Machines;

// What a machine and its crew tell each other: never on another node.

/// <summary>A message of the simulated kernel, for its receiver: preserve, unpreserve, kexec. Whoever receives it has the machine's turn.</summary>
internal sealed record Carry(Delivery Delivery);

/// <summary>To the machine: the turn comes back, because its generation is over or its crew must change.</summary>
internal sealed class TurnBack
{
    private TurnBack()
    {
    }

    public static TurnBack Instance { get; } = new();
}

/// <summary>To the receiver of a pair, in concurrent order: a message became ready.</summary>
internal sealed record MessageReady(ActorPair Pair);

/// <summary>To the machine, in concurrent order: the sender has a message and asks for the turn.</summary>
internal sealed class AskTurn
{
    private AskTurn()
    {
    }

    public static AskTurn Instance { get; } = new();
}

/// <summary>To one of the crew, in concurrent order: it has the turn, for one message.</summary>
internal sealed class GrantTurn
{
    private GrantTurn()
    {
    }

    public static GrantTurn Instance { get; } = new();
}

/// <summary>To the machine, from its supervision: one of its crew failed with the turn in its hands.</summary>
internal sealed record CrewFailed(Exception Failure);
