using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tests.Tracking;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Tmpfs.Poc;

/// <summary>
/// RAM, and kernels that follow each other on it: a real KHO core, tracker and memblock and one client. A kexec reserves what the tracker lists and
/// poisons the rest, as a boot does. The lowest 16 MiB are the kernel's; scratch is 16 MiB from <see cref="ScratchPfn"/> on.
/// </summary>
internal sealed class PocMachine
{
    public const ulong KernelEndPfn = 0x1000, ScratchPfn = 0x6000, ScratchEndPfn = 0x7000, RamEndPfn = 0x8000;

    private const ulong ScratchArrayPhys = 0x8000;
    private static readonly ActorId User = ActorId.Workload;
    private readonly (ulong StartPfn, ulong EndPfn)[] _ram;
    private readonly Func<ClientKernel, IActor> _create;
    private readonly Queue<Delivery> _waiting = [];
    private readonly Outbox _outbox = new();
    private readonly IActor?[] _actors = new IActor?[16];
    private readonly SplitMix64 _random = new(7);
    private RadixTrackerActor _tracker = null!;
    private uint _correlation;

    public PocMachine(
        Func<ClientKernel, IActor> create,
        bool boot = true,
        string commandLine = "nokaslr",
        bool khoEnabled = true,
        bool debug = false,
        params (ulong, ulong)[] ram)
    {
        _create = create;
        _ram = ram.Length == 0 ? [(1, RamEndPfn)] : ram;
        Build = new KernelBuild { Name = "bench", Summary = "A kernel of the bench", Release = "7.3.0-bench", Abi = KhoAbi.V4, KhoDebug = debug };
        CommandLine = commandLine;
        KhoEnabled = khoEnabled;
        foreach ((ulong start, ulong end) in _ram)
        {
            Nodes.Add(start, end, 0);
        }

        Pages = new PageAllocator(Memory, new PageAllocatorOptions(Build.PageblockOrder), Nodes);
        Memory.WriteUInt64(ScratchArrayPhys, PageGeometry.PhysOf(ScratchPfn));
        Memory.WriteUInt64(ScratchArrayPhys + 8, PageGeometry.PhysOf(ScratchEndPfn - ScratchPfn));
        if (boot)
        {
            Assert.Equal(0, PowerOn().Code);
        }
    }

    public KernelBuild Build { get; set; }

    public string CommandLine { get; set; }

    public bool KhoEnabled { get; set; }

    public PhysicalMemory Memory { get; } = new();

    public NodeMap Nodes { get; } = new();

    public PageAllocator Pages { get; }

    public EarlyMemory Early { get; private set; } = new();

    public KernelLog Log { get; private set; } = new();

    public KhoCore Core { get; private set; } = null!;

    public ClientKernel Kernel { get; private set; } = null!;

    public IActor Client => _actors[TmpfsProtocol.Actor.Value]!;

    public string[] Lines => [.. Log.Lines.Select(line => line.Text)];

    /// <summary>Virtual nanoseconds; each delivery takes one microsecond.</summary>
    public ulong NowTicks { get; set; }

    /// <summary>Called for each request to the KHO core; an errno is answered in its place.</summary>
    public Func<Message, int>? KhoFault { get; set; }

    public SortedSet<(ulong Pfn, int Order)> Tracked =>
        _tracker.Tracker is RadixTree tree ? [.. CollectBlocks.Of(tree).Select(block => (block.Pfn, block.Order))] : [];

    /// <summary>A cold boot.</summary>
    public KernelResult PowerOn() => Boot(handoff: null, []);

    /// <summary>A kexec to the next kernel: the machine's freeze hook, the jump, the boot and the client's init.</summary>
    public KernelResult Kexec()
    {
        Assert.Equal(0, Call(ClientProtocol.Plain(TmpfsProtocol.Actor, ClientProtocol.Freeze)).Code);
        return Jump();
    }

    /// <summary>The jump without the freeze hook.</summary>
    public KernelResult Jump() => Boot(Core.HandOff(ScratchArrayPhys), [.. Tracked]);

    /// <summary>A request of user space or of the machine, carried through to its answer.</summary>
    public Message CallMessage(in Message request, ActorId? to = null)
    {
        uint correlation = ++_correlation;
        _waiting.Enqueue(new Delivery(User, to ?? TmpfsProtocol.Actor, correlation, request));
        while (_waiting.TryDequeue(out Delivery delivery))
        {
            if (delivery.To == User)
            {
                if (delivery.Correlation == correlation)
                {
                    return delivery.Message;
                }

                continue;
            }

            Deliver(delivery);
        }

        throw new InvalidOperationException($"no answer to {request.Kind}");
    }

    public KernelResult Call(in Message request, ActorId? to = null) => KernelResult.From(CallMessage(request, to));

    /// <summary>A request of which only the first deliveries happen.</summary>
    public void CallPartly(in Message request, int deliveries)
    {
        _waiting.Enqueue(new Delivery(User, TmpfsProtocol.Actor, ++_correlation, request));
        while (deliveries-- > 0 && _waiting.TryDequeue(out Delivery delivery))
        {
            if (delivery.To != User)
            {
                Deliver(delivery);
            }
        }
    }

    /// <summary>The blob that this kernel publishes under a name; null without one.</summary>
    public (ulong Phys, ulong SizeBytes)? Published(string name)
    {
        if (Core.FdtPhys == 0)
        {
            return null;
        }

        var page = new byte[PageGeometry.SizeBytes];
        Memory.Read(Core.FdtPhys, page);
        return RootFdt.FindSubtree(page, Build.Abi, name, out ulong phys, out ulong? size) == SubtreeLookup.Found ? (phys, size ?? 0) : null;
    }

    public byte[] Bytes(ulong phys, int count)
    {
        var bytes = new byte[count];
        Memory.Read(phys, bytes);
        return bytes;
    }

    private void Deliver(in Delivery delivery)
    {
        if (delivery.To == ActorId.Kho && !delivery.Message.Kind.IsReply && KhoFault?.Invoke(delivery.Message) is { } code && code != 0)
        {
            _waiting.Enqueue(new Delivery(delivery.To, delivery.From, delivery.Correlation, new KernelResult(code).ToReply(delivery.Message.Kind)));
            return;
        }

        _outbox.Clear();
        _outbox.Sender = delivery.To;
        _outbox.NowTicks = NowTicks += 1000;
        try
        {
            _actors[delivery.To.Value]!.Receive(delivery, _outbox);
        }
        catch
        {
            _waiting.Clear();
            throw;
        }

        foreach (Departure departure in _outbox.Departures)
        {
            _waiting.Enqueue(departure.Delivery);
        }
    }

    private KernelResult Boot(KhoHandoff? handoff, (ulong Pfn, int Order)[] preserved)
    {
        _waiting.Clear();
        Log = new KernelLog();
        Early = new EarlyMemory();
        PageStamps stamps = new();
        KhoIncoming? incoming = null;
        if (handoff is { } accepted)
        {
            incoming = KhoIncoming.Populate(Memory, Early.Memblock, Early.Scratch, Build, accepted, Log);
        }
        else
        {
            Assert.Equal(0, Early.Scratch.TakeOver(Memory, Early.Memblock, ScratchArrayPhys, ScratchArea.EntryBytes, Log));
        }

        Pages.Reset(new PageAllocatorOptions(Build.PageblockOrder, Build.MaxPageOrder, PoisonOnFree: true), Nodes);
        foreach ((ulong pfn, int order) in preserved)
        {
            stamps.Stamp(pfn, order);
        }

        AddFreeMemory(preserved, withScratch: handoff is not null);
        VmallocAreas vmalloc = new(Pages);
        Core = new KhoCore(Memory, Pages, vmalloc, Nodes, Early.Scratch, stamps, incoming, Build, KhoEnabled, Log);
        _tracker = new RadixTrackerActor(() => RadixTree.Create(Memory, Pages.SourceFor(PageOwner.Tracker)), Log);
        _actors[ActorId.Kho.Value] = new KhoCoreActor(Core);
        _actors[ActorId.Tracker.Value] = _tracker;
        _actors[ActorId.Memblock.Value] = new MemblockActor(Memory, Pages, vmalloc, Early, Nodes, Log);
        Kernel = new ClientKernel(TmpfsProtocol.Actor, Core, Memory, CommandLine, _random.Next);
        _actors[TmpfsProtocol.Actor.Value] = _create(Kernel);
        Assert.Equal(0, Call(new Message(new MessageKind(KhoProtocol.Init)), ActorId.Kho).Code);
        return Call(ClientProtocol.Plain(TmpfsProtocol.Actor, ClientProtocol.Init));
    }

    /// <summary>Everything but the kernel and what is preserved; scratch too, as CMA, behind a hand-over. A cold kernel releases it in kho_init.</summary>
    private void AddFreeMemory((ulong Pfn, int Order)[] preserved, bool withScratch)
    {
        if (withScratch)
        {
            Pages.SetPageblockType(ScratchPfn, ScratchEndPfn, MigrateType.Cma);
        }

        foreach ((ulong ramStart, ulong ramEnd) in _ram)
        {
            ulong start = Math.Max(ramStart, KernelEndPfn);
            foreach ((ulong pfn, int order) in preserved.Append((ScratchPfn, withScratch ? -1 : 12)).Append((ramEnd, 0)).OrderBy(block => block.Item1))
            {
                if (pfn < start || pfn > ramEnd || order < 0)
                {
                    continue;
                }

                if (pfn > start)
                {
                    Pages.AddFree(start, pfn, 0, MigrateType.Movable);
                }

                start = pfn + (1UL << order);
            }
        }
    }
}
