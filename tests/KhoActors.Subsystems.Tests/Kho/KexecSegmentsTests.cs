using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Tests.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

public sealed class KexecSegmentsTests
{
    private const ulong Page = 4096;
    private const ulong PlentyOfPages = 1 << 20;

    private static readonly ScratchArea[] Areas = [new(0x1dc00000, 0x1000000), new(0x19c00000, 0x4000000), new(0x17c00000, 0x2000000)];

    private static readonly KexecImage Image = new()
    {
        KernelBytes = 0x2fe400,
        InitSizeBytes = 0xa80000,
        AlignmentBytes = 0x200000,
        PreferredAddress = 0x1000000,
        InitrdBytes = 0x5b99bc,
        CommandLineLength = 151,
        ScratchAreas = 3,
    };

    [Fact]
    public void Plan_of_a_captured_machine_gives_the_loaders_addresses()
    {
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];

        Assert.Equal(0, KexecSegments.Plan(Areas, Image, PlentyOfPages, segments, out KexecPlan plan));

        Assert.Equal([0x1ebf0000UL, 0x1ebfb000UL, 0x1ebf9000UL, 0x1e000000UL, 0x1d646000UL], segments[..plan.SegmentCount].Select(s => s.Start));
        Assert.Equal([0x1000UL, 0x5000UL, 0x2000UL, 0xa80000UL, 0x5ba000UL], segments[..plan.SegmentCount].Select(s => s.SizeBytes));
        Assert.Equal(new KexecPlan(5, 0x1ebf0000, 0x1ebfa0c0), plan);
    }

    [Fact]
    public void Plan_without_scratch_data_has_no_array_segment()
    {
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];

        Assert.Equal(0, KexecSegments.Plan(Areas, Image with { ScratchAreas = 0, InitrdBytes = 0 }, PlentyOfPages, segments, out KexecPlan plan));

        Assert.Equal(
            [KexecSegmentKind.Purgatory, KexecSegmentKind.BootParams, KexecSegmentKind.Kernel], segments[..plan.SegmentCount].Select(s => s.Kind));
        Assert.Equal(0UL, plan.ScratchArrayPhys);
    }

    [Fact]
    public void Plan_with_scratch_smaller_than_the_kernel_fails_and_tells_what_was_placed()
    {
        ScratchArea[] small = [new(0x25800000, 0x400000), new(0x25000000, 0x800000), new(0x24c00000, 0x400000)];
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];

        Assert.Equal(-Errno.EADDRNOTAVAIL, KexecSegments.Plan(small, Image, PlentyOfPages, segments, out KexecPlan plan));

        Assert.Equal(3, plan.SegmentCount);
    }

    [Fact]
    public void Plan_of_a_kernel_never_goes_below_its_preferred_address()
    {
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];

        int result = KexecSegments.Plan([new(0x1000000, 0x2000000)], Image with { PreferredAddress = 0x2600000 }, PlentyOfPages, segments, out _);

        Assert.Equal(-Errno.EADDRNOTAVAIL, result);
    }

    [Theory]
    [InlineData(2 * 0xa88UL, 0)]
    [InlineData((2 * 0xa88UL) - 1, -Errno.EINVAL)]
    public void Plan_needs_a_machine_with_twice_the_pages_of_all_segments(ulong totalRamPages, int expected)
    {
        KexecSegment[] segments = new KexecSegment[KexecSegments.SegmentsMax];

        // Array 1 page, purgatory 5, boot params 2, kernel 0xa80.
        Assert.Equal(expected, KexecSegments.Plan(Areas, Image with { InitrdBytes = 0 }, totalRamPages, segments, out _));
    }

    [Theory]
    [InlineData(81, 0x1070UL)]
    [InlineData(82, 0x1080UL)]
    [InlineData(97, 0x1080UL)]
    [InlineData(98, 0x1090UL)]
    public void SetupDataNode_lies_behind_the_command_line_in_steps_of_16(int commandLineLength, ulong offset)
    {
        KexecImage image = Image with { CommandLineLength = commandLineLength };

        // 4096 of boot_params, the command line, its NUL and 30 bytes of elfcorehdr room.
        Assert.Equal(offset, image.SetupDataNodeOffset);
        Assert.Equal(offset + 208, image.BootParamsSegmentBytes);
        Assert.Equal(offset + 0x40 + 112, (image with { EfiMapBytes = 0x31 }).SetupDataNodeOffset);
    }

    [Fact]
    public void Check_of_a_bad_list_gives_the_kernels_code()
    {
        KexecSegment good = new(KexecSegmentKind.Kernel, Page, 0x100000, 4 * Page);

        Assert.Equal(0, KexecSegments.Check([good], 8));
        Assert.Equal(-Errno.EADDRNOTAVAIL, KexecSegments.Check([good with { Start = 0x100800 }], 8));
        Assert.Equal(-Errno.EADDRNOTAVAIL, KexecSegments.Check([good with { SizeBytes = Page + 1 }], 8));
        Assert.Equal(-Errno.EADDRNOTAVAIL, KexecSegments.Check([good with { Start = ulong.MaxValue - Page + 1, SizeBytes = 2 * Page }], 8));
        Assert.Equal(-Errno.EINVAL, KexecSegments.Check([good, good with { Start = 0x103000 }], 64));
        Assert.Equal(0, KexecSegments.Check([good, good with { Start = 0x104000 }], 64));
        Assert.Equal(-Errno.EINVAL, KexecSegments.Check([good with { BufferBytes = (4 * Page) + 1 }], 8));
        Assert.Equal(-Errno.EINVAL, KexecSegments.Check([good], 7));
        Assert.Equal(-Errno.EINVAL, KexecSegments.Check([good, good with { Start = 0x104000 }], 15));
        Assert.Equal(-Errno.EINVAL, KexecSegments.Check([.. Enumerable.Range(0, 17).Select(i => good with { Start = (ulong)(i + 1) << 20 })], PlentyOfPages));
    }

    [Fact]
    public void TryLocateHole_agrees_with_stepping_page_by_page_over_random_sequences()
    {
        for (ulong seed = 0; seed < 20_000; seed++)
        {
            SplitMix64 random = new(seed);
            ScratchArea[] areas = [.. Enumerable.Range(0, 1 + (int)random.Below(4)).Select(_ => RandomArea(random))];
            List<KexecSegment> placed = [];
            for (int i = 0; i < 6; i++)
            {
                ulong size = (1 + random.Below(24)) * Page;
                ulong align = Page << (int)random.Below(6);
                ulong min = random.Below(80) * Page;
                ulong max = random.Below(4) == 0 ? random.Below(200 * Page) : ulong.MaxValue;
                bool found = KexecSegments.TryLocateHole(areas, [.. placed], size, align, min, max, out ulong start);
                ulong? expected = Stepping(areas, placed, size, align, min, max);
                Assert.True(expected == (found ? start : null), $"seed {seed}, buffer {i}: expected {expected:x}, found {found} {start:x}");
                if (found)
                {
                    placed.Add(new KexecSegment(KexecSegmentKind.Kernel, 0, start, size));
                }
            }
        }
    }

    /// <summary>Areas that need not be aligned to anything but pages, and may be empty; one may start at 0.</summary>
    private static ScratchArea RandomArea(SplitMix64 random) => new(random.Below(100) * Page, random.Below(3) == 0 ? 0 : random.Below(60) * Page);

    private static ulong? Stepping(ScratchArea[] areas, List<KexecSegment> placed, ulong size, ulong align, ulong min, ulong max)
    {
        foreach (ScratchArea area in areas.Where(area => area.SizeBytes >= size))
        {
            long start = (long)Math.Min(area.End - 1, max) - (long)size + 1;
            for (; ; start -= (long)Page)
            {
                start &= -(long)align;
                if (start < (long)area.Phys || start < (long)min)
                {
                    break;
                }

                if (!placed.Exists(segment => (ulong)start < segment.End && segment.Start < (ulong)start + size))
                {
                    return (ulong)start;
                }
            }
        }

        return null;
    }
}
