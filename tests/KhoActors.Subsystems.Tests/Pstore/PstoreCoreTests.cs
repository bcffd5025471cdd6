using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>A.2: the machinery of pstore around the backend, row by row.</summary>
public class PstoreCoreTests
{
    private const string NoCompression = "pstore.compress=none";

    [Theory]
    [InlineData(0, "Unknown")]
    [InlineData(1, "Panic")]
    [InlineData(2, "Oops")]
    [InlineData(3, "Emergency")]
    [InlineData(4, "Shutdown")]
    public void A2_Reasons_Value_NameInTheHeaderLine(int reason, string name)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: NoCompression);
        bench.Dump((KmsgDumpReason)reason);
        bench.HandOver();
        bench.Boot(PstoreClients.V2);
        bench.Init();

        Assert.StartsWith($"{name}#1 Part1\n", bench.MountAndRead());
    }

    [Fact]
    public void A2_Reasons_Max_IsALimitOnly()
    {
        Assert.Equal("Unknown", PstoreDumper.ReasonText((KmsgDumpReason)5));
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Dump((KmsgDumpReason)5);
        Assert.Equal(0UL, bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 8));
    }

    [Theory]
    [InlineData(0, false, 2, true)]
    [InlineData(0, false, 3, false)]
    [InlineData(0, true, 4, true)]
    [InlineData(0, true, 5, true)]
    [InlineData(4, false, 4, true)]
    [InlineData(4, true, 5, false)]
    [InlineData(1, true, 2, false)]
    public void A2_MaxReason_DecidesUnlessItIs0(int maxReason, bool always, int reason, bool called) =>
        Assert.Equal(called, PstoreDumper.IsCalledFor((KmsgDumpReason)maxReason, always, (KmsgDumpReason)reason));

    [Theory]
    [InlineData("printk.always_kmsg_dump=0")]
    [InlineData("printk.always_kmsg_dump=Y")]
    public void A2_MaxReason_KhoSetsShutdownItself(string commandLine)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: commandLine);
        bench.Kexec(PstoreClients.V2);
        Assert.StartsWith("Shutdown#1", bench.MountAndRead());
    }

    [Theory]
    [InlineData("pstore.backend=ramoops", null, -Errno.EBUSY, "pstore: backend 'ramoops' already in use: ignoring 'kho'")]
    [InlineData("", "efi_pstore", -Errno.EBUSY, "pstore: backend 'efi_pstore' already in use: ignoring 'kho'")]
    [InlineData("pstore.backend=kho", "kho", -Errno.EBUSY, "pstore: backend 'kho' already loaded: ignoring 'kho'")]
    [InlineData("pstore.backend=kho", "efi_pstore", 0, "pstore: Registered kho as persistent store backend")]
    [InlineData("pstore.backend=kho", null, 0, "pstore: Registered kho as persistent store backend")]
    public void A2_Registration_OnlyOneBackend(string commandLine, string? earlier, int result, string line)
    {
        PstoreBench bench = new();
        bench.Boot(PstoreClients.V2, PstoreBench.Kernel() with { EarlierPstoreBackend = earlier }, commandLine);

        Assert.Equal(result, bench.Init());

        Assert.Equal(line, bench.Lines[^1]);
    }

    [Theory]
    [InlineData(false, true, true, "pstore: backend 'x' must support at least one frontend")]
    [InlineData(true, false, true, "pstore: backend 'x' must implement read() and write()")]
    [InlineData(true, true, false, "pstore: backend 'x' must implement read() and write()")]
    public void A2_Registration_IncompleteBackend_EINVAL(bool frontEnd, bool read, bool write, string line)
    {
        PstoreBench bench = new();
        bench.Boot(null);
        PstorePlatform platform = new(bench.ClientKernel, new PrintkBuffer(bench.Log, 12));
        PstoreInfo info = new()
        {
            Name = "x",
            FrontEnds = frontEnd ? PstoreFrontEnds.Dmesg : PstoreFrontEnds.None,
            BufferBytes = 4096,
            Read = read ? () => ReadRecord.None(0) : null,
            Write = write ? (in OutgoingRecord _) => 0 : null,
        };

        Assert.Equal(-Errno.EINVAL, platform.Register(info, 0));

        Assert.Equal(line, bench.Lines[^1]);
        Assert.Null(platform.Backend);
    }

    [Fact]
    public void A2_Registration_Success_BackendParameterShowsTheName()
    {
        PstoreBench bench = new();
        bench.Boot(PstoreClients.V2);
        Assert.Equal("(null)", bench.Parameter("backend"));
        bench.Init();
        Assert.Equal("kho", bench.Parameter("backend"));
    }

    [Fact]
    public void A2_Registration_RecordsAreReadIfTheFileSystemIsMounted()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Jump();
        bench.Boot(PstoreClients.V2);
        Assert.Equal(0UL, bench.Mount().Value);
        Assert.Null(bench.File());

        bench.Init();

        Assert.Equal("dmesg-kho-0", bench.File()!.Value.Name);
    }

    [Theory]
    [InlineData("", "deflate", "pstore: Using crash dump compression: deflate")]
    [InlineData("pstore.compress=none", "(null)", null)]
    [InlineData("pstore.compress=lz4", "deflate", "pstore: Unsupported compression 'lz4', falling back to deflate")]
    public void A2_Parameters_Compress(string commandLine, string shown, string? line)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: commandLine);

        Assert.Equal(shown, bench.Parameter("compress"));
        Assert.Equal(line is not null, bench.Lines.Contains(line ?? "no such line"));
    }

    [Theory]
    [InlineData("", null, "10240")]
    [InlineData("pstore.kmsg_bytes=200000", null, "200000")]
    [InlineData("pstore.kmsg-bytes=0x100", null, "256")]
    [InlineData("pstore.kmsg_bytes=010", null, "8")]
    [InlineData("pstore.kmsg_bytes=much", null, "10240")]
    [InlineData("pstore.kmsg_bytes=200000", "kmsg_bytes=5000", "5000")]
    [InlineData("", "noise,kmsg_bytes=7,x", "7")]
    [InlineData("", "kmsg_bytes=-1", "10240")]
    [InlineData("", "kmsg_bytes=4294967296", "10240")]
    public void A2_Parameters_KmsgBytes_MountOptionWins_BadValuesIgnored(string commandLine, string? options, string shown)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: commandLine);
        bench.Mount(options);
        Assert.Equal(shown, bench.Parameter("kmsg_bytes"));
    }

    [Fact]
    public void A2_Parameters_KmsgBytes_RemountChangesIt_AndABadOneInTheCommandLineIsLogged()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: "pstore.kmsg_bytes=much");
        Assert.Contains("Booting kernel: `much' invalid for parameter `pstore.kmsg_bytes'", bench.Lines);
        Assert.Equal(-Errno.EINVAL, bench.Own(PstoreProtocol.Remount, "kmsg_bytes=1").Code);
        bench.Mount();
        Assert.Equal(0, bench.Own(PstoreProtocol.Remount, "kmsg_bytes=1").Code);
        Assert.Equal("1", bench.Parameter("kmsg_bytes"));
        Assert.Equal(-Errno.ENOENT, bench.Own(PstoreProtocol.ReadParameter, "colour").Code);
    }

    [Fact]
    public void A2_Parameters_KmsgBytesOf0_NothingIsDumpedButTheDumpCounts()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: "pstore.kmsg_bytes=0");
        bench.Dump(KmsgDumpReason.Oops);
        Assert.Equal(0UL, bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 8));
        bench.Mount("kmsg_bytes=10240");
        bench.Kexec(PstoreClients.V2);
        Assert.StartsWith("Shutdown#2 Part1\n", bench.MountAndRead());
    }

    [Theory]
    [InlineData("", "-1")]
    [InlineData("pstore.update_ms=250", "250")]
    [InlineData("pstore.update_ms=-5", "-5")]
    [InlineData("pstore.update_ms=often", "-1")]
    public void A2_Parameters_UpdateMs(string commandLine, string shown) =>
        Assert.Equal(shown, PstoreBench.Started(PstoreClients.V2, commandLine: commandLine).Parameter("update_ms"));

    [Theory]
    [InlineData(-1L, 0)]
    [InlineData(100L, 1)]
    public void A2_Parameters_UpdateMs_RescanAfterAnOopsWasStored(long milliseconds, int rescans)
    {
        // A compressed record that this kernel cannot inflate: each scan complains.
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Kexec(PstoreClients.V2, commandLine: NoCompression);
        bench.Mount();
        Assert.Equal(0, bench.Own(PstoreProtocol.WriteUpdateInterval, a: (ulong)milliseconds).Code);
        bench.Wait(1_000_000_000);
        int before = bench.Lines.Count(line => line == "pstore: no decompression method initialized!");

        bench.Oops("BUG: unable to handle page fault");
        bench.Wait(99_000_000);
        Assert.Equal(before, bench.Lines.Count(line => line == "pstore: no decompression method initialized!"));
        bench.Wait(1_000_000);

        Assert.Equal(before + rescans, bench.Lines.Count(line => line == "pstore: no decompression method initialized!"));
        Assert.Equal("dmesg-kho-0.enc.z", bench.File()!.Value.Name);
        bench.Oops("the slot is taken: no new entry, no scan");
        bench.Wait(1_000_000_000);
        Assert.Equal(before + rescans, bench.Lines.Count(line => line == "pstore: no decompression method initialized!"));
    }

    [Fact]
    public void A2_Reading_ScanStopsAtAResultOf0OrLess_AndASecondRecordHasNoFile()
    {
        PstoreBench bench = new();
        bench.Boot(null);
        PstorePlatform platform = new(bench.ClientKernel, new PrintkBuffer(bench.Log, 12));
        Queue<int> codes = new([5, 5, -Errno.ENOMEM, 5]);
        platform.Mount(null, 0);
        PstoreInfo info = new()
        {
            Name = "x",
            FrontEnds = PstoreFrontEnds.Dmesg,
            BufferBytes = 4096,
            Read = () => codes.Dequeue() is > 0 and int bytes ? new ReadRecord(bytes, default, new byte[bytes], 0, 0) : ReadRecord.None(-Errno.ENOMEM),
            Write = (in OutgoingRecord _) => 0,
        };

        Assert.Equal(0, platform.Register(info, 77));

        Assert.Equal("dmesg-x-0", platform.File!.Name);
        Assert.Equal(77, platform.File.ModifiedSeconds);
        Assert.Single(codes);
        Assert.Contains("pstore: failed to create 1 record(s) from 'x'", bench.Lines);
    }

    [Fact]
    public void A2_Reading_ABackendThatNeverEnds_EndsAfter65536Records()
    {
        PstoreBench bench = new();
        bench.Boot(null);
        PstorePlatform platform = new(bench.ClientKernel, new PrintkBuffer(bench.Log, 12));
        platform.Mount(null, 0);
        int reads = 0;
        PstoreInfo info = new()
        {
            Name = "x",
            FrontEnds = PstoreFrontEnds.Dmesg,
            BufferBytes = 4096,
            Read = () => new ReadRecord(++reads, default, [1], 0, 0),
            Write = (in OutgoingRecord _) => 0,
        };

        platform.Register(info, 0);

        Assert.Equal(65536, reads);
    }

    [Fact]
    public void A2_Files_NameSizeAndMtime()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.NowTicks = 86_400_000_000_000;
        bench.Kexec(PstoreClients.V2);
        bench.NowTicks *= 2;
        bench.Mount();

        (string name, string content, long mtime) = bench.File()!.Value;
        Assert.Equal("dmesg-kho-0", name);
        Assert.EndsWith("kexec_core: Starting new kernel\n", content);
        Assert.Equal(ClientKernel.FirstPowerOnSeconds + 86_400, mtime);
    }

    [Fact]
    public void A2_Files_RecordTimeOf0_MtimeIsNow()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Jump();
        bench.Memory.WriteUInt64(bench.OutBlob()!.Value.Phys + 16, 0);
        bench.Boot(PstoreClients.V2);
        bench.Init();
        bench.Mount();
        Assert.Equal(ClientKernel.FirstPowerOnSeconds + 1, bench.File()!.Value.Mtime);
    }

    [Fact]
    public void A2_Files_ReadGivesTheCrc32()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: NoCompression);
        bench.Log.ClearForReaders();
        bench.Kexec(PstoreClients.V2);
        bench.Mount();
        ICSharpCode.SharpZipLib.Checksum.Crc32 crc = new();
        crc.Update(System.Text.Encoding.Latin1.GetBytes(bench.File()!.Value.Content));

        KernelResult read = bench.Own(PstoreProtocol.Read, "dmesg-kho-0");

        Assert.Equal((ulong)crc.Value, read.Extra);
        Assert.Equal(-Errno.ENOENT, bench.Own(PstoreProtocol.Read, "dmesg-kho-1").Code);
    }

    [Fact]
    public void A2_Mounting_TwiceIsBusy_UnmountingTwiceIsInvalid()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        Assert.Equal(0, bench.Mount().Code);
        Assert.Equal(-Errno.EBUSY, bench.Mount().Code);
        Assert.Equal(0, bench.Own(PstoreProtocol.Unmount).Code);
        Assert.Equal(-Errno.EINVAL, bench.Own(PstoreProtocol.Unmount).Code);
    }
}
