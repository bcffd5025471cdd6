using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Tracking;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Kho;

/// <summary>
/// The KHO core between a real tracker and a real memblock, driven by hand: a delivery happens when the test says so. 128 MiB of RAM on two
/// nodes that meet at 64 MiB; scratch from 96 MiB on; the tracker has its own pages, which can run out.
/// </summary>
internal sealed class KhoBench
{
    public const ulong FreeStartPfn = 0x1000, NodeBorderPfn = 0x4000, FreeEndPfn = 0x5000, ScratchPfn = 0x6000, ScratchEndPfn = 0x7000, RamEndPfn = 0x8000;

    private static readonly ActorId Client = new(ActorId.FirstClient);
    private readonly List<Delivery> _waiting = [];
    private readonly Outbox _outbox = new();
    private readonly IActor?[] _actors = new IActor?[16];
    private readonly RadixTrackerActor _tracker;
    private uint _correlation = 100;

    public KhoBench(KernelBuild? build = null, bool enabled = true, Func<KhoBench, KhoIncoming?>? incoming = null, string[]? regions = null)
    {
        Build = build ?? Kernel();
        Nodes.Add(1, NodeBorderPfn, 0);
        Nodes.Add(NodeBorderPfn, RamEndPfn, 1);
        Pages = new PageAllocator(Memory, new PageAllocatorOptions(Build.PageblockOrder), Nodes);
        Vmalloc = new VmallocAreas(Pages);
        Pages.AddFree(FreeStartPfn, NodeBorderPfn, 0, MigrateType.Movable);
        Pages.AddFree(NodeBorderPfn, FreeEndPfn, 1, MigrateType.Movable);
        TrackerPages = new ForwardPageSource(Memory, PageGeometry.PhysOf(FreeEndPfn));
        const ulong ArrayPhys = 0x8000;
        Memory.WriteUInt64(ArrayPhys, PageGeometry.PhysOf(ScratchPfn));
        Memory.WriteUInt64(ArrayPhys + 8, PageGeometry.PhysOf(ScratchEndPfn - ScratchPfn));
        Assert.Equal(0, Early.Scratch.TakeOver(Memory, Early.Memblock, ArrayPhys, ScratchArea.EntryBytes, Log));
        foreach (string region in regions ?? [])
        {
            Assert.Equal(0, Early.ReserveMem.Handle(region, Memory, Early.Memblock, Build, null, Log));
        }

        Core = new KhoCore(Memory, Pages, Vmalloc, Nodes, Early.Scratch, Stamps, incoming?.Invoke(this), Build, enabled, Log);
        _tracker = new RadixTrackerActor(() => RadixTree.Create(Memory, TrackerPages), Log);
        _actors[ActorId.Kho.Value] = new KhoCoreActor(Core);
        _actors[ActorId.Tracker.Value] = _tracker;
        Memblock = new LimitedMemblock(new MemblockActor(Memory, Pages, Vmalloc, Early, Nodes, Log));
        _actors[ActorId.Memblock.Value] = Memblock;
    }

    public KernelBuild Build { get; }

    public PhysicalMemory Memory { get; } = new();

    public NodeMap Nodes { get; } = new();

    public PageAllocator Pages { get; }

    public VmallocAreas Vmalloc { get; }

    public EarlyMemory Early { get; } = new();

    public PageStamps Stamps { get; } = new();

    public KernelLog Log { get; } = new();

    public KhoCore Core { get; }

    public ForwardPageSource TrackerPages { get; }

    public LimitedMemblock Memblock { get; }

    public IReadOnlyList<Delivery> Waiting => _waiting;

    public string[] Lines => [.. Log.Lines.Select(line => line.Text)];

    public SortedSet<(ulong Pfn, int Order)> Tracked =>
        _tracker.Tracker is RadixTree tree ? [.. CollectBlocks.Of(tree).Select(block => (block.Pfn, block.Order))] : [];

    public static KernelBuild Kernel(KhoAbi? abi = null, bool debug = false) => new()
    {
        Name = "bench", Summary = "A kernel of the bench", Release = "7.3.0-bench", Abi = abi ?? KhoAbi.V4, KhoDebug = debug,
    };

    /// <summary>A bench after a successful kho_init.</summary>
    public static KhoBench Started(KernelBuild? build = null, string[]? regions = null)
    {
        KhoBench bench = new(build, regions: regions);
        Assert.Equal(0, bench.Init().Code);
        return bench;
    }

    public KernelResult Init() => Call(new Message(new MessageKind(KhoProtocol.Init)));

    public KernelResult PreserveFolio(ulong pfn, int order) => Call(new FolioRequest(pfn, order).ToMessage(KhoProtocol.PreserveFolio));

    public KernelResult UnpreserveFolio(ulong pfn, int order) => Call(new FolioRequest(pfn, order).ToMessage(KhoProtocol.UnpreserveFolio));

    public KernelResult PreservePages(ulong pfn, ulong pages) => Call(new PagesRequest(pfn, pages).ToMessage(KhoProtocol.PreservePages));

    public KernelResult UnpreservePages(ulong pfn, ulong pages) => Call(new PagesRequest(pfn, pages).ToMessage(KhoProtocol.UnpreservePages));

    public KernelResult AllocPreserve(ulong sizeBytes) => Call(new AllocPreserve(sizeBytes).ToMessage());

    public KernelResult UnpreserveFree(ulong phys) => Call(new AddressRequest(phys).ToMessage(KhoProtocol.UnpreserveFree));

    public KernelResult RestoreFolio(ulong phys) => Call(new AddressRequest(phys).ToMessage(KhoProtocol.RestoreFolio));

    public KernelResult RestorePages(ulong pfn, ulong pages) => Call(new PagesRequest(pfn, pages).ToMessage(KhoProtocol.RestorePages));

    public KernelResult AllocateArea(ulong pages, int order = 0, VmallocAttributes attributes = VmallocAttributes.Alloc) =>
        Call(new Vmalloc(pages, order, attributes, Zero: false).ToMessage(), ActorId.Memblock);

    public KernelResult FreeArea(ulong address) => Call(new Vfree(address).ToMessage(), ActorId.Memblock);

    public KernelResult PreserveArea(ulong address, VmallocDescriptor before = default) => Call(new PreserveVmalloc(address, before).ToMessage());

    public KernelResult UnpreserveArea(VmallocDescriptor descriptor) =>
        Call(new VmallocDescriptorRequest(descriptor).ToMessage(KhoProtocol.UnpreserveVmalloc));

    public KernelResult RestoreArea(VmallocDescriptor descriptor) => Call(new VmallocDescriptorRequest(descriptor).ToMessage(KhoProtocol.RestoreVmalloc));

    public KernelResult AddSubtree(string name, ulong phys, ulong sizeBytes) => Call(new AddSubtree(name, phys, sizeBytes).ToMessage());

    public KernelResult RemoveSubtree(ulong phys) => Call(new AddressRequest(phys).ToMessage(KhoProtocol.RemoveSubtree));

    public KernelResult Retrieve(string name) => Call(new RetrieveSubtree(name).ToMessage());

    public KernelResult ReserveMemInit() => Call(new Message(new MessageKind(MemblockProtocol.ReserveMemInit), Core.Enabled ? 1UL : 0), ActorId.Memblock);

    /// <summary>Puts a client beside the core.</summary>
    public void Place(ActorId id, IActor client) => _actors[id.Value] = client;

    /// <summary>A request from a client, carried through to its answer.</summary>
    public KernelResult Call(in Message request, ActorId? to = null)
    {
        uint correlation = Post(request, to);
        KernelResult? result;
        while ((result = AnswerTo(correlation)) is null)
        {
            Deliver(0);
        }

        return result.Value;
    }

    /// <summary>Sends a request; nothing is delivered yet.</summary>
    public uint Post(in Message request, ActorId? to = null)
    {
        _waiting.Add(new Delivery(Client, to ?? ActorId.Kho, ++_correlation, request));
        return _correlation;
    }

    /// <summary>Takes an answer that has arrived.</summary>
    public KernelResult? AnswerTo(uint correlation)
    {
        int i = _waiting.FindIndex(delivery => delivery.To == Client && delivery.Correlation == correlation);
        if (i < 0)
        {
            return null;
        }

        Message answer = _waiting[i].Message;
        _waiting.RemoveAt(i);
        return KernelResult.From(answer);
    }

    /// <summary>Delivers the waiting message at a position; answers to clients stay.</summary>
    public void Deliver(int position)
    {
        List<Delivery> deliverable = [.. _waiting.Where(delivery => delivery.To != Client)];
        Delivery delivery = deliverable[position];
        _waiting.Remove(delivery);
        _outbox.Clear();
        _outbox.Sender = delivery.To;
        _actors[delivery.To.Value]!.Receive(delivery, _outbox);
        foreach (Departure departure in _outbox.Departures)
        {
            _waiting.Add(departure.Delivery);
        }
    }

    public int Deliverable => _waiting.Count(delivery => delivery.To != Client);

    /// <summary>Memblock whose allocations fail after some.</summary>
    internal sealed class LimitedMemblock(IActor memblock) : IActor
    {
        public int AllocationsLeft { get; set; } = int.MaxValue;

        public void Receive(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind.Value == MemblockProtocol.AllocatePages && AllocationsLeft-- == 0)
            {
                AllocationsLeft = 0;
                outbox.Reply(delivery, new KernelResult(-Errno.ENOMEM).ToReply(delivery.Message.Kind));
                return;
            }

            memblock.Receive(delivery, outbox);
        }
    }
}
