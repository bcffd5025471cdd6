using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// What a host was told to be ready and has not asked for yet, by pair. Told is never less than waits, so no message is forgotten; it is more when
/// messages were buried that the host still believes in.
/// </summary>
internal sealed class ReadyNotices
{
    private readonly int[] _told = new int[LocalRuntime.LimitActors * LocalRuntime.LimitActors];

    /// <summary>Tells of every message that the host does not know of.</summary>
    public void Tell(Mailboxes mailboxes, IDeliveryHost host)
    {
        foreach (ActorPair pair in mailboxes.Ready)
        {
            ref int told = ref _told[OrderLog.IndexOf(pair)];
            for (int waiting = mailboxes.CountOf(pair); told < waiting; told++)
            {
                host.MessageReady(pair);
            }
        }
    }

    /// <summary>The host asks for a message of a pair.</summary>
    public void Spend(ActorPair pair)
    {
        ref int told = ref _told[OrderLog.IndexOf(pair)];
        told = Math.Max(0, told - 1);
    }

    /// <summary>An actor stopped: what the host was told of messages to it is void, a successor's messages are told anew.</summary>
    public void Forget(ActorId receiver)
    {
        for (int from = 0; from < LocalRuntime.LimitActors; from++)
        {
            _told[OrderLog.IndexOf(new ActorPair(new ActorId((byte)from), receiver))] = 0;
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => Array.Clear(_told);
}
