using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>A.2: the dump algorithm, step by step.</summary>
public class PstoreDumpTests
{
    [Fact]
    public void A2_Dump_3_PartsUntilKmsgBytes_OlderTextInHigherParts()
    {
        List<string> parts = Parts(kmsgBytes: 9000, lines: 600, compresses: false, out List<PstoreRecord> fields);

        Assert.Equal([1u, 2u, 3u], fields.Select(record => record.Part));
        Assert.All(parts, part => Assert.True(part.Length <= 4095));
        Assert.Equal(Enumerable.Range(0, 3).Select(i => $"Oops#1 Part{i + 1}"), parts.Select(part => part[..part.IndexOf('\n', StringComparison.Ordinal)]));
        Assert.EndsWith("line 599\n", parts[0]);
        string[] all = [.. Enumerable.Reverse(parts).SelectMany(part => part.Split('\n')[1..^1])];
        Assert.Equal(Enumerable.Range(600 - all.Length, all.Length).Select(i => $"<6>[    0.000000] line {i}"), all);
    }

    [Fact]
    public void A2_Dump_3c_NoLinesLeft_EndsTheLoop()
    {
        Parts(kmsgBytes: 1_000_000, lines: 200, compresses: false, out List<PstoreRecord> fields);
        Assert.Equal(2, fields.Count);
        Assert.True(fields.Sum(record => record.SizeBytes) < 1_000_000);
    }

    [Fact]
    public void A2_Dump_3d_WithCompression_TheSizeIsTheCompressedLength()
    {
        Parts(kmsgBytes: 10240, lines: 300, compresses: true, out List<PstoreRecord> fields);
        Assert.All(fields, record => Assert.Equal(1u, record.Compressed));
        Assert.True(fields[0].SizeBytes < 4096);
    }

    [Fact]
    public void A2_Dump_3d_TextThatDoesNotFitCompressed_FirstBytesOfTheBigBuffer()
    {
        SplitMix64 random = new(3);
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2, commandLine: "log_buf_len=64K");
        for (int i = 0; i < 20; i++)
        {
            bench.Log.Write(LogLevel.Info, string.Concat(Enumerable.Range(0, 700).Select(_ => (char)('!' + random.Below(94)))));
        }

        bench.Kexec(PstoreClients.V2);

        string text = bench.MountAndRead();
        Assert.Equal(4096, text.Length);
        Assert.StartsWith("Shutdown#1 Part1\n<6>[", text);
        Assert.DoesNotContain("Starting new kernel", text);
    }

    [Fact]
    public void A2_Dump_4_AWriteErrorIsLoggedOncePerBoot()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Oops("one");
        bench.Oops("two");
        bench.Oops("three");

        Assert.Equal(1, bench.Lines.Count(line => line == "pstore: backend (kho) writing error (-28)"));
        Assert.Equal(2, bench.Lines.Count(line => line.StartsWith("pstore_kho: the record is already", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1, true, "Panic")]
    [InlineData(3, true, "Emergency")]
    [InlineData(2, false, "NMI")]
    public void A2_Dump_1_LockTaken_PanicEmergencyAndNmiSkipTheDump(int reason, bool mayWait, string context)
    {
        KernelLog log = new();
        log.Write(LogLevel.Info, "a line");
        PstoreDumper dumper = new(log, new PrintkBuffer(log, 12), new PstoreWorkspace());
        dumper.Use(4096, compresses: false);
        bool? nested = null;

        dumper.Dump(new DumpRequest(KmsgDumpReason.Oops, true, 10240, 0, 0), (in OutgoingRecord _) =>
        {
            nested ??= dumper.Dump(new DumpRequest((KmsgDumpReason)reason, mayWait, 10240, 0, 0), (in OutgoingRecord _) => 0);
            return 0;
        });

        Assert.False(nested);
        Assert.Equal($"pstore: dump skipped in {context} path because of concurrent dump", log.Lines[^1].Text);
        Assert.Equal(1, dumper.OopsCount);
    }

    [Fact]
    public void A2_Dump_1_LockTaken_WaitingForItselfIsADefectOfTheSimulator()
    {
        KernelLog log = new();
        log.Write(LogLevel.Info, "a line");
        PstoreDumper dumper = new(log, new PrintkBuffer(log, 12), new PstoreWorkspace());
        dumper.Use(4096, compresses: false);
        DumpRequest request = new(KmsgDumpReason.Oops, true, 10240, 0, 0);

        Assert.Throws<InvalidOperationException>(() => dumper.Dump(request, (in OutgoingRecord _) => dumper.Dump(request, (in OutgoingRecord _) => 0) ? 0 : 1));
    }

    [Fact]
    public void A2_Dump_2_OopscountCountsDumpsOfTheBoot_AlsoAcrossAReload()
    {
        PstoreBench bench = PstoreBench.Started(PstoreClients.V2);
        bench.Oops("one");
        bench.Exit();
        bench.Init();
        bench.Kexec(PstoreClients.V2);
        Assert.StartsWith("Shutdown#2 Part1\n", bench.MountAndRead());
    }

    private static List<string> Parts(ulong kmsgBytes, int lines, bool compresses, out List<PstoreRecord> fields)
    {
        KernelLog log = new();
        for (int i = 0; i < lines; i++)
        {
            log.Write(LogLevel.Info, $"line {i}");
        }

        PstoreDumper dumper = new(log, new PrintkBuffer(log, 17), new PstoreWorkspace());
        dumper.Use(4096, compresses);
        List<string> parts = [];
        List<PstoreRecord> written = [];
        dumper.Dump(new DumpRequest(KmsgDumpReason.Oops, true, kmsgBytes, 0, 0), (in OutgoingRecord record) =>
        {
            written.Add(record.Fields);
            parts.Add(System.Text.Encoding.Latin1.GetString(record.Data));
            return 0;
        });
        fields = written;
        return parts;
    }
}
