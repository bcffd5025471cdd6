using System.Buffers.Binary;
using System.Text;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>
/// Whole machines whose RAM is damaged at the jump, each time as one bug of a kernel would leave it: the model sees what the next kernel
/// does with it. Undamaged, the same machines keep every invariant.
/// </summary>
public class PlantedBugTests
{
    [Fact]
    public void An_undamaged_machine_keeps_every_invariant()
    {
        Assert.Empty(Found(7, _ => { }));
    }

    [Fact]
    public void A_word_that_changes_in_any_preserved_block_of_the_workload_is_seen()
    {
        MachineSpec spec = Calm().SpecOf(seed: 7);
        using Machine machine = MachineBench.AtJump(spec);
        int blocks = ClaimedBlocks(machine, spec).Count;
        Assert.True(blocks > 15);
        for (int i = 0; i < blocks; i++)
        {
            int index = i;
            IReadOnlyList<string> found = Found(7, handOver =>
            {
                PreservedBlock block = ClaimedBlocks(handOver)[index];
                ulong phys = block.Phys + ((block.Pages - 1) << PageGeometry.Shift) + 8;
                handOver.Memory.WriteUInt64(phys, handOver.Memory.ReadUInt64(phys) ^ 0x100);
            });
            Assert.Contains(InvariantCatalog.PreservedContent, found);
        }
    }

    [Fact]
    public void A_tracker_that_loses_any_one_block_is_caught()
    {
        MachineSpec spec = Calm().SpecOf(seed: 7);
        using Machine machine = MachineBench.AtJump(spec);
        int blocks = ClaimedBlocks(machine, spec).Count;
        for (int i = 0; i < blocks; i++)
        {
            int index = i;
            IReadOnlyList<string> found = Found(7, handOver =>
            {
                PreservedBlock lost = ClaimedBlocks(handOver)[index];
                Assert.True(handOver.Tree.Untrack(lost.Pfn, lost.Order));
            });
            Assert.Contains(InvariantCatalog.PreservedContent, found);
        }
    }

    [Fact]
    public void A_tracker_that_records_blocks_with_a_smaller_order_is_caught()
    {
        MachineSpec spec = Calm().SpecOf(seed: 7);
        using Machine machine = MachineBench.AtJump(spec);
        IReadOnlyList<PreservedBlock> blocks = Halvable(HandOver.Of(machine, spec));
        SortedSet<string> all = [];
        foreach (PreservedBlock block in blocks)
        {
            IReadOnlyList<string> found = Found(7, handOver =>
            {
                Assert.True(handOver.Tree.Untrack(block.Pfn, block.Order));
                Assert.Equal(0, handOver.Tree.Track(block.Pfn, block.Order - 1));
            });
            Assert.Contains(InvariantCatalog.PreservedContent, found);
            all.UnionWith(found);
        }

        Assert.Contains(InvariantCatalog.RestoreExact, all);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    public void A_core_that_answers_another_size_for_a_blob_is_caught(ulong size)
    {
        IReadOnlyList<string> found = Found(7, handOver => ReplaceInFdt(handOver, Size(handOver, "workload"), size));
        Assert.Contains(InvariantCatalog.SubtreeExact, found);
    }

    [Fact]
    public void A_core_that_loses_a_blob_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver => RenameInFdt(handOver, "workload", "workloaf"));

        Assert.Contains(InvariantCatalog.SubtreeExact, found);
    }

    [Fact]
    public void A_core_that_answers_another_address_for_a_blob_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver => ReplaceInFdt(handOver, handOver.Blob("workload").Phys, handOver.Blob("workload").Phys + 0x2000));

        Assert.Contains(InvariantCatalog.SubtreeExact, found);
    }

    [Theory]
    [InlineData(+1)]
    [InlineData(-1)]
    public void A_kexec_count_that_is_off_by_one_is_caught(int error)
    {
        IReadOnlyList<string> found = Found(7, handOver =>
        {
            ulong count = handOver.Blob(KexecMetadata.SubtreeName).Phys + KexecMetadata.SizeBytes - sizeof(uint);
            Span<byte> word = stackalloc byte[sizeof(uint)];
            handOver.Memory.Read(count, word);
            BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)(BinaryPrimitives.ReadUInt32LittleEndian(word) + error));
            handOver.Memory.Write(count, word);
        });

        Assert.Equal([InvariantCatalog.KexecMetadata], found);
    }

    [Fact]
    public void Metadata_of_another_release_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver => handOver.Memory.Write(handOver.Blob(KexecMetadata.SubtreeName).Phys + 4, "6.6.6"u8));

        Assert.Equal([InvariantCatalog.KexecMetadata], found);
    }

    [Theory]
    [InlineData("7.1.13", "7.3-rc7")]
    [InlineData("7.3-rc7", "7.1.13")]
    public void A_kernel_that_takes_another_ABI_for_its_own_is_caught(string from, string to)
    {
        string foreign = MachineBench.Kernel(to).Abi.Compatible;
        string own = MachineBench.Kernel(from).Abi.Compatible;

        IReadOnlyList<string> found = Found(7, handOver => RenameInFdt(handOver, own, foreign), from, to);

        Assert.Contains(InvariantCatalog.HandOverAccepted, found);
    }

    [Fact]
    public void A_kernel_that_does_not_know_its_own_ABI_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver => RenameInFdt(handOver, "kho-v4", "kho-v5"));

        Assert.Contains(InvariantCatalog.HandOverAccepted, found);
    }

    [Fact]
    public void A_reserve_mem_region_that_moves_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver =>
        {
            ulong blob = handOver.Blob("memblock").Phys;
            Span<byte> page = handOver.Memory.WritablePageBytes(PageGeometry.PfnOf(blob));
            int at = page.IndexOf("reserve-mem-v1"u8) + 16 + 12;
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(page[at..]);
            Assert.True(start % 4096 == 0 && start is > 0 and < (512UL << 20), $"0x{start:x} is no region");
            BinaryPrimitives.WriteUInt64LittleEndian(page[at..], start - (8UL << 20));
        });

        Assert.Contains(InvariantCatalog.ReserveMemRevived, found);
    }

    [Fact]
    public void A_region_that_is_not_revived_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver => RenameInFdt(handOver, "memblock", "memblok_"));

        Assert.Contains(InvariantCatalog.ReserveMemRevived, found);
    }

    [Fact]
    public void A_region_whose_pages_were_freed_belongs_to_somebody_else()
    {
        IReadOnlyList<string> found = Found(7, handOver =>
        {
            PreservedBlock region = handOver.Blocks.Single(block => block.Order == 9);
            Assert.True(handOver.Tree.Untrack(region.Pfn, region.Order));
        });

        Assert.Equal([InvariantCatalog.PreservedContent, InvariantCatalog.PageOwnership], found);
    }

    [Fact]
    public void A_tree_that_crashes_the_next_kernel_is_caught()
    {
        IReadOnlyList<string> found = Found(7, handOver => handOver.Memory.WriteUInt64(handOver.Tree.MapPhys, 0x00FF_FFFF_FFFF_F000));

        Assert.Contains(InvariantCatalog.KernelAlive, found);
    }

    /// <summary>The invariants that the generations after a damaged jump break, each once, in order of first occurrence.</summary>
    private static IReadOnlyList<string> Found(ulong seed, Action<HandOver> damage, params string[] kernels)
    {
        MachineSpec spec = Calm(kernels).SpecOf(seed);
        using Machine machine = MachineBench.AtJump(spec);
        damage(HandOver.Of(machine, spec));
        return [.. MachineBench.Continue(machine, spec).Reports.SelectMany(report => report.Violations).Select(violation => violation.Invariant).Distinct()];
    }

    /// <summary>Operations end before the next begins: at the jump every block in the tree was acknowledged to its client.</summary>
    private static Scenario Calm(params string[] kernels)
    {
        Scenario small = MachineBench.Small(kernels);
        return small with { Kexecs = 2, Workload = small.Workload with { OperationIntervalTicks = 1_000_000 } };
    }

    private static IReadOnlyList<PreservedBlock> ClaimedBlocks(Machine machine, MachineSpec spec) => ClaimedBlocks(HandOver.Of(machine, spec));

    /// <summary>All blocks but the core's own two pages, which are its to lose.</summary>
    private static IReadOnlyList<PreservedBlock> ClaimedBlocks(HandOver handOver)
    {
        ulong metadata = handOver.Blob(KexecMetadata.SubtreeName).Phys;
        return [.. handOver.Blocks.Where(block => block.Phys != handOver.FdtPhys && block.Phys != metadata)];
    }

    /// <summary>Blocks whose half has its leaf in the tree already: the damage needs no new table.</summary>
    private static IReadOnlyList<PreservedBlock> Halvable(HandOver handOver)
    {
        IReadOnlyList<PreservedBlock> all = handOver.Blocks;
        return [.. ClaimedBlocks(handOver).Where(block => block.Order > 0 && all.Any(other => SharesLeaf(other, block with { Order = block.Order - 1 })))];
    }

    private static bool SharesLeaf(PreservedBlock one, PreservedBlock other) =>
        one.Order == other.Order && one.Pfn >> (one.Order + 15) == other.Pfn >> (other.Order + 15);

    private static ulong Size(HandOver handOver, string name) => handOver.Blob(name).SizeBytes;

    private static void ReplaceInFdt(HandOver handOver, ulong value, ulong by)
    {
        byte[] wanted = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(wanted, value);
        int at = handOver.RootFdtPage.IndexOf(wanted);
        Assert.True(at > 0);
        BinaryPrimitives.WriteUInt64LittleEndian(handOver.RootFdtPage[at..], by);
    }

    private static void RenameInFdt(HandOver handOver, string name, string by)
    {
        int at = handOver.RootFdtPage.IndexOf(Encoding.ASCII.GetBytes(name));
        Assert.True(at > 0);
        Encoding.ASCII.GetBytes(by, handOver.RootFdtPage[at..]);
    }
}
