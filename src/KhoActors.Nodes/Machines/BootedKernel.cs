using KhoActors.Nodes.Runtime;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// A kernel from its first instruction to its initcalls: the one boot path, of machines in a fleet and of memory captured on a real
/// kernel. Call <see cref="BootEarly"/>, <see cref="StartPageAllocator"/>, <see cref="StartActors"/> in this order; or
/// <see cref="ToUserSpace"/> for all of it.
/// </summary>
public sealed class BootedKernel
{
    private const ulong InitcallDeliveriesMax = 50_000_000;
    private readonly KernelStorage _storage;
    private KhoEarlyBoot? _earlyKho;
    private KhoCore? _kho;
    private ulong _loadedClients;

    /// <summary>A kernel that is about to boot.</summary>
    /// <param name="start">What it is given.</param>
    /// <param name="storage">RAM, and what the kernel keeps its state in.</param>
    internal BootedKernel(KernelStart start, KernelStorage storage)
    {
        Start = start;
        _storage = storage;
    }

    /// <summary>What it was given.</summary>
    public KernelStart Start { get; }

    /// <summary>Its log.</summary>
    public KernelLog Log => _storage.Log;

    /// <summary>What the early boot left: memblock, scratch areas, reserve_mem regions.</summary>
    public EarlyMemory Early => _storage.Early;

    /// <summary>RAM.</summary>
    public PhysicalMemory Memory => _storage.Memory;

    /// <summary>Its vmalloc areas.</summary>
    public VmallocAreas Vmalloc => _storage.Vmalloc;

    /// <summary>The line with which it died, or null while it lives.</summary>
    public string? Death { get; private set; }

    /// <summary>The four numbers of the hand-off; null when the loader passed none.</summary>
    public KhoHandoff? Handoff { get; private set; }

    /// <summary>What it accepted of its predecessor, or null.</summary>
    public KhoIncoming? Incoming => _earlyKho?.Incoming;

    /// <summary>Blocks that the boot reserved because the predecessor preserved them.</summary>
    public int ReservedBlocks => _earlyKho?.ReservedBlocks ?? 0;

    /// <summary>The KHO core.</summary>
    /// <exception cref="InvalidOperationException">The kernel died before there was one, or <see cref="StartActors"/> was not called.</exception>
    public KhoCore Kho => _kho ?? throw new InvalidOperationException("this kernel has no KHO core yet");

    /// <summary>Boots a kernel alone, with nothing of user space: to the end of its initcalls or to its death.</summary>
    /// <param name="start">What it is given.</param>
    /// <param name="memory">RAM.</param>
    /// <returns>The kernel; see <see cref="Death"/>.</returns>
    /// <exception cref="SimulatorDefectException">Our code failed: never a simulated crash.</exception>
    public static BootedKernel ToUserSpace(KernelStart start, PhysicalMemory memory)
    {
        BootedKernel kernel = new(start, new KernelStorage(memory));
        if (kernel.BootEarly())
        {
            kernel.StartPageAllocator();
            kernel.RunInitcalls();
        }

        return kernel;
    }

    /// <summary>The boot up to the page allocator.</summary>
    /// <returns>False when it died.</returns>
    public bool BootEarly()
    {
        Log.Clear();
        Log.Write(LogLevel.Notice, $"Linux version {Start.Build.Release}");
        Log.Write(LogLevel.Info, $"Command line: {Start.CommandLine}");
        List<PhysicalRange> setupData = [];
        if (Start.Source.Kind == BootKind.Kexec)
        {
            setupData = ReadSetupData();
        }

        _earlyKho = new KhoEarlyBoot(Memory, Start.Memory.Ram, Start.Build, Handoff, _storage.Stamps);
        try
        {
            Death = EarlyBoot.Run(Memory, Start.ToRequest(setupData), Early, _earlyKho, Log) ? null : Early.Panic;
        }
        catch (SimulatedOopsException oops)
        {
            Death = oops.Message;
        }

        return Death is null;
    }

    /// <summary>Everything that is not reserved goes to the page allocator; on a KHO boot scratch is CMA from the start.</summary>
    public void StartPageAllocator()
    {
        _storage.Pages.Reset(new PageAllocatorOptions(Start.Build.PageblockOrder, Start.Build.MaxPageOrder, Start.PoisonsFreedPages), Start.Memory.Ram);
        _storage.Vmalloc.Reset();
        if (Incoming is not null)
        {
            // All of scratch, also pageblocks that are preserved as a whole or hold the image: when they are freed they are CMA again.
            foreach (ScratchArea area in Early.Scratch.Areas)
            {
                if (area.SizeBytes != 0)
                {
                    _storage.Pages.SetPageblockType(PageGeometry.PfnOf(area.Phys), PageGeometry.PfnOf(PageGeometry.AlignUp(area.End)), MigrateType.Cma);
                }
            }
        }

        foreach (FreeRange range in Early.FreeRanges)
        {
            _storage.Pages.AddFree(range.StartPfn, range.EndPfn, range.Node, MigrateType.Movable);
        }
    }

    /// <summary>Whether a client's init function succeeded, and it was not removed since.</summary>
    /// <param name="index">Its position in <see cref="KernelStart.Clients"/>.</param>
    /// <returns>Whether it is loaded.</returns>
    internal bool IsLoaded(int index) => (_loadedClients & (1UL << index)) != 0;

    /// <summary>A client's init function returned.</summary>
    /// <param name="index">Its position.</param>
    /// <param name="code">0, or a negative errno.</param>
    internal void ClientStarted(int index, int code) => _loadedClients |= code == 0 ? 1UL << index : 0;

    /// <summary>A client was removed.</summary>
    /// <param name="index">Its position.</param>
    internal void ClientStopped(int index) => _loadedClients &= ~(1UL << index);

    /// <summary>Starts the kernel's actors below the machine, and posts the message that runs the initcalls.</summary>
    /// <param name="runtime">The host.</param>
    /// <param name="machine">Their parent; it hands what concerns initcalls to <see cref="Initcalls"/>.</param>
    /// <param name="randomOf">Chance for each client.</param>
    public void StartActors(LocalRuntime runtime, IActor machine, Func<KhoClient, Func<ulong>> randomOf)
    {
        ArgumentNullException.ThrowIfNull(randomOf);
        ArgumentNullException.ThrowIfNull(runtime);
        KhoEarlyBoot earlyKho = _earlyKho ?? throw new InvalidOperationException("the early boot was not run");
        NodeMap ram = Start.Memory.Ram;
        _kho = new KhoCore(
            Memory, _storage.Pages, _storage.Vmalloc, ram, Early.Scratch, earlyKho.Stamps, earlyKho.Incoming, Start.Build, Early.KhoEnabled, Log);
        RadixTrackerActor tracker = new(() => RadixTree.Create(Memory, _storage.Pages.SourceFor(PageOwner.Tracker)), Log);
        runtime.StartRoot(ActorId.Machine, machine);
        runtime.Start(ActorId.Memblock, new MemblockActor(Memory, _storage.Pages, _storage.Vmalloc, Early, ram, Log), ActorId.Machine);
        runtime.Start(ActorId.Tracker, tracker, ActorId.Machine);
        runtime.Start(ActorId.Kho, new KhoCoreActor(_kho), ActorId.Machine);
        foreach (KhoClient client in Start.Clients)
        {
            ClientKernel offered = new(client.Actor, _kho, Memory, Start.CommandLine, randomOf(client)) { Workspace = _storage.ClientWorkspace };
            runtime.Start(client.Actor, client.Create(offered), ActorId.Machine);
        }

        ulong bootTicks = runtime.NowTicks;
        Log.Clock = () => runtime.NowTicks - bootTicks;
        runtime.Post(ActorId.Machine, ActorId.Machine, MachineProtocol.Plain(MachineProtocol.RunInitcalls));
    }

    private List<PhysicalRange> ReadSetupData()
    {
        List<SetupDataNode> nodes = [];
        SetupData.Walk(Memory, Start.Source.SetupDataPhys, nodes);
        if (SetupData.FindKho(Memory, Start.Source.SetupDataPhys, out KhoHandoff found) == 0)
        {
            Handoff = found;
        }

        return nodes.ConvertAll(node => new PhysicalRange(node.Phys, SetupData.HeaderBytes + node.PayloadBytes));
    }

    private void RunInitcalls()
    {
        // Initcalls run one after the other: there is never a choice for the scheduler to make.
        SeedPath path = SeedPath.Root(0).Child("boot");
        LocalRuntime runtime = new(path, new SeededScheduler(new RandomStream(path)));
        LoneMachine machine = new(this);
        StartActors(runtime, machine, client => new RandomStream(path.Child("client").Child(client.Name)).NextUInt64);
        runtime.RunUntilIdle(InitcallDeliveriesMax);
        Death = machine.OopsText;
        runtime.Stop(ActorId.Machine, StopKind.Abrupt);
    }

    /// <summary>The parent of the actors of a kernel without user space.</summary>
    private sealed class LoneMachine(BootedKernel kernel) : IActor
    {
        private readonly Initcalls _initcalls = new(kernel);

        public string? OopsText { get; private set; }

        public void Receive(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind == RuntimeMessages.Oops)
            {
                OopsText = delivery.Message.Text;
            }
            else
            {
                _initcalls.Receive(delivery, outbox);
            }
        }
    }
}
