using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Tests.Scenarios;

public sealed class KernelFileTests
{
    [Fact]
    public void Read_EarlyAllocations_BindsEveryFieldOfTheRecord()
    {
        KernelBuild build = Fixtures.Kernels.Load("7.3-rc7");

        Assert.Same(KhoAbi.V4, build.Abi);
        Assert.True(build.ExtendsScratch);
        Assert.Equal(4UL << 20, build.ScratchAlignmentBytes);
        Assert.Equal(
            [
                new EarlyAllocation("log buffer", EarlyBootStage.BeforeNuma, 256 << 10, 4096),
                new EarlyAllocation(
                    "memmap", EarlyBootStage.BeforeReserveMem, 2 << 20, 2 << 20, EarlyAllocationRepeat.PerSection, EarlyAllocationUnit.Whole, 0x1000000),
                new EarlyAllocation(
                    "per-CPU areas", EarlyBootStage.BeforeReserveMem, 2 << 20, Unit: EarlyAllocationUnit.Cpus, KeepBytes: 200 << 10, OnlyAbove4GiB: true),
            ],
            build.EarlyAllocations);
    }

    [Fact]
    public void Read_KeysLeftOut_KeepTheDefaultsOfTheRecord()
    {
        KernelBuild expected = new() { Name = "7.3-rc7", Summary = "The least that a kernel says", Release = "7.3.0-rc7", Abi = KhoAbi.V4 };
        Assert.Equal(expected with { EarlyAllocations = [] }, Fixtures.ReadKernel(Fixtures.MinimalKernel) with { EarlyAllocations = [] });
    }

    [Theory]
    [InlineData("kho-v1-512")]
    [InlineData("kho-v1")]
    [InlineData("kho-v2")]
    [InlineData("kho-v3")]
    public void Read_Abi_IsFoundByName(string abi) =>
        Assert.Same(KhoAbi.Find(abi), Fixtures.ReadKernel(Fixtures.MinimalKernel.Replace("kho-v4", abi, StringComparison.Ordinal)).Abi);

    [Theory]
    [InlineData("max_page_order: 11", "kernel.yaml:5:17: max_page_order: found 11, accepted: from 10 to 10")]
    [InlineData("pageblock_order: 8", "kernel.yaml:5:18: pageblock_order: found 8, accepted: 9, 10")]
    [InlineData("scratch_alignment_bytes: 3 MiB", "kernel.yaml:5:26: scratch_alignment_bytes: found 3 MiB, an alignment must be a power of two")]
    [InlineData("image_preferred_address: 0x1100000", "kernel.yaml:5:26: image_preferred_address: the address must be a multiple of image_alignment_bytes, 0x200000")]
    [InlineData("block_size32_bits: true", "kernel.yaml:5:1: unknown key 'block_size32_bits'; did you mean 'block_size_32_bit'?")]
    [InlineData("kho_build: true", "kernel.yaml:5:1: unknown key 'kho_build'; did you mean 'kho_built'?")]
    [InlineData("early_allocations:\n  - stage: before-numa\n    size_bytes: 1", "kernel.yaml:6:5: early_allocations[0]: the key 'name' is missing")]
    [InlineData("early_allocations:\n  - { name: a, stage: early, size_bytes: 1 }", "kernel.yaml:6:23: early_allocations[0].stage: found 'early'; accepted: before-numa, architecture-setup, before-reserve-mem, before-page-allocator")]
    [InlineData("early_allocations:\n  - { name: a, stage: before_numa, size_bytes: 1, align_bytes: 48 }", "kernel.yaml:6:64: early_allocations[0].align_bytes: found 48, an alignment must be a power of two")]
    [InlineData("early_allocations:\n  - { name: a, stage: before_numa, size_bytes: 1, keep_bytes: 2 }", "kernel.yaml:6:63: early_allocations[0].keep_bytes: more is kept than size_bytes, 1")]
    [InlineData("early_allocations:\n  - { name: a, stage: before_numa, size_bytes: 1, smallest_bytes: 2 }", "kernel.yaml:6:67: early_allocations[0].smallest_bytes: it is halved down to more than size_bytes, 1")]
    [InlineData("early_allocations:\n  - { name: a, stage: before_numa, size_bytes: 1, min_address: 2, max_address: 2 }", "kernel.yaml:6:80: early_allocations[0].max_address: it is not above min_address, 0x2")]
    public void Read_ImpossibleKernel_SaysWhereAndWhy(string lines, string expected) =>
        Assert.Equal(expected, Fixtures.KernelRefusal(Fixtures.MinimalKernel + lines));

    [Fact]
    public void Read_ReleaseOf65Characters_IsRefused() =>
        Assert.Equal(
            "kernel.yaml:3:10: release: found 65 characters, accepted: from 1 to 64",
            Fixtures.KernelRefusal(Fixtures.MinimalKernel.Replace("7.3.0-rc7", new string('7', 65), StringComparison.Ordinal)));

    [Fact]
    public void Read_UnknownAbi_SuggestsOne() =>
        Assert.Equal(
            "kernel.yaml:4:6: abi: found 'kho-v5'; did you mean 'kho-v1'?",
            Fixtures.KernelRefusal(Fixtures.MinimalKernel.Replace("kho-v4", "kho-v5", StringComparison.Ordinal)));
}
