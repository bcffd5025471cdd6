using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>Everything about a machine that is decided outside its simulated kernels: its streams, and who decides and schedules now.</summary>
internal sealed class MachineDecisions
{
    private static readonly ChanceDecider Chance = new();
    private readonly DeciderSeat _seat = new() { Decider = Chance };
    private SchedulerSeat _scheduler = null!;

    /// <summary>The workload generator; tests plant one that throws.</summary>
    public IDecider Generator { get; set; } = Chance;

    /// <summary>Who decides now.</summary>
    public IDecider Decider
    {
        get => _seat.Decider;
        set => _seat.Decider = value;
    }

    /// <summary>Where the scheduler sits.</summary>
    public SchedulerSeat Scheduler => _scheduler;

    /// <summary>The stream of the order of deliveries.</summary>
    public RandomStream Order { get; private set; } = null!;

    /// <summary>User space's own.</summary>
    public DecisionStream Workload { get; private set; } = null!;

    /// <summary>How generations end.</summary>
    public DecisionStream End { get; private set; } = null!;

    /// <summary>The clients'.</summary>
    public ClientDecisions Clients { get; } = new();

    /// <summary>Begins with a machine.</summary>
    public void Open(MachineSpec spec, DrawLog? log)
    {
        Order = new RandomStream(spec.Path.Child(DecisionNames.Order), 0, log);
        _scheduler = new SchedulerSeat(new SeededScheduler(Order));
        Workload = Stream(DecisionLog.WorkloadStream, DecisionNames.Workload);
        End = Stream(DecisionLog.EndStream, DecisionNames.End);
        Clients.Open(spec.Path, spec.Resolved.Clients, _seat, log);
        ByChance();

        DecisionStream Stream(int number, string name) => new(number, name, new RandomStream(spec.Path.Child(name), 0, log), _seat);
    }

    /// <summary>From here on chance decides, nothing is recorded.</summary>
    public void ByChance()
    {
        Decider = Generator;
        Scheduler.Current = Scheduler.Seeded;
    }

    /// <summary>How far each substream was drawn, in the order of <see cref="History.GenerationRecord.DrawCounters"/>.</summary>
    /// <returns>The counters.</returns>
    public ulong[] ReadCounters()
    {
        ReadOnlySpan<DecisionStream> clients = Clients.Streams;
        ulong[] counters = new ulong[3 + clients.Length];
        counters[0] = Order.Counter;
        counters[1] = Workload.Draws.Counter;
        counters[2] = End.Draws.Counter;
        for (int i = 0; i < clients.Length; i++)
        {
            counters[3 + i] = clients[i].Draws.Counter;
        }

        return counters;
    }

    /// <summary>The name of a counter.</summary>
    /// <param name="index">Its place in <see cref="ReadCounters"/>.</param>
    /// <returns>For people.</returns>
    public string NameOfCounter(int index) => index switch
    {
        0 => DecisionNames.Order,
        1 => DecisionNames.Workload,
        2 => DecisionNames.End,
        _ => Clients.Streams[index - 3].Name,
    };

    /// <summary>Adds how far each stream was drawn to a digest.</summary>
    public void AppendTo(DigestChain digest)
    {
        digest.AppendDraws(Workload.Draws);
        digest.AppendDraws(End.Draws);
        digest.AppendDraws(Order);
        Clients.AppendTo(digest);
    }

    /// <summary>Writes how far each was drawn, but for the order, which the runtime writes.</summary>
    public void Snapshot(SnapshotWriter writer)
    {
        writer.WriteVar(Workload.Draws.Counter);
        writer.WriteVar(End.Draws.Counter);
        Clients.Snapshot(writer);
    }

    /// <summary>Reads what <see cref="Snapshot"/> wrote.</summary>
    public void Recover(SnapshotReader reader)
    {
        Workload.Draws.Restore(reader.ReadVar());
        End.Draws.Restore(reader.ReadVar());
        Clients.Recover(reader);
    }
}
