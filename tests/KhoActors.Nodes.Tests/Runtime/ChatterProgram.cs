using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>
/// A random program: actors that answer each message with up to three others to anybody, some delayed, until a budget is used up. Each message carries its
/// place in its pair's order, so that every delivery can be judged. With restarts, the machine also stops and starts actors as it goes.
/// </summary>
internal sealed class ChatterProgram
{
    private const int Actors = 6;
    private const int DelayedShare = 200_000;

    private readonly RandomStream _choices;
    private readonly ulong[] _sent = new ulong[LocalRuntime.LimitActors * LocalRuntime.LimitActors];
    private readonly bool _restarts;
    private readonly bool _delays;
    private LocalRuntime? _runtime;
    private int _budget = 300;

    public ChatterProgram(ulong seed, bool restarts = false, bool delays = false, DrawLog? log = null)
    {
        _choices = new RandomStream(RuntimeBench.Machine(seed).Child("chatter"), log: log);
        _restarts = restarts;
        _delays = delays;
    }

    public ulong Sent { get; private set; }

    public void Start(LocalRuntime runtime)
    {
        _runtime = runtime;
        runtime.StartRoot(ActorId.Machine, new ScriptedActor(Receive));
        for (int i = 1; i < Actors; i++)
        {
            runtime.Start(RuntimeBench.Id(i), new ScriptedActor(Receive), RuntimeBench.Id(i / 3));
        }

        for (int i = 0; i < 8; i++)
        {
            ActorId to = RuntimeBench.Id((int)_choices.NextBelow(Actors));
            runtime.Post(ActorId.Machine, to, Next(ActorId.Machine, to));
        }
    }

    private void Receive(in Delivery delivery, Outbox outbox)
    {
        if (_restarts && delivery.To == ActorId.Machine && _choices.Chance(300_000))
        {
            Restart(RuntimeBench.Id(1 + (int)_choices.NextBelow(Actors - 1)));
        }

        for (ulong left = _choices.NextBelow(4); left > 0 && _budget > 0; left--, _budget--)
        {
            ActorId to = RuntimeBench.Id((int)_choices.NextBelow(Actors));
            ulong delay = _delays && _choices.Chance(DelayedShare) ? _choices.NextBelow(10_000) : 0;
            outbox.SendAfter(delay, to, Next(delivery.To, to));
        }
    }

    private void Restart(ActorId actor)
    {
        if (_runtime!.IsRunning(actor))
        {
            _runtime.Stop(actor, _choices.Chance(500_000) ? StopKind.Abrupt : StopKind.Orderly);
        }
        else
        {
            _runtime.Start(actor, new ScriptedActor(Receive), ActorId.Machine);
        }
    }

    private Message Next(ActorId from, ActorId to)
    {
        Sent++;
        ulong place = ++_sent[(from.Value * LocalRuntime.LimitActors) + to.Value];
        return RuntimeBench.Word(place, place % 5 == 0 ? $"{from.Value}:{to.Value}:{place}" : null);
    }
}
