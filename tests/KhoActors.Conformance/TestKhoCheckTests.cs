using System.Text.Json;
using System.Text.Json.Nodes;
using KhoActors.Nodes.Conformance;

namespace KhoActors.Conformance;

/// <summary>What the check of the test module notices: one thing changed in a captured case each time.</summary>
public sealed class TestKhoCheckTests
{
    private const string Case = "v4-7.3-test-kho";
    private const string Blob = "0x1e8c000", Array = "0x2472000", Chunk = "0x2473000";

    [Fact]
    public void The_untouched_case_passes_and_says_that_the_content_was_not_saved()
    {
        using CaptureFolder folder = new(Case);

        CaseResult result = Check(folder);

        Assert.Equal(CaseOutcome.Passed, result.Outcome);
        Assert.Equal(
            "blob and array of 25 folios compared byte for byte; restored in a boot with one word made up for the content, which was not saved",
            result.Detail);
    }

    [Theory]
    [InlineData("a byte behind the blob", Blob, 240, 1, "blob and the rest of its page: byte 0xf0")]
    [InlineData("a name in the strings of the blob", Blob, 0xca, (byte)'z', "/data/folios_info of 16 bytes is missing")]
    [InlineData("a reservation in the blob", Blob, 0x37, 8, "blob and the rest of its page")]
    [InlineData("the magic of the blob", Blob, 0x6c, 0x22, "magic is not KHO!")]
    [InlineData("nr_folios", Blob, 0x88, 24, "bytes of data: expected 8388608")]
    [InlineData("the flags of the array", Blob, 0xa4, 3, "flags of the array: expected 1, found 3")]
    [InlineData("an order in the array", Array, 0, 2, "is not preserved")]
    [InlineData("an address in the array", Array, 1, 0x10, "is not preserved")]
    [InlineData("a second page in the chunk", Chunk, 17, 0x40, "the chunks list 2 pages of 1")]
    [InlineData("a chunk that leads to itself", Chunk, 2, 0x47, "chunks")]
    public void A_changed_byte_in_memory_fails(string what, string page, int offset, byte value, string expected)
    {
        using CaptureFolder folder = new(Case);
        folder.ReplaceInflated("gen-0/pages.json.gz", text => WithByte(text, page, offset, value));

        CaseResult result = Check(folder);

        Assert.True(result.Outcome == CaseOutcome.Failed, what);
        Assert.Contains(expected, result.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_real_kernel_that_failed_to_restore_fails()
    {
        using CaptureFolder folder = new(Case);
        folder.Replace("gen-1/dmesg.txt", "KHO restore succeeded", "KHO restore failed");

        Assert.Contains("lines of the module[0]", Check(folder).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_blob_that_debugfs_shows_otherwise_fails()
    {
        using CaptureFolder folder = new(Case);
        folder.ReplaceBytes("gen-1/kho/in/sub_fdts/kho_test", "kho-test-v1", "kho-test-v2");

        Assert.Contains("in/sub_fdts/kho_test: byte 0x", Check(folder).Detail, StringComparison.Ordinal);
    }

    private static CaseResult Check(CaptureFolder folder) =>
        RealCaptures.Run(folder.Path, Fixtures.Kernels).Single(result => result.Name == $"{Case}/gen-0 test_kho");

    private static string WithByte(string json, string page, int offset, byte value)
    {
        JsonNode root = JsonNode.Parse(json)!;
        JsonNode found = root["pages"]!.AsArray().Single(item => item!["phys"]!.GetValue<string>() == page)!;
        byte[] data = Convert.FromBase64String(found["data"]!.GetValue<string>());
        Assert.NotEqual(value, data[offset]);
        data[offset] = value;
        found["data"] = Convert.ToBase64String(data);
        return root.ToJsonString(JsonSerializerOptions.Default);
    }
}
