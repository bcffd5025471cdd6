using System.Diagnostics;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// Where kexec_file_load puts the segments of an image (kernel/kexec_file.c: kexec_add_buffer, kho_locate_mem_hole;
/// arch/x86/kernel/kexec-bzimage64.c). With KHO only scratch areas are searched, in array order; nothing outside is considered.
/// </summary>
public static class KexecSegments
{
    /// <summary>KEXEC_SEGMENT_MAX.</summary>
    public const int SegmentsMax = 16;

    /// <summary>Alignment of the scratch array's segment.</summary>
    public const ulong ScratchArrayAlignBytes = 64 << 10;

    /// <summary>Bytes of the purgatory's segment, the same in every captured build.</summary>
    public const ulong PurgatoryBytes = 0x5000;

    /// <summary>Bytes of the purgatory's sections that are copied.</summary>
    public const ulong PurgatoryBufferBytes = 0x4000;

    /// <summary>Lowest address of purgatory and boot params (MIN_PURGATORY_ADDR, MIN_BOOTPARAM_ADDR).</summary>
    public const ulong LowestParametersAddress = 0x3000;

    /// <summary>Lowest address of kernel (MIN_KERNEL_LOAD_ADDR, unless the preferred one is higher).</summary>
    public const ulong LowestKernelAddress = 0x100000;

    /// <summary>Lowest address of the initial RAM disk (MIN_INITRD_LOAD_ADDR).</summary>
    public const ulong LowestInitrdAddress = 0x1000000;

    /// <summary>Places all segments of an image in load order: scratch array, purgatory, boot params, kernel, initrd.</summary>
    /// <param name="areas">Where to search, in order: scratch areas in array order, or (without KHO) ranges of system RAM from the highest down.</param>
    /// <param name="image">The image.</param>
    /// <param name="totalRamPages">Pages that the running kernel manages (totalram_pages): no segment, and not all together, may exceed half.</param>
    /// <param name="segments">Receives the segments; <see cref="SegmentsMax"/> long.</param>
    /// <param name="plan">How many segments were placed, also after an error, and what the hand-off needs.</param>
    /// <returns>0; -EADDRNOTAVAIL when no area has a hole for a segment; -EINVAL from <see cref="Check"/>.</returns>
    public static int Plan(
        ReadOnlySpan<ScratchArea> areas, in KexecImage image, ulong totalRamPages, Span<KexecSegment> segments, out KexecPlan plan)
    {
        Debug.Assert(segments.Length >= SegmentsMax, "no room for the segments of an image");
        plan = default;
        int count = 0;
        ulong scratchArrayPhys = 0;
        if (image.ScratchAreas > 0)
        {
            if (!Add(areas, segments, ref count, KexecSegmentKind.ScratchArray, image.ScratchArrayBytes, image.ScratchArrayBytes, ScratchArrayAlignBytes, 0))
            {
                return -Errno.EADDRNOTAVAIL;
            }

            scratchArrayPhys = segments[0].Start;
        }

        plan = new KexecPlan(count, scratchArrayPhys, 0);
        if (!Add(areas, segments, ref count, KexecSegmentKind.Purgatory, PurgatoryBufferBytes, PurgatoryBytes, PageGeometry.SizeBytes, LowestParametersAddress))
        {
            return -Errno.EADDRNOTAVAIL;
        }

        plan = new KexecPlan(count, scratchArrayPhys, 0);
        ulong parametersBytes = image.BootParamsSegmentBytes;
        if (!Add(areas, segments, ref count, KexecSegmentKind.BootParams, parametersBytes, parametersBytes, 16, LowestParametersAddress))
        {
            return -Errno.EADDRNOTAVAIL;
        }

        plan = new KexecPlan(count, scratchArrayPhys, segments[count - 1].Start + image.SetupDataNodeOffset);
        ulong lowestKernel = Math.Max(image.PreferredAddress, LowestKernelAddress);
        if (!Add(areas, segments, ref count, KexecSegmentKind.Kernel, image.KernelBytes, image.InitSizeBytes, image.AlignmentBytes, lowestKernel))
        {
            return -Errno.EADDRNOTAVAIL;
        }

        plan = plan with { SegmentCount = count };
        if (image.InitrdBytes > 0
            && !Add(areas, segments, ref count, KexecSegmentKind.Initrd, image.InitrdBytes, image.InitrdBytes, PageGeometry.SizeBytes, LowestInitrdAddress))
        {
            return -Errno.EADDRNOTAVAIL;
        }

        plan = plan with { SegmentCount = count };
        return Check(segments[..count], totalRamPages);
    }

    /// <summary>Finds a hole for a buffer: areas in order, from the top down within an area, clear of earlier segments.</summary>
    /// <param name="areas">Where to search, in order.</param>
    /// <param name="placed">Earlier segments, in any order.</param>
    /// <param name="sizeBytes">Whole pages, at least one.</param>
    /// <param name="alignBytes">A power of two, at least a page.</param>
    /// <param name="minAddress">The hole does not start below.</param>
    /// <param name="maxAddress">The hole does not reach above.</param>
    /// <param name="start">Where the hole starts.</param>
    /// <returns>Whether there is one.</returns>
    public static bool TryLocateHole(
        ReadOnlySpan<ScratchArea> areas,
        ReadOnlySpan<KexecSegment> placed,
        ulong sizeBytes,
        ulong alignBytes,
        ulong minAddress,
        ulong maxAddress,
        out ulong start)
    {
        Debug.Assert(sizeBytes > 0 && sizeBytes % PageGeometry.SizeBytes == 0, "buffers are whole pages");
        Debug.Assert(alignBytes >= PageGeometry.SizeBytes && (alignBytes & (alignBytes - 1)) == 0, "alignment is a power of two of at least a page");
        foreach (ScratchArea area in areas)
        {
            if (area.SizeBytes >= sizeBytes && TryArea(area, placed, sizeBytes, alignBytes, minAddress, maxAddress, out start))
            {
                return true;
            }
        }

        start = 0;
        return false;
    }

    /// <summary>
    /// The sanity checks before an image is accepted (kernel/kexec_core.c: sanity_check_segment_list; the segment limit of kexec_add_buffer).
    /// Images placed by <see cref="Plan"/> can only fail the last two; lists from elsewhere can fail every one.
    /// </summary>
    /// <param name="segments">The segments.</param>
    /// <param name="totalRamPages">Pages that the running kernel manages.</param>
    /// <returns>
    /// 0; -EADDRNOTAVAIL for a destination that wraps or is not page aligned; -EINVAL for more than <see cref="SegmentsMax"/> segments, an
    /// overlap, a buffer larger than its segment, or more than half of RAM in one segment or in all.
    /// </returns>
    public static int Check(ReadOnlySpan<KexecSegment> segments, ulong totalRamPages)
    {
        if (segments.Length > SegmentsMax)
        {
            return -Errno.EINVAL;
        }

        foreach (KexecSegment segment in segments)
        {
            if (segment.End < segment.Start || ((segment.Start | segment.End) & (PageGeometry.SizeBytes - 1)) != 0)
            {
                return -Errno.EADDRNOTAVAIL;
            }
        }

        ulong pages = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            if (Overlaps(segments[..i], segments[i].Start, segments[i].SizeBytes, out _) || segments[i].BufferBytes > segments[i].SizeBytes
                || segments[i].Pages > totalRamPages / 2)
            {
                return -Errno.EINVAL;
            }

            pages += segments[i].Pages;
        }

        return pages > totalRamPages / 2 ? -Errno.EINVAL : 0;
    }

    private static bool Add(
        ReadOnlySpan<ScratchArea> areas,
        Span<KexecSegment> segments,
        ref int count,
        KexecSegmentKind kind,
        ulong bufferBytes,
        ulong sizeBytes,
        ulong alignBytes,
        ulong minAddress)
    {
        ulong size = PageGeometry.AlignUp(sizeBytes);
        ulong align = Math.Max(alignBytes, PageGeometry.SizeBytes);
        if (!TryLocateHole(areas, segments[..count], size, align, minAddress, ulong.MaxValue, out ulong start))
        {
            return false;
        }

        segments[count++] = new KexecSegment(kind, bufferBytes, start, size);
        return true;
    }

    private static bool TryArea(
        in ScratchArea area, ReadOnlySpan<KexecSegment> placed, ulong sizeBytes, ulong alignBytes, ulong minAddress, ulong maxAddress, out ulong start)
    {
        ulong last = Math.Min(area.End - 1, maxAddress);
        ulong lowest = Math.Max(area.Phys, minAddress);
        start = 0;
        while (last >= lowest && last - lowest >= sizeBytes - 1)
        {
            start = (last - (sizeBytes - 1)) & ~(alignBytes - 1);
            if (start < lowest)
            {
                return false;
            }

            if (!Overlaps(placed, start, sizeBytes, out ulong conflictStart))
            {
                return true;
            }

            // The kernel retries a page lower; every start up to here would meet the same segment again.
            if (conflictStart == 0)
            {
                return false;
            }

            last = conflictStart - 1;
        }

        return false;
    }

    private static bool Overlaps(ReadOnlySpan<KexecSegment> placed, ulong start, ulong sizeBytes, out ulong conflictStart)
    {
        foreach (KexecSegment segment in placed)
        {
            if (start < segment.End && segment.Start < start + sizeBytes)
            {
                conflictStart = segment.Start;
                return true;
            }
        }

        conflictStart = 0;
        return false;
    }
}
