using System.Globalization;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Machines.Deciding;

/// <summary>
/// Replays one generation from its record: sits down where chance decided, and compares what comes out. The first thing that differs is a
/// <see cref="ReplayDivergenceException"/>.
/// </summary>
internal sealed class GenerationReplay
{
    private readonly MachineSpec _spec;
    private readonly GenerationRecord _record;
    private readonly MachineDecisions _decisions;
    private readonly DeliveryTrail _trail;
    private readonly LocalRuntime _runtime;
    private readonly RecordedDecider _decider;
    private readonly ComparingDecider? _comparing;
    private readonly ulong _orderBefore;
    private RecordedScheduler? _scheduler;
    private DeliveryWords? _words;

    /// <param name="spec">The machine.</param>
    /// <param name="record">The generation.</param>
    /// <param name="decisions">The machine's.</param>
    /// <param name="trail">Sees its deliveries.</param>
    /// <param name="runtime">Its host.</param>
    /// <param name="other">Asked what it would have decided, or null.</param>
    public GenerationReplay(
        MachineSpec spec, GenerationRecord record, MachineDecisions decisions, DeliveryTrail trail, LocalRuntime runtime, IDecider? other)
    {
        _spec = spec;
        _record = record;
        _decisions = decisions;
        _trail = trail;
        _runtime = runtime;
        _decider = new RecordedDecider(record.Decisions);
        _comparing = other is null ? null : new ComparingDecider(_decider, other);
        _orderBefore = decisions.Order.Counter;
    }

    /// <summary>Learns how deliveries are told.</summary>
    /// <param name="words">Knows this kernel's clients.</param>
    public void Speak(DeliveryWords words) => _words = words;

    /// <summary>The generation begins.</summary>
    public void Begin()
    {
        _decisions.Decider = _comparing is null ? _decider : _comparing;
        _trail.Check(_record.Order.IsEmpty ? _decisions.Order : null, _record.Trail);
        if (_record.Order.IsEmpty)
        {
            return;
        }

        try
        {
            _scheduler = new RecordedScheduler(_record.Order);
        }
        catch (InvalidDataException damage)
        {
            throw Differs(ReplayAspect.Order, "the order of deliveries", damage.Message, "an execution", damage);
        }

        _decisions.Scheduler.Current = _scheduler;
    }

    /// <summary>The last delivery was made: trail, decisions and order must end here too, and the counters be the recorded ones.</summary>
    public void EndDeliveries()
    {
        _trail.Finish();
        _decider.Finish();
        _scheduler?.Finish();
        if (_record.DrawCounters.Count != 3 + _decisions.Clients.Streams.Length)
        {
            throw Differs(
                ReplayAspect.DrawCounter, "substreams", Text(_record.DrawCounters.Count), Text(3 + _decisions.Clients.Streams.Length));
        }

        if (_scheduler is not null)
        {
            TakeOrderCounter(_record.DrawCounters[0]);
        }

        ulong[] found = _decisions.ReadCounters();
        for (int i = 0; i < found.Length; i++)
        {
            if (found[i] != _record.DrawCounters[i])
            {
                throw Differs(
                    ReplayAspect.DrawCounter, $"draws of the stream {_decisions.NameOfCounter(i)}", Text(_record.DrawCounters[i]), Text(found[i]));
            }
        }
    }

    /// <summary>The generation is over, its link closed: report and digest must be the recorded ones.</summary>
    public void End(GenerationReport report, ReadOnlySpan<byte> digest)
    {
        foreach ((string what, string recorded, string found) in ReportComparison.Differences(_record.Report, report))
        {
            throw Differs(ReplayAspect.Report, what, recorded, found);
        }

        if (!digest.SequenceEqual(_record.Digest.Span))
        {
            throw Differs(ReplayAspect.Digest, "the digest", Convert.ToHexStringLower(_record.Digest.Span), Convert.ToHexStringLower(digest));
        }
    }

    /// <summary>Puts a divergence into its place.</summary>
    /// <param name="divergence">What a decider, a scheduler or the trail found.</param>
    /// <returns>The exception to throw.</returns>
    public ReplayDivergenceException Place(DivergenceException divergence) => divergence switch
    {
        _ when _decider.Mismatch is { } mismatch =>
            Differs(ReplayAspect.Decision, $"decision {mismatch.Number}", mismatch.Recorded, mismatch.Wanted, divergence),
        TrailDivergenceException trail => Differs(ReplayAspect.Delivery, trail.What, trail.Recorded, trail.Found, divergence),
        _ => Differs(ReplayAspect.Order, "the order of deliveries", divergence.Message, "another execution", divergence),
    };

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>
    /// Nobody draws while a recorded order is replayed. The stream stands where it stood in the run: where it was, when another engine chose,
    /// or behind one draw for each pick that had a choice.
    /// </summary>
    private void TakeOrderCounter(ulong recorded)
    {
        ulong drawn = unchecked(recorded - _orderBefore);
        if (recorded < _orderBefore || (drawn != 0 && drawn < _scheduler!.Choices))
        {
            string accepted = $"{_orderBefore}, or {_orderBefore + _scheduler!.Choices} and a few";
            throw Differs(ReplayAspect.DrawCounter, $"draws of the stream {DecisionNames.Order}", Text(recorded), accepted);
        }

        _decisions.Order.Restore(recorded);
    }

    private ReplayDivergenceException Differs(ReplayAspect aspect, string what, string recorded, string found, Exception? inner = null)
    {
        List<string> deliveries = [];
        ReadOnlySpan<Delivery> window = _trail.Recent;
        ulong first = _runtime.DeliveryNumber - (ulong)window.Length + (window.IsEmpty ? 0UL : 1);
        for (int i = 0; i < window.Length; i++)
        {
            deliveries.Add($"delivery {first + (ulong)i}: {_words!.Of(window[i])}");
        }

        return new ReplayDivergenceException(
            new ReplayDifference
            {
                Machine = _spec.Number,
                Generation = _record.Report.Generation,
                Aspect = aspect,
                What = what,
                Recorded = recorded,
                Found = found,
                FirstDelivery = first,
                LastDelivery = _runtime.DeliveryNumber,
                Deliveries = deliveries,
                Decisions = _decider.Taken,
                LastDecision = _decider.DescribeLast(),
                OtherDecision = _comparing?.FirstDifference ?? string.Empty,
            },
            inner);
    }
}

/// <summary>Compares what two executions report of one generation.</summary>
internal static class ReportComparison
{
    /// <summary>The counts and facts that differ, by name.</summary>
    /// <param name="recorded">What the record has.</param>
    /// <param name="found">What was found.</param>
    /// <returns>Name, recorded, found.</returns>
    public static IEnumerable<(string What, string Recorded, string Found)> Differences(GenerationReport recorded, GenerationReport found)
    {
        foreach ((string what, object one, object other) in Facts(recorded, found))
        {
            if (!one.Equals(other))
            {
                yield return (what, string.Create(CultureInfo.InvariantCulture, $"{one}"), string.Create(CultureInfo.InvariantCulture, $"{other}"));
            }
        }

        for (int i = 0; i < Math.Max(recorded.Violations.Count, found.Violations.Count); i++)
        {
            Violation? one = i < recorded.Violations.Count ? recorded.Violations[i] : null;
            Violation? other = i < found.Violations.Count ? found.Violations[i] : null;
            if (one != other)
            {
                yield return ($"violation {i}", TextOf(one), TextOf(other));
            }
        }
    }

    private static string TextOf(Violation? violation) => violation is null ? "none" : $"{violation.Invariant}: {violation.Detail}";

    private static IEnumerable<(string What, object Recorded, object Found)> Facts(GenerationReport recorded, GenerationReport found)
    {
        yield return ("the generation", recorded.Generation, found.Generation);
        yield return ("the kernel", recorded.Kernel, found.Kernel);
        yield return ("the kernel before", recorded.PreviousKernel, found.PreviousKernel);
        yield return ("booted by kexec", recorded.WasKexec, found.WasKexec);
        yield return ("accepted a hand-over", recorded.HandedOver, found.HandedOver);
        yield return ("the end", recorded.End, found.End);
        yield return ("messages", recorded.Messages, found.Messages);
        yield return ("operations", recorded.Operations, found.Operations);
        yield return ("failed requests", recorded.FailedRequests, found.FailedRequests);
        yield return ("survived", recorded.Survived, found.Survived);
        yield return ("lost", recorded.Lost, found.Lost);
        yield return ("restored", recorded.Restored, found.Restored);
        yield return ("violations", recorded.ViolationCount, found.ViolationCount);
    }
}
