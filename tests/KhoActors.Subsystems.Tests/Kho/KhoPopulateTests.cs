using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Memblock;
using KhoActors.Subsystems.Tests.Tracking;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>kho_populate and the walk after it: what is refused with which line, and what a damaged hand-over does to the kernel.</summary>
public class KhoPopulateTests
{
    private const ulong FdtPhys = 0x9000, MapPhys = 0xB000, ArrayPhys = 0x8000;
    private readonly PhysicalMemory _memory = new();
    private readonly EarlyMemory _early = new();
    private readonly KernelLog _log = new();

    public KhoPopulateTests()
    {
        Assert.Equal(0, RootFdt.Setup(Fdt, KhoAbi.V4, MapPhys));
        _memory.WriteUInt64(ArrayPhys, 0x1000_0000);
        _memory.WriteUInt64(ArrayPhys + 8, 0x100_0000);
    }

    private Span<byte> Fdt => _memory.WritablePageBytes(FdtPhys >> PageGeometry.Shift);

    private string[] Lines => [.. _log.Lines.Select(line => line.Text)];

    [Fact]
    public void A_good_hand_over_is_accepted_and_memory_comes_from_scratch_only()
    {
        KhoIncoming? incoming = Populate(KhoBench.Kernel());

        Assert.Equal(MapPhys, incoming!.MapPhys);
        Assert.Equal(["KHO: found kexec handover data."], Lines);
        Assert.True(_early.Memblock.ScratchOnly && _early.IsKhoBoot);
    }

    [Fact]
    public void A_kernel_without_KHO_says_that_it_was_passed_data()
    {
        Assert.Null(Populate(KhoBench.Kernel() with { KhoBuilt = false }));
        Assert.Equal(["Passed KHO data, but CONFIG_KEXEC_HANDOVER not set. Ignoring."], Lines);
    }

    [Theory]
    [InlineData("kho-v2")]
    [InlineData("kho-v3")]
    [InlineData("kho-v1")]
    public void Another_ABI_is_refused_in_its_own_words(string name)
    {
        KhoAbi abi = KhoAbi.Find(name)!;

        Assert.Null(Populate(KhoBench.Kernel(abi)));

        Assert.Equal([$"KHO: setup: handover FDT (0x9000) is incompatible with '{abi.Compatible}': 1", "KHO: disabling KHO revival"], Lines);
        Assert.False(_early.Memblock.ScratchOnly);
    }

    [Theory]
    [InlineData(0, 0x00, "-9")]
    [InlineData(23, 0x01, "-10")]
    public void A_damaged_header_is_refused_with_libfdts_code(int offset, byte value, string code)
    {
        Fdt[offset] = value;

        Assert.Null(Populate(KhoBench.Kernel()));

        Assert.Equal([$"KHO: setup: handover FDT (0x9000) is invalid: {code}", "KHO: disabling KHO revival"], Lines);
    }

    [Theory]
    [InlineData("kho-v4", false, "KHO: failed to get preserved memory map", "KHO: disabling KHO revival")]
    [InlineData("kho-v1", true, "KHO: failed to get preserved memory bitmaps", "KHO: disabling KHO revival: -2")]
    public void A_missing_map_is_named_as_the_generation_names_it_with_the_number_where_it_prints_one(string abi, bool errno, params string[] lines)
    {
        KernelBuild build = KhoBench.Kernel(KhoAbi.Find(abi)) with { RevivalLineHasErrno = errno };
        Fdt.Clear();
        Assert.Equal(0, RootFdt.Setup(Fdt, build.Abi, MapPhys));
        int at = Fdt.IndexOf("preserved-memory-map"u8);
        Fdt[at] = (byte)'P';

        Assert.Null(Populate(build));

        Assert.Equal(lines, Lines);
    }

    [Fact]
    public void A_map_of_zero_has_no_line_of_its_own()
    {
        Fdt.Clear();
        RootFdt.Setup(Fdt, KhoAbi.V4, 0);

        Assert.Null(Populate(KhoBench.Kernel()));

        Assert.Equal(["KHO: disabling KHO revival"], Lines);
    }

    [Theory]
    [InlineData(0x9000UL, 0UL, 16UL, "KHO: setup: failed to memremap FDT (0x9000)")]
    [InlineData(0x9000UL, 4096UL, 0UL, "KHO: setup: failed to memremap scratch (phys=0x8000, len=0)")]
    public void What_cannot_be_mapped_is_refused(ulong fdtPhys, ulong fdtBytes, ulong arrayBytes, string line)
    {
        KhoIncoming? incoming = KhoIncoming.Populate(
            _memory, _early.Memblock, _early.Scratch, KhoBench.Kernel(), new KhoHandoff(fdtPhys, fdtBytes, ArrayPhys, arrayBytes), _log);

        Assert.Null(incoming);
        Assert.Equal([line, "KHO: disabling KHO revival"], Lines);
    }

    [Fact]
    public void An_FDT_that_claims_two_pages_is_accepted()
    {
        Fdt[6] = 0x20;

        Assert.NotNull(Populate(KhoBench.Kernel()));
    }

    /// <summary>Every byte of the hand-over's FDT damaged in turn: refused or accepted, nothing else.</summary>
    [Fact]
    public void Whatever_byte_of_the_FDT_is_damaged_the_kernel_boots_on()
    {
        byte[] good = Fdt[..(int)FdtReader.TotalSize(Fdt)].ToArray();
        for (int i = 0; i < good.Length * 8; i++)
        {
            KhoPopulateTests bench = new();
            bench.Fdt[i / 8] ^= (byte)(1 << (i % 8));
            if (bench.Populate(KhoBench.Kernel()) is { } incoming)
            {
                incoming.Retrieve("memblock", out _, out _);
            }

            Assert.NotEmpty(bench.Lines);
        }
    }

    [Theory]
    [InlineData(true, 0x8000_0000UL, 0xFFFF_FFFFUL)]
    [InlineData(false, 0x8000_0000UL, 0x8000_0000UL)]
    public void An_order_19_block_reserves_its_two_GiB_or_on_7_1_everything_above_it(bool size32Bit, ulong start, ulong atLeast)
    {
        NodeMap ram = new();
        ram.Add(1, 0x20_0000, 0);
        Tree().Track(start >> PageGeometry.Shift, 19);
        KhoEarlyBoot boot = Boot(ram, KhoBench.Kernel() with { BlockSize32Bit = size32Bit });

        boot.ReservePreserved(_early, _log);

        ulong reserved = 0;
        for (ulong phys = start; phys < 0x2_0000_0000; phys += 0x800_0000)
        {
            reserved += IsReserved(phys) ? 0x800_0000UL : 0;
        }

        Assert.InRange(reserved, atLeast, size32Bit ? ulong.MaxValue : atLeast);
        Assert.Equal(1, boot.ReservedBlocks);
        Assert.Equal(0x4B48_4F50_0000_0013UL, boot.Stamps.PrivateOf(start >> PageGeometry.Shift));
    }

    [Fact]
    public void A_block_outside_RAM_crashes_the_kernel_when_its_first_page_is_stamped()
    {
        NodeMap ram = new();
        ram.Add(1, 0x8_0000, 0);
        Tree().Track(0x10_0000, 0);
        KhoEarlyBoot boot = Boot(ram, KhoBench.Kernel());

        SimulatedOopsException oops = Assert.Throws<SimulatedOopsException>(() => boot.ReservePreserved(_early, _log));

        Assert.Equal("BUG: unable to handle page fault for address: ffd4000004000028", oops.Message);
    }

    /// <summary>The tree of a captured hand-over with an order-19 block on 8 GiB: scratch grows exactly over the gaps that the captured kernel shows.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Scratch_extends_over_the_GiBs_without_preserved_memory_as_captured(int generation)
    {
        Capture capture = Capture.Open("v4-7.3-8g");
        CapturedHandoff captured = new(capture, generation, extends: true);
        System.Text.Json.JsonElement incoming = capture.Generation(generation).GetProperty("incoming_setup_data");
        KhoHandoff handoff = new(
            Capture.Hex(incoming.GetProperty("fdt_addr").GetString()!), 4096,
            Capture.Hex(incoming.GetProperty("scratch_addr").GetString()!), incoming.GetProperty("scratch_size").GetUInt64());
        MemoryMap map = capture.Map(generation);
        NodeMap ram = new();
        foreach (FirmwareRange range in map.Ram)
        {
            ulong start = PageGeometry.PfnOf(PageGeometry.AlignUp(range.Start)), end = PageGeometry.PfnOf(range.End);
            ram.Add(Math.Max(1, start), end, 0);
            _early.Memblock.Add(Math.Max(1, start) << PageGeometry.Shift, (end - Math.Max(1, start)) << PageGeometry.Shift);
        }

        KhoEarlyBoot boot = new(captured.Memory, ram, CapturedKernels.Find(capture.Release(generation))!, handoff);
        boot.Populate(_early, _log);
        boot.MemoryInitEarly(_early, _log);

        const string Prefix = "  node   0: [mem ";
        IEnumerable<string> expected =
            from line in capture.Dmesg(generation)
            where line.Text.StartsWith(Prefix, StringComparison.Ordinal)
            select line.Text[Prefix.Length..line.Text.IndexOf(']', StringComparison.Ordinal)];
        Assert.Equal(expected, Regions());
    }

    private List<string> Regions()
    {
        List<string> regions = [];
        foreach (MemblockRegion region in _early.Memblock.Memory.Regions)
        {
            regions.Add($"0x{region.Base:x16}-0x{region.End - 1:x16}");
        }

        return regions;
    }

    private bool IsReserved(ulong phys)
    {
        foreach (MemblockRegion region in _early.Memblock.Reserved.Regions)
        {
            if (region.Base <= phys && phys < region.End)
            {
                return true;
            }
        }

        return false;
    }

    private KhoIncoming? Populate(KernelBuild build) =>
        KhoIncoming.Populate(_memory, _early.Memblock, _early.Scratch, build, new KhoHandoff(FdtPhys, 4096, ArrayPhys, ScratchArea.EntryBytes), _log);

    private RadixTree Tree()
    {
        RadixTree tree = RadixTree.Create(_memory, new ForwardPageSource(_memory, 0x20_0000))!;
        Fdt.Clear();
        RootFdt.Setup(Fdt, KhoAbi.V4, tree.MapPhys);
        return tree;
    }

    private KhoEarlyBoot Boot(NodeMap ram, KernelBuild build)
    {
        KhoEarlyBoot boot = new(_memory, ram, build, new KhoHandoff(FdtPhys, 4096, ArrayPhys, ScratchArea.EntryBytes));
        boot.Populate(_early, _log);
        Assert.NotNull(boot.Incoming);
        return boot;
    }
}
