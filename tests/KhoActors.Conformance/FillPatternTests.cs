using System.Text.Json.Nodes;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Conformance;

/// <summary>The captures hold metadata only; here a capture gets pages of a region, intact or not.</summary>
public sealed class FillPatternTests
{
    private const string Pages = "gen-0/pages.json.gz";
    private const ulong AlignedRegion = 0x1ec00000;
    private const ulong UnalignedRegion = 0x1f9137c0;

    [Fact]
    public void Pages_of_an_aligned_region_are_checked_one_by_one()
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        Add(folder, "trace", AlignedRegion, firstPage: 3, pages: 2, brokenByte: null);

        Assert.Equal(new FillPatternResult(512, 2, 2), Check(folder, "trace"));
    }

    [Fact]
    public void A_page_of_an_unaligned_region_needs_both_its_halves()
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        Add(folder, "small", UnalignedRegion, firstPage: 0, pages: 4, brokenByte: null);

        Assert.Equal(new FillPatternResult(16, 4, 4), Check(folder, "small"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(63)]
    [InlineData(4095)]
    public void A_changed_byte_breaks_its_page(int at)
    {
        using CaptureFolder folder = new("v4-7.3-explicit");
        Add(folder, "trace", AlignedRegion, firstPage: 0, pages: 2, brokenByte: at);

        Assert.Equal(new FillPatternResult(512, 2, 1), Check(folder, "trace"));
    }

    private static FillPatternResult Check(CaptureFolder folder, string region)
    {
        Capture capture = Capture.Open(folder.Path);
        CapturedStart start = CapturedStart.After(capture.Generation(0));
        CaptureBoot boot = CaptureBoot.Run(start, Fixtures.Kernels.Find(start.KernelBuild)!);
        MemblockFdtEntry entry = boot.Kernel.Early.ReserveMem.Entries.ToArray().Single(entry => entry.Name == region);
        return boot.CheckPattern(entry);
    }

    /// <summary>Saves the physical pages that hold pages of a pattern; an unaligned pattern needs one more.</summary>
    private static void Add(CaptureFolder folder, string label, ulong region, ulong firstPage, ulong pages, int? brokenByte)
    {
        ulong start = region + (firstPage * 4096);
        ulong first = start & ~4095UL;
        byte[] bytes = new byte[(pages + 1) * 4096];
        for (ulong i = 0; i < pages; i++)
        {
            FillPattern.Write(bytes.AsSpan((int)(start - first + (i * 4096)), 4096), label, "g0", firstPage + i);
        }

        if (brokenByte is { } at)
        {
            bytes[(int)(start - first) + at] ^= 1;
        }

        folder.ReplaceInflated(Pages, text =>
        {
            JsonNode root = JsonNode.Parse(text)!;
            ulong saved = start == first ? pages : pages + 1;
            for (ulong i = 0; i < saved; i++)
            {
                ulong phys = first + (i * 4096);
                root["pages"]!.AsArray().Add(new JsonObject
                {
                    ["phys"] = $"0x{phys:x}",
                    ["role"] = new JsonArray(),
                    ["data"] = Convert.ToBase64String(bytes.AsSpan((int)(i * 4096), 4096)),
                });
            }

            return root.ToJsonString();
        });
    }
}
