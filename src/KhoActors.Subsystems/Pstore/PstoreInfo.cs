using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>What a backend takes from pstore (PSTORE_FLAGS_..., include/linux/pstore.h). KHO's has dmesg only.</summary>
[Flags]
internal enum PstoreFrontEnds
{
    /// <summary>Nothing: such a backend is refused.</summary>
    None = 0,

    /// <summary>Kernel log dumps.</summary>
    Dmesg = 1,
}

/// <summary>What a record holds (enum pstore_type_id).</summary>
internal enum PstoreType
{
    /// <summary>PSTORE_TYPE_DMESG: a dump of the kernel's log.</summary>
    Dmesg = 0,

    /// <summary>PSTORE_TYPE_CONSOLE: the console's last output, which KHO's backend does not take.</summary>
    Console = 2,
}

/// <summary>A record on its way to the backend.</summary>
/// <param name="fields">Everything but the data.</param>
/// <param name="data">The data.</param>
/// <param name="type">What it holds.</param>
internal readonly ref struct OutgoingRecord(PstoreRecord fields, ReadOnlySpan<byte> data, PstoreType type = PstoreType.Dmesg)
{
    public PstoreType Type { get; } = type;

    public PstoreRecord Fields { get; } = fields;

    public ReadOnlySpan<byte> Data { get; } = data;
}

/// <summary>What a backend's read returned.</summary>
/// <param name="Code">Bytes; 0 or a negative errno ends the records.</param>
/// <param name="Fields">The record's fields.</param>
/// <param name="Data">A copy of its data; empty unless <paramref name="Code"/> is positive.</param>
/// <param name="CopyPhys">The block of memory that the copy takes, or 0.</param>
/// <param name="CopyOrder">Its order.</param>
internal readonly record struct ReadRecord(int Code, PstoreRecord Fields, byte[] Data, ulong CopyPhys, int CopyOrder)
{
    /// <summary>No record: the end, or an error.</summary>
    public static ReadRecord None(int code) => new(code, default, [], 0, 0);
}

/// <summary>Writes a record.</summary>
/// <param name="record">The record.</param>
/// <returns>0 or a negative errno.</returns>
internal delegate int PstoreWrite(in OutgoingRecord record);

/// <summary>A backend as it registers with pstore (struct pstore_info).</summary>
internal sealed class PstoreInfo
{
    /// <summary>Its name, part of file names.</summary>
    public required string Name { get; init; }

    /// <summary>What it takes.</summary>
    public required PstoreFrontEnds FrontEnds { get; init; }

    /// <summary>The last reason that it wants dumps for; <see cref="KmsgDumpReason.Undefined"/> for the kernel's default.</summary>
    public KmsgDumpReason MaxReason { get; init; }

    /// <summary>The largest record in bytes.</summary>
    public required int BufferBytes { get; init; }

    /// <summary>A scan of the records begins.</summary>
    public Action? Open { get; init; }

    /// <summary>The next record.</summary>
    public Func<ReadRecord>? Read { get; init; }

    /// <summary>Stores a record.</summary>
    public PstoreWrite? Write { get; init; }

    /// <summary>A copy of a record is no longer needed.</summary>
    public Action<ReadRecord>? Release { get; init; }
}
