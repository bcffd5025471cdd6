using System.Diagnostics;
using System.Globalization;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>Device tree source for people, and dtc's own verdict on what is written.</summary>
public sealed class FdtDtsTests
{
    [Fact]
    public void Native_numbers_are_explained()
    {
        var page = RootPage();
        Assert.Equal(
            """
            /dts-v1/;

            / {
            	compatible = "kho-v4";
            	preserved-memory-map = <0xa304 0x1000000>; /* u64 0x104a30000 */

            	memblock {
            		blob-size = <0xd2000000 0x00>; /* u64 0xd2 */
            		preserved-data = <0xa404 0x1000000>; /* u64 0x104a40000 */
            	};
            };

            """.ReplaceLineEndings("\n"),
            Print(page, FdtDtsStyle.NativeNumbers, out var result));
        Assert.Equal(0, result);
    }

    [Fact]
    public void Values_are_guessed_as_dtc_does()
    {
        var page = new byte[1024];
        var writer = new FdtSequentialWriter(page);
        _ = writer.Create() | writer.AddReservation(0x1000, 0x20) | writer.FinishReservemap() | writer.BeginNode("");
        _ = writer.Property("empty"u8, []) | writer.Property("list"u8, "a\0b\"\n\0"u8) | writer.Property("bytes"u8, [1, 2, 0xff]);
        _ = writer.Property("nuls"u8, [0, 0, 0, 0]) | writer.Property("unended"u8, "abcd"u8);
        Assert.Equal(0, writer.EndNode() | writer.Finish());
        Assert.Equal(
            """
            /dts-v1/;

            /memreserve/	0x0000000000001000 0x0000000000000020;
            / {
            	empty;
            	list = "a", "b\"\n";
            	bytes = [01 02 ff];
            	nuls = <0x00>;
            	unended = <0x61626364>;
            };

            """.ReplaceLineEndings("\n"),
            Print(page, FdtDtsStyle.Plain, out _));
        AssertDtcAgrees(FdtBytes.Blob(page));
    }

    [Fact]
    public void A_damaged_blob_is_printed_up_to_the_defect()
    {
        var page = RootPage();
        page[0x63] = 7;
        var text = Print(page, FdtDtsStyle.Plain, out _);
        Assert.DoesNotContain("stops here", text, StringComparison.Ordinal);
        page[0x6b] = 7;
        text = Print(page, FdtDtsStyle.Plain, out var result);
        Assert.Equal(-FdtError.BadStructure, result);
        Assert.EndsWith("/* stops here: FDT_ERR_BADSTRUCTURE (-11) */\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_cannot_send_control_characters_to_a_terminal()
    {
        var page = new byte[4096];
        RootFdt.Setup(page, KhoAbi.V4, 0);
        RootFdt.AddSubtree(page, KhoAbi.V4, "a\u001b[2J\u009b", 0, 0);
        Assert.Contains("\ta?[2J? {", Print(page, FdtDtsStyle.Plain, out _), StringComparison.Ordinal);
    }

    [DtcFact]
    public void Dtc_accepts_the_blobs_without_a_warning()
    {
        AssertDtcAgrees(FdtBytes.Blob(RootPage()));
        var memblock = new byte[4096];
        MemblockFdt.Write(memblock, [new("trace", 0x13fe00000, 2 << 20), new("oops", 0x1000, 0x1000)]);
        AssertDtcAgrees(FdtBytes.Blob(memblock));
        var sequential = new byte[4096];
        RootFdt.WriteSequential(sequential, KhoAbi.V1Small, 0x1000, [("memblock", 0x2000), ("kho_test", 0x3000)]);
        AssertDtcAgrees(FdtBytes.Blob(sequential));
    }

    private static byte[] RootPage()
    {
        var page = new byte[4096];
        RootFdt.Setup(page, KhoAbi.V4, 0x104a30000);
        Assert.Equal(0, RootFdt.AddSubtree(page, KhoAbi.V4, "memblock", 0x104a40000, 210));
        return page;
    }

    private static string Print(ReadOnlySpan<byte> fdt, FdtDtsStyle style, out int result)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        result = FdtDts.Print(fdt, text, style);
        return text.ToString();
    }

    private static void AssertDtcAgrees(byte[] blob)
    {
        var start = new ProcessStartInfo("dtc", ["-I", "dtb", "-O", "dts", "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var dtc = Process.Start(start)!;
        var warnings = dtc.StandardError.ReadToEndAsync();
        dtc.StandardInput.BaseStream.Write(blob);
        dtc.StandardInput.Close();
        var source = dtc.StandardOutput.ReadToEnd();
        dtc.WaitForExit();
        Assert.Equal("", warnings.Result);
        Assert.Equal(0, dtc.ExitCode);

        // dtc before 1.7 writes the NULs within a string list as such.
        source = source.Replace("\\0", "\", \"", StringComparison.Ordinal);
        Assert.Equal(source, Print(blob, FdtDtsStyle.Plain, out _));
    }
}
