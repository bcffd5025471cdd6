using KhoActors.Subsystems.Kho;

namespace KhoActors.Subsystems.Tests.Kho;

public class RestorationTests
{
    private readonly PageStamps _stamps = new();
    private readonly KernelLog _log = new();
    private Adopted _adopted = new([]);

    [Fact]
    public void A_stamp_holds_magic_and_order()
    {
        _stamps.Stamp(7, 3);
        Assert.Equal(0x4B48_4F50_0000_0003UL, _stamps.PrivateOf(7));
        Assert.Equal(0UL, _stamps.PrivateOf(8));
    }

    [Fact]
    public void A_block_is_restored_once_and_the_second_time_warns()
    {
        _stamps.Stamp(0x10, 4);
        Restoration restoration = Make();
        Assert.Equal(4, restoration.RestoreFolio(0x10fff, ref _adopted));
        Assert.Equal(0, _log.Warnings);
        Assert.Equal(Restoration.Nothing, restoration.RestoreFolio(0x10000, ref _adopted));
        Assert.Equal(Restoration.Nothing, restoration.RestoreFolio(0x10000, ref _adopted));
        Assert.Equal(2, _log.Warnings);
        Assert.Single(_log.Lines);
        Assert.Equal(["10,4 folio"], _adopted.Blocks);
    }

    [Fact]
    public void A_later_stamp_of_the_same_page_replaces_the_earlier_one()
    {
        _stamps.Stamp(0x10, 4);
        _stamps.Stamp(0x10, 0);
        Assert.Equal(0, Make().RestoreFolio(0x10000, ref _adopted));
    }

    [Fact]
    public void A_page_that_is_not_online_gives_nothing_and_no_warning()
    {
        _stamps.Stamp(0x2000, 0);
        Assert.Equal(Restoration.Nothing, Make().RestoreFolio(0x2000000, ref _adopted));
        Assert.Equal(0, _log.Warnings);
    }

    [Theory]
    [InlineData(10, 10, 10)]
    [InlineData(11, 10, Restoration.Nothing)]
    [InlineData(19, null, 19)]
    public void An_order_above_the_limit_of_the_kernel_is_not_restored(int order, int? limit, int expected)
    {
        _stamps.Stamp(0x100, order);
        Assert.Equal(expected, Make(limit).RestoreFolio(0x100000, ref _adopted));
        Assert.Equal(expected == Restoration.Nothing ? 1 : 0, _log.Warnings);
    }

    [Fact]
    public void Pages_are_restored_by_the_stamps_of_the_pieces_whatever_their_length()
    {
        // Preserved as two blocks because of a node boundary; the plain split sees one piece and takes the first block only.
        _stamps.Stamp(0x10, 3);
        _stamps.Stamp(0x18, 3);
        Assert.Equal(0, Make().RestorePages(0x10000, 16, ref _adopted));
        Assert.Equal(["10,3 pages"], _adopted.Blocks);
        Assert.Equal((false, true), (_stamps.TryRead(0x10, out _), _stamps.TryRead(0x18, out _)));
    }

    [Fact]
    public void Pieces_before_a_missing_one_stay_restored()
    {
        _stamps.Stamp(3, 0);
        _stamps.Stamp(8, 2);
        Assert.Equal(Restoration.Nothing, Make().RestorePages(0x3000, 10, ref _adopted));
        Assert.Equal(["3,0 pages"], _adopted.Blocks);
        Assert.Equal(1, _log.Warnings);
    }

    [Fact]
    public void No_pages_are_restored_with_success() => Assert.Equal(0, Make().RestorePages(0x3000, 0, ref _adopted));

    private Restoration Make(int? limit = null) => new(_stamps, pfn => pfn < 0x1000, limit, _log);

    private readonly struct Adopted(List<string> blocks) : IRestoredBlockReceiver
    {
        public List<string> Blocks => blocks;

        public void Restored(PreservedBlock block, bool isFolio) => blocks.Add($"{block.Pfn:x},{block.Order} {(isFolio ? "folio" : "pages")}");
    }
}
