using KhoActors.Subsystems.Pstore;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>A.7: log buffers that differ between the two kernels, with the fault scenarios PF3 and PF4.</summary>
public class PstoreDriftTests
{
    private const string NoCompression = "pstore.compress=none";

    [Theory]
    [InlineData("pstore-v1")]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void PF3_Shift18To14_TextOver49152_GivesEncZ(string profile)
    {
        PstoreBench bench = Filled(profile, 18, lines: 3000);
        bench.Kexec(Profiles.Of(profile), PstoreBench.Kernel(14));
        bench.Mount();

        (string name, string content, _) = bench.File()!.Value;

        Assert.Equal("dmesg-kho-0.enc.z", name);
        string text = PstoreFaultTests.Inflated(content);
        Assert.True(text.Length > 49152);
        Assert.StartsWith("Shutdown#1 Part1\n", text);
        Assert.EndsWith("kexec_core: Starting new kernel\n", text);
        Assert.Contains("pstore: zlib_inflate() failed, ret = -5!", bench.Lines);
    }

    [Theory]
    [InlineData("pstore-v1", 14, 18)]
    [InlineData("pstore-v2", 14, 18)]
    [InlineData("pstore", 14, 18)]
    [InlineData("pstore", 12, 21)]
    [InlineData("pstore", 17, 17)]
    public void PF4_ShiftGrows_PlainFile(string profile, int shift, int nextShift)
    {
        PstoreBench bench = Filled(profile, shift, lines: 3000);
        bench.Kexec(Profiles.Of(profile), PstoreBench.Kernel(nextShift));

        string text = bench.MountAndRead();

        Assert.Equal("dmesg-kho-0", bench.File()!.Value.Name);
        Assert.EndsWith("kexec_core: Starting new kernel\n", text);
        Assert.True(text.Length <= PstoreDumper.BigBufferBytes(1 << shift) - 1);
    }

    [Theory]
    [InlineData(600, false)] // 13 to 12: 13653 bytes of text are more than 3 * 4096
    [InlineData(100, true)]
    public void A7_OneShiftLess_FailsOnlyForTextBetween1_5And1_667OfTheCapacity(int lines, bool plain)
    {
        PstoreBench bench = Filled("pstore-v2", 13, lines);
        bench.Kexec(PstoreClients.V2, PstoreBench.Kernel(12));
        bench.Mount();
        Assert.Equal(plain ? "dmesg-kho-0" : "dmesg-kho-0.enc.z", bench.File()!.Value.Name);
    }

    [Theory]
    [InlineData("pstore-v2")]
    [InlineData("pstore")]
    public void A7_AnUncompressedRecordLargerThanTheReadersBufferIsFine(string profile)
    {
        PstoreBench bench = Filled(profile, 15, 900, NoCompression);
        bench.Kexec(Profiles.Of(profile), PstoreBench.Kernel(12));
        string text = bench.MountAndRead();
        Assert.True(text.Length > 30000);
        Assert.EndsWith("kexec_core: Starting new kernel\n", text);
    }

    private static PstoreBench Filled(string profile, int shift, int lines, string commandLine = "")
    {
        PstoreBench bench = PstoreBench.Started(Profiles.Of(profile), PstoreBench.Kernel(shift), commandLine + " log_buf_len=1M");
        for (int i = 0; i < lines; i++)
        {
            bench.Log.Write(LogLevel.Info, $"a driver says something about device {i}");
        }

        return bench;
    }
}
