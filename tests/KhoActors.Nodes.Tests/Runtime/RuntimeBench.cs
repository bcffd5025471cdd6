using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.Runtime;

/// <summary>An actor whose behaviour a test writes in place.</summary>
internal sealed class ScriptedActor(ScriptedActor.Script script) : IActor
{
    internal delegate void Script(in Delivery delivery, Outbox outbox);

    public static ScriptedActor Silent() => new(static (in Delivery _, Outbox _) => { });

    public void Receive(in Delivery delivery, Outbox outbox) => script(delivery, outbox);
}

/// <summary>Keeps everything a runtime did.</summary>
internal sealed class Transcript : IDeliveryObserver
{
    public List<Delivery> Deliveries { get; } = [];

    public List<ulong> Ticks { get; } = [];

    public List<(DeadLetterReason Reason, Delivery Delivery)> DeadLetters { get; } = [];

    public string Words => string.Join(' ', Deliveries.Select(d => d.Message.A));

    public void Delivered(ulong number, ulong nowTicks, in Delivery delivery)
    {
        Deliveries.Add(delivery);
        Ticks.Add(nowTicks);
        Assert.Equal((ulong)Deliveries.Count, number);
    }

    public void DeadLetter(DeadLetterReason reason, in Delivery delivery) => DeadLetters.Add((reason, delivery));
}

/// <summary>Builds runtimes as the tests need them: a silent machine at 0, actors below it, a transcript.</summary>
internal static class RuntimeBench
{
    public static readonly MessageKind Work = MessageKind.Of(ActorId.Kho, 1);

    public static ActorId Id(int value) => new((byte)value);

    public static SeedPath Machine(ulong seed) => SeedPath.Root(seed).Child("machine", 0);

    /// <summary>A log of each of some picks.</summary>
    public static OrderRecorder EveryPick(params ActorPair[] order)
    {
        OrderRecorder recorder = new();
        recorder.Clear(everyPick: true);
        foreach (ActorPair pair in order)
        {
            recorder.Add(pair);
        }

        return recorder;
    }

    /// <summary>The picks that a log holds.</summary>
    public static ActorPair[] PicksOf(ReadOnlySpan<byte> log)
    {
        OrderReader reader = new(log.ToArray());
        List<ActorPair> picks = [];
        while (reader.TryRead(out ActorPair pair))
        {
            picks.Add(pair);
        }

        return [.. picks];
    }

    public static SeededScheduler Seeded(ulong seed, DrawLog? log = null) => new(new RandomStream(Machine(seed).Child("schedule"), log: log));

    public static Message Word(ulong a, string? text = null) => new(Work, a, Text: text);

    public static (LocalRuntime Runtime, Transcript Transcript) WithSilentActors(ulong seed, int count)
    {
        var runtime = new LocalRuntime(Machine(seed), Seeded(seed));
        Transcript transcript = Populate(runtime, count);
        return (runtime, transcript);
    }

    public static Transcript Populate(LocalRuntime runtime, int count)
    {
        var transcript = new Transcript();
        runtime.Observe(transcript);
        runtime.StartRoot(ActorId.Machine, ScriptedActor.Silent());
        for (int i = 1; i <= count; i++)
        {
            runtime.Start(Id(i), ScriptedActor.Silent(), ActorId.Machine);
        }

        return transcript;
    }
}
