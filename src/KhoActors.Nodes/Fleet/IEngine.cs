using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Fleet;

/// <summary>
/// Who carries the machines of a fleet. A seam: threads of this process (<see cref="LocalEngine"/>), or a cluster. Every engine drives the same
/// <see cref="Machines.Machine"/>, so in <see cref="DeliveryOrder.Seeded"/> order results and digest are the same on each.
/// </summary>
/// <remarks>
/// Engines outside of this assembly are found beside the program: an assembly <c>KhoActors.Nodes.NAME.dll</c> with a public class
/// <c>KhoActors.Nodes.NAME.EngineEntryPoint</c> that implements this interface and has a public constructor without parameters.
/// The constructor starts nothing.
/// </remarks>
public interface IEngine
{
    /// <summary>What <c>--engine</c> calls it: lower-case letters.</summary>
    string Name { get; }

    /// <summary>One line for people: what it is, in which version.</summary>
    string Summary { get; }

    /// <summary>The orders of deliveries that it can run; <see cref="DeliveryOrder.Seeded"/> is always among them.</summary>
    IReadOnlyList<DeliveryOrder> Orders { get; }

    /// <summary>Whether <see cref="RunNode"/> is for it: it can carry a fleet on several computers.</summary>
    bool HasNodes { get; }

    /// <summary>
    /// Whether it keeps the history of a run itself, at <see cref="ClusterOptions.Store"/>. It gives slices to <see cref="FleetOptions.Recorder"/>
    /// all the same, when there is one.
    /// </summary>
    bool KeepsHistory { get; }

    /// <summary>Runs a fleet to its end, or until it is stopped; blocks until then.</summary>
    /// <param name="request">What, and how.</param>
    /// <returns>What it did, as <see cref="FleetRunner.Run"/> says it.</returns>
    /// <exception cref="EngineException">It cannot run the fleet as it is asked to; nothing was run.</exception>
    /// <exception cref="ResumeException">It was to be resumed and cannot be; nothing was run.</exception>
    /// <exception cref="History.HistoryUnavailableException">It was to be resumed from a history that cannot be read; nothing was run.</exception>
    /// <exception cref="History.HistoryDamageException">It was to be resumed from a history that is damaged; nothing was run.</exception>
    FleetResult Run(EngineRequest request);

    /// <summary>Carries machines for fleets that are run elsewhere in a cluster, until it is stopped; blocks until then.</summary>
    /// <param name="options">Which cluster, and how.</param>
    /// <returns>Why it returned.</returns>
    /// <exception cref="EngineException">It cannot be a node as it is asked to, or has none; nothing was started.</exception>
    NodeOutcome RunNode(NodeOptions options);
}

/// <summary>Why a node of a cluster returned.</summary>
public enum NodeOutcome
{
    /// <summary>It was asked to, and has left the cluster in an orderly way.</summary>
    Left,

    /// <summary>The cluster shut it out, or it shut itself out: it was cut off from the majority. Machines that it carried live on elsewhere.</summary>
    Downed,
}

/// <summary>An engine cannot do what it is asked for. The message is one sentence for the user: what, and what is accepted.</summary>
public sealed class EngineException : Exception
{
    /// <summary>Says why.</summary>
    /// <param name="message">One sentence.</param>
    public EngineException(string message)
        : base(message)
    {
    }

    /// <summary>Says why.</summary>
    /// <param name="message">One sentence.</param>
    /// <param name="innerException">The cause.</param>
    public EngineException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
