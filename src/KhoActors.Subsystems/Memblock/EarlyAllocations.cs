using System.Globalization;
using System.Numerics;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>Carries out a build's list of <see cref="EarlyAllocation"/> on a machine.</summary>
internal readonly ref struct EarlyAllocations
{
    private const ulong FourGiB = 1UL << 32;
    private const ulong PagesPerMiB = 256;
    private const ulong AdaptScalePages = (64UL << 30) >> PageGeometry.Shift;
    private const int LargestTemporaries = 64;

    private readonly EarlyBootRequest _request;
    private readonly EarlyMemory _early;
    private readonly KernelLog _log;

    public EarlyAllocations(EarlyBootRequest request, EarlyMemory early, KernelLog log)
    {
        _request = request;
        _early = early;
        _log = log;
    }

    private MemoryMap Map => _request.Map;

    private MemblockAllocator Memblock => _early.Memblock;

    /// <summary>Makes all allocations of a stage, then gives its temporary ones back.</summary>
    /// <param name="stage">The stage.</param>
    /// <returns>False when the kernel panicked.</returns>
    public bool Run(EarlyBootStage stage)
    {
        IReadOnlyList<EarlyAllocation> list = _request.Build.EarlyAllocations;
        Span<PhysicalRange> temporaries = stackalloc PhysicalRange[LargestTemporaries];
        int temporaryCount = 0;
        for (int i = 0; i < list.Count; i++)
        {
            EarlyAllocation allocation = list[i];
            if (allocation.Stage != stage)
            {
                continue;
            }

            if (IsNodeBound(allocation.Repeat))
            {
                int end = i + 1;
                while (end < list.Count && list[end].Stage == stage && IsNodeBound(list[end].Repeat))
                {
                    end++;
                }

                if (!RunNodes(list, i, end))
                {
                    return false;
                }

                i = end - 1;
            }
            else if (!RunOnce(allocation, temporaries, ref temporaryCount))
            {
                return false;
            }
        }

        foreach (PhysicalRange temporary in temporaries[..temporaryCount])
        {
            Memblock.Free(temporary.Phys, temporary.SizeBytes);
        }

        return true;
    }

    private static bool IsNodeBound(EarlyAllocationRepeat repeat) =>
        repeat is EarlyAllocationRepeat.PerNode or EarlyAllocationRepeat.FirstNode or EarlyAllocationRepeat.PerSection;

    private bool RunNodes(IReadOnlyList<EarlyAllocation> list, int first, int end)
    {
        foreach (int node in Map.Nodes)
        {
            for (int i = first; i < end; i++)
            {
                if (!RunOnNode(list[i], node))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private bool RunOnNode(EarlyAllocation allocation, int node)
    {
        int times = allocation.Repeat switch
        {
            EarlyAllocationRepeat.FirstNode => node == Map.Nodes[0] ? 1 : 0,
            EarlyAllocationRepeat.PerSection => Map.SectionsOf(node),
            _ => 1,
        };

        // What fits in a row is taken at once; the rest one by one, with every fall-back.
        if (times > 1 && IsPlainBlock(allocation))
        {
            times -= (int)Memblock.AllocateRun(
                (ulong)times, allocation.SizeBytes, allocation.AlignBytes, allocation.MinAddress, allocation.MaxAddress, node);
        }

        for (int time = 0; time < times; time++)
        {
            if (!Make(allocation, node, out _))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsPlainBlock(EarlyAllocation allocation) =>
        allocation is { Unit: EarlyAllocationUnit.Whole, KeepBytes: null, OnlyAbove4GiB: false, OnlyOneNode: false, SizeBytes: > 0 }
        && allocation.SizeBytes % allocation.AlignBytes == 0;

    private bool RunOnce(EarlyAllocation allocation, Span<PhysicalRange> temporaries, ref int temporaryCount)
    {
        if (allocation.Repeat == EarlyAllocationRepeat.PerSectionRoot)
        {
            foreach (int node in Map.SectionRootNodes)
            {
                if (!Make(allocation, node, out _))
                {
                    return false;
                }
            }

            return true;
        }

        int times = allocation.Repeat == EarlyAllocationRepeat.PerFirmwareRange ? Map.Ranges.Count : 1;
        for (int time = 0; time < times; time++)
        {
            if (!Make(allocation, MemblockRegions.NoNode, out PhysicalRange made))
            {
                return false;
            }

            if (allocation.Temporary && made.SizeBytes > 0)
            {
                if (temporaryCount == temporaries.Length)
                {
                    throw new InvalidOperationException(
                        $"kernel {_request.Build.Name} has more than {temporaries.Length} temporary early allocations in a stage");
                }

                temporaries[temporaryCount++] = made;
            }
        }

        return true;
    }

    private bool Make(EarlyAllocation allocation, int node, out PhysicalRange made)
    {
        made = default;
        if ((allocation.OnlyAbove4GiB && Map.End <= FourGiB) || (allocation.OnlyOneNode && Map.Nodes.Count > 1))
        {
            return true;
        }

        ulong bytes = SizeOf(allocation, node);
        ulong smallest = allocation.Unit == EarlyAllocationUnit.HashBuckets ? PageGeometry.SizeBytes : allocation.SmallestBytes;
        ulong phys = Allocate(allocation, bytes, node);
        while (phys == 0)
        {
            WriteFailure(allocation, bytes);
            if (allocation.SmallestBytes == 0)
            {
                _early.Panic = string.Create(CultureInfo.InvariantCulture, $"Failed to allocate {bytes} bytes for {allocation.Name}");
                return false;
            }

            if (bytes <= smallest)
            {
                return true;
            }

            bytes >>= 1;
            phys = Allocate(allocation, bytes, node);
        }

        made = new PhysicalRange(phys, bytes);
        GiveBackUnused(allocation, made, node);
        return true;
    }

    private ulong Allocate(EarlyAllocation allocation, ulong bytes, int node)
    {
        ulong phys = Memblock.Allocate(bytes, allocation.AlignBytes, allocation.MinAddress, allocation.MaxAddress, node);
        return phys == 0 && allocation.MinAddress > 0 ? Memblock.Allocate(bytes, allocation.AlignBytes, 0, allocation.MaxAddress, node) : phys;
    }

    private void WriteFailure(EarlyAllocation allocation, ulong bytes)
    {
        if (allocation.FailureLine is { } line)
        {
            _log.Write(LogLevel.Warning, line.Replace("{bytes}", bytes.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        }
    }

    private ulong SizeOf(EarlyAllocation allocation, int node) => allocation.Unit switch
    {
        EarlyAllocationUnit.SectionsOfNode => allocation.SizeBytes * (ulong)Map.SectionsOf(node),
        EarlyAllocationUnit.MapRanges => allocation.SizeBytes * (ulong)Map.MapRangeCount,
        EarlyAllocationUnit.Nodes => allocation.SizeBytes * (ulong)Map.Nodes.Count,
        EarlyAllocationUnit.Cpus => allocation.SizeBytes * (ulong)_request.Cpus,
        EarlyAllocationUnit.CommandLine => allocation.SizeBytes * (ulong)(_request.CommandLine.Length + 1),
        EarlyAllocationUnit.HashBuckets => allocation.SizeBytes * HashBuckets(allocation),
        _ => allocation.SizeBytes,
    };

    /// <summary>Buckets by the rule of alloc_large_system_hash: free pages in whole MiB, fewer per page on machines above 64 GiB.</summary>
    private ulong HashBuckets(EarlyAllocation allocation)
    {
        ulong pages = (_early.FreePagesAtReserveMem + PagesPerMiB - 1) & ~(PagesPerMiB - 1);
        int scale = allocation.PagesPerBucketLog2;
        for (ulong adapt = AdaptScalePages; adapt < pages; adapt <<= 2)
        {
            scale++;
        }

        ulong smallest = PageGeometry.SizeBytes / allocation.SizeBytes;
        ulong largest = (_early.FreePagesAtReserveMem << PageGeometry.Shift) / (16 * allocation.SizeBytes);
        ulong buckets = BitOperations.RoundUpToPowerOf2(Math.Max(pages >> scale, smallest));
        return 1UL << BitOperations.Log2(Math.Max(1, Math.Min(buckets, largest)));
    }

    /// <summary>Per-CPU areas: each CPU of the node keeps the first bytes of its equal part.</summary>
    private void GiveBackUnused(EarlyAllocation allocation, in PhysicalRange made, int node)
    {
        if (allocation.KeepBytes is not { } keep)
        {
            return;
        }

        ulong cpus = (ulong)Math.Max(1, CpusOf(node));
        ulong part = made.SizeBytes / BitOperations.RoundUpToPowerOf2(cpus);
        for (ulong cpu = 0; cpu * part < made.SizeBytes; cpu++)
        {
            ulong kept = cpu < cpus ? Math.Min(keep, part) : 0;
            Memblock.Free(made.Phys + (cpu * part) + kept, part - kept);
        }
    }

    private int CpusOf(int node)
    {
        int nodes = Map.Nodes.Count;
        int position = 0;
        while (position < nodes - 1 && Map.Nodes[position] != node)
        {
            position++;
        }

        return (_request.Cpus / nodes) + (position < _request.Cpus % nodes ? 1 : 0);
    }
}
