using System.Text;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>Golden bytes of the reference: A.5 (layouts, sub-FDT, allocations) and A.12 (records).</summary>
public class PstoreGoldenTests
{
    private const string V2Record = """
        01 00 00 00 00 00 00 00 37 00 00 00 00 00 00 00
        10 b8 22 6a 00 00 00 00 15 cd 5b 07 01 00 00 00
        04 00 00 00 01 00 00 00 00 00 00 00 53 68 75 74
        64 6f 77 6e 23 31 20 50 61 72 74 31 0a 3c 35 3e
        5b 20 20 20 31 32 2e 33 34 35 36 37 38 5d 20 53
        74 61 72 74 69 6e 67 20 6e 65 77 20 6b 65 72 6e
        65 6c 0a
        """;

    private const string V1Record = """
        37 00 00 00 00 00 00 00 10 b8 22 6a 00 00 00 00
        15 cd 5b 07 00 00 00 00 01 00 00 00 04 00 00 00
        01 00 00 00 00 53 68 75 74 64 6f 77 6e 23 31 20
        50 61 72 74 31 0a 3c 35 3e 5b 20 20 20 31 32 2e
        33 34 35 36 37 38 5d 20 53 74 61 72 74 69 6e 67
        20 6e 65 77 20 6b 65 72 6e 65 6c 0a
        """;

    private const string SubFdt = """
        d0 0d fe ed 00 00 00 9d 00 00 00 40 00 00 00 80
        00 00 00 30 00 00 00 11 00 00 00 10 00 00 00 00
        00 00 00 1d 00 00 00 40 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 01 00 00 00 00 00 00 00 03 00 00 00 0e
        00 00 00 12 70 73 74 6f 72 65 2d 6b 68 6f 2d 76
        31 00 00 00 00 00 00 03 00 00 00 08 00 00 00 00
        00 60 45 23 01 00 00 00 00 00 00 02 00 00 00 09
        70 73 74 6f 72 65 5f 6b 68 6f 5f 72 65 63 6f 72
        64 00 63 6f 6d 70 61 74 69 62 6c 65 00
        """;

    [Theory]
    [InlineData("pstore-v1", V1Record)]
    [InlineData("pstore-v2", V2Record)]
    [InlineData("pstore", V2Record)]
    public void A12_A_dump_at_shutdown_writes_the_golden_record(string profile, string golden)
    {
        byte[] expected = Hex(golden);
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile), commandLine: "pstore.compress=none");
        bench.Log.ClearForReaders();
        bench.Log.Clock = () => 12_345_678_000;
        bench.Log.Write(LogLevel.Notice, "Starting new kernel");
        bench.NowTicks = (ulong)(1_780_660_240 - ClientKernel.FirstPowerOnSeconds) * 1_000_000_000 + 123_456_789;

        bench.Dump(KmsgDumpReason.Shutdown);

        Assert.Equal(expected, bench.Bytes(RecordPhys(bench), expected.Length));
        Assert.All(bench.Bytes(RecordPhys(bench) + (ulong)expected.Length, 4000), value => Assert.Equal(0, value));
    }

    [Fact]
    public void A52_The_sub_fdt_of_v1_has_the_golden_bytes()
    {
        byte[] page = new byte[PageGeometry.SizeBytes];

        Assert.Equal(0, PstoreFdt.Write(page, 0x123456000));

        byte[] expected = Hex(SubFdt);
        Assert.Equal(157, expected.Length);
        Assert.Equal(expected, page[..expected.Length]);
        Assert.Equal(PstoreFdtLookup.Found, PstoreFdt.Read(page, out ulong record, out _));
        Assert.Equal(0x123456000UL, record);
    }

    [Theory]
    [InlineData("pstore-v1", 0, 8, 16, 24, 28, 32, 36, 37, 40)]
    [InlineData("pstore-v2", 8, 16, 24, 28, 32, 36, 40, 44, 48)]
    public void A51_A53_Fields_lie_where_the_structs_have_them(
        string profile, int size, int seconds, int nanoseconds, int count, int reason, int part, int compressed, int data, int sizeOf)
    {
        PstoreLayout layout = profile == "pstore-v1" ? PstoreLayout.V1 : PstoreLayout.V2;
        Assert.Equal(
            (size, seconds, nanoseconds, count, reason, part, compressed, data, sizeOf),
            (layout.SizeOffset, layout.SecondsOffset, layout.NanosecondsOffset, layout.CountOffset, layout.ReasonOffset, layout.PartOffset,
                layout.CompressedOffset, layout.DataOffset, layout.StructBytes));
    }

    [Theory]
    [InlineData("pstore-v1", 2, 4096UL)]
    [InlineData("pstore-v2", 1, 48UL + 4096)]
    [InlineData("pstore", 1, 48UL + 4096)]
    public void A54_The_node_in_the_root_fdt(string profile, int folios, ulong blobBytes)
    {
        PstoreBench bench = new();
        bench.Boot(Profiles.Of(profile));
        int before = bench.Tracked.Count;

        Assert.Equal(0, bench.Init());

        (ulong phys, ulong? size) = bench.OutBlob()!.Value;
        Assert.Equal(blobBytes, size);
        Assert.Equal(before + folios, bench.Tracked.Count);
        Assert.Equal(profile == "pstore-v1" ? 0xEDFE0DD0u : 1u, bench.Memory.ReadUInt32(phys));
    }

    [Theory]
    [InlineData("kho-v2")]
    [InlineData("kho-v3")]
    [InlineData("kho-v4")]
    public void A54_The_blob_size_is_published_where_the_abi_has_one(string abi)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, PstoreBench.Kernel(abi: KhoAbi.Find(abi)));

        Assert.Equal(abi == "kho-v2" ? null : 48UL + 4096, bench.OutBlob()!.Value.SizeBytes);
    }

    [Theory]
    [InlineData(12, 4096, 4144, 1, 8192, 6826, 12288)]
    [InlineData(13, 8192, 8240, 2, 16384, 13653, 24576)]
    [InlineData(14, 16384, 16432, 3, 32768, 27306, 49152)]
    [InlineData(15, 32768, 32816, 4, 65536, 54613, 98304)]
    [InlineData(16, 65536, 65584, 5, 131072, 109226, 196608)]
    [InlineData(17, 131072, 131120, 6, 262144, 218453, 393216)]
    [InlineData(18, 262144, 262192, 7, 524288, 436906, 786432)]
    [InlineData(19, 524288, 524336, 8, 1048576, 873813, 1572864)]
    [InlineData(20, 1048576, 1048624, 9, 2097152, 1747626, 3145728)]
    [InlineData(21, 2097152, 2097200, 10, 4194304, 3495253, 6291456)]
    public void A55_Each_row_of_the_allocation_table(int shift, int capacity, ulong blob, int order, int folioBytes, int bigBuffer, int inflateLimit)
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, PstoreBench.Kernel(shift));

        (ulong phys, ulong? size) = bench.OutBlob()!.Value;
        Assert.Equal(blob, size);
        Assert.Contains((PageGeometry.PfnOf(phys), order), bench.Tracked);
        Assert.Equal(folioBytes, PageGeometry.SizeBytes << order);
        Assert.Equal(bigBuffer, PstoreDumper.BigBufferBytes(capacity));
        Assert.Equal(inflateLimit, PstoreFileMaker.InflateLimitBytes(capacity));
        Assert.Equal(order, PageGeometry.OrderOf(PstoreLayout.V1.AllocationBytes((ulong)capacity)));
    }

    [Theory]
    [InlineData(22)]
    [InlineData(23)]
    [InlineData(24)]
    [InlineData(25)]
    public void A55_From_shift_22_on_the_module_cannot_load(int shift)
    {
        PstoreBench bench = new();
        bench.Boot(PstoreClients.V2, PstoreBench.Kernel(shift));

        Assert.Equal(-Errno.E2BIG, bench.Init());
    }

    [Fact]
    public void A5_What_is_written_is_read()
    {
        SplitMix64 random = new(1);
        foreach (PstoreLayout layout in new[] { PstoreLayout.V1, PstoreLayout.V2 })
        {
            for (int i = 0; i < 1000; i++)
            {
                PstoreRecord record = new(
                    (long)random.Next(), (long)random.Next(), (uint)random.Next() & 0x7FFF_FFFF, (int)random.Next(), (uint)random.Next(), (uint)random.Next(),
                    (uint)random.Below(2));
                byte[] header = new byte[layout.DataOffset];
                layout.Write(header, record);
                Assert.Equal(record, layout.Read(header));
            }
        }
    }

    internal static byte[] Hex(string text) => Convert.FromHexString(new StringBuilder(text).Replace(" ", "").Replace("\r", "").Replace("\n", "").ToString());

    private static ulong RecordPhys(PstoreBench bench)
    {
        ulong blob = bench.OutBlob()!.Value.Phys;
        return bench.Memory.ReadUInt32(blob) == 1 ? blob : bench.Memory.ReadUInt64(blob + 0x70);
    }
}
