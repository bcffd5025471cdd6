using System.Text;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.History;

/// <summary>A run for records to belong to, records by chance, and how two are compared.</summary>
internal static class SliceBench
{
    /// <summary>Two kinds of hardware, three kernels, pstore: 5 substreams.</summary>
    public static ResolvedScenario Run { get; } = (MachineBench.Small("7.3-rc7", "7.2.13", "7.1.13") with
    {
        Hardware = [new HardwareVariant { MemoryBytes = 512UL << 20 }, new HardwareVariant { MemoryBytes = 1024UL << 20 }],
        Clients = ["pstore"],
    }).Resolve();

    public static string[] Kernels { get; } = [.. Run.Kernels.Select(kernel => kernel.Name)];

    public static SliceCodec Codec { get; } = new(Run);

    public static StoredSlice Stored(this SliceRecord record, byte[] encoded) => new(record.Machine, record.FirstGeneration, encoded);

    /// <summary>A slice as a machine leaves it: counts that grow, and little else that changes.</summary>
    public static SliceRecord Ordinary(int machine = 5, int first = 8, int generations = 4) => new()
    {
        Machine = machine,
        Hardware = 1,
        Chain = 0,
        Generations = [.. Enumerable.Range(first, generations).Select(Generation)],
    };

    /// <summary>Anything that a record can hold, extreme values among it.</summary>
    public static SliceRecord Random(SplitMix64 random)
    {
        int count = random.Index(20) == 0 ? 40 : 1 + random.Index(6);
        int first = random.Index(8) == 0 ? int.MaxValue - count : random.Index(1000);
        bool hasOrder = random.Index(4) == 0;
        bool hasViolations = random.Index(4) == 0;
        ulong[] draws = new ulong[Codec.Substreams];
        return new SliceRecord
        {
            Machine = random.Index(8) == 0 ? int.MaxValue : random.Index(1_000_000),
            Hardware = random.Index(Run.Scenario.Hardware.Count),
            Chain = 0,
            Generations = [.. Enumerable.Range(first, count).Select(number => RandomGeneration(random, number, draws, hasOrder, hasViolations))],
            OtherSections = random.Index(6) == 0 ? [new SliceSection(3 + random.Index(5), Bytes(random)), new SliceSection(900 + random.Index(101), Bytes(random))] : [],
        };
    }

    public static void AssertEqual(SliceRecord expected, SliceRecord actual, string because)
    {
        Assert.True(Text(expected) == Text(actual), $"{because}\nexpected {Text(expected)}\nactual   {Text(actual)}");
    }

    private static GenerationRecord Generation(int number)
    {
        ulong n = (ulong)number;
        return new GenerationRecord
        {
            Report = new GenerationReport
            {
                Generation = number,
                Kernel = Kernels[0],
                PreviousKernel = number == 0 ? string.Empty : Kernels[0],
                WasKexec = number > 0,
                HandedOver = number > 0,
                End = GenerationEnd.Kexec,
                Survived = 12 + (number % 3),
                Lost = 0,
                Restored = 9,
                Operations = 14,
                FailedRequests = 1,
                Messages = 300 + n,
                Violations = [],
                ViolationCount = 0,
                Log = [],
                Story = [],
            },
            DrawCounters = [250 * (n + 1), 40 * (n + 1), n + 1, 0, 7 * (n + 1)],
            Decisions = new byte[] { 0x03, 0x10, 0x20, (byte)number },
            Trail = new byte[] { 0xAA, 0xBB },
            Digest = Enumerable.Range(number, 32).Select(i => (byte)i).ToArray(),
        };
    }

    private static GenerationRecord RandomGeneration(SplitMix64 random, int number, ulong[] draws, bool hasOrder, bool hasViolations)
    {
        Violation[] violations = hasViolations
            ? [.. Enumerable.Range(0, random.Index(40) == 0 ? Violation.KeptMax : random.Index(3)).Select(_ => RandomViolation(random, number))]
            : [];
        for (int i = 0; i < draws.Length; i++)
        {
            draws[i] = random.Index(20) == 0 ? random.Next() : draws[i] + random.Below(300);
        }

        return new GenerationRecord
        {
            Report = new GenerationReport
            {
                Generation = number,
                Kernel = Kernels[random.Index(Kernels.Length)],
                PreviousKernel = random.Index(4) == 0 ? string.Empty : Kernels[random.Index(Kernels.Length)],
                WasKexec = random.Index(2) == 0,
                HandedOver = random.Index(2) == 0,
                End = (GenerationEnd)(1 + random.Index(9)),
                Survived = (int)Number(random, int.MaxValue),
                Lost = (int)Number(random, int.MaxValue),
                Restored = (long)Number(random, long.MaxValue),
                Operations = (long)Number(random, long.MaxValue),
                FailedRequests = (long)Number(random, long.MaxValue),
                Messages = Number(random, ulong.MaxValue),
                Violations = violations,
                ViolationCount = random.Index(8) == 0 ? long.MaxValue : violations.Length + random.Index(200),
                Log = [],
                Story = [],
            },
            DrawCounters = [.. draws],
            Decisions = Bytes(random),
            Order = hasOrder ? Bytes(random) : default,
            Trail = Bytes(random),
            Digest = Bytes(random, 32),
        };
    }

    private static Violation RandomViolation(SplitMix64 random, int number) => new(
        InvariantCatalog.All[random.Index(InvariantCatalog.All.Count)].Name,
        random.Index(10) == 0 ? random.Index(2) * int.MaxValue : number,
        random.Index(10) == 0 ? new string('x', Violation.DetailBytesMax) : $"page 0x{random.Next():x} \u00e9\U0001F600 changed");

    private static ulong Number(SplitMix64 random, ulong max) => random.Index(5) switch
    {
        0 => 0,
        1 => max,
        2 => random.Next() & max,
        _ => random.Below(100),
    };

    private static byte[] Bytes(SplitMix64 random, int length = -1)
    {
        byte[] bytes = new byte[length >= 0 ? length : random.Index(10) == 0 ? random.Index(3000) : random.Index(20)];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)random.Next();
        }

        return bytes;
    }

    /// <summary>Everything that a slice holds, as text.</summary>
    private static string Text(SliceRecord slice)
    {
        StringBuilder text = new();
        text.AppendLine($"machine {slice.Machine} hardware {slice.Hardware} chain {slice.Chain}");
        foreach (GenerationRecord generation in slice.Generations)
        {
            GenerationReport report = generation.Report;
            text.AppendLine(string.Join(' ', report.Generation, report.Kernel, "<", report.PreviousKernel, report.WasKexec, report.HandedOver, report.End));
            text.AppendLine(string.Join(' ', report.Survived, report.Lost, report.Restored, report.Operations, report.FailedRequests, report.Messages));
            text.AppendLine($"{report.ViolationCount}: {string.Join(';', report.Violations)} {report.Log.Count} {report.Story.Count}");
            text.AppendLine(string.Join(' ', generation.DrawCounters));
            text.AppendLine(string.Join(' ', Hex(generation.Decisions), Hex(generation.Order), Hex(generation.Trail), Hex(generation.Digest)));
        }

        foreach (SliceSection section in slice.OtherSections)
        {
            text.AppendLine($"{section.Number} {Hex(section.Bytes)}");
        }

        return text.ToString();
    }

    private static string Hex(ReadOnlyMemory<byte> bytes) => $"[{Convert.ToHexStringLower(bytes.Span)}]";
}
