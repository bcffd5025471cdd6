using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>For each invariant a sequence that keeps it and one that breaks it: the model finds exactly what was broken.</summary>
public class SurvivalModelTests
{
    private const string Accepted = "KHO: found kexec handover data.";
    private const ulong Pfn = 0x2000, Phys = Pfn << PageGeometry.Shift;

    [Theory]
    [InlineData("kho-v4", true, true, "")]
    [InlineData("kho-v4", true, false, InvariantCatalog.HandOverAccepted)]
    [InlineData("kho-v3", true, false, "")]
    [InlineData("kho-v3", true, true, InvariantCatalog.HandOverAccepted)]
    [InlineData("", true, true, InvariantCatalog.HandOverAccepted)]
    [InlineData("kho-v4", false, true, InvariantCatalog.HandOverAccepted)]
    [InlineData("kho-v4", false, false, "")]
    public void A_hand_over_is_accepted_exactly_between_equal_ABIs_and_when_there_is_one(string compatible, bool read, bool accepts, string violation)
    {
        ModelBench bench = ModelBench.Booted().Jump();
        string[] lines = accepts ? [Accepted, "KHO: exec from: 7.3.0 (count 1)"] : [];

        bench.Boot(ModelBench.Kernel(compatible: compatible, handOverRead: read), lines);

        Assert.Equal(violation, bench.Found.Replace($", {InvariantCatalog.KexecMetadata}", "", StringComparison.Ordinal));
    }

    [Fact]
    public void A_jump_without_hand_over_must_not_be_accepted()
    {
        ModelBench bench = ModelBench.Booted().Jump(handedOver: false);

        bench.Boot(ModelBench.Kernel(handOverRead: true), Accepted);

        Assert.StartsWith(InvariantCatalog.HandOverAccepted, bench.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("zero")]
    [InlineData("poison")]
    [InlineData("pattern")]
    [InlineData("bytes")]
    public void One_changed_word_of_a_preserved_page_is_seen_whatever_the_page_held(string content)
    {
        for (ulong page = 0; page < 4; page++)
        {
            for (int word = 0; word < PageGeometry.Words; word += 73)
            {
                ModelBench bench = WithPreserved(content).Jump();
                ulong at = Phys + (page << PageGeometry.Shift) + ((ulong)word << 3);
                bench.Memory.WriteUInt64(at, bench.Memory.ReadUInt64(at) ^ (1UL << word % 64));

                bench.Boot(ModelBench.Kernel(handOverRead: true), Accepted, "KHO: exec from: 7.3.0 (count 1)");

                Assert.Equal(InvariantCatalog.PreservedContent, bench.Found);
                Assert.Equal((0, 0), bench.Counts);
            }
        }
    }

    [Theory]
    [InlineData("zero")]
    [InlineData("poison")]
    [InlineData("pattern")]
    [InlineData("bytes")]
    public void Unchanged_pages_hold_however_RAM_represents_them(string content)
    {
        ModelBench bench = WithPreserved(content).Jump();
        for (ulong page = 0; page < 4; page++)
        {
            // Written, as when somebody read through a pointer: other pages of the simulator, the same bytes.
            _ = bench.Memory.WritablePage(Pfn + page);
        }

        bench.Boot(ModelBench.Kernel(handOverRead: true), Accepted, "KHO: exec from: 7.3.0 (count 1)");

        Assert.Equal("", bench.Found);
        Assert.Equal((1, 0), bench.Counts);
    }

    [Fact]
    public void A_page_outside_what_is_preserved_may_change()
    {
        ModelBench bench = WithPreserved("bytes").Jump();
        bench.Memory.WriteUInt64(Phys - 8, 1);
        bench.Memory.WriteUInt64(Phys + (4 << PageGeometry.Shift), 1);

        Assert.Equal("", bench.Kexec().Found);
    }

    [Fact]
    public void What_was_unpreserved_or_refused_may_change()
    {
        ModelBench bench = ModelBench.Booted().PreserveFolio(Pfn, 2).PreservePages(Pfn + 0x100, 8, -Errno.ENOMEM);
        bench.Call(ActorId.Kho, new FolioRequest(Pfn, 2).ToMessage(KhoProtocol.UnpreserveFolio), default).Jump();
        bench.Memory.Poison(Pfn, 0x200);

        bench.Boot(ModelBench.Kernel(handOverRead: true), Accepted, "KHO: exec from: 7.3.0 (count 1)");

        Assert.Equal("", bench.Found);
    }

    [Fact]
    public void What_is_refused_or_lost_with_the_machine_is_counted_as_lost()
    {
        ModelBench bench = ModelBench.Booted().PreserveFolio(Pfn).PreservePages(Pfn + 8, 3).Jump();

        bench.Boot(ModelBench.Kernel(compatible: "kho-v3", handOverRead: true));

        Assert.Equal((0, 2), bench.Counts);
        Assert.Equal("", bench.Found);
    }

    [Theory]
    [InlineData(0x1FFFUL, 0, "")]
    [InlineData(0x2000UL, 0, InvariantCatalog.PreservedNotAllocated)]
    [InlineData(0x2003UL, 0, InvariantCatalog.PreservedNotAllocated)]
    [InlineData(0x2000UL, 9, InvariantCatalog.PreservedNotAllocated)]
    [InlineData(0x2004UL, 2, "")]
    public void Preserved_memory_is_not_allocated_before_it_is_restored(ulong pfn, int order, string violation)
    {
        Assert.Equal(violation, WithPreserved("zero").Kexec().Allocate(pfn, order).Found);
    }

    [Fact]
    public void Restored_memory_that_was_freed_may_be_allocated()
    {
        Assert.Equal("", WithPreserved("zero").Kexec().RestoreFolio(Pfn, 2).Free(Pfn, 2).Allocate(Pfn, 2).Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, WithPreserved("zero").Kexec().RestoreFolio(Pfn, 2).Allocate(Pfn, 2).Found);
    }

    [Fact]
    public void What_was_preserved_is_restored_whole_and_once()
    {
        Assert.Equal("", WithPreserved("zero").Kexec().RestoreFolio(Pfn, 2).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, WithPreserved("zero").Kexec().RestoreFolio(Pfn, 1).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, WithPreserved("zero").Kexec().RestoreFolio(Pfn, 0, -Errno.ENOENT).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, WithPreserved("zero").Kexec().RestoreFolio(Pfn, 2).RestoreFolio(Pfn, 2).Found);
        Assert.Equal("", WithPreserved("zero").Kexec().RestoreFolio(Pfn, 2).RestoreFolio(Pfn, 0, -Errno.ENOENT).Found);
        Assert.Equal("", ModelBench.Booted().PreservePages(Pfn, 7).Kexec().RestorePages(Pfn, 7).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, ModelBench.Booted().PreservePages(Pfn, 7).Kexec().RestorePages(Pfn, 6).Found);
    }

    [Fact]
    public void Nothing_is_restored_that_was_not_preserved()
    {
        Assert.Equal(InvariantCatalog.RestoreExact, WithPreserved("zero").Kexec().RestoreFolio(0x3000).Found);
        Assert.Equal("", WithPreserved("zero").Kexec().RestoreFolio(0x3000, 0, -Errno.ENOENT).Found);
        Assert.Equal(InvariantCatalog.RestoreExact, ModelBench.Booted().RestoreFolio(Pfn).Found);
        ModelBench unpreserved = WithPreserved("zero").Call(ActorId.Kho, new FolioRequest(Pfn, 2).ToMessage(KhoProtocol.UnpreserveFolio), default);
        Assert.Equal(InvariantCatalog.RestoreExact, unpreserved.Kexec().RestoreFolio(Pfn, 2).Found);
    }

    [Theory]
    [InlineData(KhoProtocol.PreserveFolio)]
    [InlineData(KhoProtocol.UnpreserveFolio)]
    public void What_was_under_way_at_the_jump_may_be_there_or_not(ushort kind)
    {
        foreach (int result in new[] { 0, -Errno.ENOENT })
        {
            ModelBench bench = ModelBench.Booted();
            _ = kind == KhoProtocol.UnpreserveFolio ? bench.PreserveFolio(Pfn, 2) : bench;
            bench.Ask(ActorId.Kho, new FolioRequest(Pfn, 2).ToMessage(kind));

            Assert.Equal("", bench.Kexec().RestoreFolio(Pfn, 2, result).Found);
        }
    }

    [Theory]
    [InlineData("a", Phys, 73UL, 0, "")]
    [InlineData("a", Phys + 1, 73UL, 0, InvariantCatalog.SubtreeExact)]
    [InlineData("a", Phys, 72UL, 0, InvariantCatalog.SubtreeExact)]
    [InlineData("a", Phys, 0UL, 0, InvariantCatalog.SubtreeExact)]
    [InlineData("a", 0UL, 0UL, -Errno.ENOENT, InvariantCatalog.SubtreeExact)]
    [InlineData("b", Phys, 73UL, 0, InvariantCatalog.SubtreeExact)]
    [InlineData("b", 0UL, 0UL, -Errno.ENOENT, "")]
    public void A_blob_is_found_as_it_was_published_and_no_other(string name, ulong phys, ulong sizeBytes, int result, string violation)
    {
        ModelBench bench = ModelBench.Booted().AddBlob("a", Phys, 73).AddBlob("b", Phys + 4096, 9).RemoveBlob(Phys + 4096).Kexec();

        Assert.Equal(violation, bench.FindBlob(name, phys, sizeBytes, result).Found);
    }

    [Fact]
    public void A_blob_whose_publication_was_under_way_may_be_there_or_not()
    {
        foreach (int result in new[] { 0, -Errno.ENOENT })
        {
            ModelBench bench = ModelBench.Booted();
            bench.Ask(ActorId.Kho, new AddSubtree("a", Phys, 73).ToMessage());

            Assert.Equal("", bench.Kexec().FindBlob("a", Phys, 73, result).Found);
        }
    }

    [Fact]
    public void Allocations_are_disjoint()
    {
        Assert.Equal("", ModelBench.Booted().Allocate(Pfn, 2).Allocate(Pfn + 4, 2).Free(Pfn, 2).Allocate(Pfn, 2).Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, ModelBench.Booted().Allocate(Pfn, 2).Allocate(Pfn + 3).Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, ModelBench.Booted().Allocate(Pfn + 3).Allocate(Pfn, 2).Found);
    }

    [Fact]
    public void The_cores_own_pages_are_allocated_once_as_well()
    {
        Assert.Equal(InvariantCatalog.AllocationDisjoint, ModelBench.Booted().Allocate(Pfn, from: ActorId.Kho).Allocate(Pfn).Found);
    }

    [Fact]
    public void A_folio_that_the_core_allocates_and_passes_on_is_allocated_once()
    {
        Message alloc = new AllocPreserve(4096 * 4).ToMessage();
        KernelResult result = new(0, Phys);
        ModelBench passedOn = ModelBench.Booted().Allocate(Pfn, 2, from: ActorId.Kho).Call(ActorId.Kho, alloc, result);
        Assert.Equal("", passedOn.Found);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, passedOn.Allocate(Pfn).Found);

        ModelBench twice = ModelBench.Booted().Allocate(Pfn, 2, from: ActorId.Kho).Call(ActorId.Kho, alloc, result).Call(ActorId.Kho, alloc, result);
        Assert.Equal(InvariantCatalog.AllocationDisjoint, twice.Found);
    }

    [Theory]
    [InlineData(ModelBench.ScratchPfn, MigrateType.Movable, "")]
    [InlineData(ModelBench.ScratchPfn, MigrateType.Unmovable, InvariantCatalog.ScratchMovable)]
    [InlineData(ModelBench.ScratchPfn - 1, MigrateType.Unmovable, "")]
    [InlineData(ModelBench.ScratchPfn + 0x1FFF, MigrateType.Unmovable, InvariantCatalog.ScratchMovable)]
    [InlineData(ModelBench.ScratchPfn + 0x2000, MigrateType.Unmovable, "")]
    public void Only_movable_memory_is_allocated_in_scratch(ulong pfn, MigrateType type, string violation)
    {
        Assert.Equal(violation, ModelBench.Booted().Allocate(pfn, 0, type).Found);
    }

    [Theory]
    [InlineData("KHO: exec from: 7.3.0 (count 1)", "")]
    [InlineData("KHO: exec from: 7.3.0 (count 2)", InvariantCatalog.KexecMetadata)]
    [InlineData("KHO: exec from: 7.2.0 (count 1)", InvariantCatalog.KexecMetadata)]
    [InlineData("KHO: kexec-metadata version 2 not supported (expected 1)", InvariantCatalog.KexecMetadata)]
    public void Metadata_names_the_previous_release_and_counts_the_chain(string line, string violation)
    {
        ModelBench bench = ModelBench.Booted().Jump();

        bench.Boot(ModelBench.Kernel(handOverRead: true), Accepted, line);

        Assert.Equal(violation, bench.Found);
    }

    [Fact]
    public void The_count_goes_on_along_a_chain_and_begins_again_after_a_refusal()
    {
        Assert.Equal("", ModelBench.Booted().Kexec(1).Kexec(2).Kexec(3).Found);
        Assert.Equal(InvariantCatalog.KexecMetadata, ModelBench.Booted().Kexec(1).Kexec(1).Found);
        ModelBench refused = ModelBench.Booted().Kexec(1).Jump().Boot(ModelBench.Kernel(compatible: "kho-v3", handOverRead: true));
        refused.Jump().Boot(ModelBench.Kernel(compatible: "kho-v3", handOverRead: true), Accepted, "KHO: exec from: 7.3.0 (count 1)");
        Assert.Equal("", refused.Found);
    }

    [Fact]
    public void Nobody_reads_metadata_on_a_cold_boot()
    {
        Assert.Equal(InvariantCatalog.KexecMetadata, new ModelBench().Boot(ModelBench.Kernel(), "KHO: exec from: 7.3.0 (count 1)").Found);
    }

    [Theory]
    [InlineData(0x400_0000UL, 0x20_0000UL, "kho=on", "")]
    [InlineData(0x420_0000UL, 0x20_0000UL, "kho=on", InvariantCatalog.ReserveMemRevived)]
    [InlineData(0x400_0000UL, 0x10_0000UL, "kho=on", InvariantCatalog.ReserveMemRevived)]
    [InlineData(0x420_0000UL, 0x20_0000UL, "kho=on reserve_mem=1M:4096:other", "")]
    public void A_region_keeps_its_place_while_the_command_line_stays(ulong start, ulong sizeBytes, string nextCommandLine, string violation)
    {
        ModelBench bench = ModelBench.Booted().FindRegion(0, 0x400_0000, 0x20_0000).Jump();
        bench.Boot(ModelBench.Kernel(commandLine: nextCommandLine, handOverRead: true), Accepted, "KHO: exec from: 7.3.0 (count 1)");

        Assert.Equal(violation, bench.FindRegion(0, start, sizeBytes).Found);
    }

    [Fact]
    public void A_region_that_lay_in_scratch_may_move()
    {
        ModelBench bench = ModelBench.Booted().FindRegion(0, ModelBench.ScratchPhys, 0x20_0000).Kexec();

        Assert.Equal("", bench.FindRegion(0, 0x400_0000, 0x20_0000).Found);
    }

    [Fact]
    public void A_kernel_that_dies_of_good_data_is_a_violation()
    {
        ModelBench bench = ModelBench.Booted();
        bench.Crash("BUG: kernel NULL pointer dereference");

        Assert.Equal(InvariantCatalog.KernelAlive, bench.Found);
    }

    [Fact]
    public void Violations_belong_to_their_generation_and_all_are_counted()
    {
        SurvivalModel model = new();
        model.StartGeneration(3);
        for (int i = 0; i < 150; i++)
        {
            model.JudgeCrash("again");
        }

        Assert.Equal((150, 100), (model.ViolationCount, model.Violations.Count));
        Assert.All(model.Violations, violation => Assert.Equal(3, violation.Generation));
        model.StartGeneration(4);
        Assert.Equal((0, 0), (model.ViolationCount, model.Violations.Count));
    }

    private static ModelBench WithPreserved(string content)
    {
        ModelBench bench = ModelBench.Booted();
        switch (content)
        {
            case "poison":
                bench.Memory.Poison(Pfn - 1, 6);
                break;
            case "pattern":
                bench.Memory.Fill(Pfn, 4, new PagePattern(99, 0));
                break;
            case "bytes":
                for (ulong page = 0; page < 4; page++)
                {
                    bench.Memory.WritablePage(Pfn + page).AsSpan().Fill(page + 17);
                }

                break;
            default:
                break;
        }

        return bench.PreserveFolio(Pfn, 2);
    }
}
