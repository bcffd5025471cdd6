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
internal sealed class PstoreRecordReader
{
    private const ulong AddressInTree = 0x70;
    private const long LimitBytes = 4L << 20;
    private readonly Inflater _inflater = new(noHeader: true);
    private byte[] _data = [];
    private byte[] _text = [];
    private PhysicalMemory _memory = null!;
    private bool _isFirstVersion;
    private long _capacity;

    /// <summary>Preserved folios that a loaded backend has.</summary>
    public int FoliosExpected => _isFirstVersion ? 2 : 1;

    /// <summary>A kernel has booted.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="logBufShift">log2 of the capacity of this kernel's records.</param>
    /// <param name="isFirstVersion">Whether blobs are the posted v1's: a flattened device tree that points at the record.</param>
    public void Begin(PhysicalMemory memory, int logBufShift, bool isFirstVersion)
    {
        _memory = memory;
        _capacity = 1L << logBufShift;
        _isFirstVersion = isFirstVersion;
    }

    /// <summary>Reads the fields.</summary>
    /// <param name="blob">Address of the published blob.</param>
    /// <returns>The fields as they are.</returns>
    public PstoreRecord Read(ulong blob)
    {
        ulong at = RecordOf(blob);
        return _isFirstVersion
            ? new PstoreRecord(Long(at), Long(at + 8), Long(at + 16), (int)Word(at + 24), Word(at + 28), Word(at + 32), Word(at + 36) & 0xFF)
            : new PstoreRecord(Long(at), Long(at + 8), Word(at + 16), (int)Word(at + 20), Word(at + 24), Word(at + 28), Word(at + 32));
    }

    /// <summary>Whether all fields are zero.</summary>
    /// <param name="blob">Address of the published blob.</param>
    /// <returns>Whether they are.</returns>
    public bool IsEmpty(ulong blob) => Read(blob) == default;

    /// <summary>What is wrong with a blob of this kernel.</summary>
    /// <param name="blob">Its address.</param>
    /// <returns>Null when nothing is.</returns>
    public string? Unsound(ulong blob)
    {
        if (!_isFirstVersion && _memory.ReadUInt64(blob) != 1)
        {
            return $"version and padding are 0x{_memory.ReadUInt64(blob):x}, expected 1";
        }

        PstoreRecord record = Read(blob);
        bool isSound = record.SizeBytes == 0
            ? record == default
            : record.SizeBytes > 0 && record.SizeBytes <= _capacity && record.Reason is >= 1 and <= 4 && record.Part >= 1
                && record.Compressed <= 1 && record.Nanoseconds is >= 0 and < 1_000_000_000;
        return isSound ? null : record.ToString();
    }

    /// <summary>A record's bytes as they were stored.</summary>
    /// <param name="blob">Address of its blob.</param>
    /// <param name="record">Its fields.</param>
    /// <returns>The bytes, until the next call; none when the size is impossible.</returns>
    public ReadOnlySpan<byte> Data(ulong blob, in PstoreRecord record)
    {
        if (record.SizeBytes is < 0 or > LimitBytes)
        {
            return default;
        }

        _data = _data.Length < record.SizeBytes ? new byte[record.SizeBytes] : _data;
        Span<byte> data = _data.AsSpan(0, (int)record.SizeBytes);
        _memory.Read(RecordOf(blob) + (_isFirstVersion ? 37UL : 36), data);
        return data;
    }

    /// <summary>A record's text.</summary>
    /// <param name="blob">Address of its blob.</param>
    /// <param name="record">Its fields.</param>
    /// <param name="text">The text, until the next call.</param>
    /// <returns>False when it is compressed and cannot be inflated to what this kernel accepts.</returns>
    public bool TryReadText(ulong blob, in PstoreRecord record, out ReadOnlySpan<byte> text)
    {
        text = Data(blob, record);
        if (record.Compressed == 0)
        {
            return true;
        }

        long limit = 3 * _capacity;
        _text = _text.Length < limit ? new byte[limit] : _text;
        _inflater.Reset();
        try
        {
            _inflater.SetInput(_data, 0, text.Length);
            text = _text.AsSpan(0, _inflater.Inflate(_text, 0, (int)limit));
            return _inflater.IsFinished;
        }
        catch (SharpZipBaseException)
        {
            return false;
        }
    }

    /// <summary>Whether compression fell back: a whole buffer of the oldest bytes was stored.</summary>
    /// <param name="record">A record of this kernel.</param>
    /// <returns>Whether it did.</returns>
    public bool FellBack(in PstoreRecord record) => record.Compressed == 0 && record.SizeBytes == _capacity;

    private ulong RecordOf(ulong blob) => _isFirstVersion ? _memory.ReadUInt64(blob + AddressInTree) : blob + 8;

    private long Long(ulong phys) => (long)_memory.ReadUInt64(phys);

    private uint Word(ulong phys) => (uint)(_memory.ReadUInt64(phys & ~7UL) >> (int)((phys & 4) * 8));
}
