using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>Lets another decide and writes down what was decided, and how many draws went into it.</summary>
/// <param name="recorder">Receives it.</param>
internal sealed class RecordingDecider(DecisionRecorder recorder) : IDecider
{
    /// <summary>Who decides.</summary>
    public required IDecider Inner { get; set; }

    public ulong Between(DecisionStream stream, ulong minimum, ulong maximum)
    {
        ulong before = stream.Draws.Counter;
        ulong value = Inner.Between(stream, minimum, maximum);
        recorder.Choice(stream.Number, Skipped(stream, before), value);
        return value;
    }

    public ulong Scaled(DecisionStream stream, ulong limit)
    {
        ulong before = stream.Draws.Counter;
        ulong value = Inner.Scaled(stream, limit);
        recorder.Choice(stream.Number, Skipped(stream, before), value);
        return value;
    }

    public bool Chance(DecisionStream stream, uint partsPerMillion)
    {
        ulong before = stream.Draws.Counter;
        bool happens = Inner.Chance(stream, partsPerMillion);
        recorder.Choice(stream.Number, Skipped(stream, before), happens ? 1UL : 0);
        return happens;
    }

    public ulong Word(DecisionStream stream)
    {
        ulong before = stream.Draws.Counter;
        ulong word = Inner.Word(stream);
        ulong skipped = Skipped(stream, before);
        if (stream.Draws.Draw(before + skipped) == word)
        {
            recorder.DrawnWord(stream.Number, skipped);
        }
        else
        {
            recorder.Word(stream.Number, skipped, word);
        }

        return word;
    }

    public int Operation(DecisionStream stream, UserSpacePlan plan)
    {
        ulong before = stream.Draws.Counter;
        int operation = Inner.Operation(stream, plan);
        recorder.Operation(Skipped(stream, before), plan.NumberInRecords(operation));
        return operation;
    }

    public GenerationEnd End(DecisionStream stream, LeavePlan plan)
    {
        ulong before = stream.Draws.Counter;
        GenerationEnd end = Inner.End(stream, plan);
        recorder.Choice(stream.Number, Skipped(stream, before), (ulong)end);
        return end;
    }

    private static ulong Skipped(DecisionStream stream, ulong before)
    {
        ulong drawn = stream.Draws.Counter - before;
        return drawn != 0 ? drawn - 1 : throw new InvalidOperationException($"a decision of the stream {stream.Name} advanced it by no draw");
    }
}
