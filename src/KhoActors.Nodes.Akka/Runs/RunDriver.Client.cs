using Akka.Actor;
using Akka.Cluster.Tools.PublishSubscribe;
using KhoActors.Nodes.Akka.Wire;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Sharding;

namespace KhoActors.Nodes.Akka.Runs;

/// <content>Who looks at the run: its client, which comes, goes, takes slices and asks for the run again, and those who listen to its progress.</content>
internal sealed partial class RunDriver
{
    private void Follow(FollowRun follow)
    {
        if (_refusal is not null)
        {
            Sender.Tell(new RunRefused(_refusal));
            return;
        }

        if (_over is not null)
        {
            Sender.Tell(LastWords(_over));
            return;
        }

        if (!Sender.Equals(_client))
        {
            Context.Unwatch(_client);
            _client = Context.Watch(Sender);
            _wish = follow;
            foreach (SliceOrder order in _atClient.Keys.ToList())
            {
                Hand(order);
            }

            GoOn();
        }
    }

    private void Hand(SliceOrder order)
    {
        if (_wish!.WantsSlices)
        {
            _client.Tell(new SliceForClient(_atClient[order].Slice));
        }
        else
        {
            Count(order);
        }
    }

    /// <summary>A client that keeps the history is needed; any other may go, and the run goes on.</summary>
    private void LoseClient()
    {
        _client = ActorRefs.Nobody;
        if (_wish is { NeedsSlices: true })
        {
            ForgetUncounted();
            Stop(null);
        }
        else
        {
            _wish = new FollowRun(_number, false, false);
            foreach (SliceOrder order in _atClient.Keys.ToList())
            {
                Count(order);
            }

            GoOn();
        }
    }

    /// <summary>Nobody has asked for this run for long: its client is gone, and the engine's own journal has what it needs.</summary>
    private void GoOnWithoutClient()
    {
        if (_wish is null && _ticks == TicksWithoutClientMax)
        {
            LoseClient();
        }
    }

    private void ForgetUncounted()
    {
        foreach (SliceOrder order in _atClient.Keys)
        {
            _dispatch!.Forget(order);
        }

        _atClient.Clear();
    }

    private void Reopen(ResumeRun resume)
    {
        if (_refusal is not null)
        {
            Sender.Tell(new RunRefused(_refusal));
        }
        else if (_begun is null)
        {
            Sender.Tell(new RunRefused($"run {_number} is not in the engine's journal"));
        }
        else if (_begun.Facts.Seed != resume.Facts.Seed
            || _begun.Facts.ResolvedScenario != resume.Facts.ResolvedScenario
            || _begun.IsConcurrent != resume.IsConcurrent)
        {
            Sender.Tell(new RunRefused($"run {_number} was recorded with another scenario, seed or order; it cannot be continued as this one"));
        }
        else if (_over is null)
        {
            Sender.Tell(new RunStarted(_number));
        }
        else
        {
            Persist(new RunReopened(_number), _ =>
            {
                _over = null;
                _failure = null;
                _isStopping = false;
                Sender.Tell(new RunStarted(_number));
                Begin();
            });
        }
    }

    private RunConcluded LastWords(RunOver over) => new(over, new FleetAdvanced(_number, [], _dispatch!.Conclude(_failure)), _failure?.Message ?? string.Empty);

    private void PublishProgress()
    {
        long all = (long)_begun!.Facts.Machines * (_begun.Facts.Kexecs + 1);
        RunProgress progress = new(_number, _dispatch!.Generations, all, _dispatch.OpenMachines, _dispatch.InFlight);
        DistributedPubSub.Get(Context.System).Mediator.Tell(new global::Akka.Cluster.Tools.PublishSubscribe.Publish(RunProgress.Topic, progress));
    }
}
