using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using Xunit;

namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>Choosing, failing and taking over scratch areas, beyond what captures show.</summary>
public sealed class ScratchAreasTests
{
    private const ulong MiB = 1UL << 20;
    private static readonly KernelBuild Build = CapturedKernels.Find("7.3.0-rc7-a")!;
    private static readonly KernelBuild Unrounded = Build with { ScratchSizesRounded = false, ScratchAlignmentBytes = 2 * MiB };
    private static readonly KhoOptions Scaled = new(true, 200, 0, 0, 0);

    private readonly PhysicalMemory _memory = new();
    private readonly MemblockAllocator _memblock = new();
    private readonly ScratchAreas _scratch = new();
    private readonly KernelLog _log = new();

    [Fact]
    public void Reserve_writes_sixteen_bytes_for_each_area_in_order()
    {
        AddNodes(256 * MiB);

        Assert.Equal(0, _scratch.Reserve(_memory, _memblock, Build, new KhoOptions(true, 0, MiB, 9 * MiB, 4 * MiB), [0], _log));

        Assert.Equal([4 * MiB, 12 * MiB, 4 * MiB], _scratch.Areas.Select(area => area.SizeBytes));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(_scratch.Areas[i].Phys, _memory.ReadUInt64(_scratch.ArrayPhys + ((ulong)i * 16)));
            Assert.Equal(_scratch.Areas[i].SizeBytes, _memory.ReadUInt64(_scratch.ArrayPhys + ((ulong)i * 16) + 8));
        }
    }

    [Fact]
    public void Explicit_sizes_are_not_rounded_where_the_build_does_not()
    {
        AddNodes(256 * MiB);

        _scratch.Reserve(_memory, _memblock, Unrounded, new KhoOptions(true, 0, 3 * MiB, 5 * MiB, 3 * MiB), [0], _log);

        Assert.Equal([3 * MiB, 5 * MiB, 4 * MiB], _scratch.Areas.Select(area => area.SizeBytes));
    }

    // 41,000,000 bytes below 4 GiB; above it first as many as in the reference's example (3.4), then so many that subtracting
    // 82,000,000 or its round-up 83,886,080 makes a difference.
    [Theory]
    [InlineData(true, 22_000_000UL, 44_040_192UL, 44_040_192UL)]
    [InlineData(false, 22_000_000UL, 44_040_192UL, 44_040_192UL)]
    [InlineData(true, 22_900_000UL, 46_137_344UL, 46_137_344UL)]
    [InlineData(false, 22_900_000UL, 44_040_192UL, 46_137_344UL)]
    public void Scaled_sizes_follow_what_the_kernel_reserved(bool rounded, ulong above4GiB, ulong global, ulong perNode)
    {
        _memblock.Add(MiB, (8UL << 30) - MiB);
        _memblock.SetNode(0, ulong.MaxValue, 0);
        _memblock.Reserve(16 * MiB, 41_000_000, MemblockAttributes.ReservedKernel);
        _memblock.Reserve(5UL << 30, above4GiB, MemblockAttributes.ReservedKernel, 0);
        _memblock.Reserve(6UL << 30, 10 * MiB);

        _scratch.Reserve(_memory, _memblock, Unrounded with { ScratchSizesRounded = rounded }, Scaled, [0], _log);

        Assert.Equal([83_886_080UL, global, perNode], _scratch.Areas.Select(area => area.SizeBytes));
    }

    [Fact]
    public void A_small_machine_gets_a_global_area_of_length_zero_from_wrapping_arithmetic()
    {
        AddNodes(256 * MiB);
        _memblock.Reserve(MiB, 3 * MiB + 5, MemblockAttributes.ReservedKernel);

        Assert.Equal(0, _scratch.Reserve(_memory, _memblock, Unrounded, Scaled, [0], _log));

        Assert.Equal([8 * MiB, 0, 0], _scratch.Areas.Select(area => area.SizeBytes));
        Assert.All(_scratch.Areas, area => Assert.NotEqual(0UL, area.Phys));
    }

    [Theory]
    [InlineData(300UL, 1UL, 1UL, "lowmem scratch buffer")]
    [InlineData(8UL, 300UL, 1UL, "global scratch buffer")]
    [InlineData(8UL, 8UL, 300UL, "nid 0 scratch buffer")]
    public void An_area_without_room_gives_all_back_and_disables_kho(ulong lowmem, ulong global, ulong perNode, string what)
    {
        AddNodes(256 * MiB);
        _memblock.Reserve(2 * MiB, MiB);

        int result = _scratch.Reserve(_memory, _memblock, Build, new KhoOptions(true, 0, lowmem * MiB, global * MiB, perNode * MiB), [0], _log);

        Assert.Equal(-Errno.ENOMEM, result);
        Assert.Empty(_scratch.Areas);
        Assert.Equal(new MemblockRegion(2 * MiB, MiB, MemblockAttributes.None, MemblockRegions.NoNode), Assert.Single(_memblock.Reserved.Regions.ToArray()));
        Assert.Equal(
            [$"<3>KHO: Failed to reserve {what}", "<4>KHO: Failed to reserve scratch area, disabling kexec handover"],
            _log.Lines.Select(line => line.ToString()));
    }

    [Fact]
    public void A_machine_without_free_memory_has_no_room_for_the_array()
    {
        Assert.Equal(-Errno.ENOMEM, _scratch.Reserve(_memory, _memblock, Build, Scaled, [0], _log));
        Assert.Equal("<3>KHO: Failed to reserve scratch array", _log.Lines[0].ToString());
    }

    [Fact]
    public void Each_node_gets_its_area_on_itself()
    {
        AddNodes(128 * MiB, 128 * MiB);

        _scratch.Reserve(_memory, _memblock, Build, new KhoOptions(true, 0, 4 * MiB, 4 * MiB, 8 * MiB), [0, 1], _log);

        Assert.True(_scratch.Areas[2].End <= 128 * MiB);
        Assert.True(_scratch.Areas[3].Phys >= 128 * MiB);
    }

    [Fact]
    public void TakeOver_makes_areas_the_only_memory_to_allocate_from()
    {
        _memory.WriteUInt64(0x5000, 64 * MiB);
        _memory.WriteUInt64(0x5008, 8 * MiB);
        _memory.WriteUInt64(0x5010, 96 * MiB);

        Assert.Equal(0, _scratch.TakeOver(_memory, _memblock, 0x5000, 39, _log));
        _memblock.Add(MiB, 255 * MiB);

        Assert.Equal([new ScratchArea(64 * MiB, 8 * MiB), new ScratchArea(96 * MiB, 0)], _scratch.Areas);
        Assert.True(_scratch.Inherited);
        Assert.Equal((72 * MiB) - 4096, _memblock.Allocate(4096, 4096));
        Assert.Equal(0UL, _memblock.Allocate(16 * MiB, 4096));
        Assert.Contains((0x5000UL, 0x5027UL), _memblock.Reserved.Regions.ToArray().Select(region => (region.Base, region.End)));
    }

    [Theory]
    [InlineData(0x5000UL, 0UL)]
    [InlineData(0x5000UL, 0x40001UL)]
    [InlineData(0x5fffUL, 0x40000UL)]
    [InlineData(1UL << 52, 16UL)]
    [InlineData(0x5000UL, ulong.MaxValue)]
    public void TakeOver_of_an_array_that_cannot_be_mapped_fails(ulong phys, ulong bytes)
    {
        Assert.Equal(-Errno.EFAULT, _scratch.TakeOver(_memory, _memblock, phys, bytes, _log));
        Assert.Equal($"<4>KHO: setup: failed to memremap scratch (phys=0x{phys:x}, len={bytes})", Assert.Single(_log.Lines).ToString());
        Assert.False(_memblock.ScratchOnly);
    }

    private void AddNodes(params ulong[] bytes)
    {
        ulong start = 0;
        for (int node = 0; node < bytes.Length; node++)
        {
            _memblock.Add(start, bytes[node]);
            _memblock.SetNode(start, bytes[node], node);
            start += bytes[node];
        }
    }
}
