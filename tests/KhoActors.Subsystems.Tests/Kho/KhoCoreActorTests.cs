using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>The table of the preservation API: what each call answers, what it leaves behind when it fails.</summary>
public class KhoCoreActorTests
{
    private const ulong Pfn = 0x2000;

    [Fact]
    public void A_folio_is_one_block_and_pages_are_split()
    {
        KhoBench bench = KhoBench.Started();
        SortedSet<(ulong, int)> own = bench.Tracked;

        Assert.Equal(0, bench.PreserveFolio(Pfn, 4).Code);
        Assert.Equal(0, bench.PreservePages(Pfn + 0x103, 10).Code);

        (ulong, int)[] expected = [(Pfn, 4), (Pfn + 0x103, 0), (Pfn + 0x104, 2), (Pfn + 0x108, 2), (Pfn + 0x10c, 0)];
        Assert.Equal([.. own.Concat(expected).Order()], bench.Tracked);
        Assert.Equal(0, bench.UnpreservePages(Pfn + 0x103, 10).Code);
        Assert.Equal(0, bench.UnpreserveFolio(Pfn, 4).Code);
        Assert.Equal(own, bench.Tracked);
        Assert.Empty(bench.Lines);
    }

    [Fact]
    public void A_block_does_not_straddle_nodes_from_7_1_on()
    {
        KhoBench bench = KhoBench.Started(), old = KhoBench.Started(KhoBench.Kernel() with { SplitsAtNodes = false });

        Assert.Equal(0, bench.PreservePages(KhoBench.NodeBorderPfn - 0x1000, 0x2000).Code);
        Assert.Equal(0, old.PreservePages(0, 0x8000).Code);

        Assert.Contains((KhoBench.NodeBorderPfn - 0x1000, 12), bench.Tracked);
        Assert.Contains((KhoBench.NodeBorderPfn, 12), bench.Tracked);
        Assert.Contains((0UL, 15), old.Tracked);
    }

    [Fact]
    public void Preserving_twice_and_unpreserving_once_leaves_nothing()
    {
        KhoBench bench = KhoBench.Started();
        SortedSet<(ulong, int)> own = bench.Tracked;

        bench.PreserveFolio(Pfn, 2);
        bench.PreserveFolio(Pfn, 2);
        bench.UnpreserveFolio(Pfn, 2);

        Assert.Equal(own, bench.Tracked);
    }

    [Theory]
    [InlineData(true, -Errno.EINVAL)]
    [InlineData(false, 0)]
    public void Memory_in_scratch_is_refused_by_a_debug_kernel_only(bool debug, int result)
    {
        KhoBench bench = KhoBench.Started(KhoBench.Kernel(debug: debug));

        Assert.Equal(result, bench.PreserveFolio(KhoBench.ScratchPfn, 0).Code);
        Assert.Equal(result, bench.PreservePages(KhoBench.ScratchPfn - 3, 4).Code);
        Assert.Equal(result, bench.PreservePages(KhoBench.ScratchEndPfn - 1, 4).Code);

        Assert.Equal(debug ? 3 : 0, bench.Lines.Count(line => line == "WARNING: kho_preserve_pages"));
        Assert.Equal(0, bench.PreservePages(KhoBench.ScratchPfn - 3, 3).Code);
        Assert.Equal(0, bench.PreservePages(KhoBench.ScratchEndPfn, 4).Code);
    }

    [Fact]
    public void With_KHO_off_nothing_is_preserved_and_the_first_attempt_warns()
    {
        KhoBench bench = new(enabled: false);
        Assert.Equal(0, bench.Init().Code);

        Assert.Equal(-Errno.EINVAL, bench.PreserveFolio(Pfn, 0).Code);
        Assert.Equal(-Errno.EINVAL, bench.PreservePages(Pfn, 3).Code);
        Assert.Equal(-Errno.EINVAL, bench.AllocPreserve(4096).Code);
        Assert.Equal(0, bench.UnpreserveFolio(Pfn, 0).Code);
        Assert.Equal(0, bench.UnpreservePages(Pfn, 3).Code);

        Assert.Equal(["WARNING: kho_radix_add_key", "WARNING: kho_radix_del_key"], bench.Lines);
        Assert.Equal(5, bench.Log.Warnings);
        Assert.Equal(-Errno.ENOENT, bench.Retrieve("memblock").Code);
        Assert.Throws<SimulatedOopsException>(() => bench.AddSubtree("blob", 0x1000, 1));
        Assert.Throws<SimulatedOopsException>(() => bench.RemoveSubtree(0x1000));
    }

    [Fact]
    public void With_KHO_off_an_allocation_is_freed_when_it_cannot_be_preserved_and_also_by_unpreserve_free()
    {
        KhoBench bench = new(enabled: false);
        bench.Init();
        ulong free = bench.Pages.FreePages;

        Assert.Equal(-Errno.EINVAL, bench.AllocPreserve(4096).Code);
        Assert.Equal(free, bench.Pages.FreePages);

        ulong phys = bench.Pages.Allocate(2, MigrateType.Unmovable, PageOwner.Client(0));
        Assert.Equal(0, bench.UnpreserveFree(phys).Code);
        Assert.Equal(free, bench.Pages.FreePages);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_pages_are_preserved_and_unpreserved_without_a_word(bool enabled)
    {
        KhoBench bench = new(enabled: enabled);
        bench.Init();

        Assert.Equal(0, bench.PreservePages(Pfn, 0).Code);
        Assert.Equal(0, bench.UnpreservePages(Pfn, 0).Code);

        Assert.Empty(bench.Lines);
    }

    [Theory]
    [InlineData(0, -Errno.EINVAL)]
    [InlineData(1, 0)]
    [InlineData(4097, 1)]
    [InlineData(4 << 20, 10)]
    [InlineData((4 << 20) + 1, -Errno.E2BIG)]
    public void Alloc_preserve_takes_the_smallest_folio_that_fits(ulong sizeBytes, int orderOrError)
    {
        KhoBench bench = KhoBench.Started();
        ulong free = bench.Pages.FreePages;

        KernelResult result = bench.AllocPreserve(sizeBytes);

        Assert.Equal(Math.Min(orderOrError, 0), result.Code);
        Assert.Equal(free - (orderOrError < 0 ? 0 : 1UL << orderOrError), bench.Pages.FreePages);
        if (orderOrError >= 0)
        {
            Assert.Contains((PageGeometry.PfnOf(result.Value), orderOrError), bench.Tracked);
            Assert.Equal(0UL, bench.Memory.ReadUInt64(result.Value));
            Assert.Equal(PageOwner.Client(0), bench.Pages.OwnerOf(PageGeometry.PfnOf(result.Value)));
            Assert.Equal(0, bench.UnpreserveFree(result.Value).Code);
            Assert.Equal(free, bench.Pages.FreePages);
        }
    }

    [Fact]
    public void Alloc_preserve_without_memory_leaves_nothing_at_whichever_step_it_fails()
    {
        KhoBench bench = KhoBench.Started();
        SortedSet<(ulong, int)> own = bench.Tracked;
        (ulong Free, int Live) before = (bench.Pages.FreePages, bench.TrackerPages.Live.Count);

        bench.Memblock.AllocationsLeft = 0;
        Assert.Equal(-Errno.ENOMEM, bench.AllocPreserve(4096 << 5).Code);
        bench.Memblock.AllocationsLeft = int.MaxValue;
        for (int left = 0; left < 5; left++)
        {
            bench.TrackerPages.AllocationsLeft = left;

            Assert.Equal(-Errno.ENOMEM, bench.AllocPreserve(4096 << 5).Code);
            Assert.Equal(before, (bench.Pages.FreePages, bench.TrackerPages.Live.Count));
            Assert.Equal(own, bench.Tracked);
        }

        // Nothing of order 5 was tracked before: four tables below the root and a leaf are new.
        bench.TrackerPages.AllocationsLeft = 5;
        Assert.Equal(0, bench.AllocPreserve(4096 << 5).Code);
    }

    [Fact]
    public void A_range_that_fails_is_rolled_back_at_whichever_page_the_tracker_runs_out()
    {
        for (int left = 0; ; left++)
        {
            KhoBench bench = KhoBench.Started();
            SortedSet<(ulong, int)> own = bench.Tracked;
            bench.TrackerPages.AllocationsLeft = left;

            int result = bench.PreservePages(0x1801, 0x37fe).Code;

            if (result == 0)
            {
                Assert.True(left > 10);
                return;
            }

            Assert.Equal(-Errno.ENOMEM, result);
            Assert.Equal(own, bench.Tracked);
            Assert.Empty(bench.Lines);
        }
    }

    [Fact]
    public void Two_ranges_interleave_block_by_block()
    {
        KhoBench bench = KhoBench.Started();
        uint one = bench.Post(new PagesRequest(0x1001, 15).ToMessage(KhoProtocol.PreservePages));
        uint other = bench.Post(new PagesRequest(0x2001, 15).ToMessage(KhoProtocol.PreservePages));
        List<ulong> tracked = [];
        while (bench.Deliverable > 0)
        {
            Delivery next = bench.Waiting.First(delivery => delivery.To.Value < ActorId.FirstClient);
            if (next.To == ActorId.Tracker)
            {
                tracked.Add(next.Message.A >> 12);
            }

            bench.Deliver(0);
        }

        Assert.Equal([1, 2, 1, 2, 1, 2, 1, 2], tracked);
        Assert.Equal((0, 0), (bench.AnswerTo(one)!.Value.Code, bench.AnswerTo(other)!.Value.Code));
    }

    [Fact]
    public void Operations_under_way_together_end_as_one_after_the_other_in_any_order_of_deliveries()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            SplitMix64 draws = new(seed);
            KhoBench bench = KhoBench.Started();
            SortedSet<(ulong, int)> expected = [.. bench.Tracked, .. Blocks(0x1001, 77), .. Blocks(0x2003, 50), (0x3000, 5)];
            bench.PreservePages(0x1801, 30);
            uint[] asked =
            [
                bench.Post(new PagesRequest(0x1001, 77).ToMessage(KhoProtocol.PreservePages)),
                bench.Post(new PagesRequest(0x1801, 30).ToMessage(KhoProtocol.UnpreservePages)),
                bench.Post(new PagesRequest(0x2003, 50).ToMessage(KhoProtocol.PreservePages)),
                bench.Post(new FolioRequest(0x3000, 5).ToMessage(KhoProtocol.PreserveFolio)),
            ];
            while (bench.Deliverable > 0)
            {
                bench.Deliver((int)(draws.Next() % (ulong)bench.Deliverable));
            }

            Assert.All(asked, correlation => Assert.Equal(0, bench.AnswerTo(correlation)!.Value.Code));
            Assert.True(expected.SetEquals(bench.Tracked), $"seed {seed}");
        }
    }

    [Fact]
    public void A_range_that_fails_does_not_undo_another_one_that_shares_its_leaf()
    {
        KhoBench bench = KhoBench.Started();
        Assert.Equal(0, bench.PreservePages(0x1001, 1).Code);
        SortedSet<(ulong, int)> before = bench.Tracked;
        bench.TrackerPages.AllocationsLeft = 1;

        Assert.Equal(-Errno.ENOMEM, bench.PreservePages(0x1003, 0x7f).Code);

        Assert.Equal(before, bench.Tracked);
    }

    [Fact]
    public void What_is_not_recorded_is_unpreserved_with_a_warning_each_time()
    {
        KhoBench bench = KhoBench.Started();

        Assert.Equal(0, bench.UnpreserveFolio(Pfn, 7).Code);
        Assert.Equal(0, bench.UnpreserveFolio(Pfn, 7).Code);

        Assert.Equal(["WARNING: kho_radix_del_key", "WARNING: kho_radix_del_key"], bench.Lines);
    }

    [Fact]
    public void A_block_is_restored_once_and_belongs_to_who_asked()
    {
        KhoBench bench = KhoBench.Started();
        bench.Stamps.Stamp(0x7400, 3);

        Assert.Equal((0, 3UL), (bench.RestoreFolio(PageGeometry.PhysOf(0x7400) + 77) is var first ? first.Code : 0, first.Value));
        Assert.Equal(PageOwner.Client(0), bench.Pages.OwnerOf(0x7407));
        Assert.Equal(-Errno.ENOENT, bench.RestoreFolio(PageGeometry.PhysOf(0x7400)).Code);
        Assert.Equal(-Errno.ENOENT, bench.RestoreFolio(PageGeometry.PhysOf(KhoBench.RamEndPfn)).Code);
        Assert.Equal(["WARNING: kho_restore_page"], bench.Lines);
    }

    [Fact]
    public void Pieces_before_the_one_that_fails_stay_restored()
    {
        KhoBench bench = KhoBench.Started();
        bench.Stamps.Stamp(0x7401, 0);
        bench.Stamps.Stamp(0x7402, 1);

        Assert.Equal(-Errno.ENOENT, bench.RestorePages(0x7401, 7).Code);

        Assert.Equal(PageOwner.Client(0), bench.Pages.OwnerOf(0x7403));
        Assert.NotEqual(PageOwner.Client(0), bench.Pages.OwnerOf(0x7404));
    }

    [Fact]
    public void Subtrees_are_added_once_found_by_address_and_removed_silently()
    {
        KhoBench bench = KhoBench.Started();

        Assert.Equal(0, bench.AddSubtree("blob", 0x123456, 99).Code);
        Assert.Equal(-Errno.EEXIST, bench.AddSubtree("blob", 0x999999, 1).Code);
        Assert.Equal(["blob", "kexec-metadata"], Names(bench));
        Assert.Equal(0, bench.RemoveSubtree(0x777777).Code);
        Assert.Equal(0, bench.RemoveSubtree(0x123456).Code);
        Assert.Equal(["kexec-metadata"], Names(bench));
    }

    [Fact]
    public void A_full_root_FDT_answers_ENOMEM_and_keeps_what_it_has()
    {
        KhoBench bench = KhoBench.Started();
        int added = 0;
        while (bench.AddSubtree($"blob{added:d4}", (ulong)added << 12, 1) is { Code: 0 })
        {
            added++;
        }

        Assert.Equal(-Errno.ENOMEM, bench.AddSubtree("another", 0, 1).Code);
        Assert.Equal(added + 1, Names(bench).Count);
        Assert.InRange(added, 60, 66);
    }

    [Fact]
    public void Only_7_1_takes_a_size_of_32_bits()
    {
        Assert.Equal(0xFFFF_FFFF_8000_0000, PreservedBlock.ReservedBytes(19, blockSize32Bit: true));
        Assert.Equal(0x8000_0000UL, PreservedBlock.ReservedBytes(19, blockSize32Bit: false));
        Assert.Equal(0x4000_0000UL, PreservedBlock.ReservedBytes(18, blockSize32Bit: true));
    }

    private static IEnumerable<(ulong, int)> Blocks(ulong pfn, ulong pages)
    {
        foreach (PreservedBlock block in new BlockSplit(pfn, pages))
        {
            yield return (block.Pfn, block.Order);
        }
    }

    private static List<string> Names(KhoBench bench)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        bench.Memory.Read(bench.Core.FdtPhys, page);
        List<string> names = [];
        for (int node = FdtReader.FirstSubnode(page, 0); node >= 0; node = FdtReader.NextSubnode(page, node))
        {
            FdtReader.NodeName(page, node, out ReadOnlySpan<byte> name);
            names.Add(System.Text.Encoding.ASCII.GetString(name));
        }

        return names;
    }
}
