using System.IO.Compression;
using System.Text;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>A.10: the fault scenarios PF1 to PF23, and A.7: log buffers that differ between the two kernels.</summary>
public class PstoreFaultTests
{
    private const string NoCompression = "pstore.compress=none";

    [Fact]
    public void PF1_OopsThenKexec_ShowsTheOops_ShutdownLogMissing_ENOSPCLogged()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Oops("BUG: kernel NULL pointer dereference");
        bench.Log.Write(LogLevel.Info, "after the oops");
        bench.Jump();
        Assert.Contains("pstore_kho: the record is already in use", bench.Lines);
        bench.Boot(PstoreClients.V2);
        bench.Init();

        string text = bench.MountAndRead();

        Assert.StartsWith("Oops#1 Part1\n", text);
        Assert.EndsWith("] BUG: kernel NULL pointer dereference\n", text);
    }

    [Fact]
    public void PF2_JumpOutAndBackThenRealKexec_RecordOfTheFirstJump()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Dump(KmsgDumpReason.Shutdown);
        bench.Log.Write(LogLevel.Info, "resumed");
        bench.Kexec(PstoreClients.V2);

        string text = bench.MountAndRead();

        Assert.StartsWith("Shutdown#1 Part1\n", text);
        Assert.DoesNotContain("resumed", text);
    }

    [Fact]
    public void PF5_K1V1_K2V2_TheFdtMagicIsNoVersion()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        bench.Kexec(PstoreClients.V2);
        Assert.Contains("pstore_kho: preserved data has unknown version -302117424", bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Fact]
    public void PF6_K1V2_K2V1_TheStructIsNoFdt()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Kexec(PstoreClients.V1);
        Assert.Contains("pstore_kho: preserved FDT is incompatible with 'pstore-kho-v1': -4", bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF7_K2WithoutTheModule_K3FindsNothing(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        ulong blob = bench.OutBlob()!.Value.Phys;
        bench.Jump();
        bench.Boot(null);
        Assert.Equal(PageOwner.Memblock, bench.ClientKernel.OwnerOf(blob));
        bench.Jump();
        bench.Boot(Profiles.Of(profile));
        Assert.Equal(PageOwner.Free, bench.ClientKernel.OwnerOf(blob));
        bench.Init();
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Fact]
    public void PF8_K2WithKhoOff_ENODEV_MemoryStillReserved()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        ulong blob = bench.OutBlob()!.Value.Phys;
        bench.Jump();
        bench.Boot(PstoreClients.V2, khoOn: false);

        Assert.Equal(-Errno.ENODEV, bench.Init());

        Assert.Equal(PageOwner.Memblock, bench.ClientKernel.OwnerOf(blob));
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF9_AnotherBackendFirst_EBUSY_OutStateRemoved_V1FreesTheRecordToo(string profile)
    {
        bool isV1 = profile == "pstore-v1";
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        ulong blob = bench.OutBlob()!.Value.Phys;
        ulong record = isV1 ? bench.Memory.ReadUInt64(blob + 0x70) : blob;
        bench.Jump();
        bench.Boot(Profiles.Of(profile), PstoreBench.Kernel() with { EarlierPstoreBackend = "efi_pstore" });

        Assert.Equal(-Errno.EBUSY, bench.Init());

        Assert.Null(bench.OutBlob());
        Assert.Equal(0UL, bench.Mount().Value);
        Assert.Equal(isV1 ? PageOwner.Free : PageOwner.Memblock, bench.ClientKernel.OwnerOf(record));
        Assert.Equal("efi_pstore", bench.Parameter("backend"));
        bench.Jump();
        bench.Boot(Profiles.Of(profile));
        bench.Init();
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF10_VersionFlippedTo2_IgnoredAndLogged(string profile)
    {
        PstoreBench bench = Damaged(profile, 0, 2);
        Assert.Contains("pstore_kho: preserved data has unknown version 2", bench.Lines);
        Assert.Null(bench.File());
    }

    [Fact]
    public void PF11_SizeMinus1_ReadENOMEM_NoFile()
    {
        PstoreBench bench = Damaged("pstore-v2", 8, ulong.MaxValue);
        Assert.Null(bench.File());
        Assert.DoesNotContain(bench.Lines, line => line.Contains("ignored", StringComparison.Ordinal));
    }

    [Fact]
    public void PF12_SizeOverTheCapacity_V2ReturnsALongerFile_HardenedRejects()
    {
        // Inside the folio there are zeros, behind it whatever memory holds.
        PstoreBench inside = Damaged("pstore-v2", 8, 8192 + 4096, shift: 13);
        string text = inside.File()!.Value.Content;
        Assert.Equal(8192 + 4096, text.Length);
        Assert.All(text[^4096..], c => Assert.Equal('\0', c));

        PstoreBench beyond = Damaged("pstore-v2", 8, 16384 + 4096, shift: 13);
        Assert.Contains(beyond.File()!.Value.Content[^4096..], c => c != '\0');

        Assert.Null(Damaged("pstore", 8, 8192 + 4096, shift: 13).File());
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF13_CompressedIs1ButDataIsText_EncZWithPlainText(string profile)
    {
        PstoreBench bench = Damaged(profile, 40, 0x7475_6853_0000_0001);
        (string name, string content, _) = bench.File()!.Value;
        Assert.Equal("dmesg-kho-0.enc.z", name);
        Assert.StartsWith("Shutdown#1 Part1\n", content);
        Assert.Contains(bench.Lines, line => line.StartsWith("pstore: zlib_inflate() failed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF14_CompressedIs0ButDataIsDeflated_UnreadablePlainFile(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Jump();
        ulong phys = bench.OutBlob()!.Value.Phys + 40;
        bench.Memory.WriteUInt64(phys, bench.Memory.ReadUInt64(phys) & ~1UL);
        bench.Boot(Profiles.Of(profile));
        bench.Init();
        bench.Mount();

        (string name, string content, _) = bench.File()!.Value;
        Assert.Equal("dmesg-kho-0", name);
        Assert.StartsWith("Shutdown#1 Part1\n", Inflated(content));
    }

    [Fact]
    public void PF15_OneBitFlippedInDeflateData_ErrorOrWrongText()
    {
        int wrong = 0;
        for (ulong bit = 0; bit < 400; bit += 3)
        {
            PstoreBench bench = PstoreBench.Started(PstoreClients.Hardened);
            bench.Jump();
            ulong phys = bench.OutBlob()!.Value.Phys + 44 + (bit / 8);
            byte[] value = bench.Bytes(phys, 1);
            value[0] ^= (byte)(1 << (int)(bit % 8));
            bench.Memory.Write(phys, value);
            bench.Boot(PstoreClients.Hardened);
            bench.Init();
            bench.Mount();
            (string name, string content, _) = bench.File()!.Value;
            wrong += name == "dmesg-kho-0" && !content.EndsWith("kexec_core: Starting new kernel\n", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.True(wrong > 0, "raw deflate has no checksum: some damage goes through");
    }

    [Theory]
    [InlineData("pstore-v2", "pstore_kho: preserved data has unknown version -1431655766")]
    [InlineData("pstore", "pstore_kho: preserved data is ignored: its memory was not preserved")]
    public void PF16_BlobMissingInTheTracker_P1IsViolatedInK1_GarbageInK2(string profile, string line)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Call(ActorId.Kho, new FolioRequest(bench.OutBlob()!.Value.Phys >> 12, 1).ToMessage(KhoProtocol.UnpreserveFolio));
        Assert.ThrowsAny<Exception>(() => PstoreInvariantTests.CheckP1(bench, isV1: false, 12));

        bench.Kexec(Profiles.Of(profile));

        Assert.Contains(line, bench.Lines);
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF17_RootFdtFull_ENOMEM_NotLoaded(string profile)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile));
        for (int i = 0; bench.Call(ActorId.Kho, new AddSubtree($"n{i}", (ulong)i << 12, 1).ToMessage()).Code == 0; i++)
        {
        }

        Assert.Equal(-Errno.ENOMEM, bench.Init());
        Assert.Null(bench.OutBlob());
        Assert.Equal(-Errno.ENOENT, bench.Exit());
    }

    [Fact]
    public void PF18_ModuleReloadWithV1_UseAfterFreeIsFlagged()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        bench.Kexec(PstoreClients.V1);
        Assert.StartsWith("Shutdown#1", bench.MountAndRead());
        bench.Own(PstoreProtocol.Unmount);
        bench.Exit();
        bench.Init();

        PageOwnershipException found = Assert.Throws<PageOwnershipException>(() => bench.Mount());

        Assert.Contains("pstore_kho freed it and uses it again", found.Message);
    }

    [Fact]
    public void PF19_Shift22_E2BIGAtInit()
    {
        PstoreBench bench = new();
        bench.Boot(PstoreClients.V2, PstoreBench.Kernel(22));
        Assert.Equal(-Errno.E2BIG, bench.Init());
        Assert.Contains("pstore_kho: failed to allocate and preserve memory: -7", bench.Lines);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF20_CompressNoneInK2_CompressedRecord_EncZ(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Kexec(Profiles.Of(profile), commandLine: NoCompression);
        bench.Mount();
        Assert.Equal("dmesg-kho-0.enc.z", bench.File()!.Value.Name);
        Assert.StartsWith("Shutdown#1 Part1\n", Inflated(bench.File()!.Value.Content));
        Assert.Contains("pstore: no decompression method initialized!", bench.Lines);
    }

    [Fact]
    public void PF21_LogClearedBeforeKexec_OnlyLinesSinceThen()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Log.Write(LogLevel.Info, "before");
        bench.Log.ClearForReaders();
        bench.Log.Write(LogLevel.Warning, "log was cleared before this line", facility: 1);
        bench.Kexec(PstoreClients.V2);

        string text = bench.MountAndRead();

        Assert.Equal(
            "Shutdown#1 Part1\n<12>[    1.234567] log was cleared before this line\n<5>[    1.234567] kexec_core: Starting new kernel\n", text);
    }

    [Fact]
    public void PF22_Panic_TheMemoryIsLost()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Dump(KmsgDumpReason.Panic);
        Assert.NotEqual(0UL, bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 8));
        bench.PowerOff();
        bench.Boot(PstoreClients.V2);
        bench.Init();
        Assert.Equal(0UL, bench.Mount().Value);
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF23_TwoKexecsInARow_K3ShowsOnlyTheLogOfK2(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Log.Write(LogLevel.Info, "generation 0");
        bench.Kexec(Profiles.Of(profile));
        bench.Log.Write(LogLevel.Info, "generation 1");
        bench.Kexec(Profiles.Of(profile));

        string text = bench.MountAndRead();

        Assert.Contains("generation 1", text);
        Assert.DoesNotContain("generation 0", text);
    }

    internal static string Inflated(string content)
    {
        using MemoryStream data = new(Encoding.Latin1.GetBytes(content));
        using DeflateStream deflate = new(data, CompressionMode.Decompress);
        using StreamReader reader = new(deflate, Encoding.Latin1);
        return reader.ReadToEnd();
    }

    private static PstoreBench Damaged(string profile, int offset, ulong value, int shift = 12)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile), PstoreBench.Kernel(shift), NoCompression);
        bench.Jump();
        bench.Memory.WriteUInt64(bench.OutBlob()!.Value.Phys + (ulong)offset, value);
        bench.Boot(Profiles.Of(profile), PstoreBench.Kernel(shift));
        Assert.Equal(0, bench.Init());
        bench.Mount();
        return bench;
    }
}
