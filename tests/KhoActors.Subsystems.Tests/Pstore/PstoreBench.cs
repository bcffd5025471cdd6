using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;
using KhoActors.Subsystems.Tests.Kho;
using KhoActors.Subsystems.Tests.Tracking;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>
/// A machine with real memblock, tracker, KHO core and pstore, taken through generations: RAM and the numbers of the hand-off are all that crosses a
/// <see cref="Kexec"/>. 128 MiB, scratch from 96 MiB on; what is freed is poisoned.
/// </summary>
internal sealed class PstoreBench
{
    public const ulong ScratchPfn = 0x6000, ScratchEndPfn = 0x7000;

    private const ulong FreeStartPfn = 0x1000, FreeEndPfn = 0x6000, RamEndPfn = 0x8000, ArrayPhys = 0x8000;
    private static readonly ActorId User = ActorId.Workload;
    private readonly Outbox _outbox = new();
    private readonly List<Departure> _waiting = [];
    private readonly IActor?[] _actors = new IActor?[16];
    private readonly ClientWorkspace _workspace = new();
    private RadixTrackerActor _tracker = null!;
    private KhoHandoff? _handoff;
    private uint _correlation = 100;

    public PstoreBench()
    {
        Memory.WriteUInt64(ArrayPhys, PageGeometry.PhysOf(ScratchPfn));
        Memory.WriteUInt64(ArrayPhys + 8, PageGeometry.PhysOf(ScratchEndPfn - ScratchPfn));
    }

    public PhysicalMemory Memory { get; } = new();

    public NodeMap Nodes { get; private set; } = null!;

    public PageAllocator Pages { get; private set; } = null!;

    public EarlyMemory Early { get; private set; } = null!;

    public KernelLog Log { get; private set; } = null!;

    public KhoCore Core { get; private set; } = null!;

    public KhoBench.LimitedMemblock Memblock { get; private set; } = null!;

    public ClientKernel ClientKernel { get; private set; } = null!;

    /// <summary>Looks at each request to the KHO core; may answer it in its place.</summary>
    public Func<Message, KernelResult?>? Intercept { get; set; }

    public ulong NowTicks { get; set; } = 1_234_567_890;

    public int Generation { get; private set; } = -1;

    public string[] Lines => [.. Log.Lines.Select(line => line.Text)];

    public SortedSet<(ulong Pfn, int Order)> Tracked =>
        _tracker.Tracker is RadixTree tree ? [.. CollectBlocks.Of(tree).Select(block => (block.Pfn, block.Order))] : [];

    /// <summary>The outgoing root FDT's page.</summary>
    public byte[] RootFdtPage
    {
        get
        {
            byte[] page = new byte[PageGeometry.SizeBytes];
            Memory.Read(Core.FdtPhys, page);
            return page;
        }
    }

    public static KernelBuild Kernel(int shift = 12, KhoAbi? abi = null) => new()
    {
        Name = "bench", Summary = "A kernel of the bench", Release = "7.3.0-bench", Abi = abi ?? KhoAbi.V4, LogBufShift = shift,
    };

    /// <summary>A machine whose first kernel has loaded the module.</summary>
    public static PstoreBench Started(KhoClient client, KernelBuild? build = null, string commandLine = "")
    {
        PstoreBench bench = new();
        bench.Boot(client, build ?? Kernel(), commandLine);
        Assert.Equal(0, bench.Init());
        return bench;
    }

    /// <summary>Boots a kernel up to kho_init; the module is not loaded yet.</summary>
    public void Boot(KhoClient? client, KernelBuild? build = null, string commandLine = "", bool khoOn = true)
    {
        Generation++;
        build ??= Kernel();
        Nodes = new NodeMap();
        Nodes.Add(1, RamEndPfn, 0);
        Early = new EarlyMemory();
        Log = new KernelLog { Clock = () => NowTicks };
        KhoEarlyBoot early = new(Memory, Nodes, build, _handoff);
        early.Populate(Early, Log);
        if (early.Incoming is not null)
        {
            early.ReservePreserved(Early, Log);
        }
        else
        {
            Assert.Equal(0, Early.Scratch.TakeOver(Memory, Early.Memblock, ArrayPhys, ScratchArea.EntryBytes, Log));
        }

        Pages = new PageAllocator(Memory, new PageAllocatorOptions(build.PageblockOrder, build.MaxPageOrder, true), Nodes);
        FreeTheRest();
        VmallocAreas vmalloc = new(Pages);
        Core = new KhoCore(Memory, Pages, vmalloc, Nodes, Early.Scratch, early.Stamps, early.Incoming, build, khoOn, Log);
        _tracker = new RadixTrackerActor(() => RadixTree.Create(Memory, Pages.SourceFor(PageOwner.Tracker)), Log);
        Memblock = new KhoBench.LimitedMemblock(new MemblockActor(Memory, Pages, vmalloc, Early, Nodes, Log));
        _actors[ActorId.Kho.Value] = new KhoCoreActor(Core);
        _actors[ActorId.Tracker.Value] = _tracker;
        _actors[ActorId.Memblock.Value] = Memblock;
        _waiting.Clear();
        Assert.Equal(0, Call(ActorId.Kho, new Message(new MessageKind(KhoProtocol.Init))).Code);
        ClientKernel = new ClientKernel(PstoreProtocol.Actor, Core, Memory, commandLine, () => 0) { Workspace = _workspace };
        _actors[PstoreProtocol.Actor.Value] = client?.Create(ClientKernel);
    }

    /// <summary>The last moment of a kernel and the jump, without the boot that follows.</summary>
    public void Jump()
    {
        Log.Write(LogLevel.Notice, "kexec_core: Starting new kernel");
        if (_actors[PstoreProtocol.Actor.Value] is not null)
        {
            Dump(KmsgDumpReason.Shutdown);
        }

        HandOver();
    }

    /// <summary>A jump without the last dump.</summary>
    public void HandOver() => _handoff = Core.HandOff(ArrayPhys);

    /// <summary>Power off: RAM is lost.</summary>
    public void PowerOff()
    {
        Memory.Clear();
        Memory.WriteUInt64(ArrayPhys, PageGeometry.PhysOf(ScratchPfn));
        Memory.WriteUInt64(ArrayPhys + 8, PageGeometry.PhysOf(ScratchEndPfn - ScratchPfn));
        _handoff = null;
    }

    /// <summary>Takes all free memory away.</summary>
    public void Exhaust()
    {
        for (int order = 10; order >= 0; order--)
        {
            while (Pages.Allocate(order, MigrateType.Unmovable, PageOwner.Workload, zero: false) != 0)
            {
            }
        }
    }

    /// <summary>A kexec into a kernel that loads the module.</summary>
    public void Kexec(KhoClient client, KernelBuild? build = null, string commandLine = "")
    {
        Jump();
        Boot(client, build, commandLine);
        Assert.Equal(0, Init());
    }

    public int Init() => Own(ClientProtocol.Init).Code;

    public int Exit() => Own(ClientProtocol.Exit).Code;

    public void Dump(KmsgDumpReason reason) => Assert.Equal(0, Call(PstoreProtocol.Actor, new KmsgDump(reason).ToMessage(PstoreProtocol.Actor)).Code);

    public void Oops(string line)
    {
        Log.Write(LogLevel.Alert, line);
        Dump(KmsgDumpReason.Oops);
    }

    public KernelResult Mount(string? options = null) => Own(PstoreProtocol.Mount, options);

    /// <summary>The one file, when there is one.</summary>
    public (string Name, string Content, long Mtime)? File()
    {
        Message listed = Ask(PstoreProtocol.Actor, ClientProtocol.Plain(PstoreProtocol.Actor, PstoreProtocol.List));
        KernelResult result = KernelResult.From(listed);
        if (!result.Succeeded)
        {
            Assert.Equal(-Errno.ENOENT, result.Code);
            return null;
        }

        Message second = Ask(PstoreProtocol.Actor, ClientProtocol.Plain(PstoreProtocol.Actor, PstoreProtocol.List) with { A = 1 });
        Assert.Equal(-Errno.ENOENT, KernelResult.From(second).Code);
        Message read = Ask(PstoreProtocol.Actor, ClientProtocol.Plain(PstoreProtocol.Actor, PstoreProtocol.Read) with { Text = listed.Text });
        Assert.Equal(result.Value, KernelResult.From(read).Value);
        Assert.Equal((int)result.Value, read.Text!.Length);
        return (listed.Text!, read.Text, (long)result.Extra);
    }

    /// <summary>Mounts and reads the one file's content.</summary>
    public string MountAndRead()
    {
        Assert.Equal(1UL, Mount().Value);
        return File()!.Value.Content;
    }

    public string? Parameter(string name) =>
        Ask(PstoreProtocol.Actor, ClientProtocol.Plain(PstoreProtocol.Actor, PstoreProtocol.ReadParameter) with { Text = name }).Text;

    public KernelResult Own(byte number, string? text = null, ulong a = 0) =>
        Call(PstoreProtocol.Actor, ClientProtocol.Plain(PstoreProtocol.Actor, number) with { Text = text, A = a });

    public KernelResult Call(ActorId to, in Message request) => KernelResult.From(Ask(to, request));

    /// <summary>The address and size of the outgoing blob.</summary>
    public (ulong Phys, ulong? SizeBytes)? OutBlob()
    {
        SubtreeLookup lookup = RootFdt.FindSubtree(RootFdtPage, Core.Build.Abi, PstoreProfile.SubtreeName, out ulong phys, out ulong? size);
        return lookup == SubtreeLookup.Found ? (phys, size) : null;
    }

    public byte[] Bytes(ulong phys, int length)
    {
        byte[] bytes = new byte[length];
        Memory.Read(phys, bytes);
        return bytes;
    }

    /// <summary>Lets virtual time pass; timers that are due are delivered.</summary>
    public void Wait(ulong ticks)
    {
        NowTicks += ticks;
        for (int i = _waiting.FindIndex(IsTimerDue); i >= 0; i = _waiting.FindIndex(IsTimerDue))
        {
            Deliver(i);
        }
    }

    public Message Ask(ActorId to, in Message request)
    {
        uint correlation = ++_correlation;
        _waiting.Add(new Departure(0, new Delivery(User, to, correlation, request)));
        while (true)
        {
            int answer = _waiting.FindIndex(departure => departure.Delivery.To == User && departure.Delivery.Correlation == correlation);
            if (answer >= 0)
            {
                Message message = _waiting[answer].Delivery.Message;
                _waiting.RemoveAt(answer);
                return message;
            }

            Deliver(_waiting.FindIndex(departure => departure.DelayTicks == 0));
        }
    }

    private bool IsTimerDue(Departure departure) => departure.DelayTicks != 0 && departure.DelayTicks <= NowTicks;

    private void Deliver(int index)
    {
        Delivery delivery = _waiting[index].Delivery;
        _waiting.RemoveAt(index);
        _outbox.Clear();
        _outbox.Sender = delivery.To;
        _outbox.NowTicks = NowTicks;
        if (delivery.To == ActorId.Kho && !delivery.Message.Kind.IsReply && Intercept?.Invoke(delivery.Message) is { } answer)
        {
            _outbox.Reply(delivery, answer.ToReply(delivery.Message.Kind));
        }
        else
        {
            _actors[delivery.To.Value]!.Receive(delivery, _outbox);
        }

        foreach (Departure departure in _outbox.Departures)
        {
            // Timers are kept with the time at which they are due.
            _waiting.Add(departure.DelayTicks == 0 ? departure : departure with { DelayTicks = departure.DelayTicks + NowTicks });
        }
    }

    private void FreeTheRest()
    {
        ulong at = FreeStartPfn;
        MemblockRegions reserved = Early.Memblock.Reserved;
        for (int i = 0; i < reserved.Count && at < FreeEndPfn; i++)
        {
            ulong start = Math.Clamp(PageGeometry.PfnOf(reserved[i].Base), at, FreeEndPfn);
            if (start > at)
            {
                Pages.AddFree(at, start, 0, MigrateType.Movable);
            }

            at = Math.Max(at, PageGeometry.PfnOf(PageGeometry.AlignUp(reserved[i].End)));
        }

        if (at < FreeEndPfn)
        {
            Pages.AddFree(at, FreeEndPfn, 0, MigrateType.Movable);
        }
    }
}
