using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>A bug of a client: sees every message to and from the real actor, and may change, hold back or invent them, and write RAM.</summary>
internal abstract class ClientBug
{
    /// <summary>Correlation of requests that the bug makes: their answers never reach the real actor.</summary>
    public const uint OwnCorrelation = 0x7FFF_FFFF;

    /// <summary>The kernel that runs; a machine's kernels follow each other.</summary>
    public ClientKernel Kernel { get; set; } = null!;

    /// <summary>A request that the actor receives first, with <see cref="OwnCorrelation"/>; its answer is lost.</summary>
    public virtual Delivery? Inserting(in Delivery delivery) => null;

    /// <summary>A message to the actor.</summary>
    /// <returns>What it receives; null when it receives nothing.</returns>
    public virtual Delivery? Receiving(in Delivery delivery, Outbox outbox) => delivery;

    /// <summary>A message from the actor.</summary>
    /// <returns>Whether it is sent.</returns>
    public virtual bool Sending(ref Message message, in Departure departure, Outbox outbox) => true;

    /// <summary>When not null, the actor is told this in answer to what was not sent.</summary>
    public virtual KernelResult? AnswerInstead(in Delivery notSent) => null;
}

/// <summary>The real actor of a client with a bug around it.</summary>
internal sealed class BuggyActor(IActor real, ClientBug bug) : IActor
{
    private readonly Outbox _sent = new();

    /// <summary>The client with the bug in each of its kernels.</summary>
    public static KhoClient Of(KhoClient client, ClientBug bug) => client with
    {
        Create = kernel =>
        {
            bug.Kernel = kernel;
            return new BuggyActor(client.Create(kernel), bug);
        },
    };

    public void Receive(in Delivery delivery, Outbox outbox)
    {
        bool isForTheBug = delivery.Message.Kind.IsReply && delivery.Correlation == ClientBug.OwnCorrelation;
        if (!isForTheBug && bug.Inserting(delivery) is { } inserted)
        {
            Pass(inserted, outbox);
        }

        if (!isForTheBug && bug.Receiving(delivery, outbox) is { } received)
        {
            Pass(received, outbox);
        }
    }

    private void Pass(in Delivery delivery, Outbox outbox)
    {
        _sent.Clear();
        _sent.Sender = outbox.Sender;
        _sent.NowTicks = outbox.NowTicks;
        real.Receive(delivery, _sent);
        foreach (Departure departure in _sent.Departures.ToArray())
        {
            Delivery leaving = departure.Delivery;
            Message message = leaving.Message;
            if (leaving.Correlation == ClientBug.OwnCorrelation)
            {
                continue;
            }

            if (bug.Sending(ref message, departure, outbox))
            {
                outbox.SendAfter(departure.DelayTicks, leaving.To, message, leaving.Correlation);
            }
            else if (bug.AnswerInstead(leaving) is { } answer)
            {
                Pass(new Delivery(leaving.To, leaving.From, leaving.Correlation, answer.ToReply(leaving.Message.Kind)), outbox);
            }
        }
    }
}
