using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>vmalloc, kho_preserve_vmalloc, kho_unpreserve_vmalloc and kho_restore_vmalloc as clients ask for them.</summary>
public class VmallocRequestTests
{
    private const ulong Page = PageGeometry.SizeBytes;
    private static readonly VmallocDescriptor Before = new(0xDEAD_0000, 7, 2, 5);

    [Fact]
    public void An_area_belongs_to_who_asked_and_its_chunks_to_the_core()
    {
        KhoBench bench = KhoBench.Started();
        SortedSet<(ulong, int)> own = bench.Tracked;
        ulong free = bench.Pages.FreePages;
        KernelResult allocated = bench.AllocateArea(600);

        KernelResult preserved = bench.PreserveArea(allocated.Value + (17 * Page));

        VmallocDescriptor descriptor = VmallocDescriptor.From(preserved.Value, preserved.Extra);
        Assert.Equal((0, 600UL, 600U, 1, 0), (preserved.Code, allocated.Extra, descriptor.TotalPages, descriptor.Flags, descriptor.Order));
        VmallocArea area = bench.Vmalloc.Find(allocated.Value)!;
        Assert.All(area.GroupPfns, pfn => Assert.Equal(PageOwner.Client(0), bench.Pages.OwnerOf(pfn)));
        Assert.Equal(PageOwner.Kho, bench.Pages.OwnerOf(PageGeometry.PfnOf(descriptor.FirstChunkPhys)));
        Assert.Equal(own.Count + 602, bench.Tracked.Count);

        Assert.Equal(0, bench.UnpreserveArea(descriptor).Code);
        Assert.Equal(0, bench.FreeArea(allocated.Value).Code);
        Assert.Equal(own, bench.Tracked);
        Assert.Equal(free, bench.Pages.FreePages);
        Assert.Empty(bench.Lines);
    }

    [Fact]
    public void A_refused_area_leaves_the_descriptor_as_it_was()
    {
        KhoBench bench = KhoBench.Started();
        ulong shared = bench.AllocateArea(1, attributes: VmallocAttributes.Alloc | VmallocAttributes.UserMap).Value;
        ulong mapped = bench.AllocateArea(1, attributes: VmallocAttributes.Map).Value;

        Assert.Equal(new KernelResult(-Errno.EOPNOTSUPP, Before.Low, Before.High), bench.PreserveArea(shared, Before));
        Assert.Equal(-Errno.EOPNOTSUPP, bench.PreserveArea(mapped).Code);
        Assert.Equal(new KernelResult(-Errno.EINVAL, Before.Low, Before.High), bench.PreserveArea(shared - 1, Before));
        Assert.Equal(-Errno.EINVAL, bench.PreserveArea(0).Code);
        Assert.Empty(bench.Lines);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Without_memory_for_every_chunk_nothing_is_left_and_the_descriptor_names_what_was_freed(int chunks)
    {
        KhoBench bench = KhoBench.Started();
        ulong address = bench.AllocateArea(1022).Value;
        SortedSet<(ulong, int)> own = bench.Tracked;
        ulong free = bench.Pages.FreePages;
        bench.Memblock.AllocationsLeft = chunks;

        KernelResult failed = bench.PreserveArea(address, Before);

        Assert.Equal((-Errno.ENOMEM, chunks > 0, Before.High), (failed.Code, failed.Value != Before.Low, failed.Extra));
        Assert.Equal(own, bench.Tracked);
        Assert.Equal(free, bench.Pages.FreePages);
    }

    [Fact]
    public void Without_memory_for_the_tracker_nothing_is_left_wherever_it_fails()
    {
        for (int pages = 0; ; pages++)
        {
            KhoBench bench = KhoBench.Started();
            ulong address = bench.AllocateArea(700).Value;
            SortedSet<(ulong, int)> own = bench.Tracked;
            ulong free = bench.Pages.FreePages;
            bench.TrackerPages.AllocationsLeft = pages;

            if (bench.PreserveArea(address).Succeeded)
            {
                Assert.InRange(pages, 0, 20);
                return;
            }

            Assert.Equal(own, bench.Tracked);
            Assert.Equal(free, bench.Pages.FreePages);
        }
    }

    [Fact]
    public void With_KHO_off_the_first_chunk_cannot_be_preserved()
    {
        KhoBench bench = new(enabled: false);
        bench.Init();
        ulong address = bench.AllocateArea(3).Value;
        ulong free = bench.Pages.FreePages;

        Assert.Equal(-Errno.ENOMEM, bench.PreserveArea(address).Code);
        Assert.Equal(0, bench.UnpreserveArea(default).Code);

        Assert.Equal(free, bench.Pages.FreePages);
        Assert.Equal(["WARNING: kho_radix_add_key"], bench.Lines);
    }

    [Fact]
    public void A_debug_kernel_refuses_an_area_with_a_page_in_scratch()
    {
        KhoBench bench = KhoBench.Started(KhoBench.Kernel(debug: true));
        SortedSet<(ulong, int)> own = bench.Tracked;
        VmallocArea area = bench.Vmalloc.Map([0x7400, KhoBench.ScratchPfn, 0x7402], 0, VmallocAttributes.Alloc)!;

        Assert.Equal(-Errno.EINVAL, bench.PreserveArea(area.Address).Code);

        Assert.Equal(own, bench.Tracked);
        Assert.Equal(["WARNING: kho_preserve_pages"], bench.Lines);
    }

    [Fact]
    public void What_is_no_area_is_freed_with_a_warning_and_what_cannot_be_had_is_ENOMEM()
    {
        KhoBench bench = KhoBench.Started();

        Assert.Equal(0, bench.FreeArea(VmallocAreas.StartAddress).Code);
        Assert.Equal(0, bench.FreeArea(0).Code);
        Assert.Equal(-Errno.ENOMEM, bench.AllocateArea(0).Code);
        Assert.Equal(-Errno.ENOMEM, bench.AllocateArea(1 << 30).Code);

        Assert.Equal(["WARNING: vfree"], bench.Lines);
    }

    [Fact]
    public void Areas_and_ranges_under_way_together_end_as_one_after_the_other_in_any_order_of_deliveries()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            SplitMix64 draws = new(seed);
            KhoBench bench = KhoBench.Started();
            ulong[] addresses = [bench.AllocateArea(40).Value, bench.AllocateArea(9, order: 2).Value, bench.AllocateArea(33).Value];
            KernelResult preserved = bench.PreserveArea(addresses[2]);
            bench.PreservePages(0x7401, 9);
            SortedSet<(ulong, int)> before = bench.Tracked;
            uint[] asked =
            [
                bench.Post(new PreserveVmalloc(addresses[0], default).ToMessage()),
                bench.Post(new PreserveVmalloc(addresses[1], default).ToMessage()),
                bench.Post(new VmallocDescriptorRequest(VmallocDescriptor.From(preserved.Value, preserved.Extra)).ToMessage(KhoProtocol.UnpreserveVmalloc)),
                bench.Post(new PagesRequest(0x7401, 9).ToMessage(KhoProtocol.UnpreservePages)),
                bench.Post(new PagesRequest(0x7501, 50).ToMessage(KhoProtocol.PreservePages)),
            ];
            while (bench.Deliverable > 0)
            {
                bench.Deliver((int)draws.Below((ulong)bench.Deliverable));
            }

            KernelResult[] answers = [.. asked.Select(correlation => bench.AnswerTo(correlation)!.Value)];
            Assert.All(answers, answer => Assert.Equal(0, answer.Code));
            before.ExceptWith(BlocksOf(bench, addresses[2], preserved));
            before.ExceptWith([(0x7401, 0), (0x7402, 1), (0x7404, 2), (0x7408, 1)]);
            before.UnionWith(BlocksOf(bench, addresses[0], answers[0]));
            before.UnionWith(BlocksOf(bench, addresses[1], answers[1]));
            foreach (PreservedBlock block in new BlockSplit(0x7501, 50))
            {
                before.Add((block.Pfn, block.Order));
            }

            Assert.True(before.SetEquals(bench.Tracked), $"seed {seed}");
        }
    }

    [Fact]
    public void A_preserve_that_is_under_way_yields_at_every_chunk_and_every_block()
    {
        KhoBench bench = KhoBench.Started();
        ulong address = bench.AllocateArea(511).Value;
        bench.Post(new PreserveVmalloc(address, default).ToMessage());
        int allocations = 0, blocks = 0;
        while (bench.Deliverable > 0)
        {
            ActorId next = bench.Waiting.First(delivery => delivery.To.Value < ActorId.FirstClient).To;
            allocations += next == ActorId.Memblock ? 1 : 0;
            blocks += next == ActorId.Tracker ? 1 : 0;
            bench.Deliver(0);
        }

        Assert.Equal((2, 513), (allocations, blocks));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void A_damaged_descriptor_or_chain_restores_nothing(int damage, bool chunkStamped)
    {
        KhoBench bench = KhoBench.Started();
        const ulong ChunkPfn = 0x7400;
        bench.Memory.WriteUInt64(PageGeometry.PhysOf(ChunkPfn) + 8, PageGeometry.PhysOf(0x7500));
        bench.Stamps.Stamp(0x7500, 0);
        if (chunkStamped)
        {
            bench.Stamps.Stamp(ChunkPfn, 0);
        }

        Assert.Equal(-Errno.ENOENT, bench.RestoreArea(new VmallocDescriptor(PageGeometry.PhysOf(ChunkPfn), (uint)(1 + damage), 1, 0)).Code);
        Assert.Empty(bench.Vmalloc.Areas);
    }

    [Fact]
    public void A_chain_of_more_pages_than_the_descriptor_has_is_restored_up_to_them_and_those_are_lost()
    {
        KhoBench bench = KhoBench.Started();
        ulong chunk = PageGeometry.PhysOf(0x7400);
        bench.Memory.WriteUInt64(chunk + 8, PageGeometry.PhysOf(0x7500));
        bench.Memory.WriteUInt64(chunk + 16, PageGeometry.PhysOf(0x7501));
        foreach (ulong pfn in new ulong[] { 0x7400, 0x7500, 0x7501 })
        {
            bench.Stamps.Stamp(pfn, 0);
        }

        Assert.Equal(-Errno.ENOENT, bench.RestoreArea(new VmallocDescriptor(chunk, 1, 1, 0)).Code);

        Assert.Equal(PageOwner.Client(0), bench.Pages.OwnerOf(0x7500));
        Assert.True(bench.Stamps.TryRead(0x7501, out _));
    }

    [Fact]
    public void Absurd_descriptors_end()
    {
        KhoBench bench = KhoBench.Started();
        bench.Memory.WriteUInt64(PageGeometry.PhysOf(0x7400), PageGeometry.PhysOf(0x7400));
        bench.Stamps.Stamp(0x7400, 0);

        Assert.Equal(-Errno.ENOENT, bench.RestoreArea(new VmallocDescriptor(PageGeometry.PhysOf(0x7400), 1, 1, 0)).Code);
        Assert.Equal(-Errno.ENOENT, bench.RestoreArea(new VmallocDescriptor(PageGeometry.PhysOf(0x7401), uint.MaxValue, 1, 0)).Code);
        Assert.Equal(-Errno.ENOENT, bench.RestoreArea(new VmallocDescriptor(PageGeometry.PhysOf(0x7401), 1, 1, 31)).Code);
        Assert.Equal(-Errno.ENOENT, bench.RestoreArea(default).Code);
        Assert.Throws<SimulatedOopsException>(() => bench.RestoreArea(new VmallocDescriptor(1UL << 40, 1, 1, 0)));
    }

    private static IEnumerable<(ulong, int)> BlocksOf(KhoBench bench, ulong address, KernelResult preserved)
    {
        VmallocArea area = bench.Vmalloc.Find(address)!;
        return [(PageGeometry.PfnOf(preserved.Value), 0), .. area.GroupPfns.Select(pfn => (pfn, area.PageOrder))];
    }
}
