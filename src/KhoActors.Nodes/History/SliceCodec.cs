using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.History;

/// <summary>
/// The encoding of a slice: what a history stores of it. Compact, the same on every computer, and one encoding only for one record: what
/// is read encodes to the bytes it was read from. Described byte by byte in docs/histories.md. Safe to use from several workers.
/// </summary>
/// <remarks>
/// Counts are written as differences to the generation before, what did not change not at all, kernels as indices. The last 8 bytes are
/// a <see cref="Subsystems.Actors.Checksum64"/> of all that is before them, machine and first generation included.
/// </remarks>
public sealed class SliceCodec
{
    /// <summary>Most bytes of a violation's invariant.</summary>
    public const int InvariantBytesMax = 64;

    private readonly SliceTables _tables;

    /// <summary>A codec for the records of one run.</summary>
    /// <param name="resolved">The run's scenario, whose kernels and substreams records refer to by index.</param>
    public SliceCodec(ResolvedScenario resolved)
    {
        ArgumentNullException.ThrowIfNull(resolved);
        _tables = new SliceTables(
            [.. resolved.Kernels.Select(kernel => kernel.Name)],
            resolved.Scenario.Hardware.Count,
            resolved.Scenario.Chains.Count,
            SliceTables.SubstreamsWithoutClients + (SliceTables.SubstreamsOfClient * resolved.Clients.Count));
    }

    /// <summary>Substreams that each generation counts the draws of.</summary>
    public int Substreams => _tables.Substreams;

    /// <summary>Encodes a slice.</summary>
    /// <param name="record">The slice: generations without a gap, of this run's kernels.</param>
    /// <returns>The bytes to store.</returns>
    /// <exception cref="ArgumentException">The record is not one of this run, or out of bounds: a defect of whoever made it.</exception>
    public byte[] Encode(SliceRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return new SliceEncoder(_tables, record).Encode();
    }

    /// <summary>Decodes a slice and checks all of it. Its parts are views of the stored bytes.</summary>
    /// <param name="stored">What is stored, and under which machine and generation.</param>
    /// <param name="place">Where it is stored, for messages: <c>sqlite:./khoactors.db, run 3</c>.</param>
    /// <returns>The slice.</returns>
    /// <exception cref="HistoryDamageException">It is damaged, of another version, or not of this run; the message names place, machine,
    /// generations, byte and what is wrong.</exception>
    public SliceRecord Decode(StoredSlice stored, string place) => new SliceDecoder(_tables, stored, place).Decode();
}

/// <summary>What records of a run refer to by index, and the bounds of these indices.</summary>
internal sealed record SliceTables(string[] Kernels, int Hardware, int Chains, int Substreams)
{
    /// <summary>Order of deliveries, workload, end of generation.</summary>
    public const int SubstreamsWithoutClients = 3;

    /// <summary>In the kernel, in user space.</summary>
    public const int SubstreamsOfClient = 2;

    /// <summary>Index of a kernel, -1 for none.</summary>
    public int IndexOfKernel(string name) => name.Length == 0 ? -1
        : Array.IndexOf(Kernels, name) is >= 0 and var index ? index
        : throw new ArgumentException($"The run has no kernel '{name}'.");

    /// <summary>Name of a kernel, empty for -1.</summary>
    public string NameOfKernel(int index) => index < 0 ? string.Empty : Kernels[index];
}

/// <summary>Numbers of the format that encoder and decoder share. They never change: a later version adds sections.</summary>
internal static class SliceFormat
{
    public const int Version = 1;

    /// <summary>Counted fields of a report, one bit each in a generation's mask.</summary>
    public const int CountedFields = 7;

    /// <summary>The order of deliveries, pick by pick.</summary>
    public const int OrderSection = 1;

    /// <summary>Invariants that did not hold, with their texts.</summary>
    public const int ViolationsSection = 2;

    /// <summary>Largest number of a section.</summary>
    public const int SectionMax = 1000;

    /// <summary>Least bytes of a generation: flags, mask, two lengths, digest.</summary>
    public const int GenerationBytesMin = 4 + Runtime.DigestChain.LinkBytes;

    // Low four bits of a generation's first byte; how it ended is in the high four.
    public const int WasKexec = 1;
    public const int HandedOver = 2;
    public const int OtherKernel = 4;
    public const int OtherPreviousKernel = 8;

    // By code; the first is never recorded.
    private static readonly GenerationEnd[] Ends =
    [
        GenerationEnd.Running,
        GenerationEnd.Kexec,
        GenerationEnd.LoadFailed,
        GenerationEnd.Panic,
        GenerationEnd.ColdBoot,
        GenerationEnd.Oops,
        GenerationEnd.Last,
        GenerationEnd.KexecRefused,
        GenerationEnd.Reboot,
        GenerationEnd.EmergencyRestart,
    ];

    /// <summary>Largest code of an end.</summary>
    public static int EndMax => Ends.Length - 1;

    /// <summary>Code of an end, 1 to <see cref="EndMax"/>.</summary>
    public static int CodeOf(GenerationEnd end) => Array.IndexOf(Ends, end) is > 0 and var code ? code
        : throw new ArgumentException($"A generation that ended as '{end}' is never recorded.");

    /// <summary>The end that a code stands for.</summary>
    public static GenerationEnd EndOf(int code) => Ends[code];

    /// <summary>Names of sections that are promised to later versions, for messages.</summary>
    public static string NameOfSection(int number) => number switch
    {
        OrderSection => "1 (order of deliveries)",
        ViolationsSection => "2 (violations)",
        3 => "3 (fault decisions)",
        4 => "4 (outside interventions)",
        _ => $"{number}",
    };

    /// <summary>Substreams have one bit each in a generation's bitmap.</summary>
    public static int BitmapBytes(int substreams) => (substreams + 7) / 8;

    /// <summary>A difference with its sign in the lowest bit, so that small ones are short.</summary>
    public static ulong ZigZag(long difference) => (ulong)((difference << 1) ^ (difference >> 63));

    /// <summary>The difference that <see cref="ZigZag"/> wrote.</summary>
    public static long UnZigZag(ulong written) => (long)(written >> 1) ^ -(long)(written & 1);
}
