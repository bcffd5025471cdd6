using Akka.Actor;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>
/// Concurrent order: who asked for a machine's turn, in the order in which they were heard. The turn is given to one at a time; a request of somebody
/// who is gone meanwhile is passed over.
/// </summary>
internal sealed class TurnQueue(IActorRef entity, MachineWork work)
{
    private readonly Queue<(IActorRef Member, ActorPair Pair)> _asked = new();
    private bool _isOut;

    /// <summary>A new generation: nobody has asked.</summary>
    public void Clear()
    {
        _asked.Clear();
        _isOut = false;
    }

    /// <summary>A member of the crew asks.</summary>
    public void Ask(IActorRef member)
    {
        _asked.Enqueue((member, default));
        GrantNext();
    }

    /// <summary>The machine's own actor has a message.</summary>
    public void Ask(ActorPair pair)
    {
        _asked.Enqueue((entity, pair));
        GrantNext();
    }

    /// <summary>The turn came back.</summary>
    public void TakeBack() => _isOut = false;

    /// <summary>Gives the turn to the next who asked, if it is here.</summary>
    public void GrantNext()
    {
        while (!_isOut && _asked.TryDequeue(out (IActorRef Member, ActorPair Pair) next))
        {
            if (next.Member.Equals(entity))
            {
                _isOut = true;
                work.CarryPair(next.Pair);
                entity.Tell(TurnBack.Instance);
            }
            else if (work.Serves(next.Member))
            {
                _isOut = true;
                next.Member.Tell(GrantTurn.Instance);
            }
        }
    }
}
