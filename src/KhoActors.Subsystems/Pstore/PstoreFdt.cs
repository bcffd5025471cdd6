using System.Buffers.Binary;
using KhoActors.Subsystems.Fdt;

namespace KhoActors.Subsystems.Pstore;

/// <summary>How the look into an incoming sub-FDT of the posted v1 ended.</summary>
internal enum PstoreFdtLookup
{
    /// <summary>It names a record.</summary>
    Found,

    /// <summary>Another <c>compatible</c>, or no FDT.</summary>
    Incompatible,

    /// <summary>The property is missing or not 8 bytes long.</summary>
    RecordInvalid,
}

/// <summary>The sub-FDT of the posted v1, one page: its <c>compatible</c> string and the physical address of the record (fs/pstore/pstore_kho.c, v1).</summary>
internal static class PstoreFdt
{
    public const string Compatible = "pstore-kho-v1";

    private static ReadOnlySpan<byte> RecordProperty => "pstore_kho_record"u8;

    /// <summary>Writes it.</summary>
    /// <param name="page">The page; cleared first.</param>
    /// <param name="recordPhys">Physical address of the record.</param>
    /// <returns>0, or libfdt's codes OR-ed together, which is not an errno: the posted code returns it all the same.</returns>
    public static int Write(Span<byte> page, ulong recordPhys)
    {
        FdtSequentialWriter writer = new(page);
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, recordPhys);
        int result = writer.Create();
        result |= writer.FinishReservemap();
        result |= writer.BeginNode(""u8);
        result |= writer.PropertyString("compatible"u8, Compatible);
        result |= writer.Property(RecordProperty, value);
        result |= writer.EndNode();
        return result | writer.Finish();
    }

    /// <summary>Reads an incoming one.</summary>
    /// <param name="page">The page.</param>
    /// <param name="recordPhys">The record's address when found; not checked.</param>
    /// <param name="code">The compatible test's result when it fails: 1, or libfdt's negative code.</param>
    /// <returns>What was found.</returns>
    public static PstoreFdtLookup Read(ReadOnlySpan<byte> page, out ulong recordPhys, out int code)
    {
        recordPhys = 0;
        code = FdtReader.NodeCheckCompatible(page, 0, Compatible);
        if (code != 0)
        {
            return PstoreFdtLookup.Incompatible;
        }

        if (FdtReader.GetProperty(page, 0, RecordProperty, out ReadOnlySpan<byte> value) < 0 || value.Length != sizeof(ulong))
        {
            return PstoreFdtLookup.RecordInvalid;
        }

        recordPhys = BinaryPrimitives.ReadUInt64LittleEndian(value);
        return PstoreFdtLookup.Found;
    }
}
