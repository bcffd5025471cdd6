using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.PublishSubscribe;
using KhoActors.Nodes.Akka.Wire;

namespace KhoActors.Nodes.Akka.Runs;

/// <summary>Tells people at a node how far the cluster's runs are, and which nodes come and go.</summary>
internal sealed class ProgressTeller(Action<string> say) : UntypedActor
{
    protected override void PreStart()
    {
        DistributedPubSub.Get(Context.System).Mediator.Tell(new Subscribe(RunProgress.Topic, Self));
        Cluster.Get(Context.System).Subscribe(
            Self, ClusterEvent.InitialStateAsEvents, typeof(ClusterEvent.MemberUp), typeof(ClusterEvent.UnreachableMember), typeof(ClusterEvent.MemberRemoved));
    }

    protected override void PostStop() => Cluster.Get(Context.System).Unsubscribe(Self);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case RunProgress progress:
                say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"run {progress.Run}: {progress.Generations} of {progress.GenerationsOfAll} generations, {progress.OpenMachines} machines to go"));
                break;
            case ClusterEvent.MemberUp up:
                Say(up.Member, "is up");
                break;
            case ClusterEvent.UnreachableMember unreachable:
                Say(unreachable.Member, "cannot be reached");
                break;
            case ClusterEvent.MemberRemoved removed:
                Say(removed.Member, "is gone");
                break;
            default:
                break;
        }
    }

    private void Say(Member member, string what) => say($"node {member.Address.Host}:{member.Address.Port} {what}");
}
