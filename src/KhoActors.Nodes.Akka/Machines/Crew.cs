using System.Globalization;
using Akka.Actor;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Akka.Machines;

/// <summary>
/// The children of a machine: one for each actor that lives in its kernel generation. Used by the machine's own actor only. A member that goes is
/// watched, and nobody takes its place before it has terminated.
/// </summary>
internal sealed class Crew(IUntypedActorContext context, string dispatcher)
{
    private readonly HashSet<IActorRef> _leaving = [];
    private Props _props = Props.None;
    private MachineWork? _work;

    /// <summary>Whether members that were stopped have not terminated yet.</summary>
    public bool IsLeaving => _leaving.Count != 0;

    /// <summary>A machine's turn begins.</summary>
    public void Serve(MachineWork work)
    {
        _work = work;
        _props = Props.CreateBy(new CrewMember.Producer(work, context.Self)).WithDispatcher(dispatcher);
    }

    /// <summary>Follows the actors that the machine started and stopped.</summary>
    /// <param name="clients">The kernel's clients, for names.</param>
    /// <returns>False when members must terminate first: call it again then.</returns>
    public bool Follow(IReadOnlyList<KhoClient> clients)
    {
        foreach ((ActorId actor, bool isStarted) in _work!.Changes)
        {
            if (!isStarted && _work[actor] is { } gone)
            {
                _work[actor] = null;
                Leave(gone);
            }
        }

        if (IsLeaving)
        {
            return false;
        }

        foreach (ActorId actor in _work.Machine.LiveActors)
        {
            if (actor != ActorId.Machine && _work[actor] is null)
            {
                _work[actor] = context.Watch(context.ActorOf(_props, NameOf(actor, clients)));
            }
        }

        _work.ForgetChanges();
        return true;
    }

    /// <summary>Stops everybody.</summary>
    /// <returns>Whether nobody was there.</returns>
    public bool Dismiss()
    {
        for (byte actor = 0; actor < LocalRuntime.LimitActors; actor++)
        {
            if (_work?[new ActorId(actor)] is { } member)
            {
                Leave(member);
            }
        }

        _work?.Clear();
        return !IsLeaving;
    }

    /// <summary>A child has terminated.</summary>
    /// <returns>Whether it was the last one to be waited for.</returns>
    public bool Left(IActorRef member) => _leaving.Remove(member) && !IsLeaving;

    private void Leave(IActorRef member)
    {
        _leaving.Add(member);
        context.Stop(member);
    }

    private static string NameOf(ActorId actor, IReadOnlyList<KhoClient> clients)
    {
        foreach (KhoClient client in clients)
        {
            if (client.Actor == actor)
            {
                return client.Name;
            }
        }

        return actor == ActorId.Memblock ? "memblock"
            : actor == ActorId.Kho ? "kho"
            : actor == ActorId.Tracker ? "tracker"
            : actor == ActorId.Workload ? "workload"
            : string.Create(CultureInfo.InvariantCulture, $"actor-{actor.Value}");
    }
}
