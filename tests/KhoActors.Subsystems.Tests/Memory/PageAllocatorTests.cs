using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

public sealed class PageAllocatorTests
{
    private const ulong Tebibyte = 1UL << (40 - PageGeometry.Shift);
    private readonly PhysicalMemory _memory = new();

    [Fact]
    public void Twelve_tebibytes_cost_what_their_ranges_cost()
    {
        PageAllocator allocator = Empty();
        for (int node = 0; node < 6; node++)
        {
            allocator.AddFree(0x100 + ((ulong)node * 2 * Tebibyte), (ulong)(node + 1) * 2 * Tebibyte, node, MigrateType.Movable);
        }

        Assert.Equal(0, allocator.Buddy.Sections.Count);
        Assert.Equal(6, allocator.Buddy.Untouched.Count);
        Assert.True(_memory.Background.Length <= 6);

        for (int i = 0; i < 1000; i++)
        {
            Assert.NotEqual(0UL, allocator.Allocate(0, MigrateType.Unmovable, PageOwner.Kernel, i % 6));
        }

        Assert.Equal(6, allocator.Buddy.Sections.Count);
        Assert.Equal((12 * Tebibyte) - (6 * 0x100) - 1000, allocator.FreePages);
        allocator.Validate();
    }

    [Fact]
    public void A_gigantic_block_is_adopted_and_freed_without_state_per_page()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(1, 0x80000, 0, MigrateType.Movable);
        allocator.Adopt(0x80000, 19, PageOwner.Kho);
        Assert.Equal(512, allocator.Buddy.Sections.Count);
        Assert.Equal(0, allocator.Buddy.Sections.Divided);
        Assert.Equal(PageOwner.Kho, allocator.OwnerOf(0xFFFFF));
        allocator.Free(PageGeometry.PhysOf(0x80000), 19, PageOwner.Kho);
        Assert.Equal(0xFFFFFUL, allocator.FreePages);
        allocator.Validate();
    }

    [Fact]
    public void Scratch_serves_movable_allocations_only()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x800, 0, MigrateType.Cma);
        Assert.Equal(0x400UL, allocator.FreeCmaPages);
        Assert.Equal(0UL, allocator.Allocate(0, MigrateType.Unmovable, PageOwner.Kernel));
        Assert.NotEqual(0UL, allocator.Allocate(0, MigrateType.Movable, PageOwner.Workload));
        Assert.NotEqual(0UL, allocator.Allocate(0, MigrateType.Cma, PageOwner.Workload));
        Assert.Equal(0x3FEUL, allocator.FreeCmaPages);
    }

    [Fact]
    public void Scratch_is_used_first_while_it_is_more_than_half_of_what_is_free()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x800, 0, MigrateType.Cma);
        allocator.AddFree(0x800, 0xA00, 0, MigrateType.Movable);
        var types = new List<MigrateType>();
        for (int i = 0; i < 3; i++)
        {
            types.Add(allocator.TypeOf(PageGeometry.PfnOf(allocator.Allocate(9, MigrateType.Movable, PageOwner.Workload))));
        }

        Assert.Equal([MigrateType.Cma, MigrateType.Movable, MigrateType.Cma], types);
    }

    [Fact]
    public void An_unaligned_scratch_range_types_its_pageblocks_rounded_outwards()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x410, 0, MigrateType.Movable);
        allocator.AddFree(0x410, 0x600, 0, MigrateType.Cma);
        Assert.Equal(0x200UL, allocator.FreeCmaPages);
        Assert.Equal(MigrateType.Cma, allocator.TypeOf(0x400));
        Assert.Equal(MigrateType.Movable, allocator.TypeOf(0x600));
        allocator.Validate();
    }

    [Fact]
    public void The_first_unmovable_allocation_takes_over_the_lowest_whole_block()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x10, 0x2000, 0, MigrateType.Movable);
        Assert.Equal(PageGeometry.PhysOf(0x400), allocator.Allocate(0, MigrateType.Unmovable, PageOwner.Kernel));
        Assert.Equal(MigrateType.Unmovable, allocator.TypeOf(0x7FF));
        Assert.Equal(MigrateType.Movable, allocator.TypeOf(0x800));
        Assert.Equal(PageGeometry.PhysOf(0x10), allocator.Allocate(0, MigrateType.Movable, PageOwner.Workload));
    }

    [Fact]
    public void Nodes_are_tried_preferred_first_then_by_number_and_exact_means_no_other()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x401, 0, MigrateType.Movable);
        allocator.AddFree(0x800, 0x801, 1, MigrateType.Movable);
        allocator.AddFree(0xC00, 0xC01, 2, MigrateType.Movable);
        Assert.Equal(0x800_000UL, allocator.Allocate(0, MigrateType.Movable, PageOwner.Kernel, 1, exactNode: true));
        Assert.Equal(0UL, allocator.Allocate(0, MigrateType.Movable, PageOwner.Kernel, 1, exactNode: true));
        Assert.Equal(0x400_000UL, allocator.Allocate(0, MigrateType.Movable, PageOwner.Kernel, 1));
        Assert.Equal(0xC00_000UL, allocator.Allocate(0, MigrateType.Movable, PageOwner.Kernel, 1));
        Assert.Equal(0UL, allocator.Allocate(0, MigrateType.Movable, PageOwner.Kernel));
    }

    [Fact]
    public void Orders_above_the_maximum_are_out_of_memory()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x4000, 0, MigrateType.Movable);
        Assert.Equal(0UL, allocator.Allocate(11, MigrateType.Movable, PageOwner.Kernel));
        Assert.NotEqual(0UL, allocator.Allocate(10, MigrateType.Movable, PageOwner.Kernel));
    }

    [Fact]
    public void A_violation_names_address_action_and_owners()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x800, 0, MigrateType.Movable);
        ulong phys = allocator.Allocate(3, MigrateType.Movable, PageOwner.Client(2));
        var violation = Assert.Throws<PageOwnershipException>(() => allocator.Free(phys + 0x1000, 0, PageOwner.Kho));
        Assert.Equal(
            $"page {phys + 0x1000:x} is freed as order 0 by kho, its owner is client 2: it belongs to the block {phys:x} of order 3",
            violation.Message);
        violation = Assert.Throws<PageOwnershipException>(() => allocator.Free(0x1000, 0, PageOwner.Kho));
        Assert.Equal("page 1000 is freed as order 0 by kho, its owner is memblock: the page allocator does not manage it", violation.Message);
        Assert.Throws<PageOwnershipException>(() => allocator.Adopt(0x600, 0, PageOwner.Kho));
        Assert.Throws<PageOwnershipException>(() => allocator.AddFree(0x3FF, 0x401, 0, MigrateType.Movable));
        Assert.Throws<PageOwnershipException>(() => allocator.Chown(phys, PageOwner.Kho, PageOwner.Kernel));
        allocator.Validate();
    }

    [Fact]
    public void Only_the_owner_writes_a_page()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x800, 0, MigrateType.Movable);
        var mine = new OwnedMemory(_memory, allocator, PageOwner.Kho);
        ulong phys = allocator.Allocate(1, MigrateType.Unmovable, PageOwner.Kho);
        mine.WriteUInt64(phys + 0xFFC, 0x1122334455667788);
        Assert.Equal(0x1122334455667788UL, mine.ReadUInt64(phys + 0xFFC));
        Assert.Throws<PageOwnershipException>(() => mine.WriteUInt64(phys + 0x1FFC, 1));
        Assert.Throws<PageOwnershipException>(() => mine.WriteUInt64(0x1000, 1));
        Assert.Throws<PageOwnershipException>(() => new OwnedMemory(_memory, allocator, PageOwner.Tracker).WriteUInt64(phys, 1));
        new OwnedMemory(_memory, allocator, PageOwner.Memblock).WriteUInt64(0x1000, 7);

        allocator.SetReservedOwner(1, 2, PageOwner.Kho);
        mine.WriteUInt64(0x1000, 8);
        allocator.Chown(phys, PageOwner.Kho, PageOwner.Kernel);
        Assert.Throws<PageOwnershipException>(() => mine.WriteUInt64(phys, 1));
        allocator.Chown(phys, PageOwner.Kernel, PageOwner.Kho);
        mine.WriteUInt64(phys, 1);
        allocator.Free(phys, 1, PageOwner.Kho);
        Assert.Throws<PageOwnershipException>(() => mine.WriteUInt64(phys, 1));
    }

    [Fact]
    public void The_memory_map_decides_what_may_come_under_management()
    {
        var nodes = new NodeMap();
        nodes.Add(0x400, 0x500, 0);
        nodes.Add(0x500, 0x600, 1);
        var allocator = new PageAllocator(_memory, new PageAllocatorOptions(), nodes);
        Assert.Throws<ArgumentException>(() => allocator.AddFree(0x400, 0x600, 0, MigrateType.Movable));
        Assert.Throws<ArgumentException>(() => allocator.AddFree(0x400, 0x500, 1, MigrateType.Movable));
        Assert.Throws<ArgumentException>(() => allocator.Adopt(0x600, 0, PageOwner.Kho));
        allocator.AddFree(0x400, 0x500, 0, MigrateType.Movable);
        allocator.AddFree(0x500, 0x600, 1, MigrateType.Movable);
        Assert.Equal(0UL, allocator.Allocate(9, MigrateType.Movable, PageOwner.Kernel));
        Assert.NotEqual(0UL, allocator.Allocate(8, MigrateType.Movable, PageOwner.Kernel));
    }

    [Fact]
    public void A_page_source_hands_out_zeroed_pages_and_takes_back_its_own()
    {
        PageAllocator allocator = Empty();
        allocator.AddFree(0x400, 0x800, 0, MigrateType.Movable);
        IPageSource source = allocator.SourceFor(PageOwner.Tracker);
        ulong phys = source.AllocateZeroedPage();
        Assert.Equal(0UL, _memory.ReadUInt64(phys + 8));
        Assert.Equal(PageOwner.Tracker, allocator.OwnerOf(PageGeometry.PfnOf(phys)));
        source.FreePage(phys);
        Assert.Equal(PhysicalMemory.PoisonWord, _memory.ReadUInt64(phys + 8));
        Assert.Throws<PageOwnershipException>(() => source.FreePage(phys));
    }

    private PageAllocator Empty() => new(_memory, new PageAllocatorOptions());
}
