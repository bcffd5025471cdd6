using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>The memblock blob: its bytes, and the steps of a lookup with the number that each failure prints.</summary>
public sealed class MemblockFdtTests
{
    private static readonly MemblockFdtEntry Trace = new("trace", 0x13fe00000, 2 << 20);

    [Fact]
    public void One_region_takes_the_210_bytes_of_a_kernel()
    {
        Assert.Equal(
            FdtBytes.Parse(
                """
                d0 0d fe ed 00 00 00 d2 00 00 00 40 00 00 00 bc
                00 00 00 30 00 00 00 11 00 00 00 10 00 00 00 00
                00 00 00 16 00 00 00 7c 00 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                00 00 00 01 00 00 00 00 00 00 00 03 00 00 00 0c
                00 00 00 0b 6d 65 6d 62 6c 6f 63 6b 2d 76 31 00
                00 00 00 01 74 72 61 63 65 00 00 00 00 00 00 03
                00 00 00 0f 00 00 00 0b 72 65 73 65 72 76 65 2d
                6d 65 6d 2d 76 31 00 00 00 00 00 03 00 00 00 08
                00 00 00 05 00 00 e0 3f 01 00 00 00 00 00 00 03
                00 00 00 08 00 00 00 00 00 00 20 00 00 00 00 00
                00 00 00 02 00 00 00 02 00 00 00 09
                "size.start.compatible."
                """),
            FdtBytes.Blob(Page(Trace)));
    }

    [Fact]
    public void Every_region_is_found_with_its_range()
    {
        MemblockFdtEntry[] entries = [Trace, new("empty", 0x1000, 0), new("fifteencharact1", 0x123456789000, 0x1001)];
        var page = Page(entries);
        foreach (var entry in entries)
        {
            Assert.Equal(MemblockFdtLookup.Found, MemblockFdt.FindEntry(page, entry.Name, out var found, out var code));
            Assert.Equal((entry, 0), (found, code));
        }
    }

    [Fact]
    public void A_full_table_with_the_longest_names_fits_in_a_page()
    {
        var entries = Enumerable.Range(0, 8).Select(index => new MemblockFdtEntry($"fifteencharact{index}", 0x1000, 0x1000)).ToArray();
        Assert.Equal(0, FdtReader.CheckFull(Page(entries)));
    }

    [Fact]
    public void A_destroyed_magic_is_incompatible_with_minus_1()
    {
        var page = Page(Trace);
        page[0] ^= 0xff;
        Assert.Equal(-1, MemblockFdt.CheckCompatible(page));
    }

    [Fact]
    public void Another_version_is_incompatible_with_1()
    {
        var page = Page(Trace);
        page[0x5e] = (byte)'7';
        Assert.Equal(1, MemblockFdt.CheckCompatible(page));
    }

    [Fact]
    public void A_missing_child_has_code_minus_1()
    {
        Assert.Equal(MemblockFdtLookup.ChildMissing, MemblockFdt.FindEntry(Page(Trace), "other", out _, out var code));
        Assert.Equal(-1, code);
    }

    [Fact]
    public void A_child_of_another_kind_has_code_1()
    {
        var page = Page(Trace);
        page[0x78] ^= 1;
        Assert.Equal(MemblockFdtLookup.ChildIncompatible, MemblockFdt.FindEntry(page, "trace", out _, out var code));
        Assert.Equal(1, code);
    }

    [Theory]
    [InlineData(0x90 + 3)]
    [InlineData(0xa0 + 7)]
    public void A_start_or_size_that_is_missing_has_no_code(int nameOffset)
    {
        var page = Page(Trace);
        page[nameOffset] = 6;
        Assert.Equal(MemblockFdtLookup.RangeInvalid, MemblockFdt.FindEntry(page, "trace", out var entry, out var code));
        Assert.Equal((default, 0), (entry, code));
    }

    private static byte[] Page(params MemblockFdtEntry[] entries)
    {
        var page = new byte[4096];
        Assert.Equal(0, MemblockFdt.Write(page, entries));
        return page;
    }
}
