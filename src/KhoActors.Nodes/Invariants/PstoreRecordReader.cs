using System.Text;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.Zip.Compression;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>The fields of a record of pstore's KHO backend.</summary>
/// <param name="SizeBytes">Bytes of data; 0 when there is no record.</param>
/// <param name="Seconds">When it was made.</param>
/// <param name="Nanoseconds">When it was made.</param>
/// <param name="Count">Number of the dump in its boot.</param>
/// <param name="Reason">Why it was made.</param>
/// <param name="Part">Number of the part.</param>
/// <param name="Compressed">1 for raw deflate.</param>
internal readonly record struct PstoreRecord(long SizeBytes, long Seconds, long Nanoseconds, int Count, uint Reason, uint Part, uint Compressed);

/// <summary>
/// The judge's own reader of pstore blobs (posted backend, fs/pstore/pstore_kho.c v1 and v2): offsets are written down here once more, and nothing
/// of what it judges is used.
/// </summary>
/// <param name="memory">RAM.</param>
/// <param name="logBufShift">log2 of the record's capacity.</param>
/// <param name="isFirstVersion">Whether blobs are the posted v1's: a flattened device tree that points at the record.</param>
internal readonly struct PstoreRecordReader(PhysicalMemory memory, int logBufShift, bool isFirstVersion)
{
    private const ulong AddressInTree = 0x70;

    /// <summary>Preserved folios that a loaded backend has.</summary>
    public int FoliosExpected => isFirstVersion ? 2 : 1;

    private long Capacity => 1L << logBufShift;

    /// <summary>Reads the fields.</summary>
    /// <param name="blob">Address of the published blob.</param>
    /// <returns>The fields as they are.</returns>
    public PstoreRecord Read(ulong blob)
    {
        ulong at = RecordOf(blob);
        return isFirstVersion
            ? new PstoreRecord(Long(at), Long(at + 8), Long(at + 16), (int)Word(at + 24), Word(at + 28), Word(at + 32), Word(at + 36) & 0xFF)
            : new PstoreRecord(Long(at), Long(at + 8), Word(at + 16), (int)Word(at + 20), Word(at + 24), Word(at + 28), Word(at + 32));
    }

    /// <summary>Whether all fields are zero.</summary>
    public bool IsEmpty(ulong blob) => Read(blob) == default;

    /// <summary>What is wrong with a blob, or null.</summary>
    public string? Unsound(ulong blob)
    {
        if (!isFirstVersion && memory.ReadUInt64(blob) != 1)
        {
            return $"version and padding are 0x{memory.ReadUInt64(blob):x}, expected 1";
        }

        PstoreRecord record = Read(blob);
        bool isSound = record.SizeBytes == 0
            ? record == default
            : record.SizeBytes > 0 && record.SizeBytes <= Capacity && record.Reason is >= 1 and <= 4 && record.Part >= 1
                && record.Compressed <= 1 && record.Nanoseconds is >= 0 and < 1_000_000_000;
        return isSound ? null : record.ToString();
    }

    /// <summary>The record's text, a character a byte.</summary>
    /// <returns>Null when it cannot be told: the data is larger than a record may be, or compression fell back to the oldest bytes.</returns>
    public string? Text(ulong blob, in PstoreRecord record)
    {
        if (record.SizeBytes < 0 || record.SizeBytes > Capacity || (record.Compressed == 0 && record.SizeBytes == Capacity))
        {
            return null;
        }

        byte[] data = new byte[record.SizeBytes];
        memory.Read(RecordOf(blob) + (isFirstVersion ? 37UL : 36), data);
        return record.Compressed == 0 ? Encoding.Latin1.GetString(data) : Inflate(data);
    }

    private string Inflate(byte[] data)
    {
        Inflater inflater = new(noHeader: true);
        byte[] text = new byte[(Capacity * 100 / 60) + 1];
        try
        {
            inflater.SetInput(data);
            int length = inflater.Inflate(text);
            return Encoding.Latin1.GetString(text, 0, length);
        }
        catch (SharpZipBaseException)
        {
            return "(data that does not inflate)";
        }
    }

    private ulong RecordOf(ulong blob) => isFirstVersion ? memory.ReadUInt64(blob + AddressInTree) : blob + 8;

    private long Long(ulong phys) => (long)memory.ReadUInt64(phys);

    private uint Word(ulong phys) => (uint)(memory.ReadUInt64(phys & ~7UL) >> (int)((phys & 4) * 8));
}
