using Akka.Actor;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>
/// Stands for one actor of a simulated kernel: memblock, kho, tracker, a client, user space. It lives as long as that one, below its machine, and
/// carries its deliveries. What it is lies in the machine; a failure here is none of the simulated kernel and goes to the machine's supervision.
/// </summary>
internal sealed class CrewMember(MachineWork work, IActorRef entity) : UntypedActor
{
    private readonly Queue<ActorPair> _asked = new();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Carry carry:
                work.Carry(carry.Delivery);
                break;
            case MessageReady ready:
                _asked.Enqueue(ready.Pair);
                entity.Tell(AskTurn.Instance);
                break;
            case GrantTurn:
                work.CarryPair(_asked.Dequeue());
                entity.Tell(TurnBack.Instance);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>Makes members without reflection: each kexec needs a crew.</summary>
    internal sealed class Producer(MachineWork work, IActorRef entity) : IIndirectActorProducer
    {
        public Type ActorType => typeof(CrewMember);

        public ActorBase Produce() => new CrewMember(work, entity);

        public void Release(ActorBase actor)
        {
        }
    }
}
