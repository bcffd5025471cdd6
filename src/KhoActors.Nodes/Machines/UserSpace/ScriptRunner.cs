using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>Carries out the script of one generation, each step when the one before has come to its end, and checks the results that it expects.</summary>
/// <param name="steps">The steps.</param>
/// <param name="isLast">The chain ends with this generation: it does not end itself.</param>
/// <param name="report">Receives what was not as expected.</param>
internal sealed class ScriptRunner(IReadOnlyList<ScriptStep> steps, bool isLast, Action<string> report)
{
    /// <summary>The step with index i has this correlation + i.</summary>
    public const uint FirstCorrelation = 0x6000_0000;

    /// <summary>How long a step waits for its answer: far longer than anything but a request that waits for another takes.</summary>
    private const ulong PatienceTicks = 10_000_000_000;

    private int _step = -1;

    /// <summary>Whether nothing is left to do.</summary>
    public bool Done { get; private set; }

    /// <summary>Whether the script loaded a kernel.</summary>
    public bool HasLoaded { get; private set; }

    /// <summary>Begins with the first step.</summary>
    public void Start(Outbox outbox) => Next(outbox);

    /// <summary>A step's answer.</summary>
    public void Resume(in Delivery delivery, Outbox outbox)
    {
        int step = (int)(delivery.Correlation - FirstCorrelation);
        KernelResult result = KernelResult.From(delivery.Message);
        if (!steps[step].Accepts(result))
        {
            report($"script step '{steps[step].Text}': expected {steps[step].Expectation}, found {steps[step].Describe(result)}");
        }

        HasLoaded |= result.Succeeded && delivery.Message.Kind == new MessageKind(MachineProtocol.Load).Reply;
        if (step == _step)
        {
            Next(outbox);
        }
    }

    /// <summary>The kernel made the jump, which is no answer: whoever expected a refusal did not get it.</summary>
    public void Jumped()
    {
        if (!Done && _step >= 0 && steps[_step] is { ExpectedCode: < 0 } step && step.Message.Kind.Value == MachineProtocol.Execute)
        {
            report($"script step '{step.Text}': expected {step.Expectation}, found that the kernel made the jump");
        }
    }

    /// <summary>A step has waited for as long as it may.</summary>
    /// <param name="step">Which step.</param>
    /// <param name="outbox">Receives the next step's request.</param>
    public void LosePatience(int step, Outbox outbox)
    {
        if (Done || step != _step)
        {
            return;
        }

        if (steps[step].End == ScriptStepEnd.Answer)
        {
            report($"script step '{steps[step].Text}' was not answered within 10 s");
        }

        Next(outbox);
    }

    private void Next(Outbox outbox)
    {
        _step++;
        Done = _step == steps.Count || (isLast && EndsGeneration(steps[_step]));
        if (Done)
        {
            return;
        }

        ScriptStep step = steps[_step];
        if (step.End != ScriptStepEnd.Time)
        {
            outbox.Send(step.To, step.Message, FirstCorrelation + (uint)_step);
        }

        if (step.End != ScriptStepEnd.Kernel)
        {
            ulong ticks = step.End == ScriptStepEnd.Time ? step.WaitTicks : PatienceTicks;
            outbox.SendAfter(ticks, ActorId.Workload, new Message(new MessageKind(MachineProtocol.LostPatience), (ulong)_step));
        }
    }

    private static bool EndsGeneration(ScriptStep step) => step.End == ScriptStepEnd.Kernel || step.Message.Kind.Value == MachineProtocol.Execute;
}
