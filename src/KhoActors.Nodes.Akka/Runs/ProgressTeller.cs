using System.Globalization;
using Akka.Actor;
using Akka.Cluster.Tools.PublishSubscribe;
using KhoActors.Nodes.Akka.Wire;

namespace KhoActors.Nodes.Akka.Runs;

/// <summary>Tells people at a node how far the cluster's runs are.</summary>
internal sealed class ProgressTeller(Action<string> say) : UntypedActor
{
    protected override void PreStart() => DistributedPubSub.Get(Context.System).Mediator.Tell(new Subscribe(RunProgress.Topic, Self));

    protected override void OnReceive(object message)
    {
        if (message is RunProgress progress)
        {
            say(string.Create(
                CultureInfo.InvariantCulture,
                $"run {progress.Run}: {progress.Generations} of {progress.GenerationsOfAll} generations, {progress.OpenMachines} machines to go"));
        }
    }
}
