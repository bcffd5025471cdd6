using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Boots whose scratch array was damaged in RAM: the kernel dies or boots, the simulator never does something impossible.</summary>
public sealed class DamagedScratchTests
{
    private const ulong MiB = 1UL << 20;

    [Theory]
    [InlineData(0x40000000UL, MiB)]
    [InlineData(0x1f000000UL, 64 * MiB)]
    [InlineData(0xffff_ffff_ffff_f000UL, ulong.MaxValue)]
    [InlineData(0x10000000UL, ulong.MaxValue)]
    public void A_scratch_area_that_is_not_memory_stops_the_boot(ulong phys, ulong bytes)
    {
        EarlyMemory early = Boot(phys, bytes, out bool booted);

        Assert.False(booted);
        Assert.Equal($"scratch area 0x{phys:x}+0x{bytes:x} is not memory", early.Panic);
    }

    // README D18: scratch that holds an image but not what a boot needs.
    [Fact]
    public void A_scratch_area_too_small_to_boot_from_panics()
    {
        EarlyMemory early = Boot(0x10000000, 4 * MiB, out bool booted);

        Assert.False(booted);
        Assert.Equal("Failed to allocate 2097152 bytes for memory map", early.Panic);
    }

    [Fact]
    public void The_same_machine_boots_from_enough_scratch()
    {
        EarlyMemory early = Boot(0x10000000, 32 * MiB, out bool booted);

        Assert.True(booted);
        Assert.Null(early.Panic);
        MemblockRegion[] taken = [.. early.Memblock.Reserved.Regions.ToArray().Where(region => region.Base > 0x8000000 && region.Base < 0x1f000000)];
        Assert.NotEmpty(taken);
        Assert.All(taken, region => Assert.InRange(region.Base, 0x10000000UL, 0x12000000 - region.SizeBytes));
    }

    private static EarlyMemory Boot(ulong phys, ulong bytes, out bool booted)
    {
        MemoryMap map = new([new(0, 0x9fc00, FirmwareRangeKind.Ram), new(MiB, 512 * MiB, FirmwareRangeKind.Ram)], []);
        PhysicalMemory memory = new();
        memory.WriteUInt64(0x8000000, phys);
        memory.WriteUInt64(0x8000008, bytes);
        EarlyMemory early = new();
        EarlyBootRequest request = EarlyBootRequest.Cold(map, CapturedKernels.Find("7.3.0-rc7-a")!, "kho=on");
        booted = EarlyBoot.Run(memory, request, early, new OneArea(memory), new KernelLog());
        return early;
    }

    private sealed class OneArea(PhysicalMemory memory) : IKhoEarlyHooks
    {
        public void Populate(EarlyMemory early, KernelLog log) => early.Scratch.TakeOver(memory, early.Memblock, 0x8000000, 16, log);

        public void MemoryInitEarly(EarlyMemory early, KernelLog log)
        {
        }

        public IIncomingSubtrees? Subtrees(EarlyMemory early) => null;

        public void ReservePreserved(EarlyMemory early, KernelLog log)
        {
        }
    }
}
