using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>Where vmalloc areas lie, what is behind their addresses, and what they leave when they cannot be had.</summary>
public class VmallocAreasTests
{
    private const ulong Start = VmallocAreas.StartAddress, FirstPfn = 0x1000, Pages = 0x1000, Page = PageGeometry.SizeBytes;
    private static readonly PageOwner Owner = PageOwner.Client(3);
    private readonly PhysicalMemory _memory = new();
    private readonly PageAllocator _pages;
    private readonly VmallocAreas _areas;

    public VmallocAreasTests()
    {
        _pages = new PageAllocator(_memory, new PageAllocatorOptions(PoisonOnFree: true));
        _pages.AddFree(FirstPfn, FirstPfn + Pages, 0, MigrateType.Movable);
        _areas = new VmallocAreas(_pages);
    }

    [Fact]
    public void Areas_follow_each_other_with_a_guard_page_between_them()
    {
        Assert.Equal(Start, Allocate(3).Address);
        Assert.Equal(Start + (4 * Page), Allocate(1).Address);
        Assert.Equal(Start + (6 * Page), Allocate(1).Address);
    }

    [Fact]
    public void A_hole_is_used_again_by_what_fits_and_the_lowest_one_first()
    {
        ulong first = Allocate(2).Address, second = Allocate(3).Address;
        Allocate(1);
        _areas.Free(first, Owner);
        _areas.Free(second, Owner);

        Assert.Equal(Start, Allocate(6).Address);
        Assert.Equal(Start + (9 * Page), Allocate(1).Address);
    }

    [Fact]
    public void Areas_of_large_groups_are_aligned_to_them_and_a_hole_before_them_stays_usable()
    {
        Allocate(1);

        VmallocArea large = Allocate(10, order: 3);

        Assert.Equal((Start + (8 * Page), 16UL, 3), (large.Address, large.Pages, large.PageOrder));
        Assert.All(large.GroupPfns, pfn => Assert.Equal(0UL, pfn % 8));
        Assert.Equal(Start + (2 * Page), Allocate(5).Address);
        Assert.Equal(Start + (25 * Page), Allocate(1).Address);
    }

    [Fact]
    public void An_aligned_area_does_not_overlap_one_that_lies_across_its_alignment()
    {
        Allocate(1);
        VmallocArea across = Allocate(12);

        VmallocArea large = Allocate(8, order: 3);

        Assert.Equal((Start + (2 * Page), Start + (16 * Page)), (across.Address, large.Address));
    }

    [Theory]
    [InlineData(0UL, true)]
    [InlineData(4095UL, true)]
    [InlineData(0x1800UL, true)]
    [InlineData(0x3FFFUL, true)]
    [InlineData(0x4000UL, false)]
    public void Any_address_in_an_area_and_in_its_guard_page_selects_it(ulong offset, bool isInside)
    {
        VmallocArea area = Allocate(3);

        Assert.Equal(isInside ? area : null, _areas.Find(area.Address + offset));
        Assert.Null(_areas.Find(area.Address - 1));
        Assert.Null(_areas.Find(0));
        Assert.Null(_areas.Find(ulong.MaxValue));
    }

    [Fact]
    public void Freeing_gives_the_pages_back_to_nobody_but_their_owner()
    {
        ulong before = _pages.FreePages;
        VmallocArea area = Allocate(600, order: 9);
        ulong pfn = area.PfnOf(700);
        Assert.Equal(before - 1024, _pages.FreePages);

        Assert.Throws<PageOwnershipException>(() => _areas.Free(area.Address, PageOwner.Workload));
        Assert.True(_areas.Free(area.Address + Page, Owner));

        Assert.Equal((before, PageOwner.Free), (_pages.FreePages, _pages.OwnerOf(pfn)));
        Assert.Equal(0UL, area.Serial);
        _pages.Validate();
    }

    [Fact]
    public void Freeing_nothing_is_silent_and_freeing_what_is_no_area_says_so()
    {
        ulong address = Allocate(1).Address;

        Assert.True(_areas.Free(0, Owner));
        Assert.False(_areas.Free(address + 1, Owner));
        Assert.False(_areas.Free(address + (8 * Page), Owner));
        Assert.Single(_areas.Areas);
    }

    [Theory]
    [InlineData(0UL, 0)]
    [InlineData(Pages + 1, 0)]
    [InlineData(1UL << 60, 0)]
    [InlineData(Pages, 9)]
    [InlineData(1UL, 11)]
    public void What_cannot_be_had_leaves_nothing_behind(ulong pages, int order)
    {
        _pages.Allocate(0, MigrateType.Unmovable, PageOwner.Kernel);
        ulong before = _pages.FreePages;

        Assert.Null(_areas.Allocate(pages, order, VmallocAttributes.Alloc, Owner));

        Assert.Equal(before, _pages.FreePages);
        Assert.Empty(_areas.Areas);
        _pages.Validate();
    }

    [Fact]
    public void An_area_reads_zero_when_it_was_asked_for_so()
    {
        VmallocArea area = _areas.Allocate(5, 0, VmallocAttributes.Alloc, Owner, zero: true)!, plain = Allocate(1);

        Assert.Equal(0UL, _memory.ReadUInt64(PageGeometry.PhysOf(area.PfnOf(4))));
        Assert.Equal(PhysicalMemory.PoisonWord, _memory.ReadUInt64(PageGeometry.PhysOf(plain.PfnOf(0))));
    }

    [Fact]
    public void Mapped_groups_are_found_page_by_page()
    {
        VmallocArea area = _areas.Map([0x108, 0x110, 0x200], 3, VmallocAttributes.AllowHugeVmap)!;

        Assert.Equal((24UL, 0x108UL, 0x10FUL, 0x117UL, 0x207UL), (area.Pages, area.PfnOf(0), area.PfnOf(7), area.PfnOf(15), area.PfnOf(23)));
        Assert.Equal((16UL, 1UL, 8UL), (area.ContiguousFrom(0), area.ContiguousFrom(15), area.ContiguousFrom(16)));
        Assert.Throws<ArgumentOutOfRangeException>(() => area.PfnOf(24));
    }

    [Fact]
    public void An_aliased_area_maps_heads_only_and_freeing_it_finds_bad_pages()
    {
        ulong pfn = PageGeometry.PfnOf(_pages.Allocate(2, MigrateType.Unmovable, Owner));
        VmallocArea area = _areas.Map([pfn], 2, VmallocAttributes.Alloc, isAliased: true)!;

        Assert.Equal((pfn, pfn, 1UL), (area.PfnOf(0), area.PfnOf(3), area.ContiguousFrom(0)));
        Assert.Throws<SimulatedOopsException>(() => _areas.Free(area.Address, Owner));
    }

    [Fact]
    public void A_new_kernel_has_no_areas_and_the_addresses_of_the_first_one()
    {
        Allocate(3);
        VmallocArea old = Allocate(2);

        _areas.Reset();

        Assert.Empty(_areas.Areas);
        Assert.Equal(0UL, old.Serial);
        Assert.Equal((Start, 1UL), (Allocate(1) is var first ? first.Address : 0, first.Serial));
    }

    /// <summary>Areas against a plain list of occupied pages of the virtual range.</summary>
    [Fact]
    public void Any_sequence_keeps_areas_disjoint_aligned_lowest_and_every_page_accounted_for()
    {
        for (ulong seed = 0; seed < 150; seed++)
        {
            SplitMix64 draws = new(seed);
            VmallocAreasTests bench = new();
            SortedDictionary<ulong, (ulong Pages, int Order)> model = [];
            for (int step = 0; step < 60; step++)
            {
                if (draws.Below(3) == 0 && model.Count > 0)
                {
                    ulong address = model.Keys.ElementAt((int)draws.Below((ulong)model.Count));
                    Assert.True(bench._areas.Free(address + (draws.Below(model[address].Pages) * Page), Owner));
                    model.Remove(address);
                }
                else
                {
                    int order = draws.Below(3) == 0 ? (int)draws.Below(7) : 0;
                    ulong pages = 1 + draws.Below(200);
                    ulong whole = (((pages - 1) >> order) + 1) << order;
                    VmallocArea? area = bench._areas.Allocate(pages, order, VmallocAttributes.Alloc, Owner);
                    if (area is not null)
                    {
                        Assert.True(LowestHole(model, whole, order) == area.Address, $"seed {seed}, step {step}: 0x{area.Address:x}");
                        model.Add(area.Address, (whole, order));
                    }
                }

                Assert.Equal(Pages - (ulong)model.Values.Sum(area => (long)area.Pages), bench._pages.FreePages);
                Assert.Equal(model.Keys, bench._areas.Areas.Select(area => area.Address));
            }
        }
    }

    private static ulong LowestHole(SortedDictionary<ulong, (ulong Pages, int Order)> model, ulong pages, int order)
    {
        for (ulong at = Start; ; at += Page << order)
        {
            ulong end = at + ((pages + 1) * Page);
            if (model.All(area => end <= area.Key || at >= area.Key + ((area.Value.Pages + 1) * Page)))
            {
                return at;
            }
        }
    }

    private VmallocArea Allocate(ulong pages, int order = 0) => _areas.Allocate(pages, order, VmallocAttributes.Alloc, Owner)!;
}
