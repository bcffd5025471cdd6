using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.History;

/// <summary>Decodes one slice; see docs/histories.md. What is stored is hostile: the checksum finds damage, everything else is checked too.</summary>
internal sealed class SliceDecoder
{
    private readonly SliceTables _tables;
    private readonly StoredSlice _stored;
    private readonly string _machine;
    private readonly RecordReader _reader;
    private readonly ulong[] _counts = new ulong[SliceFormat.CountedFields];
    private readonly ulong[] _draws;
    private int _kernel;
    private int _previousKernel = -1;

    public SliceDecoder(SliceTables tables, StoredSlice stored, string place)
    {
        _tables = tables;
        _stored = stored;
        _machine = $"{place}: machine {stored.Machine}";
        _draws = new ulong[tables.Substreams];
        _reader = new RecordReader(Checked(), $"{_machine}, generations from {stored.FirstGeneration}");
    }

    public SliceRecord Decode()
    {
        ReadVersionAndName();
        int count = ReadGenerationCount();
        int hardware = _reader.ReadCount("the hardware", _tables.Hardware - 1);
        int chain = _reader.ReadCount("the chain", _tables.Chains - 1);
        int at = _reader.Position;
        if (_reader.ReadVar("the number of substreams") is var substreams && substreams != (ulong)_tables.Substreams)
        {
            throw _reader.DamageAt(at, $"draws of {substreams} substreams are counted, the run has {_tables.Substreams}");
        }

        GenerationRecord[] generations = new GenerationRecord[count];
        for (int i = 0; i < count; i++)
        {
            generations[i] = ReadGeneration(_stored.FirstGeneration + i);
        }

        List<SliceSection> others = ReadSections(generations);
        return new SliceRecord { Machine = _stored.Machine, Hardware = hardware, Chain = chain, Generations = generations, OtherSections = others };
    }

    /// <summary>The record without its checksum, which is compared first: after damage nothing else means anything.</summary>
    private ReadOnlyMemory<byte> Checked()
    {
        ReadOnlyMemory<byte> encoded = _stored.Encoded;
        string subject = $"{_machine}, generations from {_stored.FirstGeneration}";
        int length = encoded.Length - Checksum64.SizeBytes;
        if (length < 0)
        {
            throw new HistoryDamageException($"{subject}: the record is cut short, it has {encoded.Length} bytes");
        }

        if (new RecordReader(encoded[length..], subject).ReadUInt64("the checksum") != Checksum64.Of(encoded.Span[..length]))
        {
            throw new HistoryDamageException($"{subject}: the record of {encoded.Length} bytes is damaged, its checksum does not match");
        }

        return encoded[..length];
    }

    private void ReadVersionAndName()
    {
        if (_reader.ReadVar("the version") is var version && version != SliceFormat.Version)
        {
            throw _reader.DamageAt(0, $"the record's version is {version}, this program reads {SliceFormat.Version}");
        }

        int at = _reader.Position;
        ulong machine = _reader.ReadVar("the machine");
        ulong first = _reader.ReadVar("the first generation");
        if (machine != (ulong)_stored.Machine || first != (ulong)_stored.FirstGeneration)
        {
            throw _reader.DamageAt(at, $"the record is of machine {machine}, generation {first}: it is in the wrong place");
        }
    }

    private int ReadGenerationCount()
    {
        int at = _reader.Position;
        ulong further = _reader.ReadVar("the number of generations");
        int fit = Math.Min(_reader.Left / SliceFormat.GenerationBytesMin, int.MaxValue - _stored.FirstGeneration);
        if (further >= (ulong)fit)
        {
            throw _reader.DamageAt(at, $"{further} generations more are announced, the record has room for {Math.Max(fit - 1, 0)}");
        }

        int count = (int)further + 1;
        _reader.Subject = $"{_machine}, generations {_stored.FirstGeneration} to {_stored.FirstGeneration + count - 1}";
        return count;
    }

    private GenerationRecord ReadGeneration(int number)
    {
        int at = _reader.Position;
        int flags = _reader.ReadByte("flags and end");
        int end = flags >> 4;
        if (end < 1 || end > SliceFormat.EndMax)
        {
            throw _reader.DamageAt(at, $"the end of generation {number} is {end}, 1 to {SliceFormat.EndMax} are accepted");
        }

        int mask = _reader.ReadByte("the mask of counts");
        if (mask >> SliceFormat.CountedFields != 0)
        {
            throw _reader.DamageAt(at + 1, $"the mask of counts is 0x{mask:x2}: a bit is set that means nothing");
        }

        string previousKernel = ReadKernels(flags);
        ReadCounts(mask);
        return new GenerationRecord
        {
            Report = ReportOf(number, flags, end, previousKernel),
            DrawCounters = ReadDraws(),
            Decisions = _reader.ReadBlob("the decisions"),
            Trail = _reader.ReadBlob("the trail"),
            Digest = _reader.ReadBytes(DigestChain.LinkBytes, "the digest"),
        };
    }

    private GenerationReport ReportOf(int number, int flags, int end, string previousKernel) => new()
    {
        Generation = number,
        Kernel = _tables.NameOfKernel(_kernel),
        PreviousKernel = previousKernel,
        WasKexec = (flags & SliceFormat.WasKexec) != 0,
        HandedOver = (flags & SliceFormat.HandedOver) != 0,
        End = SliceFormat.EndOf(end),
        Survived = (int)_counts[0],
        Lost = (int)_counts[1],
        Restored = (long)_counts[2],
        Operations = (long)_counts[3],
        FailedRequests = (long)_counts[4],
        Messages = _counts[5],
        ViolationCount = (long)_counts[6],
        Violations = [],
        Log = [],
        Story = [],
    };

    /// <summary>Steps to this generation's kernel.</summary>
    /// <returns>Name of the kernel before it.</returns>
    private string ReadKernels(int flags)
    {
        int at = _reader.Position;
        int kernel = (flags & SliceFormat.OtherKernel) != 0 ? _reader.ReadCount("the kernel", _tables.Kernels.Length - 1) : _kernel;
        int previous = (flags & SliceFormat.OtherPreviousKernel) != 0 ? _reader.ReadCount("the kernel before", _tables.Kernels.Length) - 1 : _previousKernel;
        if (((flags & SliceFormat.OtherKernel) != 0 && kernel == _kernel) || ((flags & SliceFormat.OtherPreviousKernel) != 0 && previous == _previousKernel))
        {
            throw _reader.DamageAt(at, "a kernel is written that follows from the generation before");
        }

        _kernel = kernel;
        _previousKernel = kernel;
        return _tables.NameOfKernel(previous);
    }

    private void ReadCounts(int mask)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            if ((mask & (1 << i)) == 0)
            {
                continue;
            }

            int at = _reader.Position;
            long difference = SliceFormat.UnZigZag(ReadDifference("a count"));
            _counts[i] += (ulong)difference;
            ulong limit = i < 2 ? int.MaxValue : i == 5 ? ulong.MaxValue : long.MaxValue;
            if (_counts[i] > limit)
            {
                throw _reader.DamageAt(at, $"a count becomes {_counts[i]}, at most {limit} is accepted");
            }
        }
    }

    private ulong[] ReadDraws()
    {
        ReadOnlySpan<byte> bitmap = _reader.ReadBytes(SliceFormat.BitmapBytes(_draws.Length), "the bitmap of substreams").Span;
        if (_draws.Length % 8 != 0 && bitmap[^1] >> (_draws.Length % 8) != 0)
        {
            throw _reader.DamageAt(_reader.Position - 1, $"the bitmap of substreams names more than {_draws.Length}");
        }

        for (int i = 0; i < _draws.Length; i++)
        {
            if ((bitmap[i / 8] & (1 << (i % 8))) != 0)
            {
                _draws[i] += ReadDifference("a draw counter");
            }
        }

        return [.. _draws];
    }

    private ulong ReadDifference(string what)
    {
        int at = _reader.Position;
        ulong difference = _reader.ReadVar(what);
        return difference != 0 ? difference : throw _reader.DamageAt(at, $"{what} is written that did not change");
    }

    private List<SliceSection> ReadSections(GenerationRecord[] generations)
    {
        List<SliceSection> others = [];
        int last = 0;
        while (_reader.Left > 0)
        {
            int at = _reader.Position;
            int tag = _reader.ReadCount("the tag of a section", (SliceFormat.SectionMax << 1) | 1);
            int number = tag >> 1;
            bool isCritical = (tag & 1) != 0;
            if (number <= last)
            {
                throw _reader.DamageAt(at, $"section {SliceFormat.NameOfSection(number)} is behind section {last}");
            }

            last = number;
            ReadSection(at, number, isCritical, generations, others);
        }

        foreach (GenerationRecord generation in generations)
        {
            if (generation.Report.Violations.Count > generation.Report.ViolationCount)
            {
                throw _reader.Damage($"generation {generation.Report.Generation} has more violations than it counts");
            }
        }

        return others;
    }

    private void ReadSection(int at, int number, bool isCritical, GenerationRecord[] generations, List<SliceSection> others)
    {
        bool isKnown = number is SliceFormat.OrderSection or SliceFormat.ViolationsSection;
        if (isKnown != isCritical)
        {
            throw _reader.DamageAt(at, isKnown
                ? $"section {SliceFormat.NameOfSection(number)} is marked as one that may be left out"
                : $"a replay needs section {SliceFormat.NameOfSection(number)}, which this program does not read: a later version wrote it");
        }

        ReadOnlyMemory<byte> content = _reader.ReadBlob($"section {SliceFormat.NameOfSection(number)}");
        int start = _reader.Position - content.Length;
        RecordReader reader = new(content, $"{_reader.Subject}, byte {start}, section {SliceFormat.NameOfSection(number)}");
        switch (number)
        {
            case SliceFormat.OrderSection:
                ReadOrder(reader, generations);
                break;
            case SliceFormat.ViolationsSection:
                ReadViolations(reader, generations);
                break;
            default:
                others.Add(new SliceSection(number, content));
                return;
        }

        reader.RequireEnd();
    }

    private static void ReadOrder(RecordReader reader, GenerationRecord[] generations)
    {
        bool isEmpty = true;
        for (int i = 0; i < generations.Length; i++)
        {
            ReadOnlyMemory<byte> order = reader.ReadBlob("the order");
            generations[i] = generations[i] with { Order = order };
            isEmpty &= order.IsEmpty;
        }

        RequireContent(reader, isEmpty);
    }

    private static void ReadViolations(RecordReader reader, GenerationRecord[] generations)
    {
        bool isEmpty = true;
        for (int i = 0; i < generations.Length; i++)
        {
            GenerationReport report = generations[i].Report;
            Violation[] violations = new Violation[reader.ReadCount("the number of violations", Violation.KeptMax)];
            for (int each = 0; each < violations.Length; each++)
            {
                violations[each] = ReadViolation(reader, report.Generation);
            }

            generations[i] = generations[i] with { Report = report with { Violations = violations } };
            isEmpty &= violations.Length == 0;
        }

        RequireContent(reader, isEmpty);
    }

    private static Violation ReadViolation(RecordReader reader, int recorded)
    {
        int at = reader.Position;
        Int128 generation = (Int128)recorded + SliceFormat.UnZigZag(reader.ReadVar("the generation of a violation"));
        if (generation < 0 || generation > int.MaxValue)
        {
            throw reader.DamageAt(at, $"a violation's generation is {generation}");
        }

        string invariant = reader.ReadText("an invariant", SliceCodec.InvariantBytesMax);
        return new Violation(invariant, (int)generation, reader.ReadText("the text of a violation", Violation.DetailBytesMax));
    }

    private static void RequireContent(RecordReader reader, bool isEmpty)
    {
        if (isEmpty)
        {
            throw reader.DamageAt(0, "it is written and has nothing in it");
        }
    }
}
