using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>What a machine at its jump hands over, found the way the next kernel finds it: from the setup_data list on.</summary>
internal sealed class HandOver
{
    private readonly KhoHandoff _handoff;
    private readonly KhoAbi _abi;

    private HandOver(PhysicalMemory memory, KhoHandoff handoff, KhoAbi abi)
    {
        Memory = memory;
        _handoff = handoff;
        _abi = abi;
    }

    public PhysicalMemory Memory { get; }

    public ulong FdtPhys => _handoff.FdtPhys;

    public Span<byte> RootFdtPage => Memory.WritablePageBytes(PageGeometry.PfnOf(FdtPhys));

    public RadixTree Tree
    {
        get
        {
            Assert.Equal(MemoryMapLookup.Found, RootFdt.MemoryMap(RootFdtPage, out ulong map));
            return RadixTree.Attach(Memory, map);
        }
    }

    /// <summary>All preserved blocks, in walk order.</summary>
    public IReadOnlyList<PreservedBlock> Blocks
    {
        get
        {
            Collector collector = new([]);
            Assert.Equal(0, Tree.Walk(ref collector));
            return collector.Blocks;
        }
    }

    public static HandOver Of(Machine machine, MachineSpec spec)
    {
        Assert.Equal(0, SetupData.FindKho(machine.Memory, machine.NextBoot.SetupDataPhys, out KhoHandoff handoff));
        return new HandOver(machine.Memory, handoff, spec.KernelOf(machine.NextGeneration - 1).Abi);
    }

    public (ulong Phys, ulong SizeBytes) Blob(string name)
    {
        Assert.Equal(SubtreeLookup.Found, RootFdt.FindSubtree(RootFdtPage, _abi, name, out ulong phys, out ulong? sizeBytes));
        return (phys, sizeBytes!.Value);
    }

    private readonly struct Collector(List<PreservedBlock> blocks) : IBlockVisitor
    {
        public List<PreservedBlock> Blocks => blocks;

        public int Visit(ulong phys, int order)
        {
            blocks.Add(new PreservedBlock(PageGeometry.PfnOf(phys), order));
            return 0;
        }
    }
}
