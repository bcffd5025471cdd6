using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>What the page allocator receives.</summary>
public sealed class FreeRangesTests
{
    public static TheoryData<string, int> Generations() => CapturedBootTests.Generations();

    [Theory]
    [MemberData(nameof(Generations))]
    public void Free_ranges_are_all_whole_pages_that_are_memory_and_not_reserved(string name, int generation)
    {
        (EarlyMemory early, _) = CapturedBootTests.Boot(Capture.Open(name), generation);
        MemblockRegions left = new();
        foreach (MemblockRegion region in early.Memblock.Memory.Regions)
        {
            left.Add(region.Base, region.SizeBytes);
        }

        foreach (MemblockRegion region in early.Memblock.Reserved.Regions)
        {
            ulong start = region.Base & ~0xfffUL;
            left.Remove(start, PageGeometry.AlignUp(region.End) - start);
        }

        ulong last = 0;
        foreach (FreeRange range in early.FreeRanges)
        {
            Assert.True(range.StartPfn >= last && range.EndPfn > range.StartPfn);
            last = range.EndPfn;
            ulong start = PageGeometry.PhysOf(range.StartPfn);
            ulong end = PageGeometry.PhysOf(range.EndPfn);
            MemblockRegion gap = left[left.FirstEndingAfter(start)];
            Assert.True(gap.Base <= start && gap.End >= end);
            Assert.Equal(early.Scratch.Areas.Any(area => area.Phys <= start && area.End >= end), range.IsScratch);
            Assert.Equal(range.IsScratch, early.Scratch.Areas.Any(area => area.SizeBytes > 0 && area.Overlaps(start, end - start)));
            left.Remove(start, end - start);
        }

        Assert.Equal(0, left.Count);
        Assert.Equal(early.IsKhoBoot, early.FreeRanges.Any(range => range.IsScratch));
    }
}
