using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.Tests.Fdt;

/// <summary>The root FDT against the hex dumps of the reference and the kernel's rules for full pages and damaged blobs.</summary>
public sealed class RootFdtTests
{
    private const ulong RadixRoot = 0x104a30000;
    private const ulong MetadataBlob = 0x104a3e000;
    private const ulong MemblockBlob = 0x104a40000;

    [Fact]
    public void Setup_writes_the_152_bytes_of_a_kernel()
    {
        var page = Page(KhoAbi.V3);
        Assert.Equal(
            FdtBytes.Parse(
                """
                d0 0d fe ed 00 00 00 98 00 00 00 40 00 00 00 78
                00 00 00 30 00 00 00 11 00 00 00 10 00 00 00 00
                00 00 00 20 00 00 00 38 00 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                00 00 00 01 00 00 00 00 00 00 00 03 00 00 00 07
                00 00 00 15 6b 68 6f 2d 76 33 00 00 00 00 00 03
                00 00 00 08 00 00 00 00 00 00 a3 04 01 00 00 00
                00 00 00 02 00 00 00 09 "preserved-memory-map.compatible."
                """),
            FdtBytes.Blob(page));
    }

    [Fact]
    public void Setup_leaves_the_strings_that_the_writer_moved_at_the_end_of_the_page()
    {
        var page = Page(KhoAbi.V3);
        Assert.Equal("preserved-memory-map\0compatible\0"u8, page.AsSpan(^32));
        Assert.False(page.AsSpan(152, 4096 - 152 - 32).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Two_subtrees_stand_newest_first_with_the_size_before_the_address()
    {
        var page = Page(KhoAbi.V3);
        Assert.Equal(0, RootFdt.AddSubtree(page, KhoAbi.V3, "kexec-metadata", MetadataBlob, 73));
        Assert.Equal(233u, FdtReader.TotalSize(page));
        Assert.Equal(0, RootFdt.AddSubtree(page, KhoAbi.V3, "memblock", MemblockBlob, 210));
        Assert.Equal(
            FdtBytes.Parse(
                """
                d0 0d fe ed 00 00 01 25 00 00 00 38 00 00 00 ec
                00 00 00 28 00 00 00 11 00 00 00 10 00 00 00 00
                00 00 00 39 00 00 00 b4 00 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00
                00 00 00 03 00 00 00 07 00 00 00 15 6b 68 6f 2d
                76 33 00 00 00 00 00 03 00 00 00 08 00 00 00 00
                00 00 a3 04 01 00 00 00 00 00 00 01 6d 65 6d 62
                6c 6f 63 6b 00 00 00 00 00 00 00 03 00 00 00 08
                00 00 00 2f d2 00 00 00 00 00 00 00 00 00 00 03
                00 00 00 08 00 00 00 20 00 00 a4 04 01 00 00 00
                00 00 00 02 00 00 00 01 6b 65 78 65 63 2d 6d 65
                74 61 64 61 74 61 00 00 00 00 00 03 00 00 00 08
                00 00 00 2f 49 00 00 00 00 00 00 00 00 00 00 03
                00 00 00 08 00 00 00 20 00 e0 a3 04 01 00 00 00
                00 00 00 02 00 00 00 02 00 00 00 09
                "preserved-memory-map.compatible.preserved-data.blob-size."
                """),
            FdtBytes.Blob(page));
    }

    [Fact]
    public void Version_1_has_the_fdt_property_and_no_size()
    {
        var page = new byte[4096];
        Assert.Equal(0, RootFdt.Setup(page, KhoAbi.V1, 0));
        Assert.Equal(0, RootFdt.AddSubtree(page, KhoAbi.V1, "memblock", MemblockBlob, 210));
        Assert.Equal(
            FdtBytes.Parse(
                """
                d0 0d fe ed 00 00 00 bc 00 00 00 38 00 00 00 98
                00 00 00 28 00 00 00 11 00 00 00 10 00 00 00 00
                00 00 00 24 00 00 00 60 00 00 00 00 00 00 00 00
                00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00
                00 00 00 03 00 00 00 07 00 00 00 15 6b 68 6f 2d
                76 31 00 00 00 00 00 03 00 00 00 08 00 00 00 00
                00 00 00 00 00 00 00 00 00 00 00 01 6d 65 6d 62
                6c 6f 63 6b 00 00 00 00 00 00 00 03 00 00 00 08
                00 00 00 20 00 00 a4 04 01 00 00 00 00 00 00 02
                00 00 00 02 00 00 00 09 "preserved-memory-map.compatible.fdt."
                """),
            FdtBytes.Blob(page));
    }

    [Fact]
    public void Written_at_finalize_the_structure_stays_at_64()
    {
        var page = new byte[4096];
        Assert.Equal(0, RootFdt.WriteSequential(page, KhoAbi.V1Small, 0x1000, [("memblock", MemblockBlob)]));
        Assert.Equal(196u, FdtReader.TotalSize(page));
        Assert.Equal("fdt\0preserved-memory-map\0compatible\0"u8, page.AsSpan(160, 36));
    }

    [Theory]
    [InlineData("kho-v2", 98)]
    [InlineData("kho-v3", 65)]
    [InlineData("kho-v4", 65)]
    public void A_page_holds_as_many_subtrees_with_8_character_names_as_a_kernel_page(string abiName, int capacity)
    {
        var abi = KhoAbi.Find(abiName)!;
        var page = Page(abi);
        var added = 0;
        while (RootFdt.AddSubtree(page, abi, $"subtr{added:000}", MemblockBlob, 1) == 0)
        {
            added++;
        }

        Assert.Equal(capacity, added);
        Assert.Equal(0, FdtReader.CheckFull(page));
    }

    [Theory]
    [InlineData("kho-v1", -3, true)]
    [InlineData("kho-v2", -3, true)]
    [InlineData("kho-v4", -12, false)]
    public void A_property_that_does_not_fit_leaves_the_node_only_before_the_fix(string abiName, int result, bool nodeStays)
    {
        var abi = KhoAbi.Find(abiName)!;
        var page = Page(abi);
        for (var index = 0; FdtReader.TotalSize(page) < 4096 - 80; index++)
        {
            Assert.Equal(0, RootFdt.AddSubtree(page, abi, $"subtr{index:000}", MemblockBlob, 1));
        }

        // Leaves room for the node and less than a property.
        var name = new string('n', 4096 - (int)FdtReader.TotalSize(page) - 8 - 8);
        Assert.Equal(result, RootFdt.AddSubtree(page, abi, name, MemblockBlob, 1));
        Assert.Equal(nodeStays, FdtReader.SubnodeOffset(page, 0, name) >= 0);
        Assert.Equal(0, FdtReader.CheckFull(page));
    }

    [Fact]
    public void A_taken_name_is_refused_also_as_name_at_unit()
    {
        var page = Page(KhoAbi.V4);
        Assert.Equal(0, RootFdt.AddSubtree(page, KhoAbi.V4, "luo@1", 0x1000, 1));
        Assert.Equal(-17, RootFdt.AddSubtree(page, KhoAbi.V4, "luo@1", 0x2000, 1));
        Assert.Equal(-17, RootFdt.AddSubtree(page, KhoAbi.V4, "luo", 0x2000, 1));
        Assert.Equal(0, RootFdt.AddSubtree(page, KhoAbi.V4, "luo@", 0x2000, 1));
    }

    [Fact]
    public void Remove_takes_the_newest_of_two_equal_addresses_and_keeps_strings()
    {
        var page = Page(KhoAbi.V4);
        RootFdt.AddSubtree(page, KhoAbi.V4, "old", 0x1000, 1);
        RootFdt.AddSubtree(page, KhoAbi.V4, "new", 0x1000, 1);
        Assert.True(RootFdt.RemoveSubtree(page, KhoAbi.V4, 0x1000));
        Assert.Equal(SubtreeLookup.NodeMissing, RootFdt.FindSubtree(page, KhoAbi.V4, "new", out _, out _));
        Assert.True(RootFdt.RemoveSubtree(page, KhoAbi.V4, 0x1000));
        Assert.False(RootFdt.RemoveSubtree(page, KhoAbi.V4, 0x1000));
        Assert.EndsWith("preserved-data\0blob-size\0", System.Text.Encoding.Latin1.GetString(FdtBytes.Blob(page)), StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_map_is_overwritten_in_place()
    {
        var page = new byte[4096];
        RootFdt.Setup(page, KhoAbi.V1, 0);
        var before = page.ToArray();
        Assert.Equal(0, RootFdt.SetMemoryMap(page, 0x1122334455667788));
        Assert.Equal(MemoryMapLookup.Found, RootFdt.MemoryMap(page, out var address));
        Assert.Equal(0x1122334455667788ul, address);
        Assert.Equal(before.AsSpan(0, 0x68), page.AsSpan(0, 0x68));
        Assert.Equal(before.AsSpan(0x70), page.AsSpan(0x70));
    }

    [Fact]
    public void Lookup_of_a_subtree_tells_the_kernel_s_errors_apart()
    {
        var page = Page(KhoAbi.V2);
        RootFdt.AddSubtree(page, KhoAbi.V2, "memblock", MemblockBlob, 0);
        Assert.Equal(SubtreeLookup.Found, RootFdt.FindSubtree(page, KhoAbi.V2, "memblock", out var phys, out var size));
        Assert.Equal((MemblockBlob, null), (phys, size));
        Assert.Equal(SubtreeLookup.NodeMissing, RootFdt.FindSubtree(page, KhoAbi.V2, "pstore", out _, out _));
        Assert.Equal(SubtreeLookup.AddressInvalid, RootFdt.FindSubtree(page, KhoAbi.V1, "memblock", out _, out _));
        Assert.Equal(SubtreeLookup.SizeInvalid, RootFdt.FindSubtree(page, KhoAbi.V3, "memblock", out phys, out _));
        Assert.Equal(MemblockBlob, phys);
        Assert.Equal([0, -2, -22, -22], Enum.GetValues<SubtreeLookup>().Select(RootFdt.ErrnoOf));
    }

    [Fact]
    public void A_generation_is_compatible_with_its_own_string_only()
    {
        var page = Page(KhoAbi.V3);
        Assert.Equal(0, RootFdt.Compatible(page, KhoAbi.V3));
        Assert.Equal(1, RootFdt.Compatible(page, KhoAbi.V4));
        page[0] = 0;
        Assert.Equal(-FdtError.NotFound, RootFdt.Compatible(page, KhoAbi.V3));
    }

    [Fact]
    public void A_header_that_claims_8192_bytes_is_accepted_and_readable()
    {
        var page = Page(KhoAbi.V4);
        page[6] = 0x20;
        page[7] = 0;
        Assert.Equal(0, FdtReader.CheckHeader(page));
        Assert.Equal(0, RootFdt.Compatible(page, KhoAbi.V4));
        Assert.Equal(-FdtError.Truncated, FdtReader.CheckFull(page));
    }

    [Fact]
    public void Version_1_of_the_format_is_invalid_with_10()
    {
        var page = Page(KhoAbi.V4);
        page[23] = 1;
        Assert.Equal(-10, FdtReader.CheckHeader(page));
    }

    [Fact]
    public void Editing_a_destroyed_page_fails_and_changes_nothing()
    {
        var page = Page(KhoAbi.V4);
        page[0] = 0;
        var before = page.ToArray();
        Assert.Equal(-12, RootFdt.AddSubtree(page, KhoAbi.V4, "memblock", MemblockBlob, 1));
        Assert.False(RootFdt.RemoveSubtree(page, KhoAbi.V4, MemblockBlob));
        Assert.Equal(-FdtError.NotFound, RootFdt.SetMemoryMap(page, 1));
        Assert.Equal(before, page);
    }

    [Fact]
    public void Editing_and_lookup_allocate_nothing()
    {
        var page = Page(KhoAbi.V4);
        Cycle(page);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(page);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        static void Cycle(byte[] page)
        {
            RootFdt.AddSubtree(page, KhoAbi.V4, "memblock", MemblockBlob, 210);
            RootFdt.FindSubtree(page, KhoAbi.V4, "memblock", out _, out _);
            RootFdt.RemoveSubtree(page, KhoAbi.V4, MemblockBlob);
        }
    }

    private static byte[] Page(KhoAbi abi)
    {
        var page = new byte[4096];
        Assert.Equal(0, RootFdt.Setup(page, abi, RadixRoot));
        return page;
    }
}
