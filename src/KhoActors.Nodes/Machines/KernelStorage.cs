using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// What a kernel keeps its state in, reused from generation to generation and from machine to machine so that a boot allocates little. Only
/// <see cref="Memory"/>, RAM, carries anything across a kexec: each boot empties everything else before it looks at it.
/// </summary>
internal sealed class KernelStorage
{
    public KernelStorage()
        : this(new PhysicalMemory())
    {
    }

    public KernelStorage(PhysicalMemory memory)
    {
        Memory = memory;
        Pages = new PageAllocator(Memory, new PageAllocatorOptions());
        Vmalloc = new VmallocAreas(Pages);
        Workload = new WorkloadState(new OwnedMemory(Memory, Pages, PageOwner.Workload), Vmalloc);
    }

    public PhysicalMemory Memory { get; }

    public PageAllocator Pages { get; }

    public VmallocAreas Vmalloc { get; }

    public EarlyMemory Early { get; } = new();

    public PageStamps Stamps { get; } = new();

    public KernelLog Log { get; } = new();

    public ClientWorkspace ClientWorkspace { get; } = new();

    public WorkloadState Workload { get; }
}
