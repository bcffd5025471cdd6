using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// Our code failed while a machine ran: never a simulated crash. The run of this machine ends here; the runtime may be reused for another
/// after <see cref="LocalRuntime.Reset"/>.
/// </summary>
public sealed class SimulatorDefectException : Exception
{
    internal SimulatorDefectException(SeedPath machine, ulong deliveryNumber, in Delivery delivery, Exception inner)
        : base($"simulator defect in {machine} at {Describe(deliveryNumber, delivery)}: {inner.GetType().Name}: {inner.Message}", inner)
    {
        Machine = machine;
        DeliveryNumber = deliveryNumber;
        Delivery = delivery;
    }

    /// <summary>Which machine, from the seed down.</summary>
    public SeedPath Machine { get; }

    /// <summary>The machine's delivery that failed, from 1; 0 when it failed before the first.</summary>
    public ulong DeliveryNumber { get; }

    /// <summary>That delivery.</summary>
    public Delivery Delivery { get; }

    internal static string Describe(ulong number, in Delivery delivery) =>
        $"delivery {number} (from {delivery.From.Value} to {delivery.To.Value}, kind 0x{delivery.Message.Kind.Value:x4})";
}

/// <summary>A machine did not come to rest within its limit of deliveries: its actors keep each other busy.</summary>
public sealed class LivelockException : Exception
{
    internal LivelockException(SeedPath machine, ulong limitDeliveries, ulong deliveryNumber, ActorPair ready, int readyPairs, int timers)
        : base($"livelock in {machine}: not idle after {limitDeliveries} deliveries, at delivery {deliveryNumber}; "
            + $"{readyPairs} pairs (such as {ready}) and {timers} timers wait")
    {
    }
}

/// <summary>An execution differs from the one recorded before it; the message names the first difference.</summary>
public class DivergenceException : Exception
{
    /// <summary>Says where.</summary>
    /// <param name="message">One sentence with position, what was recorded and what was found.</param>
    public DivergenceException(string message)
        : base(message)
    {
    }
}

/// <summary>The deliveries of an execution differ from a recorded trail.</summary>
public sealed class TrailDivergenceException : DivergenceException
{
    /// <summary>Says where.</summary>
    /// <param name="what">What differs.</param>
    /// <param name="recorded">What the trail has.</param>
    /// <param name="found">What was found.</param>
    public TrailDivergenceException(string what, string recorded, string found)
        : base($"{what}: recorded {recorded}, found {found}")
    {
        What = what;
        Recorded = recorded;
        Found = found;
    }

    /// <summary>What differs.</summary>
    public string What { get; }

    /// <summary>What the trail has.</summary>
    public string Recorded { get; }

    /// <summary>What was found.</summary>
    public string Found { get; }
}
