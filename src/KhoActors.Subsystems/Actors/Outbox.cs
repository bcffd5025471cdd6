namespace KhoActors.Subsystems.Actors;

/// <summary>A delivery that leaves an actor, at once or after some virtual time.</summary>
/// <param name="DelayTicks">Virtual nanoseconds until it may be delivered; 0 for at once.</param>
/// <param name="Delivery">The delivery.</param>
public readonly record struct Departure(ulong DelayTicks, Delivery Delivery);

/// <summary>
/// What one actor sends while it handles one delivery, in order. The host empties it afterwards; it is reused and allocates nothing
/// once it has grown. A host that can deliver without gathering derives its own.
/// </summary>
public class Outbox
{
    private Departure[] _departures = new Departure[16];
    private int _count;

    /// <summary>The actor that sends; set by the host.</summary>
    public ActorId Sender { get; set; }

    /// <summary>Virtual time now, in nanoseconds since the machine's first power-on; set by the host.</summary>
    public ulong NowTicks { get; set; }

    /// <summary>What was sent, in order.</summary>
    public ReadOnlySpan<Departure> Departures => _departures.AsSpan(0, _count);

    /// <summary>Sends a message.</summary>
    /// <param name="to">The receiver.</param>
    /// <param name="message">The message.</param>
    /// <param name="correlation">For requests: copied into the reply.</param>
    public void Send(ActorId to, in Message message, uint correlation = 0) => SendAfter(0, to, message, correlation);

    /// <summary>Answers a request.</summary>
    /// <param name="request">The request as it was received.</param>
    /// <param name="message">The answer; its kind should be the request's reply kind.</param>
    public void Reply(in Delivery request, in Message message) => Send(request.From, message, request.Correlation);

    /// <summary>Sends a message later: a timer, when sent to oneself.</summary>
    /// <param name="delayTicks">Virtual nanoseconds from now.</param>
    /// <param name="to">The receiver.</param>
    /// <param name="message">The message.</param>
    /// <param name="correlation">For requests.</param>
    public virtual void SendAfter(ulong delayTicks, ActorId to, in Message message, uint correlation = 0)
    {
        if (_count == _departures.Length)
        {
            Array.Resize(ref _departures, _count * 2);
        }

        _departures[_count++] = new Departure(delayTicks, new Delivery(Sender, to, correlation, message));
    }

    /// <summary>Empties it for the next delivery.</summary>
    public void Clear() => _count = 0;
}
