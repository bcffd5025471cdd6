using System.Buffers.Binary;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Tests.TestKho;

/// <summary>
/// Planted damage: what the test module of the second kernel returns and prints for each. The blob's layout is fixed, so that fields are
/// named by their offsets in the hex dump of the reference, 14.1.
/// </summary>
public sealed class DamageTests
{
    private const int CompatibleAt = 0x54, MagicLengthAt = 0x64, MagicAt = 0x6c, DataNameAt = 0x74, FoliosLengthAt = 0x80, FoliosAt = 0x88;
    private const int ArrayLengthAt = 0x90, ArrayAt = 0x98, ChecksumLengthAt = 0xac, ChecksumAt = 0xb4, StringsAt = 0xc4;

    private static readonly Dictionary<string, Action<TestKhoBench>> Failing = new()
    {
        ["one bit of one word in one folio flipped"] = bench =>
        {
            ulong word = FolioOf(bench, 1) + 8;
            bench.Memory.WriteUInt64(word, bench.Memory.ReadUInt64(word) ^ 1);
        },
        ["two words of a folio that differ in their sum"] = bench => bench.Memory.WriteUInt64(FolioOf(bench, 0) + 4088, 0),
        ["a folio freed and poisoned"] = bench => bench.Memory.Poison(PageGeometry.PfnOf(FolioOf(bench, 0)), 1),
        ["a larger order stored in the array"] = bench => bench.Memory.WriteUInt64(bench.ArrayPhys, bench.Entry(0) + 1),
        ["an order stored that no folio has"] = bench => bench.Memory.WriteUInt64(bench.ArrayPhys, bench.Entry(0) | 0xFFF),
        ["a folio listed twice"] = bench => bench.Memory.WriteUInt64(bench.ArrayPhys + 8, bench.Entry(0)),
        ["a folio not preserved"] = bench => Forget(bench, FolioOf(bench, 1), OrderOf(bench, 1)),
        ["a folio preserved with another order"] = bench =>
        {
            Forget(bench, FolioOf(bench, 1), OrderOf(bench, 1));
            Assert.Equal(0, bench.HandOver.Tree.Track(PageGeometry.PfnOf(FolioOf(bench, 1)), OrderOf(bench, 1) == 0 ? 1 : 0));
        },
        ["the array's page not preserved"] = bench => Forget(bench, bench.ArrayPhys, 0),
        ["the array's chunk not preserved"] = bench => Forget(bench, bench.Blob.Array.FirstChunkPhys, 0),
        ["csum changed"] = bench => Write(bench, ChecksumAt, bench.Blob.Checksum ^ 0x8000_0000),
        ["csum of the wrong length"] = bench => WriteCell(bench, ChecksumLengthAt, 3),
        ["magic changed"] = bench => Write(bench, MagicAt, 0x4B48_4F50),
        ["magic in big-endian order"] = bench => Write(bench, MagicAt, BinaryPrimitives.ReverseEndianness(TestKhoFdt.Magic)),
        ["magic of the wrong length"] = bench => WriteCell(bench, MagicLengthAt, 3),
        ["compatible of a later version"] = bench => bench.Memory.Write(bench.BlobPhys + CompatibleAt, "kho-test-v2"u8),
        ["nr_folios one less"] = bench => Write(bench, FoliosAt, bench.Blob.Folios - 1),
        ["nr_folios zero"] = bench => Write(bench, FoliosAt, 0),
        ["nr_folios of the wrong length"] = bench => WriteCell(bench, FoliosLengthAt, 2),
        ["folios_info of the wrong length"] = bench => WriteCell(bench, ArrayLengthAt, 15),
        ["folios_info of no chunk"] = bench => bench.Memory.WriteUInt64(bench.BlobPhys + ArrayAt, 0),
        ["folios_info with a page too many"] = bench => Write(bench, ArrayAt + 8, 2),
        ["folios_info with an order above all"] = bench => Write(bench, ArrayAt + 12, 0xFFFF_0001),
        ["no data node"] = bench => bench.Memory.Write(bench.BlobPhys + DataNameAt, "dada"u8),
        ["no property csum"] = bench => bench.Memory.Write(bench.BlobPhys + StringsAt, "cs"u8[..1].ToArray().Append((byte)'x').ToArray()),
        ["the header destroyed"] = bench => Write(bench, 0, 0),
        ["totalsize without end"] = bench => WriteCell(bench, 4, 0x7FFF_FFFF, andWriteAlso: MagicAt),
        ["the whole blob overwritten"] = bench => bench.Memory.Poison(PageGeometry.PfnOf(bench.BlobPhys), 2),
    };

    public static TheoryData<string> FailingRows => [.. Failing.Keys];

    [Theory]
    [MemberData(nameof(FailingRows))]
    public void Damage_fails_the_restore_with_EINVAL(string damage)
    {
        using TestKhoBench bench = new();
        Failing[damage](bench);

        SecondKernel second = bench.Boot();

        Assert.Equal(-Errno.EINVAL, second.Returned);
        Assert.Equal(["<3>test_kho: KHO restore failed"], second.Lines);
    }

    [Fact]
    public void Without_damage_the_same_bench_succeeds()
    {
        using TestKhoBench bench = new();
        SecondKernel second = bench.Boot();

        Assert.Equal(0, second.Returned);
        Assert.Equal(["<6>test_kho: KHO restore succeeded"], second.Lines);
    }

    [Fact]
    public void Two_equal_words_swapped_between_folios_are_not_seen_by_a_sum()
    {
        using TestKhoBench bench = new();
        ulong a = FolioOf(bench, 0), b = FolioOf(bench, 1);
        ulong word = bench.Memory.ReadUInt64(a);
        bench.Memory.WriteUInt64(a, bench.Memory.ReadUInt64(b));
        bench.Memory.WriteUInt64(b, word);

        Assert.Equal(["<6>test_kho: KHO restore succeeded"], bench.Boot().Lines);
    }

    [Fact]
    public void Entries_behind_the_last_folio_end_the_loop_and_the_checksum_still_holds()
    {
        using TestKhoBench bench = new();
        Write(bench, FoliosAt, bench.Blob.Folios + 1);

        Assert.Equal(["<6>test_kho: KHO restore succeeded"], bench.Boot().Lines);
    }

    [Fact]
    public void A_folio_of_another_order_is_restored_and_lost()
    {
        using TestKhoBench bench = new();
        ulong pfn = PageGeometry.PfnOf(FolioOf(bench, 0));
        Failing["a larger order stored in the array"](bench);
        SecondKernel second = bench.Boot();

        Assert.Equal(PageOwner.Client(TestKhoActor.Client.Actor.Value - 8), second.Kernel.Kho.Pages.OwnerOf(pfn));
    }

    [Fact]
    public void A_damaged_address_in_the_root_FDT_is_printed_with_its_errno()
    {
        using TestKhoBench bench = new();
        Span<byte> root = bench.HandOver.RootFdtPage;
        byte[] address = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(address, bench.BlobPhys);
        int value = root.IndexOf(address);
        BinaryPrimitives.WriteUInt32BigEndian(root[(value - 8)..], 7);

        SecondKernel second = bench.Boot();

        Assert.Equal(-Errno.EINVAL, second.Returned);
        Assert.Equal(["<4>test_kho: failed to retrieve kho_test FDT: -22"], second.Lines);
    }

    [Fact]
    public void A_blob_outside_RAM_kills_the_kernel()
    {
        using TestKhoBench bench = new();
        Span<byte> root = bench.HandOver.RootFdtPage;
        byte[] address = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(address, bench.BlobPhys);
        BinaryPrimitives.WriteUInt64LittleEndian(root[root.IndexOf(address)..], 1UL << 45);

        SecondKernel second = bench.Boot();

        Assert.Null(second.Returned);
        Assert.StartsWith("BUG: unable to handle page fault for address: ", second.Oops, StringComparison.Ordinal);
    }

    private static ulong FolioOf(TestKhoBench bench, int index) => bench.Entry(index) & ~0xFFFUL;

    private static int OrderOf(TestKhoBench bench, int index) => (int)(bench.Entry(index) & 0xFFF);

    private static void Forget(TestKhoBench bench, ulong phys, int order) => Assert.True(bench.HandOver.Tree.Untrack(PageGeometry.PfnOf(phys), order));

    private static void Write(TestKhoBench bench, int offset, uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        bench.Memory.Write(bench.BlobPhys + (ulong)offset, bytes);
    }

    /// <summary>Writes a number of the FDT's own, which are big-endian.</summary>
    private static void WriteCell(TestKhoBench bench, int offset, uint value, int? andWriteAlso = null)
    {
        Write(bench, offset, BinaryPrimitives.ReverseEndianness(value));
        if (andWriteAlso is { } other)
        {
            Write(bench, other, 0);
        }
    }
}
