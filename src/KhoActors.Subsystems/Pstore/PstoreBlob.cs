using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// A blob of pstore's KHO backend as somebody reads it who looks at memory from outside (an inspector, a conformance check): any profile, whatever it
/// holds. It is looked at, never believed.
/// </summary>
public sealed class PstoreBlob
{
    /// <summary>Name of the sub-node in the root FDT, for every profile.</summary>
    public const string SubtreeName = PstoreProfile.SubtreeName;

    private const int TextLimitBytes = 64 << 20;
    private const uint FdtMagic = 0xEDFE_0DD0;
    private readonly byte[] _data;

    private PstoreBlob(PstoreLayout layout, ulong recordPhys, in PstoreRecord record, string? problem, byte[] data)
    {
        Layout = layout;
        RecordPhys = recordPhys;
        Record = record;
        Problem = problem;
        _data = data;
    }

    /// <summary>The layout that it has.</summary>
    public PstoreLayout Layout { get; }

    /// <summary>Where the record's struct begins.</summary>
    public ulong RecordPhys { get; }

    /// <summary>The record's fields, as they stand there.</summary>
    public PstoreRecord Record { get; }

    /// <summary>Whether nothing was dumped.</summary>
    public bool IsEmpty => Record.SizeBytes == 0;

    /// <summary>What is wrong with the fields, or null.</summary>
    public string? Problem { get; }

    /// <summary>The record's data; empty when there is none, or something is wrong.</summary>
    public ReadOnlyMemory<byte> Data => _data;

    /// <summary>Looks at a blob.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="phys">Its address.</param>
    /// <param name="blobBytes">Its size, or null when the root FDT has none.</param>
    /// <returns>What it is, or null when it is of no known layout.</returns>
    public static PstoreBlob? Read(PhysicalMemory memory, ulong phys, ulong? blobBytes)
    {
        ArgumentNullException.ThrowIfNull(memory);
        uint first = memory.ReadUInt32(phys);
        if (first == PstoreLayout.V2.Version)
        {
            long capacity = Math.Min((long)Math.Min(blobBytes ?? ulong.MaxValue, long.MaxValue), PstoreProfile.LargestCopyBytes) - PstoreLayout.V2.DataOffset;
            return ReadRecord(memory, PstoreLayout.V2, phys, capacity);
        }

        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        memory.Read(phys, page);
        return first == FdtMagic && PstoreFdt.Read(page, out ulong recordPhys, out _) == PstoreFdtLookup.Found
            ? ReadRecord(memory, PstoreLayout.V1, recordPhys, PstoreProfile.LargestCopyBytes)
            : null;
    }

    /// <summary>The record's text.</summary>
    /// <returns>The text, inflated when it is compressed, a character a byte; null when it cannot be inflated.</returns>
    public string? Text()
    {
        if (Record.Compressed == 0 || _data.Length == 0)
        {
            return Encoding.Latin1.GetString(_data);
        }

        // Deflate makes at most 1032 bytes of one.
        byte[] text = new byte[Math.Min(_data.Length * 1032L, TextLimitBytes)];
        return RawInflate.Run(_data, text, out int length) == RawInflate.StreamEnd ? Encoding.Latin1.GetString(text, 0, length) : null;
    }

    /// <summary>One line for humans.</summary>
    /// <returns>For example <c>version 1, Shutdown#1 Part1, 6309 bytes compressed, 1795167119.898353624</c>.</returns>
    public override string ToString()
    {
        if (IsEmpty || Problem is not null)
        {
            return $"{Layout.Name}, {(IsEmpty ? "empty" : $"damaged: {Problem}")}";
        }

        string reason = PstoreDumper.ReasonText((KmsgDumpReason)Record.Reason);
        string how = Record.Compressed != 0 ? "compressed" : "of text";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Layout.Name}, {reason}#{Record.Count} Part{Record.Part}, {Record.SizeBytes} bytes {how}, {Record.TimeSeconds}.{Record.TimeNanoseconds:d9}");
    }

    private static PstoreBlob ReadRecord(PhysicalMemory memory, PstoreLayout layout, ulong phys, long capacity)
    {
        Span<byte> header = stackalloc byte[PstoreLayout.LargestHeaderBytes];
        memory.Read(phys, header);
        PstoreRecord record = layout.Read(header);
        string? problem = record.SizeBytes == 0 ? null : record.Problem(capacity);
        byte[] data = new byte[problem is null ? (int)record.SizeBytes : 0];
        memory.Read(phys + (ulong)layout.DataOffset, data);
        return new PstoreBlob(layout, phys, record, problem, data);
    }
}
