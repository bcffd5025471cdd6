using System.Globalization;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Pstore;

/// <summary>A record of the previous kernel, found and accepted.</summary>
/// <param name="RecordPhys">Where the struct of <see cref="PstoreProfile.Layout"/> begins.</param>
/// <param name="BlobBytes">Size of the blob as the root FDT has it; 0 where the ABI generation has none.</param>
internal readonly record struct IncomingRecord(ulong RecordPhys, ulong BlobBytes);

/// <summary>What a profile may look at when it judges incoming data.</summary>
/// <param name="Memory">RAM.</param>
/// <param name="OwnerOf">Whose the page of an address is.</param>
/// <param name="Log">Receives complaints.</param>
internal readonly record struct IncomingView(PhysicalMemory Memory, Func<ulong, PageOwner> OwnerOf, KernelLog Log);

/// <summary>
/// One version of the KHO backend (fs/pstore/pstore_kho.c): its layout, how it finds what the previous kernel left, and how much of that it
/// believes.
/// </summary>
internal abstract class PstoreProfile
{
    /// <summary>Name of the sub-node in the root FDT; the same in every version, which is why they must recognise each other.</summary>
    public const string SubtreeName = "pstore-kho";

    /// <summary>The most that kmalloc gives (KMALLOC_MAX_SIZE): a record that claims more cannot be copied.</summary>
    public const long LargestCopyBytes = (long)PageGeometry.SizeBytes << 10;

    /// <summary>Prefix of the module's log lines.</summary>
    protected const string Prefix = "pstore_kho: ";

    /// <summary>Where the record's fields lie.</summary>
    public abstract PstoreLayout Layout { get; }

    /// <summary>Bytes of the FDT that the root FDT's node points to, or 0 when it points to the record itself.</summary>
    public virtual ulong FdtBytes => 0;

    /// <summary>Whether a failing init and the module's exit free the incoming record, which the incoming root FDT still names.</summary>
    public virtual bool FreesIncoming => false;

    /// <summary>Whether a dump at shutdown may take the place of an earlier dump of another reason, when the module's parameter says so.</summary>
    public virtual bool CanReplaceOops => false;

    /// <summary>Judges the incoming blob at init and says what it found.</summary>
    /// <param name="view">RAM and log.</param>
    /// <param name="phys">Its address.</param>
    /// <param name="blobBytes">Its size, 0 where the ABI generation has none.</param>
    /// <returns>The record, or null to go on as if nothing had come.</returns>
    public abstract IncomingRecord? Accept(in IncomingView view, ulong phys, ulong blobBytes);

    /// <summary>Judges the record's fields when it is read.</summary>
    /// <param name="view">RAM and log.</param>
    /// <param name="incoming">Where the record is.</param>
    /// <param name="record">Its fields.</param>
    /// <returns>Bytes to copy; 0 when there is nothing to show, or a negative errno, which pstore takes for the end of the records.</returns>
    public virtual int BytesToCopy(in IncomingView view, in IncomingRecord incoming, in PstoreRecord record) =>
        record.SizeBytes is < 0 or > LargestCopyBytes ? -Errno.ENOMEM : (int)record.SizeBytes;

    /// <summary>Reads the fields of a record.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="recordPhys">Where it begins.</param>
    /// <returns>The fields.</returns>
    public PstoreRecord ReadFields(PhysicalMemory memory, ulong recordPhys)
    {
        Span<byte> header = stackalloc byte[PstoreLayout.LargestHeaderBytes];
        header = header[..Layout.DataOffset];
        memory.Read(recordPhys, header);
        return Layout.Read(header);
    }

    /// <summary>Says that a predecessor's data was found.</summary>
    protected static void SayRestored(KernelLog log) => log.Write(LogLevel.Info, Prefix + "successfully restored preserved data");
}

/// <summary>
/// The posted v1: the node points to an FDT, the FDT to the record. Its defects are its behaviour: incoming memory is freed while the incoming
/// root FDT still names it, the FDT's page is never given back, and nothing that the old kernel wrote is checked.
/// </summary>
internal sealed class PostedV1 : PstoreProfile
{
    public override PstoreLayout Layout => PstoreLayout.V1;

    public override ulong FdtBytes => PageGeometry.SizeBytes;

    public override bool FreesIncoming => true;

    public override IncomingRecord? Accept(in IncomingView view, ulong phys, ulong blobBytes)
    {
        Span<byte> page = stackalloc byte[PageGeometry.SizeBytes];
        view.Memory.Read(phys, page);
        switch (PstoreFdt.Read(page, out ulong recordPhys, out int code))
        {
            case PstoreFdtLookup.Incompatible:
                view.Log.Write(
                    LogLevel.Error,
                    string.Create(CultureInfo.InvariantCulture, $"{Prefix}preserved FDT is incompatible with '{PstoreFdt.Compatible}': {code}"));
                return null;
            case PstoreFdtLookup.RecordInvalid:
                view.Log.Write(LogLevel.Error, Prefix + "preserved FDT has no valid record");
                return null;
            default:
                SayRestored(view.Log);
                return new IncomingRecord(recordPhys, 0);
        }
    }
}

/// <summary>The posted v2: the node points at the struct; the version is compared, and the rest of the data is trusted.</summary>
internal sealed class PostedV2 : PstoreProfile
{
    public override PstoreLayout Layout => PstoreLayout.V2;

    public override IncomingRecord? Accept(in IncomingView view, ulong phys, ulong blobBytes) => AcceptVersion(view, phys, blobBytes);

    /// <summary>The version check that v2 and its hardened successor share.</summary>
    public static IncomingRecord? AcceptVersion(in IncomingView view, ulong phys, ulong blobBytes)
    {
        uint version = view.Memory.ReadUInt32(phys);
        if (version != PstoreLayout.V2.Version)
        {
            view.Log.Write(LogLevel.Error, string.Create(CultureInfo.InvariantCulture, $"{Prefix}preserved data has unknown version {(int)version}"));
            return null;
        }

        SayRestored(view.Log);
        return new IncomingRecord(phys, blobBytes);
    }
}

/// <summary>
/// Ours: the bytes of v2, whose capacity is the <c>blob-size</c> of the root FDT, and no field of the old kernel is believed before it is
/// checked. Without a blob size (kho-v1, kho-v2) nothing bounds the data, so it is refused. See docs/pstore.md.
/// </summary>
internal sealed class HardenedV2 : PstoreProfile
{
    public override PstoreLayout Layout => PstoreLayout.V2;

    public override bool CanReplaceOops => true;

    public override IncomingRecord? Accept(in IncomingView view, ulong phys, ulong blobBytes)
    {
        string? problem =
            blobBytes == 0 ? "its size is not known"
            : blobBytes < (ulong)Layout.StructBytes || blobBytes > LargestCopyBytes ? $"its size of {blobBytes} bytes is impossible"
            : (phys & (PageGeometry.SizeBytes - 1)) != 0 ? "it does not begin a page"
            : phys >> PageGeometry.PhysicalAddressBits != 0 || !IsReserved(view, phys, blobBytes) ? "its memory was not preserved"
            : null;
        return problem is null ? PostedV2.AcceptVersion(view, phys, blobBytes) : Refuse(view, problem);
    }

    public override int BytesToCopy(in IncomingView view, in IncomingRecord incoming, in PstoreRecord record)
    {
        if (record.SizeBytes == 0)
        {
            return 0;
        }

        string? problem = record.Problem((long)incoming.BlobBytes - Layout.DataOffset);
        if (problem is not null)
        {
            Refuse(view, problem);
            return 0;
        }

        return (int)record.SizeBytes;
    }

    private static IncomingRecord? Refuse(in IncomingView view, string problem)
    {
        view.Log.Write(LogLevel.Error, $"{Prefix}preserved data is ignored: {problem}");
        return null;
    }

    /// <summary>What was preserved is reserved from the boot on, and nobody's.</summary>
    private static bool IsReserved(in IncomingView view, ulong phys, ulong bytes)
    {
        for (ulong at = phys; at < phys + bytes; at += PageGeometry.SizeBytes)
        {
            if (view.OwnerOf(at) != PageOwner.Memblock)
            {
                return false;
            }
        }

        return true;
    }
}
