using System.Text;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History;

/// <summary>Encodes one slice; see docs/histories.md.</summary>
internal sealed class SliceEncoder(SliceTables tables, SliceRecord record)
{
    private readonly SnapshotWriter _writer = new();
    private readonly ulong[] _counts = new ulong[SliceFormat.CountedFields];
    private readonly ulong[] _draws = new ulong[tables.Substreams];
    private int _kernel;
    private int _previousKernel = -1;

    public byte[] Encode()
    {
        Require(record.Generations.Count > 0, "a slice has a generation");
        Require(record.Machine >= 0 && record.FirstGeneration >= 0, "numbers of machines and generations begin with 0");
        Require(record.Hardware >= 0 && record.Hardware < tables.Hardware, "the hardware is one of the scenario's");
        Require(record.Chain >= 0 && record.Chain < tables.Chains, "the chain is one of the scenario's");
        _writer.WriteVar(SliceFormat.Version);
        _writer.WriteVar((ulong)record.Machine);
        _writer.WriteVar((ulong)record.FirstGeneration);
        _writer.WriteVar((ulong)record.Generations.Count - 1);
        _writer.WriteVar((ulong)record.Hardware);
        _writer.WriteVar((ulong)record.Chain);
        _writer.WriteVar((ulong)tables.Substreams);
        for (int i = 0; i < record.Generations.Count; i++)
        {
            Require(record.Generations[i].Report.Generation == record.FirstGeneration + i, "generations follow each other");
            WriteGeneration(record.Generations[i]);
        }

        WriteSections();
        _writer.WriteChecksum(0);
        return _writer.Written.ToArray();
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new ArgumentException($"A record that cannot be stored: {what}.");
        }
    }

    private void WriteGeneration(GenerationRecord generation)
    {
        GenerationReport report = generation.Report;
        int kernel = tables.IndexOfKernel(report.Kernel);
        int previous = tables.IndexOfKernel(report.PreviousKernel);
        Require(kernel >= 0, "a generation has a kernel");
        int flags = (report.WasKexec ? SliceFormat.WasKexec : 0)
            | (report.HandedOver ? SliceFormat.HandedOver : 0)
            | (kernel != _kernel ? SliceFormat.OtherKernel : 0)
            | (previous != _previousKernel ? SliceFormat.OtherPreviousKernel : 0);
        WriteByte(flags | (SliceFormat.CodeOf(report.End) << 4));
        WriteCounts(report, kernel == _kernel ? null : kernel, previous == _previousKernel ? null : previous);
        WriteDraws(generation.DrawCounters);
        WriteBlob(_writer, generation.Decisions.Span);
        WriteBlob(_writer, generation.Trail.Span);
        Require(generation.Digest.Length == DigestChain.LinkBytes, "a digest has 32 bytes");
        _writer.WriteRaw(generation.Digest.Span);
        _kernel = kernel;
        _previousKernel = kernel;
    }

    private void WriteCounts(GenerationReport report, int? kernel, int? previous)
    {
        Span<ulong> counts =
        [
            Count(report.Survived),
            Count(report.Lost),
            Count(report.Restored),
            Count(report.Operations),
            Count(report.FailedRequests),
            report.Messages,
            Count(report.ViolationCount),
        ];
        int mask = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            mask |= counts[i] != _counts[i] ? 1 << i : 0;
        }

        WriteByte(mask);
        if (kernel is { } index)
        {
            _writer.WriteVar((ulong)index);
        }

        if (previous is { } before)
        {
            _writer.WriteVar((ulong)(before + 1));
        }

        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] != _counts[i])
            {
                _writer.WriteVar(SliceFormat.ZigZag((long)(counts[i] - _counts[i])));
                _counts[i] = counts[i];
            }
        }
    }

    private void WriteDraws(IReadOnlyList<ulong> counters)
    {
        Require(counters.Count == tables.Substreams, "every substream is counted");
        for (int first = 0; first < counters.Count; first += 8)
        {
            int bits = 0;
            for (int i = first; i < Math.Min(first + 8, counters.Count); i++)
            {
                bits |= counters[i] != _draws[i] ? 1 << (i - first) : 0;
            }

            WriteByte(bits);
        }

        for (int i = 0; i < counters.Count; i++)
        {
            if (counters[i] != _draws[i])
            {
                // Counters only grow; one that does not is a large number, and none is lost.
                _writer.WriteVar(counters[i] - _draws[i]);
                _draws[i] = counters[i];
            }
        }
    }

    private void WriteSections()
    {
        if (record.Generations.Any(generation => generation.Order.Length > 0))
        {
            SnapshotWriter section = new();
            foreach (GenerationRecord generation in record.Generations)
            {
                WriteBlob(section, generation.Order.Span);
            }

            WriteSection(SliceFormat.OrderSection, isCritical: true, section.Written);
        }

        if (record.Generations.Any(generation => generation.Report.Violations.Count > 0))
        {
            WriteViolations();
        }

        int last = SliceFormat.ViolationsSection;
        foreach (SliceSection other in record.OtherSections)
        {
            Require(other.Number > last && other.Number <= SliceFormat.SectionMax, "other sections have numbers of their own, in ascending order");
            WriteSection(other.Number, isCritical: false, other.Bytes.Span);
            last = other.Number;
        }
    }

    private void WriteViolations()
    {
        SnapshotWriter section = new();
        foreach (GenerationRecord generation in record.Generations)
        {
            IReadOnlyList<Violation> violations = generation.Report.Violations;
            Require(violations.Count <= Violation.KeptMax && violations.Count <= generation.Report.ViolationCount, "violations are counted");
            section.WriteVar((ulong)violations.Count);
            foreach (Violation violation in violations)
            {
                section.WriteVar(SliceFormat.ZigZag((long)violation.Generation - generation.Report.Generation));
                WriteText(section, violation.Invariant, SliceCodec.InvariantBytesMax);
                WriteText(section, violation.Detail, Violation.DetailBytesMax);
            }
        }

        WriteSection(SliceFormat.ViolationsSection, isCritical: true, section.Written);
    }

    private void WriteSection(int number, bool isCritical, ReadOnlySpan<byte> content)
    {
        _writer.WriteVar(((ulong)number << 1) | (isCritical ? 1UL : 0));
        WriteBlob(_writer, content);
    }

    private void WriteByte(int value) => _writer.WriteRaw([checked((byte)value)]);

    private static ulong Count(long value)
    {
        Require(value >= 0, "nothing is counted below 0");
        return (ulong)value;
    }

    private static void WriteBlob(SnapshotWriter writer, ReadOnlySpan<byte> bytes)
    {
        writer.WriteVar((ulong)bytes.Length);
        writer.WriteRaw(bytes);
    }

    private static void WriteText(SnapshotWriter writer, string text, int limitBytes)
    {
        Require(WellFormedText.Is(text) && Encoding.UTF8.GetByteCount(text) <= limitBytes, $"a text has an encoding of at most {limitBytes} bytes");
        writer.WriteText(text);
    }
}
