using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Pstore;

/// <summary>The KHO backend's callbacks (fs/pstore/pstore_kho.c): one record in, one record out.</summary>
/// <param name="kernel">The kernel.</param>
/// <param name="profile">Which version it is.</param>
internal sealed class PstoreKhoBackend(ClientKernel kernel, PstoreProfile profile)
{
    /// <summary>Its name with pstore.</summary>
    public const string Name = "kho";

    private readonly IncomingView _view = new(kernel.Memory.Memory, kernel.OwnerOf, kernel.Log);
    private ulong _freedRecordPhys;
    private bool _readDone;
    private KmsgDumpReason _storedReason;

    /// <summary>The record's capacity (PSTORE_KHO_SIZE): 2^CONFIG_LOG_BUF_SHIFT, whatever <c>log_buf_len=</c> says.</summary>
    public int CapacityBytes { get; } = 1 << kernel.Build.LogBufShift;

    /// <summary>The previous kernel's record, when there is one.</summary>
    public IncomingRecord? Incoming { get; private set; }

    /// <summary>Address of this kernel's record; 0 while the module is not loaded.</summary>
    public ulong RecordPhys { get; set; }

    /// <summary>Whether a dump at shutdown replaces an oops.</summary>
    public bool ReplacesOops { get; } =
        profile.CanReplaceOops && PstoreParameters.Truth(kernel, "pstore_kho.shutdown_replaces_oops", unset: false);

    private bool SlotIsFree(KmsgDumpReason reason) =>
        kernel.Memory.ReadUInt64(RecordPhys + (ulong)profile.Layout.SizeOffset) == 0
        || (ReplacesOops && reason == KmsgDumpReason.Shutdown && _storedReason != KmsgDumpReason.Shutdown);

    /// <summary>What it registers with pstore.</summary>
    /// <returns>The callbacks.</returns>
    public PstoreInfo ToInfo() => new()
    {
        Name = Name,
        FrontEnds = PstoreFrontEnds.Dmesg,
        MaxReason = KmsgDumpReason.Shutdown,
        BufferBytes = CapacityBytes,
        Open = () => _readDone = false,
        Read = Read,
        Write = Write,
        Release = Release,
    };

    /// <summary>The answer to kho_retrieve_subtree arrived.</summary>
    /// <param name="code">0, or the errno.</param>
    /// <param name="phys">Address of the blob.</param>
    /// <param name="blobBytes">Its size, 0 where the ABI generation has none.</param>
    public void TakeIncoming(int code, ulong phys, ulong blobBytes)
    {
        Incoming = null;
        if (code == 0)
        {
            Incoming = profile.Accept(_view, phys, blobBytes);
        }
        else if (code != -Errno.ENOENT)
        {
            kernel.Log.Write(LogLevel.Error, $"pstore_kho: failed to retrieve preserved data: {code}");
        }
    }

    /// <summary>The incoming record was freed, as the posted v1 does. The incoming root FDT still names it.</summary>
    public void IncomingFreed()
    {
        _freedRecordPhys = Incoming?.RecordPhys ?? 0;
        Incoming = null;
    }

    /// <summary>Prepares this kernel's empty record.</summary>
    public void Clear()
    {
        // The allocator gave zeroed pages: the version is all that is left to write.
        if (profile.Layout.Version is { } version)
        {
            kernel.Memory.WriteUInt64(RecordPhys, version);
        }
    }

    private int Write(in OutgoingRecord record)
    {
        if (record.Type != PstoreType.Dmesg)
        {
            return -Errno.EINVAL;
        }

        KmsgDumpReason reason = (KmsgDumpReason)record.Fields.Reason;
        if (!SlotIsFree(reason))
        {
            kernel.Log.Write(LogLevel.Error, "pstore_kho: the record is already in use");
            return -Errno.ENOSPC;
        }

        if (record.Data.Length > CapacityBytes)
        {
            kernel.Log.Write(LogLevel.Error, $"pstore_kho: record of {record.Data.Length} bytes does not fit into {CapacityBytes}");
            return -Errno.ENOSPC;
        }

        Span<byte> header = stackalloc byte[PstoreLayout.LargestHeaderBytes];
        header = header[..profile.Layout.DataOffset];
        profile.Layout.Write(header, record.Fields);
        kernel.Memory.Write(RecordPhys + (ulong)header.Length, record.Data);
        kernel.Memory.Write(RecordPhys, header);
        _storedReason = reason;
        return 0;
    }

    private ReadRecord Read()
    {
        if (_readDone || Incoming is not { } incoming)
        {
            return ReadRecord.None(0);
        }

        _readDone = true;
        RequireNotFreed(incoming.RecordPhys);
        PstoreRecord fields = profile.ReadFields(_view.Memory, incoming.RecordPhys);
        int bytes = profile.BytesToCopy(_view, incoming, fields);
        if (bytes <= 0)
        {
            return ReadRecord.None(bytes);
        }

        int order = PageGeometry.OrderOf((ulong)bytes);
        ulong copy = kernel.AllocatePages(order, zero: false);
        if (copy == 0)
        {
            return ReadRecord.None(-Errno.ENOMEM);
        }

        byte[] data = new byte[bytes];
        _view.Memory.Read(incoming.RecordPhys + (ulong)profile.Layout.DataOffset, data);
        return new ReadRecord(bytes, fields, data, copy, order);
    }

    private void Release(ReadRecord record) => kernel.FreePages(record.CopyPhys, record.CopyOrder);

    /// <summary>The posted v1 frees the incoming record and, loaded again, finds it by the incoming root FDT: use after free.</summary>
    private void RequireNotFreed(ulong recordPhys)
    {
        if (recordPhys == _freedRecordPhys && kernel.OwnerOf(recordPhys) is var owner && owner != PageOwner.Memblock)
        {
            throw new PageOwnershipException("is read", recordPhys, kernel.Memory.Owner, owner, "pstore_kho freed it and uses it again");
        }
    }
}
