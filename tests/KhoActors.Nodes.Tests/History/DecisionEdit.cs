using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Tests.History;

/// <summary>Recorded decisions, to be changed one by one.</summary>
internal sealed class DecisionEdit
{
    public DecisionEdit(ReadOnlyMemory<byte> decisions)
    {
        DecisionReader reader = new(decisions);
        while (reader.TryRead(out Decision decision))
        {
            Decisions.Add(decision);
        }
    }

    public List<Decision> Decisions { get; } = [];

    public int Find(Predicate<Decision> wanted) =>
        Decisions.FindIndex(wanted) is >= 0 and int at ? at : throw new InvalidOperationException("no such decision");

    public ReadOnlyMemory<byte> Written()
    {
        DecisionRecorder recorder = new();
        foreach (Decision decision in Decisions)
        {
            Write(recorder, decision);
        }

        return recorder.Written.ToArray();
    }

    private static void Write(DecisionRecorder recorder, in Decision decision)
    {
        switch (decision)
        {
            case { Kind: DecisionKind.Choice }:
                recorder.Choice(decision.Stream, decision.Skipped, decision.Value);
                break;
            case { Kind: DecisionKind.Operation }:
                recorder.Operation(decision.Skipped, (int)decision.Value);
                break;
            case { IsDrawn: true }:
                recorder.DrawnWord(decision.Stream, decision.Skipped);
                break;
            default:
                recorder.Word(decision.Stream, decision.Skipped, decision.Value);
                break;
        }
    }
}
