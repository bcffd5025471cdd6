using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// The KHO core's part of a boot before there are actors: accept the hand-over, extend scratch, reserve what was preserved
/// (kho_populate, kho_memory_init_early, kho_memory_init).
/// </summary>
public sealed class KhoEarlyBoot : IKhoEarlyHooks
{
    private readonly PhysicalMemory _memory;
    private readonly NodeMap _ram;
    private readonly KernelBuild _build;
    private readonly KhoHandoff? _handoff;

    /// <summary>The hooks of one boot.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="ram">Which pages are RAM.</param>
    /// <param name="build">The kernel that boots.</param>
    /// <param name="handoff">What the loader handed over, or null.</param>
    /// <param name="stamps">Reused from boot to boot: receives the stamps of this boot and forgets all others. Null for new ones.</param>
    public KhoEarlyBoot(PhysicalMemory memory, NodeMap ram, KernelBuild build, KhoHandoff? handoff, PageStamps? stamps = null)
    {
        Stamps = stamps ?? new PageStamps();
        Stamps.Reset();
        _memory = memory;
        _ram = ram;
        _build = build;
        _handoff = handoff;
    }

    /// <summary>What was accepted, or null.</summary>
    public KhoIncoming? Incoming { get; private set; }

    /// <summary>The stamps of the blocks that were reserved.</summary>
    public PageStamps Stamps { get; }

    /// <summary>Blocks that the walk of the incoming tracker reserved.</summary>
    public int ReservedBlocks { get; private set; }

    /// <inheritdoc/>
    public void Populate(EarlyMemory early, KernelLog log)
    {
        if (_handoff is { } handoff)
        {
            Incoming = KhoIncoming.Populate(_memory, early.Memblock, early.Scratch, _build, handoff, log);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="SimulatedOopsException">The incoming tree is damaged and the kernel follows a wild pointer.</exception>
    public void MemoryInitEarly(EarlyMemory early, KernelLog log)
    {
        if (Incoming is null || !_build.ExtendsScratch)
        {
            return;
        }

        ScratchExtension extension = new();
        IncomingTree().Walk(ref extension, ref extension);
        extension.Mark(early.Memblock, PageGeometry.PhysOf(_ram.EndPfn));
    }

    /// <inheritdoc/>
    public IIncomingSubtrees? Subtrees(EarlyMemory early) => Incoming;

    /// <inheritdoc/>
    /// <exception cref="SimulatedOopsException">The incoming tree is damaged, or a block lies outside RAM.</exception>
    public void ReservePreserved(EarlyMemory early, KernelLog log)
    {
        Reservation reservation = new(this, early.Memblock, log);
        IncomingTree().Walk(ref reservation);
    }

    private RadixTree IncomingTree() =>
        RadixTree.Attach(_memory, Incoming!.MapPhys, isRam: _ram.Contains);

    private void Reserve(MemblockAllocator memblock, KernelLog log, PreservedBlock block)
    {
        ulong bytes = PreservedBlock.ReservedBytes(block.Order, _build.BlockSize32Bit);
        ulong capped = Math.Min(bytes, ulong.MaxValue - block.Phys);
        for (int i = memblock.Reserved.WarningsOfAdding(block.Phys, capped); i > 0; i--)
        {
            log.Warn("memblock_add_range");
        }

        memblock.Reserve(block.Phys, capped);
        memblock.MarkReservedNoInit(block.Phys, capped);
        if (!_ram.Contains(block.Pfn))
        {
            throw SimulatedOopsException.BadPageFrame(block.Pfn);
        }

        Stamps.Stamp(block.Pfn, block.Order);
        ReservedBlocks++;
    }

    private readonly struct Reservation(KhoEarlyBoot boot, MemblockAllocator memblock, KernelLog log) : IBlockVisitor
    {
        public int Visit(ulong phys, int order)
        {
            boot.Reserve(memblock, log, new PreservedBlock(PageGeometry.PfnOf(phys), order));
            return 0;
        }
    }
}
