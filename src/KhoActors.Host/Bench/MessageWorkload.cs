using System.Diagnostics;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Host.Bench;

/// <summary>Two actors that send each other one message for ever, in 1,000 machines that take turns on one thread: what a delivery alone costs.</summary>
internal sealed class MessageWorkload
{
    /// <summary>Messages of one turn of all trees.</summary>
    public const int Messages = Trees * DeliveriesPerTurn;

    private const int Trees = 1000;
    private const int DeliveriesPerTurn = 1000;
    private static readonly MessageKind Ball = MessageKind.Of(ActorId.Kho, 1);
    private static readonly ActorId First = ActorId.Machine;
    private static readonly ActorId Second = ActorId.Kho;
    private readonly LocalRuntime[] _trees = new LocalRuntime[Trees];

    /// <summary>Makes the trees; each has one message under way.</summary>
    public MessageWorkload()
    {
        SeedPath fleet = SeedPath.Root(1).Child("ping-pong");
        for (int i = 0; i < Trees; i++)
        {
            SeedPath path = fleet.Child("machine", (ulong)i);
            LocalRuntime tree = new(path, new SeededScheduler(new RandomStream(path)));
            tree.StartRoot(First, new Player());
            tree.Start(Second, new Player(), First);
            tree.Post(First, Second, new Message(Ball, 1));
            _trees[i] = tree;
        }
    }

    /// <summary>Lets every tree have one turn.</summary>
    /// <returns>How fast messages were delivered, and what was allocated for each.</returns>
    /// <exception cref="InvalidOperationException">A tree delivered another number of messages.</exception>
    public MessageFigures Measure()
    {
        ulong before = Delivered();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        foreach (LocalRuntime tree in _trees)
        {
            tree.Run(DeliveriesPerTurn);
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        ulong messages = Delivered() - before;
        return messages == Messages
            ? new MessageFigures(messages / seconds, (double)allocated / messages)
            : throw new InvalidOperationException($"{messages} messages were delivered in one turn, not {Messages}");
    }

    private ulong Delivered()
    {
        ulong sum = 0;
        foreach (LocalRuntime tree in _trees)
        {
            sum += tree.DeliveryNumber;
        }

        return sum;
    }

    private sealed class Player : IActor
    {
        public void Receive(in Delivery delivery, Outbox outbox) => outbox.Send(delivery.From, new Message(Ball, delivery.Message.A + 1));
    }
}

/// <summary>What a round of <see cref="MessageWorkload"/> took.</summary>
/// <param name="PerSecond">Messages a second.</param>
/// <param name="AllocatedBytes">Bytes allocated per message.</param>
internal readonly record struct MessageFigures(double PerSecond, double AllocatedBytes);
