using Akka.Actor;
using Akka.Persistence;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>A journal in memory of which every so many writes fail, and others take their time.</summary>
public sealed class UnreliableJournal : UntypedActor
{
    /// <summary>Makes it the journal of a node.</summary>
    public const string Settings = """
        akka.persistence.journal.plugin = "test-journal"
        test-journal {
          class = "KhoActors.Nodes.Akka.Tests.UnreliableJournal, KhoActors.Nodes.Akka.Tests"
          plugin-dispatcher = "akka.actor.default-dispatcher"
        }
        kho.retry-after = 1s
        akka.cluster.sharding.entity-restart-backoff = 500ms
        """;

    private readonly IActorRef _inner = Persistence.Instance.Apply(Context.System).JournalFor("akka.persistence.journal.inmem");
    private int _writes;

    /// <summary>Writes that failed, of all journals of this process.</summary>
    public static int Failed => Volatile.Read(ref s_failed);

    private static int s_failed;

    protected override void OnReceive(object message)
    {
        if (message is not WriteMessages write)
        {
            _inner.Forward(message);
            return;
        }

        _writes++;
        if (_writes % 7 == 0)
        {
            Fail(write);
        }
        else if (_writes % 5 == 0)
        {
            Context.System.Scheduler.ScheduleTellOnce(TimeSpan.FromMilliseconds(200), _inner, write, Sender);
        }
        else
        {
            _inner.Forward(write);
        }
    }

    private static void Fail(WriteMessages write)
    {
        Interlocked.Increment(ref s_failed);
        IOException cause = new("the disk is full");
        List<IPersistentRepresentation> lost =
        [
            .. write.Messages.OfType<AtomicWrite>().SelectMany(atomic => (IEnumerable<IPersistentRepresentation>)atomic.Payload),
        ];
        write.PersistentActor.Tell(new WriteMessagesFailed(cause, lost.Count));
        foreach (IPersistentRepresentation persistent in lost)
        {
            write.PersistentActor.Tell(new WriteMessageFailure(persistent, cause, write.ActorInstanceId));
        }
    }
}
