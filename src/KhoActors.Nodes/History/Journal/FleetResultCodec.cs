using System.Globalization;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History.Journal;

/// <summary>
/// The encoding of what a fleet did, whole or in part: eight sums; how generations ended; transitions; violations with their texts; defects; warnings;
/// machines whose replay differed, and the first difference. Not written: how the run ended, which its reader knows.
/// </summary>
internal static class FleetResultCodec
{
    // Least bytes of an entry, so that a hostile count allocates no more than there is.
    private const int TextsMax = 1 << 20;

    /// <summary>Writes a result.</summary>
    public static void Write(SnapshotWriter writer, FleetResult result)
    {
        foreach (long sum in (ReadOnlySpan<long>)
        [
            result.Machines, result.AlivePeak, result.Kexecs, result.ColdBoots,
            (long)result.Messages, result.Operations, result.FailedRequests, result.ViolationCount,
        ])
        {
            writer.WriteVar((ulong)sum);
        }

        writer.WriteVar((ulong)result.Outcomes.Count);
        foreach ((string name, long count) in result.Outcomes)
        {
            writer.WriteText(name);
            writer.WriteVar((ulong)count);
        }

        writer.WriteVar((ulong)result.Transitions.Count);
        foreach (FleetTransition transition in result.Transitions)
        {
            writer.WriteText(transition.From);
            writer.WriteText(transition.To);
            writer.WriteVar((ulong)transition.Count);
            writer.WriteVar((ulong)transition.Restored);
            writer.WriteVar((ulong)transition.Lost);
            writer.WriteVar((ulong)transition.Violations);
        }

        writer.WriteVar((ulong)result.Violations.Count);
        foreach ((int machine, Violation violation) in result.Violations)
        {
            writer.WriteVar((ulong)machine);
            writer.WriteVar((ulong)violation.Generation);
            writer.WriteText(violation.Invariant);
            writer.WriteText(violation.Detail);
        }

        WriteTexts(writer, result.Defects);
        WriteTexts(writer, result.Warnings);
        writer.WriteVar((ulong)result.DifferingMachines);
        writer.WriteVar(result.FirstDifference is null ? 0UL : 1);
        if (result.FirstDifference is { } difference)
        {
            Write(writer, difference);
        }
    }

    /// <summary>Reads a result.</summary>
    /// <exception cref="HistoryDamageException">It is damaged.</exception>
    public static FleetResult Read(RecordReader reader)
    {
        FleetResult result = new()
        {
            Machines = reader.ReadCount("the machines", int.MaxValue),
            AlivePeak = reader.ReadCount("the machines alive", int.MaxValue),
        };
        result.Add(new RunSums
        {
            Kexecs = ReadSum(reader),
            ColdBoots = ReadSum(reader),
            Messages = reader.ReadVar("a sum", long.MaxValue),
            Operations = ReadSum(reader),
            FailedRequests = ReadSum(reader),
            Violations = ReadSum(reader),
        });
        for (int left = ReadEntries(reader, "ends"); left > 0; left--)
        {
            result.Add(KeyValuePair.Create(ReadName(reader, "an end"), ReadSum(reader)));
        }

        for (int left = ReadEntries(reader, "transitions"); left > 0; left--)
        {
            result.Add(new FleetTransition
            {
                From = ReadName(reader, "a kernel"),
                To = ReadName(reader, "a kernel"),
                Count = ReadSum(reader),
                Restored = ReadSum(reader),
                Lost = ReadSum(reader),
                Violations = ReadSum(reader),
            });
        }

        result.Add(ReadViolations(reader));
        ReadTexts(reader, "defects", result.Defects);
        ReadTexts(reader, "warnings", result.Warnings);
        int differing = reader.ReadCount("the machines that differ", int.MaxValue);
        ReplayDifference? first = reader.ReadVar("whether there is a difference", 1) == 1 ? ReadDifference(reader) : null;
        result.AddDifferences(first, differing);
        return result;
    }

    /// <summary>Writes a difference.</summary>
    public static void Write(SnapshotWriter writer, ReplayDifference difference)
    {
        writer.WriteVar((ulong)difference.Machine);
        writer.WriteVar((ulong)difference.Generation);
        writer.WriteVar((ulong)CodeOf(difference.Aspect));
        writer.WriteText(difference.What);
        writer.WriteText(difference.Recorded);
        writer.WriteText(difference.Found);
        writer.WriteVar(difference.LastDelivery);
        writer.WriteVar(difference.FirstDelivery);
        WriteTexts(writer, difference.Deliveries);
        writer.WriteVar((ulong)difference.Decisions);
        writer.WriteText(difference.LastDecision);
        writer.WriteText(difference.OtherDecision);
    }

    /// <summary>Reads a difference.</summary>
    public static ReplayDifference ReadDifference(RecordReader reader)
    {
        int machine = reader.ReadCount("the machine", int.MaxValue);
        int generation = reader.ReadCount("the generation", int.MaxValue);
        ReplayAspect aspect = AspectOf(reader.ReadCount("what differs", 6), reader);
        string what = ReadText(reader);
        string recorded = ReadText(reader);
        string found = ReadText(reader);
        ulong last = reader.ReadVar("the last delivery");
        ulong firstDelivery = reader.ReadVar("the first delivery");
        List<string> deliveries = [];
        ReadTexts(reader, "deliveries", deliveries);
        return new ReplayDifference
        {
            Machine = machine,
            Generation = generation,
            Aspect = aspect,
            What = what,
            Recorded = recorded,
            Found = found,
            LastDelivery = last,
            FirstDelivery = firstDelivery,
            Deliveries = deliveries,
            Decisions = reader.ReadCount("the decisions", int.MaxValue),
            LastDecision = ReadText(reader),
            OtherDecision = ReadText(reader),
        };
    }

    private static List<MachineViolation> ReadViolations(RecordReader reader)
    {
        List<MachineViolation> violations = [];
        for (int left = reader.ReadCount("the count of violations", FleetResult.LimitViolationsKept); left > 0; left--)
        {
            int machine = reader.ReadCount("the machine", int.MaxValue);
            int generation = reader.ReadCount("the generation", int.MaxValue);
            string invariant = reader.ReadText("the invariant", SliceCodec.InvariantBytesMax);
            violations.Add(new MachineViolation(machine, new Violation(invariant, generation, reader.ReadText("the detail", Violation.DetailBytesMax))));
        }

        return violations;
    }

    private static void WriteTexts(SnapshotWriter writer, IReadOnlyList<string> texts)
    {
        writer.WriteVar((ulong)texts.Count);
        foreach (string text in texts)
        {
            writer.WriteText(text);
        }
    }

    private static void ReadTexts(RecordReader reader, string what, List<string> texts)
    {
        for (int left = ReadEntries(reader, what); left > 0; left--)
        {
            texts.Add(ReadText(reader));
        }
    }

    private static int ReadEntries(RecordReader reader, string what) => reader.ReadCount($"the count of {what}", Math.Min(TextsMax, reader.Left));

    private static string ReadName(RecordReader reader, string what) => reader.ReadText($"the name of {what}", HistoryLimits.NameBytes);

    private static string ReadText(RecordReader reader) => reader.ReadText("a text", HistoryLimits.TextBytes);

    private static long ReadSum(RecordReader reader) => (long)reader.ReadVar("a sum", long.MaxValue);

    private static int CodeOf(ReplayAspect aspect) => aspect switch
    {
        ReplayAspect.Decision => 1,
        ReplayAspect.Order => 2,
        ReplayAspect.Delivery => 3,
        ReplayAspect.DrawCounter => 4,
        ReplayAspect.Report => 5,
        ReplayAspect.Digest => 6,
        _ => throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"no aspect {aspect} is stored")),
    };

    private static ReplayAspect AspectOf(int code, RecordReader reader) => code switch
    {
        1 => ReplayAspect.Decision,
        2 => ReplayAspect.Order,
        3 => ReplayAspect.Delivery,
        4 => ReplayAspect.DrawCounter,
        5 => ReplayAspect.Report,
        6 => ReplayAspect.Digest,
        _ => throw reader.Damage($"what differs is {code}, 1 to 6 are accepted"),
    };
}
