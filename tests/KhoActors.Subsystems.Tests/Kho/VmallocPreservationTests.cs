using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>The bytes of descriptor and chunks, and what preserving an area leaves behind when it succeeds, fails or is taken back.</summary>
public class VmallocPreservationTests
{
    private const ulong ChunkPhys = 0x1_04a6_0000;
    private readonly PhysicalMemory _memory = new();
    private readonly ForwardPageSource _source;
    private readonly RecordingTracker _tracker = new();
    private readonly VmallocAreas _areas;

    public VmallocPreservationTests()
    {
        _source = new ForwardPageSource(_memory, ChunkPhys);
        _areas = new VmallocAreas(new PageAllocator(_memory, new PageAllocatorOptions()));
    }

    [Fact]
    public void The_example_of_the_reference_has_these_bytes()
    {
        VmallocArea area = _areas.Map([0x104a61, 0x104a65, 0x104a70], 0, VmallocAttributes.Alloc)!;

        VmallocPreservation preserved = Preserve(area);

        byte[] descriptor = new byte[VmallocDescriptor.SizeBytes];
        preserved.Descriptor.Write(descriptor);
        Assert.Equal("0000a604010000000300000001000000", Convert.ToHexStringLower(descriptor));
        Assert.Equal(preserved.Descriptor, VmallocDescriptor.Read(descriptor));
        byte[] chunk = new byte[PageGeometry.SizeBytes];
        _memory.Read(ChunkPhys, chunk);
        Assert.Equal("0000000000000000" + "0010a60401000000" + "0050a60401000000" + "0000a70401000000", Convert.ToHexStringLower(chunk.AsSpan(0, 32)));
        Assert.All(chunk[32..], value => Assert.Equal(0, value));
        Assert.Equal(new (ulong, int)[] { (0x104a60, 0), (0x104a61, 0), (0x104a65, 0), (0x104a70, 0) }, _tracker.Blocks);
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 1, 1)]
    [InlineData(510, 1, 510)]
    [InlineData(511, 2, 0)]
    [InlineData(512, 2, 1)]
    [InlineData(1021, 2, 510)]
    [InlineData(1022, 3, 0)]
    [InlineData(1023, 3, 1)]
    public void A_full_chunk_gets_its_successor_at_once(int groups, int chunks, int entriesOfLast)
    {
        VmallocPreservation preserved = Preserve(Scattered(groups, order: 0));

        List<(ulong Phys, ulong[] Entries)> chain = Chain(preserved.Descriptor.FirstChunkPhys);
        Assert.Equal((0, (uint)groups), (preserved.Result, preserved.Descriptor.TotalPages));
        Assert.Equal((chunks, entriesOfLast), (chain.Count, chain[^1].Entries.Length));
        Assert.All(chain.SkipLast(1), chunk => Assert.Equal(VmallocChunk.Entries, chunk.Entries.Length));
        Assert.Equal(groups + chunks, _tracker.Blocks.Count);
        Assert.Equal(chain.Select(chunk => chunk.Phys), _source.Live);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(9)]
    public void Groups_are_blocks_of_their_order_and_are_taken_back_whole(int order)
    {
        VmallocArea area = Scattered(1030, order);

        VmallocPreservation preserved = Preserve(area);
        Assert.Equal((uint)(1030 << order), preserved.Descriptor.TotalPages);
        Assert.Equal(order, preserved.Descriptor.Order);
        Assert.All(area.GroupPfns, pfn => Assert.Contains((pfn, order), _tracker.Blocks));

        Assert.Equal(0, VmallocUnpreservation.Run(Kernel(), _tracker, _source, preserved.Descriptor));
        Assert.Empty(_tracker.Blocks);
        Assert.Empty(_source.Live);
    }

    [Theory]
    [InlineData(VmallocAttributes.None, 0)]
    [InlineData(VmallocAttributes.Alloc, 1)]
    [InlineData(VmallocAttributes.AllowHugeVmap, 2)]
    [InlineData(VmallocAttributes.Alloc | VmallocAttributes.AllowHugeVmap, 3)]
    public void Flags_are_translated(VmallocAttributes attributes, ushort flags)
    {
        VmallocPreservation preserved = Preserve(_areas.Map([0x100], 0, attributes)!);

        Assert.Equal(flags, preserved.Descriptor.Flags);
        Assert.Equal(attributes, preserved.Descriptor.AreaFlags);
        Assert.Equal(attributes, (preserved.Descriptor with { Flags = (ushort)(flags | 0xFFFC) }).AreaFlags);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void Whichever_block_cannot_be_tracked_nothing_is_left_behind(int order)
    {
        const int Groups = 513;
        for (int tracks = 0; ; tracks++)
        {
            VmallocPreservationTests bench = new();
            bench._tracker.Track(7, 0);
            SortedSet<(ulong, int)> before = [.. bench._tracker.Blocks];
            bench._tracker.TracksLeft = tracks;
            VmallocPreservation preserved = bench.Preserve(bench.Scattered(Groups, order));
            if (preserved.Result == 0)
            {
                Assert.Equal(Groups + 2, tracks);
                return;
            }

            Assert.Equal((-Errno.ENOMEM, 0), (preserved.Result, preserved.Missing));
            Assert.Equal(before, bench._tracker.Blocks);
            Assert.Empty(bench._source.Live);
        }
    }

    [Fact]
    public void Whichever_chunk_cannot_be_had_the_tree_has_the_bytes_it_had()
    {
        for (int chunks = 0; chunks < 3; chunks++)
        {
            VmallocPreservationTests bench = new();
            ForwardPageSource treePages = new(bench._memory, 0x2_0000_0000);
            Subsystems.Tracking.RadixTree tree = Subsystems.Tracking.RadixTree.Create(bench._memory, treePages)!;
            VmallocArea area = bench.Scattered(1022, order: 2);
            VmallocPreservation first = VmallocPreservation.Run(bench.Kernel(), tree, bench._source, area, default);
            Assert.Equal(0, VmallocUnpreservation.Run(bench.Kernel(), tree, bench._source, first.Descriptor));
            tree.Track(0x1234, 0);
            string before = Bytes(bench._memory, treePages);
            bench._source.AllocationsLeft = chunks;

            VmallocPreservation failed = VmallocPreservation.Run(bench.Kernel(), tree, bench._source, area, default);

            Assert.Equal(-Errno.ENOMEM, failed.Result);
            Assert.Equal(before, Bytes(bench._memory, treePages));
            Assert.Empty(bench._source.Live);
            Assert.Equal(chunks == 0, failed.Descriptor == default);
        }
    }

    [Fact]
    public void A_chunk_or_a_group_that_may_not_be_preserved_fails_the_whole()
    {
        VmallocArea area = Scattered(3, order: 1);
        ulong group = area.GroupPfns[1];
        VmallocContext noChunks = new(_memory, _memory.WritablePage, VmallocDefects.None) { CheckPreservable = (_, _) => -Errno.EINVAL };
        VmallocContext noGroup = new(_memory, _memory.WritablePage, VmallocDefects.None) { CheckPreservable = (pfn, _) => pfn == group ? -Errno.EINVAL : 0 };

        Assert.Equal(-Errno.ENOMEM, VmallocPreservation.Run(noChunks, _tracker, _source, area, default).Result);
        Assert.Equal(-Errno.EINVAL, VmallocPreservation.Run(noGroup, _tracker, _source, area, default).Result);

        Assert.Empty(_tracker.Blocks);
        Assert.Empty(_source.Live);
    }

    [Fact]
    public void An_area_that_is_freed_while_it_is_preserved_crashes_the_kernel()
    {
        Scattered(1, order: 0);
        VmallocArea area = Scattered(3, order: 0);
        VmallocPreservation work = new(Kernel(), area, default);
        Assert.True(work.NextStep(out VmallocStep step) && step.Kind == VmallocStepKind.AllocateChunk);
        work.Completed(new Subsystems.Actors.KernelResult(0, _source.AllocateZeroedPage()));
        Assert.True(work.NextStep(out step) && step.Kind == VmallocStepKind.Track);
        work.Completed(default);
        _areas.Reset();
        Assert.Same(area, Scattered(3, order: 0));

        Assert.Throws<SimulatedOopsException>(() => work.NextStep(out step));
    }

    // The derived defect: whatever the descriptor held before decides what a failure takes back.
    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(true, 0, 3)]
    [InlineData(true, 2, 3)]
    [InlineData(true, 3, 0)]
    public void A_kernel_that_reads_the_order_too_early_leaves_blocks_of_large_groups_preserved(bool defect, ushort orderBefore, int left)
    {
        _tracker.TracksLeft = 4;
        VmallocArea area = Scattered(4, order: 3);

        VmallocPreservation failed = VmallocPreservation.Run(
            Kernel(new VmallocDefects { UndoReadsOldOrder = defect }), _tracker, _source, area, new VmallocDescriptor(0xBAD, 0, 0, orderBefore));

        Assert.Equal(-Errno.ENOMEM, failed.Result);
        Assert.Equal(left, _tracker.Blocks.Count);
        Assert.Empty(_source.Live);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 5)]
    public void A_kernel_that_takes_single_pages_back_leaves_blocks_of_large_groups_preserved(bool defect, int left)
    {
        VmallocContext kernel = Kernel(new VmallocDefects { UnpreservesSinglePages = defect });
        VmallocPreservation preserved = VmallocPreservation.Run(kernel, _tracker, _source, Scattered(5, order: 2), default);

        int missing = VmallocUnpreservation.Run(kernel, _tracker, _source, preserved.Descriptor);

        Assert.Equal((left, left), (_tracker.Blocks.Count, missing));
    }

    [Theory]
    [InlineData(false, -Errno.ENOMEM)]
    [InlineData(true, 0)]
    public void A_kernel_that_loses_the_error_of_a_later_chunk_says_that_it_preserved(bool defect, int result)
    {
        _source.AllocationsLeft = 1;

        VmallocPreservation preserved = VmallocPreservation.Run(
            Kernel(new VmallocDefects { LosesNoMemory = defect }), _tracker, _source, Scattered(600, order: 0), default);

        Assert.Equal((result, 0U), (preserved.Result, preserved.Descriptor.TotalPages));
        Assert.Empty(_tracker.Blocks);
    }

    [Theory]
    [InlineData(false, 511)]
    [InlineData(true, 513)]
    public void A_kernel_without_a_bound_reads_on_behind_a_full_chunk(bool defect, int groups)
    {
        VmallocContext kernel = Kernel(new VmallocDefects { ChunkUnbounded = defect });
        VmallocPreservation preserved = VmallocPreservation.Run(kernel, _tracker, _source, Scattered(511, order: 0), default);
        _memory.WriteUInt64(ChunkPhys + PageGeometry.SizeBytes, 0x7000);
        _memory.WriteUInt64(ChunkPhys + PageGeometry.SizeBytes + 8, 0x9000);
        _memory.WriteUInt64(ChunkPhys, 0);

        int untracked = 0;
        VmallocUnpreservation work = new(kernel, preserved.Descriptor);
        while (work.NextStep(out VmallocStep step))
        {
            untracked += step.Kind == VmallocStepKind.Untrack ? 1 : 0;
            work.Completed(0);
        }

        Assert.Equal(groups + 1, untracked);
    }

    [Fact]
    public void A_kernel_without_a_bound_that_never_meets_a_zero_is_stopped_by_the_watchdog()
    {
        VmallocContext kernel = Kernel(new VmallocDefects { ChunkUnbounded = true });
        _memory.Poison(0, 1 << 16);

        Assert.Throws<SimulatedOopsException>(() => VmallocUnpreservation.Run(kernel, _tracker, _source, new VmallocDescriptor(0x1000, 1, 1, 0)));
    }

    [Theory]
    [InlineData(0, 1UL)]
    [InlineData(30, 1UL << 30)]
    [InlineData(31, 0UL)]
    [InlineData(32, 1UL)]
    [InlineData(65535, 0UL)]
    public void Pages_of_a_group_are_computed_in_an_int(int order, ulong pages) =>
        Assert.Equal(pages, new VmallocDescriptor(0, 0, 0, (ushort)order).PagesPerGroup);

    [Fact]
    public void A_chain_that_leads_where_there_is_no_RAM_crashes_the_kernel()
    {
        VmallocContext kernel = new(_memory, _memory.WritablePage, VmallocDefects.None) { IsRam = pfn => pfn < 0x1000 };

        Assert.Throws<SimulatedOopsException>(() => VmallocUnpreservation.Run(kernel, _tracker, _source, new VmallocDescriptor(0x1000_0000, 1, 1, 0)));
        Assert.Throws<SimulatedOopsException>(() => VmallocUnpreservation.Run(Kernel(), _tracker, _source, new VmallocDescriptor(1UL << 60, 1, 1, 0)));
    }

    private static string Bytes(PhysicalMemory memory, ForwardPageSource pages)
    {
        System.Text.StringBuilder all = new();
        byte[] page = new byte[PageGeometry.SizeBytes];
        foreach (ulong phys in pages.Live)
        {
            memory.Read(phys, page);
            string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(page));
            all.Append(System.Globalization.CultureInfo.InvariantCulture, $"{phys:x}:{hash}\n");
        }

        return all.ToString();
    }

    private VmallocContext Kernel(VmallocDefects? defects = null) => new(_memory, _memory.WritablePage, defects ?? VmallocDefects.None);

    private VmallocPreservation Preserve(VmallocArea area) => VmallocPreservation.Run(Kernel(), _tracker, _source, area, default);

    /// <summary>An area whose groups never lie one behind the other.</summary>
    private VmallocArea Scattered(int groups, int order) =>
        _areas.Map([.. Enumerable.Range(1, groups).Select(i => 0x1000_0000UL + ((ulong)i << (order + 1)))], order, VmallocAttributes.Alloc)!;

    private List<(ulong Phys, ulong[] Entries)> Chain(ulong chunk)
    {
        List<(ulong, ulong[])> chain = [];
        for (; chunk != 0; chunk = _memory.ReadUInt64(chunk))
        {
            ulong[] words = [.. Enumerable.Range(1, 511).Select(word => _memory.ReadUInt64(chunk + ((ulong)word * 8)))];
            chain.Add((chunk, [.. words.TakeWhile(word => word != 0)]));
        }

        return chain;
    }
}
