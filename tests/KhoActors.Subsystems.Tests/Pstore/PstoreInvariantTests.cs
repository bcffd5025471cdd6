using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>A.9: the invariants P1 to P12, and A.3 and A.4: the defects of v1, the review points.</summary>
public class PstoreInvariantTests
{
    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P1_OneChildThatIsTheOutBlob_OneKeyOfItsOrder(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile), PstoreBench.Kernel(14));
        for (int i = 0; i < 3; i++)
        {
            CheckP1(bench, profile == "pstore-v1", 14);
            bench.Kexec(Profiles.Of(profile), PstoreBench.Kernel(14));
        }
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P2_P3_TheOutBlobIsSoundAndItsSizeNeverChangesAfterItIsSet(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        ulong blob = bench.OutBlob()!.Value.Phys;
        Assert.Equal(1UL, bench.Memory.ReadUInt64(blob));
        Assert.All(bench.Bytes(blob + 8, 4136), value => Assert.Equal(0, value));
        byte[]? first = null;
        foreach (KmsgDumpReason reason in new[] { KmsgDumpReason.Oops, KmsgDumpReason.Panic, KmsgDumpReason.Emergency, KmsgDumpReason.Shutdown })
        {
            bench.Log.Write(LogLevel.Info, $"before {reason}");
            bench.Dump(reason);
            PstoreRecord record = PstoreLayout.V2.Read(bench.Bytes(blob, 44));
            Assert.Equal(1UL, bench.Memory.ReadUInt64(blob));
            Assert.InRange(record.SizeBytes, 1, 4096);
            Assert.Equal((2u, 1u, 1u), (record.Reason, record.Part, record.Compressed));
            Assert.True(record.TimeNanoseconds < 1_000_000_000);
            Assert.Equal(first ??= bench.Bytes(blob, 4144), bench.Bytes(blob, 4144));
        }
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P4_P5_P6_InAndOutAreDisjoint_TheInBlobIsUntouchedForOneGenerationAndThenFree(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        for (int i = 0; i < 4; i++)
        {
            ulong first = bench.OutBlob()!.Value.Phys;
            bench.Jump();
            byte[] atJump = bench.Bytes(first, 8192);
            bench.Boot(Profiles.Of(profile));
            bench.Init();
            ulong second = bench.OutBlob()!.Value.Phys;
            Assert.True(second >= first + 8192 || first >= second + 8192);
            Assert.False(bench.Early.Scratch.Overlaps(first, 8192) || bench.Early.Scratch.Overlaps(second, 8192));
            bench.Mount();
            bench.Oops("an oops");
            bench.Exit();
            bench.Init();
            bench.Exhaust();
            bench.Jump();
            Assert.Equal(atJump, bench.Bytes(first, 8192));
            Assert.Equal(PageOwner.Memblock, bench.ClientKernel.OwnerOf(first));

            bench.Boot(Profiles.Of(profile));

            Assert.Equal(PageOwner.Free, bench.ClientKernel.OwnerOf(first));
            Assert.Equal(PageOwner.Memblock, bench.ClientKernel.OwnerOf(second));
            bench.Init();
        }
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P7_ReadingIsIdempotent(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Kexec(Profiles.Of(profile));
        string first = bench.MountAndRead();
        for (int i = 0; i < 3; i++)
        {
            bench.Own(PstoreProtocol.Unmount);
            Assert.Null(bench.File());
            Assert.Equal(first, bench.MountAndRead());
        }
    }

    // P8 is checked by every failing init of PstoreErrorTests.

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P9_P10_TheTextBeginsWithItsHeaderAndEndsWithTheLastLine(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        for (int i = 0; i < 500; i++)
        {
            bench.Log.Write(LogLevel.Info, $"line {i}");
        }

        bench.Kexec(Profiles.Of(profile));

        string text = bench.MountAndRead();
        Assert.StartsWith("Shutdown#1 Part1\n", text);
        Assert.EndsWith("] kexec_core: Starting new kernel\n", text);
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P11_UnloadAndReload_SameFileEmptyOutBlob(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.Kexec(Profiles.Of(profile));
        string content = bench.MountAndRead();
        bench.Oops("fills the out blob");
        Assert.Equal(0, bench.Exit());
        Assert.Null(bench.File());
        Assert.Null(bench.OutBlob());
        Assert.Equal("(null)", bench.Parameter("backend"));

        Assert.Equal(0, bench.Init());

        Assert.Equal(content, bench.File()!.Value.Content);
        Assert.Equal(0UL, bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 8));
    }

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void P12_NoFileForAnEmptyRecord(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        bench.HandOver();
        bench.Boot(Profiles.Of(profile));
        bench.Init();

        Assert.Equal(0UL, bench.Mount().Value);
        Assert.Null(bench.File());
        Assert.Contains("pstore_kho: successfully restored preserved data", bench.Lines);
        Assert.DoesNotContain(bench.Lines, line => line.Contains("ignored", StringComparison.Ordinal));
    }

    [Fact]
    public void A3_1_V1_ExitFreesTheIncomingRecord()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        ulong record = bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 0x70);
        bench.Kexec(PstoreClients.V1);

        Assert.Equal(0, bench.Exit());

        Assert.Equal(PageOwner.Free, bench.ClientKernel.OwnerOf(record));
    }

    [Fact]
    public void A3_2_V1_TheIncomingFdtPageStaysReserved()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        ulong fdt = bench.OutBlob()!.Value.Phys;
        bench.Kexec(PstoreClients.V1);
        bench.Exit();
        Assert.Equal(PageOwner.Memblock, bench.ClientKernel.OwnerOf(fdt));
    }

    [Fact]
    public void A3_3_V1_FieldsHaveTheSizesOfKernelTypes() =>
        Assert.Equal((8, 1, (uint?)null), (PstoreLayout.V1.NanosecondsBytes, PstoreLayout.V1.CompressedBytes, PstoreLayout.V1.Version));

    [Fact]
    public void A3_4_V1_DataBeginsInThePadding_ThreeSpareBytes() =>
        Assert.Equal((37, 3UL), (PstoreLayout.V1.DataOffset, PstoreLayout.V1.AllocationBytes(4096) - 37 - 4096));

    [Theory]
    [InlineData(5000L, 5000)]
    [InlineData(-1L, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(4194305L, 0)]
    public void A3_5_V1_TheIncomingSizeIsNotChecked(long size, int fileBytes)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1, commandLine: "pstore.compress=none");
        ulong record = bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 0x70);
        bench.Jump();
        bench.Memory.WriteUInt64(record, (ulong)size);
        bench.Boot(PstoreClients.V1);
        bench.Init();
        bench.Mount();
        Assert.Equal(fileBytes, bench.File()?.Content.Length ?? 0);
    }

    [Fact]
    public void A3_6_V1_TheOutBufferIsZeroBecauseTheAllocatorZeroesIt()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V1);
        bench.Kexec(PstoreClients.V1);
        bench.Kexec(PstoreClients.V1);
        Assert.All(bench.Bytes(bench.Memory.ReadUInt64(bench.OutBlob()!.Value.Phys + 0x70), 8192), value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData("A.4 1", "copied out")]
    [InlineData("A.4 2", "no fixed memory map")]
    [InlineData("A.4 2", "no firmware")]
    [InlineData("A.4 2", "file systems are unmounted")]
    [InlineData("A.4 2", "baud rate")]
    [InlineData("A.4 5", "blob-size")]
    public void A4_1_2_5_TheDocumentationAnswersTheReviewPoint(string point, string words)
    {
        string text = File.ReadAllText(Path.Combine(RepositoryFolder(), "docs", "pstore.md")).Replace("\n", " ", StringComparison.Ordinal);
        Assert.True(text.Contains(words, StringComparison.OrdinalIgnoreCase), $"docs/pstore.md does not answer {point}: '{words}'");
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A4_3_4_TheNodePointsAtTheStructWithANumericVersion(string profile)
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile));
        Assert.Equal("pstore-kho", PstoreProfile.SubtreeName);
        Assert.Equal(1u, bench.Memory.ReadUInt32(bench.OutBlob()!.Value.Phys));
    }

    [Theory]
    [InlineData("kho-v2")]
    [InlineData("kho-v4")]
    public void A4_5_Hardened_WithoutBlobSizeNothingBoundsTheData(string abi)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.Hardened, PstoreBench.Kernel(abi: Subsystems.Kho.KhoAbi.Find(abi)));
        bench.Kexec(PstoreClients.Hardened, PstoreBench.Kernel(abi: Subsystems.Kho.KhoAbi.Find(abi)));
        bench.Mount();
        Assert.Equal(abi == "kho-v4", bench.File() is not null);
        Assert.Equal(abi == "kho-v2", bench.Lines.Contains("pstore_kho: preserved data is ignored: its size is not known"));
    }

    [Theory]
    [InlineData(8, 4101UL, "4101 bytes of data where 4100 fit")]
    [InlineData(8, ulong.MaxValue, "-1 bytes of data where 4100 fit")]
    [InlineData(24, 0x1_3B9A_CA00UL, "1000000000 nanoseconds")]
    [InlineData(32, 0x1_0000_0000UL, "reason is 0")]
    [InlineData(32, 0x1_0000_0005UL, "reason is 5")]
    [InlineData(32, 0x0_0000_0004UL, "part is 0")]
    [InlineData(40, 2UL, "compressed is 2")]
    public void A4_6_Hardened_EverythingThatTheOldKernelWroteIsChecked(int offset, ulong value, string problem)
    {
        foreach (KhoClient profile in new[] { PstoreClients.Hardened, PstoreClients.V2 })
        {
            PstoreBench bench = PstoreBench.Started(profile, commandLine: "pstore.compress=none");
            bench.Jump();
            bench.Memory.WriteUInt64(bench.OutBlob()!.Value.Phys + (ulong)offset, value);
            bench.Boot(profile);
            bench.Init();
            bench.Mount();
            bool hardened = profile == PstoreClients.Hardened;
            Assert.Equal(hardened, bench.Lines.Contains($"pstore_kho: preserved data is ignored: {problem}"));
            Assert.True(!hardened || bench.File() is null);
        }
    }

    [Theory]
    [InlineData("", "Oops#1 Part1")]
    [InlineData("pstore_kho.shutdown_replaces_oops=1", "Shutdown#2 Part1")]
    public void A11_Hardened_ShutdownReplacesOops_OffByDefault(string commandLine, string header)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.Hardened, commandLine: commandLine);
        bench.Oops("an oops");
        bench.Jump();
        bench.Dump(KmsgDumpReason.Shutdown);
        bench.Boot(PstoreClients.Hardened);
        bench.Init();
        Assert.StartsWith(header, bench.MountAndRead());
    }

    /// <summary>P1, independently of the backend.</summary>
    internal static void CheckP1(PstoreBench bench, bool isV1, int shift)
    {
        ulong capacity = 1UL << shift;
        int nodes = CountOf(bench.RootFdtPage, "pstore-kho\0"u8);
        (ulong blob, ulong? _) = bench.OutBlob()!.Value;
        Assert.Equal(1, nodes);
        if (isV1)
        {
            Assert.Contains((blob >> 12, 0), bench.Tracked);
            ulong record = bench.Memory.ReadUInt64(blob + 0x70);
            Assert.Contains((record >> 12, PageGeometry.OrderOf(40 + capacity)), bench.Tracked);
        }
        else
        {
            Assert.Contains((blob >> 12, PageGeometry.OrderOf(48 + capacity)), bench.Tracked);
        }
    }

    private static int CountOf(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> pattern)
    {
        int count = 0;
        for (int at = bytes.IndexOf(pattern); at >= 0; at = bytes.IndexOf(pattern))
        {
            count++;
            bytes = bytes[(at + pattern.Length)..];
        }

        return count;
    }

    private static string RepositoryFolder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "KhoActors.sln")))
        {
            folder = folder.Parent;
        }

        return folder!.FullName;
    }
}
