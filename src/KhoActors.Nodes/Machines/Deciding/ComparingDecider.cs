using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// Decides as a record says and asks another decider at the same place what it would have decided: whether a record, or a generator, is another
/// than it was.
/// </summary>
/// <param name="recorded">Decides.</param>
/// <param name="other">Is asked, from the same place of the same stream.</param>
internal sealed class ComparingDecider(RecordedDecider recorded, IDecider other) : IDecider
{
    /// <summary>The first decision that the other would have made otherwise; empty while there is none.</summary>
    public string FirstDifference { get; private set; } = string.Empty;

    public ulong Between(DecisionStream stream, ulong minimum, ulong maximum)
    {
        ulong before = stream.Draws.Counter;
        ulong value = recorded.Between(stream, minimum, maximum);
        ulong after = Rewind(stream, before);
        Compare(stream, after, value, other.Between(stream, minimum, maximum));
        return value;
    }

    public ulong Scaled(DecisionStream stream, ulong limit)
    {
        ulong before = stream.Draws.Counter;
        ulong value = recorded.Scaled(stream, limit);
        ulong after = Rewind(stream, before);
        Compare(stream, after, value, other.Scaled(stream, limit));
        return value;
    }

    public bool Chance(DecisionStream stream, uint partsPerMillion)
    {
        ulong before = stream.Draws.Counter;
        bool value = recorded.Chance(stream, partsPerMillion);
        ulong after = Rewind(stream, before);
        Compare(stream, after, value ? 1UL : 0, other.Chance(stream, partsPerMillion) ? 1UL : 0);
        return value;
    }

    public ulong Word(DecisionStream stream)
    {
        ulong before = stream.Draws.Counter;
        ulong value = recorded.Word(stream);
        ulong after = Rewind(stream, before);
        Compare(stream, after, value, other.Word(stream));
        return value;
    }

    public int Operation(DecisionStream stream, UserSpacePlan plan)
    {
        ulong before = stream.Draws.Counter;
        int value = recorded.Operation(stream, plan);
        ulong after = Rewind(stream, before);
        Compare(stream, after, (ulong)value, (ulong)other.Operation(stream, plan), wanted => plan.NameOf((int)wanted));
        return value;
    }

    public GenerationEnd End(DecisionStream stream, LeavePlan plan)
    {
        ulong before = stream.Draws.Counter;
        GenerationEnd value = recorded.End(stream, plan);
        ulong after = Rewind(stream, before);
        Compare(stream, after, (ulong)value, (ulong)other.End(stream, plan), DecisionNames.OfEnd);
        return value;
    }

    private static ulong Rewind(DecisionStream stream, ulong before)
    {
        ulong after = stream.Draws.Counter;
        stream.Draws.Restore(before);
        return after;
    }

    private void Compare(DecisionStream stream, ulong after, ulong value, ulong otherValue, Func<ulong, string>? nameOf = null)
    {
        ulong otherAfter = stream.Draws.Counter;
        stream.Draws.Restore(after);
        if ((value != otherValue || after != otherAfter) && FirstDifference.Length == 0)
        {
            string would = nameOf?.Invoke(otherValue) ?? $"{otherValue}";
            string draws = after == otherAfter ? "" : $" and draws {(long)(otherAfter - after)} more";
            FirstDifference = $"the record's decision {recorded.Count - 1} is {recorded.DescribeLast()}, chance decides {would}{draws}";
        }
    }
}
