using System.Diagnostics.CodeAnalysis;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// Decides as a record says and draws nothing. A recorded decision must be the one that is asked for, of the same stream and within the same bounds;
/// anything else is a <see cref="DivergenceException"/>, and <see cref="Mismatch"/> says what.
/// </summary>
internal sealed class RecordedDecider : IDecider
{
    private readonly DecisionReader _reader;
    private Decision _last;
    private string? _lastStream;
    private UserSpacePlan? _plan;

    /// <param name="decisions">The record's decisions.</param>
    public RecordedDecider(ReadOnlyMemory<byte> decisions) => _reader = new DecisionReader(decisions);

    /// <summary>Decisions read from the record.</summary>
    public int Count => _reader.Count;

    /// <summary>Those of them that fitted.</summary>
    public int Taken { get; private set; }

    /// <summary>What did not fit, or null.</summary>
    public DecisionMismatch? Mismatch { get; private set; }

    public ulong Between(DecisionStream stream, ulong minimum, ulong maximum) => Choice(stream, minimum, maximum);

    public ulong Scaled(DecisionStream stream, ulong limit) => Choice(stream, 0, Math.Max(limit, 1) - 1);

    public bool Chance(DecisionStream stream, uint partsPerMillion) => Choice(stream, 0, 1) != 0;

    public ulong Word(DecisionStream stream)
    {
        Decision decision = Take(stream, DecisionKind.Word, "a word");
        return decision.IsDrawn ? stream.Draws.Draw(stream.Draws.Counter - 1) : decision.Value;
    }

    public int Operation(DecisionStream stream, UserSpacePlan plan)
    {
        _plan = plan;
        Decision decision = Take(stream, DecisionKind.Operation, "an operation");
        int operation = plan.OperationOfRecord((int)decision.Value);
        if (operation < 0)
        {
            Refuse(decision, stream, "an operation of this kernel's user space");
        }

        return operation;
    }

    public GenerationEnd End(DecisionStream stream, LeavePlan plan)
    {
        Decision decision = Take(stream, DecisionKind.Choice, "how the generation ends");
        GenerationEnd end = (GenerationEnd)decision.Value;
        bool isAnEnd = end is GenerationEnd.Kexec or GenerationEnd.Panic or GenerationEnd.ColdBoot or GenerationEnd.EmergencyRestart;
        if (decision.Value > int.MaxValue || !isAnEnd)
        {
            Refuse(decision, stream, "how the generation ends");
        }

        return end;
    }

    /// <summary>The generation is over: the record must be too.</summary>
    public void Finish()
    {
        if (TryRead(out Decision decision))
        {
            Mismatch = new DecisionMismatch(Count - 1, $"{decision} of stream {decision.Stream}", "the generation's end, without a further decision");
            throw Divergence(Mismatch);
        }
    }

    /// <summary>The last decision that was taken from the record.</summary>
    /// <returns>It in words; empty when there was none.</returns>
    public string DescribeLast() => _lastStream is null ? string.Empty : Describe(_last, _lastStream);

    private static DivergenceException Divergence(DecisionMismatch mismatch) =>
        new($"decision {mismatch.Number}: recorded {mismatch.Recorded}, the execution asks for {mismatch.Wanted}");

    private ulong Choice(DecisionStream stream, ulong minimum, ulong maximum)
    {
        Decision decision = Take(stream, DecisionKind.Choice, null, minimum, maximum);
        if (decision.Value < minimum || decision.Value > maximum)
        {
            Refuse(decision, stream, Range(minimum, maximum));
        }

        return decision.Value;
    }

    /// <summary>Takes the next decision, and the draws that went into it.</summary>
    private Decision Take(DecisionStream stream, DecisionKind kind, string? wanted, ulong minimum = 0, ulong maximum = 0)
    {
        if (!TryRead(out Decision decision))
        {
            Mismatch = new DecisionMismatch(Count, "no further decision", $"{wanted ?? Range(minimum, maximum)} of the stream {stream.Name}");
            throw Divergence(Mismatch);
        }

        if (decision.Kind != kind || decision.Stream != stream.Number)
        {
            Refuse(decision, stream, wanted ?? Range(minimum, maximum));
        }

        stream.Draws.Restore(unchecked(stream.Draws.Counter + decision.Skipped + 1));
        Taken++;
        _last = decision;
        _lastStream = stream.Name;
        return decision;
    }

    private bool TryRead(out Decision decision)
    {
        try
        {
            return _reader.TryRead(out decision);
        }
        catch (InvalidDataException damage)
        {
            Mismatch = new DecisionMismatch(Count, damage.Message, "a decision");
            throw Divergence(Mismatch);
        }
    }

    [DoesNotReturn]
    private void Refuse(in Decision decision, DecisionStream stream, string wanted)
    {
        string recorded = decision.Stream == stream.Number ? Describe(decision, stream.Name) : $"{decision} of stream {decision.Stream}";
        Mismatch = new DecisionMismatch(Count - 1, recorded, $"{wanted} of the stream {stream.Name}");
        throw Divergence(Mismatch);
    }

    private string Describe(in Decision decision, string stream)
    {
        int operation = decision.Kind == DecisionKind.Operation && _plan is not null ? _plan.OperationOfRecord((int)decision.Value) : -1;
        bool isEnd = decision.Kind == DecisionKind.Choice && decision.Stream == DecisionLog.EndStream;
        string what = operation >= 0 ? _plan!.NameOf(operation) : isEnd ? DecisionNames.OfEnd(decision.Value) : decision.ToString();
        return $"{what} of the stream {stream}";
    }

    private static string Range(ulong minimum, ulong maximum) => $"a choice from {minimum} to {maximum}";
}

/// <summary>A recorded decision that is not the one that was asked for.</summary>
/// <param name="Number">Which one of the generation, from 0.</param>
/// <param name="Recorded">What the record has.</param>
/// <param name="Wanted">What was asked for.</param>
internal sealed record DecisionMismatch(int Number, string Recorded, string Wanted);
