using KhoActors.Nodes.Tests.Invariants;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.History;

/// <summary>Answers its user with another number from one answer on, once that was asked for.</summary>
internal sealed class WaywardClient : ClientBug
{
    private int _from = int.MaxValue;

    public int Replies { get; private set; }

    public void Begin(int from) => (Replies, _from) = (0, from);

    public override bool Sending(ref Message message, in Departure departure, Outbox outbox)
    {
        if (departure.Delivery.To == ActorId.Workload && message.Kind.IsReply && ++Replies >= _from)
        {
            message = message with { D = 0x2a2a };
        }

        return true;
    }
}
