using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Memory;

public class PageblockTypeTests
{
    [Theory]
    [InlineData(9)]
    [InlineData(10)]
    public void A_whole_pageblock_of_scratch_that_comes_under_management_late_serves_movable_memory_only(int pageblockOrder)
    {
        PhysicalMemory memory = new();
        PageAllocator pages = new(memory, new PageAllocatorOptions(pageblockOrder));
        pages.SetPageblockType(0x400, 0x800, MigrateType.Cma);
        pages.AddFree(0x800, 0x900, 0, MigrateType.Movable);
        pages.Adopt(0x400, 10, PageOwner.Workload);

        pages.Free(0x400UL << PageGeometry.Shift, 10, PageOwner.Workload);

        Assert.Equal(0UL, pages.Allocate(10, MigrateType.Unmovable, PageOwner.Workload));
        Assert.Equal(0x400UL << PageGeometry.Shift, pages.Allocate(10, MigrateType.Movable, PageOwner.Workload));
        pages.Validate();
    }
}
