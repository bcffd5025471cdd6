using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>kho_init: what it leaves when it succeeds, and that nothing is left when it fails, whatever is missing.</summary>
public class KhoInitTests
{
    private const ulong RegionPages = 0x10;

    [Fact]
    public void A_first_kernel_preserves_its_FDT_and_metadata_and_releases_scratch_as_CMA()
    {
        KhoBench bench = new();
        ulong free = bench.Pages.FreePages;

        Assert.Equal(0, bench.Init().Code);

        Assert.True(bench.Core.Enabled);
        Assert.Equal(2, bench.Tracked.Count);
        Assert.Equal(KhoBench.ScratchEndPfn - KhoBench.ScratchPfn, bench.Pages.FreeCmaPages);
        Assert.Equal(free - 2 + bench.Pages.FreeCmaPages, bench.Pages.FreePages);
        Assert.Equal(1U, bench.Core.OutgoingKexecCount);
        Assert.Equal(PageGeometry.SizeBytes, (int)bench.Core.HandOff(0).FdtSizeBytes);
    }

    [Fact]
    public void An_ABI_without_metadata_preserves_its_FDT_only()
    {
        Assert.Single(KhoBench.Started(KhoBench.Kernel(KhoAbi.V2)).Tracked);
    }

    [Fact]
    public void A_kernel_with_KHO_off_does_nothing()
    {
        KhoBench bench = new(enabled: false);
        ulong free = bench.Pages.FreePages;

        Assert.Equal(0, bench.Init().Code);

        Assert.False(bench.Core.Enabled);
        Assert.Equal((free, 0), (bench.Pages.FreePages, bench.TrackerPages.Live.Count));
    }

    /// <summary>The FDT page, the metadata page; the tree's root, five tables and leaves of the two blocks.</summary>
    [Theory]
    [InlineData(0, 99)]
    [InlineData(1, 99)]
    [InlineData(99, 0)]
    [InlineData(99, 1)]
    [InlineData(99, 2)]
    [InlineData(99, 3)]
    [InlineData(99, 4)]
    [InlineData(99, 5)]
    public void Without_memory_KHO_is_off_and_everything_is_given_back_with_scratch(int pages, int trackerPages)
    {
        KhoBench bench = new();
        ulong free = bench.Pages.FreePages;
        bench.Memblock.AllocationsLeft = pages;
        bench.TrackerPages.AllocationsLeft = trackerPages;

        Assert.Equal(-Errno.ENOMEM, bench.Init().Code);

        Assert.False(bench.Core.Enabled);
        Assert.Empty(bench.TrackerPages.Live);
        Assert.Equal(free + KhoBench.ScratchEndPfn - KhoBench.ScratchPfn, bench.Pages.FreePages);
        Assert.Equal(0UL, bench.Pages.FreeCmaPages);
        Assert.Equal(-Errno.EINVAL, bench.PreserveFolio(0x2000, 0).Code);
        bench.Pages.Validate();
    }

    [Fact]
    public void Enough_memory_is_two_pages_and_a_branch_of_the_tree()
    {
        KhoBench bench = new();
        bench.Memblock.AllocationsLeft = 2;
        bench.TrackerPages.AllocationsLeft = 6;

        Assert.Equal(0, bench.Init().Code);
    }

    [Theory]
    [InlineData(1, 73UL, "KHO: exec from: 7.2.0-before (count 41)", 42U)]
    [InlineData(1, 3UL, "KHO: kexec-metadata blob too small (3 bytes)", 1U)]
    [InlineData(2, 73UL, "KHO: kexec-metadata version 2 not supported (expected 1)", 1U)]
    [InlineData(1, 72UL, "KHO: kexec-metadata blob too small for v1 (72 < 73)", 1U)]
    [InlineData(1, null, null, 1U)]
    public void What_the_previous_kernel_said_of_itself_is_read_or_a_line_says_why_not(int version, ulong? sizeBytes, string? line, uint count)
    {
        KhoBench bench = new(incoming: bench => Incoming(bench, metadata: (version, sizeBytes)));
        bench.Log.Clear();

        Assert.Equal(0, bench.Init().Code);

        Assert.Equal(line is null ? [] : [line], bench.Lines);
        Assert.Equal(count, bench.Core.OutgoingKexecCount);
        Assert.Equal(0UL, bench.Pages.FreeCmaPages);
    }

    [Fact]
    public void The_count_wraps()
    {
        KhoBench bench = new(incoming: bench => Incoming(bench, metadata: (1, 73), count: uint.MaxValue));

        bench.Init();

        Assert.Contains("KHO: exec from: 7.2.0-before (count 4294967295)", bench.Lines);
        Assert.Equal(0U, bench.Core.OutgoingKexecCount);
    }

    [Fact]
    public void Subtrees_of_the_previous_kernel_are_found_missing_or_broken()
    {
        KhoBench bench = new(incoming: bench => Incoming(bench, metadata: (1, 73), withSizeless: true));

        KernelResult found = bench.Retrieve(KexecMetadata.SubtreeName);

        Assert.Equal((0, 73UL), (found.Code, found.Extra));
        Assert.Equal(-Errno.ENOENT, bench.Retrieve("other").Code);
        Assert.Equal(-Errno.EINVAL, bench.Retrieve("sizeless").Code);
        Assert.Equal($"KHO: broken KHO subnode 'sizeless': missing or invalid blob-size property", bench.Lines[^1]);
    }

    [Fact]
    public void Regions_are_preserved_with_their_blob_when_they_are_whole_pages()
    {
        KhoBench bench = KhoBench.Started(regions: ["64K:4096:whole", "70000:64:odd", "100:64:tiny"]);
        SortedSet<(ulong Pfn, int Order)> own = bench.Tracked;

        Assert.Equal(0, bench.ReserveMemInit().Code);

        ulong[] pages = [.. bench.Early.ReserveMem.Entries.ToArray().Select(entry => entry.SizeBytes >> PageGeometry.Shift)];
        Assert.Equal([RegionPages, 17UL, 0UL], pages);
        ulong tracked = bench.Tracked.Except(own).Aggregate(0UL, (sum, block) => sum + (1UL << block.Order));
        Assert.Equal(1 + RegionPages + 17, tracked);
    }

    /// <summary>The bench's memblock knows no memory but scratch, so the regions lie there: a debug kernel refuses them (real/README D11).</summary>
    [Fact]
    public void One_region_in_scratch_rolls_all_of_them_back_on_a_debug_kernel()
    {
        KhoBench bench = KhoBench.Started(KhoBench.Kernel(debug: true), regions: ["64K:4096:one", "64K:4096:two"]);
        (ulong Free, int Tracked) before = (bench.Pages.FreePages, bench.Tracked.Count);

        Assert.Equal(-Errno.EINVAL, bench.ReserveMemInit().Code);

        Assert.Equal(["WARNING: kho_preserve_pages", "failed to prepare memblock FDT for KHO: -22"], bench.Lines);
        Assert.Equal(before, (bench.Pages.FreePages, bench.Tracked.Count));
        Assert.Equal(SubtreeLookup.NodeMissing, RootFdt.FindSubtree(FdtOf(bench), bench.Build.Abi, MemblockFdt.SubtreeName, out _, out _));
    }

    [Fact]
    public void A_region_that_cannot_be_tracked_takes_the_good_ones_with_it()
    {
        for (int left = 0; ; left++)
        {
            KhoBench bench = KhoBench.Started(regions: ["4K:4096:page", "64K:64K:block", "128K:128K:more"]);
            (ulong Free, int Tracked) before = (bench.Pages.FreePages, bench.Tracked.Count);
            bench.TrackerPages.AllocationsLeft = left;

            int result = bench.ReserveMemInit().Code;

            if (result == 0)
            {
                Assert.True(left > 3);
                return;
            }

            Assert.Equal(-Errno.ENOMEM, result);
            Assert.Equal(["failed to prepare memblock FDT for KHO: -12"], bench.Lines);
            Assert.Equal(before, (bench.Pages.FreePages, bench.Tracked.Count));
        }
    }

    [Fact]
    public void Regions_of_a_kernel_with_KHO_off_are_not_preserved()
    {
        KhoBench bench = new(enabled: false, regions: ["64K:4096:one"]);
        bench.Init();

        Assert.Equal(0, bench.ReserveMemInit().Code);
        Assert.Empty(bench.Lines);
    }

    private static byte[] FdtOf(KhoBench bench)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        bench.Memory.Read(bench.Core.FdtPhys, page);
        return page;
    }

    /// <summary>A hand-over as a 7.2 kernel leaves it: root FDT at 0x9000, metadata at 0xA000, a subtree of an ABI without sizes beside them.</summary>
    private static KhoIncoming Incoming(KhoBench bench, (int Version, ulong? SizeBytes) metadata, uint count = 41, bool withSizeless = false)
    {
        Span<byte> fdt = bench.Memory.WritablePageBytes(9);
        Assert.Equal(0, RootFdt.Setup(fdt, KhoAbi.V4, 0xB000));
        if (withSizeless)
        {
            Assert.Equal(0, RootFdt.AddSubtree(fdt, KhoAbi.V2, "sizeless", 0xC000, 0));
        }

        if (metadata.SizeBytes is { } sizeBytes)
        {
            Assert.Equal(0, RootFdt.AddSubtree(fdt, KhoAbi.V4, KexecMetadata.SubtreeName, 0xA000, sizeBytes));
        }

        Span<byte> blob = bench.Memory.WritablePageBytes(10);
        KexecMetadata.Write(blob, "7.2.0-before", count);
        blob[0] = (byte)metadata.Version;
        KhoHandoff handoff = new(0x9000, 4096, 0x8000, ScratchArea.EntryBytes);
        EarlyMemory early = new();
        return KhoIncoming.Populate(bench.Memory, early.Memblock, early.Scratch, bench.Build, handoff, bench.Log)!;
    }
}
