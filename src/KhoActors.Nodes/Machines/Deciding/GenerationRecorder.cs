using KhoActors.Nodes.History;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>Records generations, one after the other, whoever decides. Allocates nothing in steady state but the records.</summary>
/// <param name="recording">What is recorded.</param>
internal sealed class GenerationRecorder(MachineRecording recording)
{
    private readonly DecisionRecorder _decisions = new();
    private readonly OrderRecorder _order = new();
    private RecordingDecider? _decider;
    private OrderForm _form;

    /// <summary>What is recorded.</summary>
    public MachineRecording Recording => recording;

    /// <summary>Whether the order is recorded whoever chooses it.</summary>
    public bool HasOrder => recording.Order;

    /// <summary>A generation begins: sits down around whoever decides and schedules it.</summary>
    /// <param name="decisions">The machine's.</param>
    /// <param name="form">How its order is kept.</param>
    public void Begin(MachineDecisions decisions, OrderForm form)
    {
        _form = form;
        _decisions.Clear();
        _decider ??= new RecordingDecider(_decisions) { Inner = decisions.Decider };
        _decider.Inner = decisions.Decider;
        decisions.Decider = _decider;
        if (form != OrderForm.Seed)
        {
            bool everyPick = form == OrderForm.EveryPick;
            _order.Clear(everyPick);
            decisions.Scheduler.Current = new RecordingScheduler(decisions.Scheduler.Current, _order, everyPick);
        }
    }

    /// <summary>The generation is over, its link closed.</summary>
    /// <returns>Its record.</returns>
    public GenerationRecord End(GenerationReport report, MachineDecisions decisions, DeliveryTrail trail, ReadOnlySpan<byte> digest) => new()
    {
        Report = report with { Log = [], Story = [] },
        Decisions = _decisions.Written.ToArray(),
        DrawCounters = decisions.ReadCounters(),
        Order = _form != OrderForm.Seed ? _order.Written.ToArray() : default,
        Trail = trail.Written.ToArray(),
        Digest = digest.ToArray(),
    };
}
