using KhoActors.Subsystems.Clients;

namespace KhoActors.Subsystems.Pstore;

/// <summary>
/// pstore itself in one kernel generation: parameters, the one backend, dumps and the file system (fs/pstore/platform.c, fs/pstore/inode.c).
/// It outlives the backend's module.
/// </summary>
internal sealed class PstorePlatform
{
    private const int RecordsMax = 65536;
    private readonly KernelLog _log;
    private readonly PstoreWorkspace _workspace;
    private readonly PstoreDumper _dumper;
    private readonly string? _earlierBackend;
    private bool _compresses;

    /// <summary>pstore of a kernel that boots; a backend of the kernel file that comes before KHO's has registered.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="printk">The log's ring buffer.</param>
    public PstorePlatform(ClientKernel kernel, PrintkBuffer printk)
    {
        _log = kernel.Log;
        _workspace = kernel.Workspace.Part<PstoreWorkspace>();
        _dumper = new PstoreDumper(kernel.Log, printk, _workspace);
        Parameters = PstoreParameters.Of(kernel);
        string? earlier = kernel.Build.EarlierPstoreBackend;
        if (earlier is not null && (Parameters.Backend ?? earlier) == earlier)
        {
            _earlierBackend = earlier;
            Parameters.Backend = earlier;
        }
    }

    /// <summary>Its parameters.</summary>
    public PstoreParameters Parameters { get; }

    /// <summary>KHO's backend, when it is the registered one.</summary>
    public PstoreInfo? Backend { get; private set; }

    /// <summary>Whether the file system is mounted.</summary>
    public bool IsMounted { get; private set; }

    /// <summary>
    /// The file, or null. There is never a second one: a file is known by type, number and backend of its record, and KHO's records all have
    /// number 0.
    /// </summary>
    public PstoreFile? File { get; private set; }

    /// <summary>pstore_register.</summary>
    /// <param name="info">The backend.</param>
    /// <param name="nowSeconds">Real time.</param>
    /// <returns>0, -EBUSY or -EINVAL.</returns>
    public int Register(PstoreInfo info, long nowSeconds)
    {
        int refused = Check(info);
        if (refused != 0)
        {
            return refused;
        }

        Backend = info;
        if (info.FrontEnds.HasFlag(PstoreFrontEnds.Dmesg))
        {
            _compresses = Parameters.SettleCompression(_log);
            _dumper.Use(info.BufferBytes, _compresses);
        }

        ReadRecords(nowSeconds, quiet: false);
        Parameters.Backend = info.Name;
        _log.Write(LogLevel.Info, $"pstore: Registered {info.Name} as persistent store backend");
        return 0;
    }

    /// <summary>pstore_unregister: the files go, and any backend may register now, whatever the command line said.</summary>
    public void Unregister()
    {
        RemoveFile();
        if (Backend is { } info)
        {
            Backend = null;
            Parameters.Backend = null;
            _log.Write(LogLevel.Info, $"pstore: Unregistered {info.Name} as persistent store backend");
        }
    }

    /// <summary>The kernel dumps its log.</summary>
    /// <param name="dump">Why.</param>
    /// <param name="nowTicks">Virtual time.</param>
    /// <returns>Whether an oops was stored, after which new records are looked for when <c>update_ms</c> says so.</returns>
    public bool Dump(KmsgDump dump, ulong nowTicks)
    {
        if (Backend is not { Write: { } write } info || !info.FrontEnds.HasFlag(PstoreFrontEnds.Dmesg)
            || !PstoreDumper.IsCalledFor(info.MaxReason, Parameters.AlwaysDumps, dump.Reason))
        {
            return false;
        }

        (long seconds, uint nanoseconds) = ClientKernel.RealTime(nowTicks);
        DumpRequest request = new(dump.Reason, dump.MayWait, Parameters.KmsgBytes, seconds, nanoseconds);
        return _dumper.Dump(request, write) && dump.Reason == KmsgDumpReason.Oops;
    }

    /// <summary>mount: reads the records.</summary>
    /// <param name="options">Mount options, or null.</param>
    /// <param name="nowSeconds">Real time.</param>
    /// <returns>0, or -EBUSY.</returns>
    public int Mount(string? options, long nowSeconds)
    {
        if (IsMounted)
        {
            return -Errno.EBUSY;
        }

        IsMounted = true;
        Parameters.ReadMountOptions(options);
        ReadRecords(nowSeconds, quiet: false);
        return 0;
    }

    /// <summary>umount.</summary>
    /// <returns>0, or -EINVAL.</returns>
    public int Unmount()
    {
        if (!IsMounted)
        {
            return -Errno.EINVAL;
        }

        IsMounted = false;
        RemoveFile();
        return 0;
    }

    /// <summary>mount with MS_REMOUNT: options only.</summary>
    /// <param name="options">Mount options, or null.</param>
    /// <returns>0, or -EINVAL.</returns>
    public int Remount(string? options)
    {
        if (!IsMounted)
        {
            return -Errno.EINVAL;
        }

        Parameters.ReadMountOptions(options);
        return 0;
    }

    /// <summary>Looks up a file.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The file, or null.</returns>
    public PstoreFile? Find(string? name) => File?.Name == name ? File : null;

    /// <summary>unlink.</summary>
    /// <param name="name">The file's name.</param>
    /// <returns>-ENOENT; -EPERM when the backend cannot erase.</returns>
    public int Unlink(string? name) => Find(name) is null ? -Errno.ENOENT : -Errno.EPERM;

    /// <summary>Reads all records and makes files of those that have none (pstore_get_backend_records).</summary>
    /// <param name="nowSeconds">Real time.</param>
    /// <param name="quiet">Whether a record that has its file already is no failure: a scan while the system runs.</param>
    public void ReadRecords(long nowSeconds, bool quiet)
    {
        if (!IsMounted || Backend is not { Read: { } read } info)
        {
            return;
        }

        info.Open?.Invoke();
        PstoreFileMaker maker = new(_log, _workspace, info.BufferBytes, _compresses);
        int failed = 0;
        for (int i = 0; i < RecordsMax; i++)
        {
            ReadRecord record = read();
            if (record.Code <= 0)
            {
                break;
            }

            PstoreFile file = maker.Make(info.Name, record, nowSeconds);
            if (File is null)
            {
                File = file;
                continue;
            }

            failed += quiet ? 0 : 1;
            info.Release?.Invoke(record);
        }

        if (failed != 0)
        {
            _log.Write(LogLevel.Warning, $"pstore: failed to create {failed} record(s) from '{info.Name}'");
        }
    }

    private int Check(PstoreInfo info)
    {
        if (Parameters.Backend is { } chosen && chosen != info.Name)
        {
            _log.Write(LogLevel.Warning, $"pstore: backend '{chosen}' already in use: ignoring '{info.Name}'");
            return -Errno.EBUSY;
        }

        if (info.FrontEnds == PstoreFrontEnds.None)
        {
            _log.Write(LogLevel.Warning, $"pstore: backend '{info.Name}' must support at least one frontend");
            return -Errno.EINVAL;
        }

        if (info.Read is null || info.Write is null)
        {
            _log.Write(LogLevel.Warning, $"pstore: backend '{info.Name}' must implement read() and write()");
            return -Errno.EINVAL;
        }

        if ((Backend?.Name ?? _earlierBackend) is { } registered)
        {
            _log.Write(LogLevel.Warning, $"pstore: backend '{registered}' already loaded: ignoring '{info.Name}'");
            return -Errno.EBUSY;
        }

        return 0;
    }

    private void RemoveFile()
    {
        if (File is { } file)
        {
            Backend?.Release?.Invoke(file.Copy);
            File = null;
        }
    }
}
