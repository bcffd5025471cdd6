using System.Buffers.Binary;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// Where one ABI keeps the fields of the record: data, so that a new layout is a new value. All numbers little-endian, natural alignment of
/// LP64.
/// </summary>
/// <param name="Name">For messages.</param>
/// <param name="Version">The u32 at offset 0, or null where there is none.</param>
/// <param name="SizeOffset">s64.</param>
/// <param name="SecondsOffset">s64.</param>
/// <param name="NanosecondsOffset">Of <paramref name="NanosecondsBytes"/> bytes.</param>
/// <param name="NanosecondsBytes">8 (long) or 4 (u32).</param>
/// <param name="CountOffset">s32.</param>
/// <param name="ReasonOffset">u32.</param>
/// <param name="PartOffset">u32.</param>
/// <param name="CompressedOffset">Of <paramref name="CompressedBytes"/> bytes.</param>
/// <param name="CompressedBytes">1 (bool) or 4 (u32).</param>
/// <param name="DataOffset">The data, without terminator.</param>
/// <param name="StructBytes">sizeof: what is allocated beside the data. Larger than <paramref name="DataOffset"/>, as the data begins in the padding.</param>
public sealed record PstoreLayout(
    string Name,
    uint? Version,
    int SizeOffset,
    int SecondsOffset,
    int NanosecondsOffset,
    int NanosecondsBytes,
    int CountOffset,
    int ReasonOffset,
    int PartOffset,
    int CompressedOffset,
    int CompressedBytes,
    int DataOffset,
    int StructBytes)
{
    /// <summary>struct pstore_kho_record of the posted v1, in a folio of its own.</summary>
    public static readonly PstoreLayout V1 = new("pstore-kho-v1", null, 0, 8, 16, 8, 24, 28, 32, 36, 1, 37, 40);

    /// <summary>struct pstore_ser of the posted v2: a version, then the record at offset 8.</summary>
    public static readonly PstoreLayout V2 = new("version 1", 1, 8, 16, 24, 4, 28, 32, 36, 40, 4, 44, 48);

    /// <summary>Bytes of the largest header; enough for a buffer on the stack.</summary>
    public const int LargestHeaderBytes = 48;

    /// <summary>What is asked of kho_alloc_preserve.</summary>
    /// <param name="capacityBytes">The record's capacity, 2^CONFIG_LOG_BUF_SHIFT.</param>
    /// <returns>The struct and the data.</returns>
    public ulong AllocationBytes(ulong capacityBytes) => (ulong)StructBytes + capacityBytes;

    /// <summary>Writes everything in front of the data, version and padding included.</summary>
    /// <param name="header">At least <see cref="DataOffset"/> bytes; cleared first.</param>
    /// <param name="record">The fields; they must fit.</param>
    public void Write(Span<byte> header, in PstoreRecord record)
    {
        header[..DataOffset].Clear();
        if (Version is { } version)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header, version);
        }

        BinaryPrimitives.WriteInt64LittleEndian(header[SizeOffset..], record.SizeBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[SecondsOffset..], record.TimeSeconds);
        WriteUnsigned(header.Slice(NanosecondsOffset, NanosecondsBytes), checked((ulong)record.TimeNanoseconds));
        BinaryPrimitives.WriteInt32LittleEndian(header[CountOffset..], record.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ReasonOffset..], record.Reason);
        BinaryPrimitives.WriteUInt32LittleEndian(header[PartOffset..], record.Part);
        WriteUnsigned(header.Slice(CompressedOffset, CompressedBytes), record.Compressed);
    }

    /// <summary>Reads the fields, whatever they hold.</summary>
    /// <param name="header">At least <see cref="DataOffset"/> bytes.</param>
    /// <returns>The fields, unchecked.</returns>
    public PstoreRecord Read(ReadOnlySpan<byte> header) => new(
        BinaryPrimitives.ReadInt64LittleEndian(header[SizeOffset..]),
        BinaryPrimitives.ReadInt64LittleEndian(header[SecondsOffset..]),
        NanosecondsBytes == sizeof(long)
            ? BinaryPrimitives.ReadInt64LittleEndian(header[NanosecondsOffset..])
            : BinaryPrimitives.ReadUInt32LittleEndian(header[NanosecondsOffset..]),
        BinaryPrimitives.ReadInt32LittleEndian(header[CountOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[ReasonOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(header[PartOffset..]),
        CompressedBytes == 1 ? header[CompressedOffset] : BinaryPrimitives.ReadUInt32LittleEndian(header[CompressedOffset..]));

    private static void WriteUnsigned(Span<byte> target, ulong value)
    {
        for (int i = 0; i < target.Length; i++)
        {
            target[i] = (byte)(value >> (8 * i));
        }
    }
}
