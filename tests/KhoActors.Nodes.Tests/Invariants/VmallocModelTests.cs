using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>What the model makes of vmalloc areas: each test breaks one thing, and the same without it is right.</summary>
public class VmallocModelTests
{
    private const ulong Address = VmallocAreas.StartAddress, Chunk = 0x300_0000, Pfn = 0x2000, Stride = 2;
    private static readonly VmallocDescriptor Descriptor = new(Chunk, 3, 1, 0);

    [Fact]
    public void An_area_that_was_preserved_and_restored_is_right()
    {
        ModelBench bench = Preserved().Kexec();

        Assert.Equal((4, 0), bench.Counts);
        Assert.Equal("", Restore(bench, 3).Found);
    }

    [Theory]
    [InlineData((Pfn << 12) + 8)]
    [InlineData(((Pfn + (2 * Stride)) << 12) + 4088)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 4088)]
    public void A_word_of_a_page_or_of_a_chunk_that_changes_is_seen(ulong phys)
    {
        ModelBench bench = Preserved().Jump();
        bench.Memory.WriteUInt64(phys, 0x77);

        bench.Boot(ModelBench.Kernel(handOverRead: true), "KHO: found kexec handover data.", "KHO: exec from: 7.3.0 (count 1)");

        Assert.Equal(InvariantCatalog.PreservedContent, bench.Found);
    }

    [Theory]
    [InlineData(Pfn, InvariantCatalog.PreservedNotAllocated)]
    [InlineData(Pfn + 1, "")]
    [InlineData(Chunk >> 12, InvariantCatalog.PreservedNotAllocated)]
    public void Neither_pages_nor_chunks_are_allocated_before_the_area_is_restored(ulong pfn, string violation) =>
        Assert.Equal(violation, Preserved().Kexec().Allocate(pfn).Found);

    [Fact]
    public void Chunks_are_free_as_soon_as_the_restore_goes_on_and_pages_when_the_area_is_freed()
    {
        ModelBench bench = Preserved().Kexec();
        Delivery asked = bench.Ask(ActorId.Kho, new VmallocDescriptorRequest(Descriptor).ToMessage(KhoProtocol.RestoreVmalloc));
        bench.Allocate(Chunk >> 12);
        bench.Answer(asked, new KernelResult(0, Address, 3));
        Assert.Equal("", bench.Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, bench.Allocate(Chunk >> 12).Found);

        ModelBench freed = Restore(Preserved().Kexec(), 3);
        Assert.Equal("", freed.Call(ActorId.Memblock, new Vfree(Address).ToMessage(), default).Allocate(Pfn).Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, Restore(Preserved().Kexec(), 3).Allocate(Pfn).Found);
    }

    [Fact]
    public void An_area_is_restored_whole_and_once_and_none_that_was_not_preserved()
    {
        Assert.Equal(InvariantCatalog.RestoreExact, Restore(Preserved().Kexec(), 2).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, Restore(Preserved().Kexec(), 0, -Errno.ENOENT).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, Restore(Restore(Preserved().Kexec(), 3), 3).Found);
        Assert.Equal("", Restore(Restore(Preserved().Kexec(), 3), 0, -Errno.ENOENT).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, Restore(ModelBench.Booted().Kexec(), 3).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, Restore(Unpreserve(Preserved()).Kexec(), 3).Found);
        Assert.Equal("", Restore(Unpreserve(Preserved()).Kexec(), 0, -Errno.ENOENT).Found);
    }

    [Fact]
    public void What_was_being_taken_back_at_the_jump_may_be_there_or_not()
    {
        foreach (int code in new[] { 0, -Errno.ENOENT })
        {
            ModelBench bench = Preserved();
            bench.Ask(ActorId.Kho, new VmallocDescriptorRequest(Descriptor).ToMessage(KhoProtocol.UnpreserveVmalloc));

            Assert.Equal("", Restore(bench.Kexec(), code == 0 ? 3UL : 0, code).Found);
        }
    }

    [Fact]
    public void A_single_page_of_an_area_is_nobodys_to_restore()
    {
        Assert.Equal(InvariantCatalog.RestoreExact, Preserved().Kexec().RestorePages(Pfn, 1).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, Preserved().Kexec().RestoreFolio(Pfn).Found);
    }

    [Fact]
    public void An_area_with_a_page_that_is_in_use_or_preserved_or_in_scratch_is_seen_when_it_is_preserved()
    {
        Assert.Equal(InvariantCatalog.AllocationDisjoint, Preserve(ModelBench.Booted().Allocate(Pfn), [Pfn, 0x3004]).Found);
        Assert.Equal(InvariantCatalog.PreservedNotAllocated, Preserve(ModelBench.Booted().PreserveFolio(Pfn).Kexec(), [Pfn, 0x3004]).Found);
        Assert.Equal(InvariantCatalog.ScratchMovable, Preserve(ModelBench.Booted(), [ModelBench.ScratchPfn, 0x3004]).Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, Preserve(ModelBench.Booted(), [Pfn, 0x3004]).Allocate(0x3004).Found);
    }

    public static TheoryData<VmallocDescriptor, ulong, ulong> BrokenChains => new()
    {
        { Descriptor with { TotalPages = 2 }, 0, 0 },
        { Descriptor with { TotalPages = 4 }, 0, 0 },
        { Descriptor with { Order = 1 }, 0, 0 },
        { Descriptor with { Order = 40 }, 0, 0 },
        { Descriptor with { FirstChunkPhys = 0 }, 0, 0 },
        { Descriptor with { FirstChunkPhys = Chunk + 8 }, 0, 0 },
        { default, 0, 0 },
        { Descriptor, Chunk + 24, 0 },
        { Descriptor, Chunk + 32, 0x500_0000 },
        { Descriptor, Chunk + 16, 0x500_0008 },
        { Descriptor, Chunk, 0x500_0000 },
    };

    [Theory]
    [MemberData(nameof(BrokenChains))]
    public void A_descriptor_or_a_chain_that_does_not_name_all_pages_is_seen(VmallocDescriptor descriptor, ulong phys, ulong word)
    {
        ModelBench bench = ModelBench.Booted();
        WriteChain(bench, [Pfn, Pfn + Stride, Pfn + (2 * Stride)]);
        if (phys != 0)
        {
            bench.Memory.WriteUInt64(phys, word);
        }

        Allocated(bench, 3).Call(ActorId.Kho, new PreserveVmalloc(Address, default).ToMessage(), new KernelResult(0, descriptor.Low, descriptor.High));

        Assert.Equal(InvariantCatalog.VmallocChain, bench.Found);
    }

    [Fact]
    public void A_preserve_of_no_area_that_succeeds_is_seen_and_one_that_fails_claims_nothing()
    {
        KernelResult done = new(0, Descriptor.Low, Descriptor.High);
        ModelBench nowhere = Allocated(ModelBench.Booted(), 3).Call(ActorId.Kho, new PreserveVmalloc(Address + (4 << 12), default).ToMessage(), done);
        Assert.Equal(InvariantCatalog.VmallocChain, nowhere.Found);

        ModelBench failed = Allocated(ModelBench.Booted(), 3);
        failed.Call(ActorId.Kho, new PreserveVmalloc(Address, default).ToMessage(), done with { Code = -Errno.ENOMEM });
        Assert.Equal((0, 0), failed.Kexec().Counts);
    }

    [Fact]
    public void Of_a_client_that_allocates_and_frees_by_plain_calls_chains_and_claims_are_judged_all_the_same()
    {
        ActorId client = new(ActorId.FirstClient);
        Message preserve = new PreserveVmalloc(Address, default).ToMessage();
        Message restore = new VmallocDescriptorRequest(Descriptor).ToMessage(KhoProtocol.RestoreVmalloc);
        KernelResult done = new(0, Descriptor.Low, Descriptor.High);
        ModelBench bench = ModelBench.Booted();
        WriteChain(bench, [Pfn, Pfn + Stride, Pfn + (2 * Stride)]);
        bench.Call(ActorId.Kho, preserve, done, client).Allocate(Pfn);
        Assert.Equal("", bench.Found);

        bench.Kexec();
        Assert.Equal((4, 0), bench.Counts);
        Assert.Equal("", bench.Call(ActorId.Kho, restore, new KernelResult(0, Address, 3), client).Allocate(Pfn).Found);
        Assert.Equal(InvariantCatalog.VmallocChain, bench.Call(ActorId.Kho, preserve, done with { Extra = 4 }, client).Found);
    }

    [Fact]
    public void Claims_of_areas_pass_through_a_snapshot()
    {
        HandOverRecord record = new() { HandedOver = true };
        record.Claims.Add(new Claim(Pfn, 3, ClaimKind.Pages, 0, 0));
        record.Claims.Add(new Claim(Pfn + 4, 1, ClaimKind.VmallocChunk, 0, 0, Chunk));
        record.Claims.Add(new Claim(Pfn + 8, 2, ClaimKind.VmallocPages, 0, 0, Chunk));
        record.Claims.Add(new Claim(Pfn + 16, 4, ClaimKind.Folio, 0, 0));
        SnapshotWriter writer = new();
        record.Snapshot(writer);

        HandOverRecord recovered = new();
        recovered.Recover(new SnapshotReader(writer.Written.ToArray()));

        Assert.Equal(record.Claims, recovered.Claims);
    }

    private static ModelBench Preserved() => Preserve(ModelBench.Booted(), [Pfn, Pfn + Stride, Pfn + (2 * Stride)]);

    private static ModelBench Preserve(ModelBench bench, ulong[] pfns)
    {
        WriteChain(bench, pfns);
        KernelResult done = new(0, Chunk, Descriptor.High & ~0xFFFF_FFFFUL | (uint)pfns.Length);
        return Allocated(bench, (ulong)pfns.Length).Call(ActorId.Kho, new PreserveVmalloc(Address + 5000, default).ToMessage(), done);
    }

    private static ModelBench Allocated(ModelBench bench, ulong pages) =>
        bench.Call(ActorId.Memblock, new Vmalloc(pages, 0, VmallocAttributes.Alloc, false).ToMessage(), new KernelResult(0, Address, pages));

    private static void WriteChain(ModelBench bench, ulong[] pfns)
    {
        for (int i = 0; i < pfns.Length; i++)
        {
            bench.Memory.WriteUInt64(Chunk + 8 + ((ulong)i * 8), pfns[i] << 12);
            bench.Memory.WriteUInt64((pfns[i] << 12) + 8, pfns[i]);
        }
    }

    private static ModelBench Restore(ModelBench bench, ulong pages, int code = 0) => bench.Call(
        ActorId.Kho, new VmallocDescriptorRequest(Descriptor).ToMessage(KhoProtocol.RestoreVmalloc), new KernelResult(code, code == 0 ? Address : 0, pages));

    private static ModelBench Unpreserve(ModelBench bench) =>
        bench.Call(ActorId.Kho, new VmallocDescriptorRequest(Descriptor).ToMessage(KhoProtocol.UnpreserveVmalloc), default);
}
