using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tmpfs;
using KhoActors.Subsystems.Tmpfs.Layout;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Tests.Tmpfs;

/// <summary>
/// A machine whose kernels have tmpfs: real boot, real KHO core, tracker, memblock and page allocator, and a user space that is the test.
/// A kexec is what the machine does: freeze, jump, boot from RAM.
/// </summary>
internal sealed class TmpfsBench
{
    public const string CommandLine = "kho=on kho_scratch=8M,16M,8M";
    private const ulong DeliveriesMax = 5_000_000;

    private static readonly MachineMemory Hardware = new(MachineHardware.FromMemory(128UL << 20).ToMemoryMap());
    private readonly KernelStorage _storage = new();
    private readonly LoadedImage _image = new();
    private readonly ulong _seed;
    private readonly SplitMix64 _random;
    private LocalRuntime _runtime = null!;
    private Answers _user = null!;
    private Answers _machine = null!;
    private uint _correlation = 1000;
    private int _generation;

    public TmpfsBench(ulong seed = 1, KernelBuild? build = null, string commandLine = CommandLine, KhoClient? client = null)
    {
        NextClient = client ?? TmpfsActor.Client;
        _seed = seed;
        _random = new SplitMix64(seed);
        Boot(new BootSource(BootKind.Cold), build, commandLine);
    }

    /// <summary>Whether the next kernel is built without tmpfs-kho.</summary>
    public bool WithoutClient { get; set; }

    public PhysicalMemory Memory => _storage.Memory;

    public PageAllocator Pages => _storage.Pages;

    public ulong Deliveries => _runtime.DeliveryNumber;

    public BootedKernel Kernel { get; private set; } = null!;

    /// <summary>The tmpfs of the next kernel that boots.</summary>
    public KhoClient NextClient { get; set; }

    /// <summary>The line with which the running kernel crashed, or null.</summary>
    public string? Oops => _machine.Oops;

    public IEnumerable<string> TmpfsLines => Kernel.Log.Lines.Select(line => line.Text).Where(text => text.StartsWith("tmpfs-kho: ", StringComparison.Ordinal));

    /// <summary>Preserved blocks that the running kernel's tracker has, apart from those that were there before any client.</summary>
    public SortedSet<(ulong Phys, int Order)> Tracked
    {
        get
        {
            Collector collector = new([]);
            Assert.Equal(0, RadixTree.Attach(Memory, Kernel.Kho.MapPhys).Walk(ref collector));
            return collector.Blocks;
        }
    }

    public byte[] RootFdt
    {
        get
        {
            byte[] page = new byte[PageGeometry.SizeBytes];
            Memory.Read(Kernel.Kho.FdtPhys, page);
            return page;
        }
    }

    /// <summary>The anchor that this kernel publishes, or 0.</summary>
    public ulong AnchorPhys =>
        RootFdtPage.FindSubtree(Memory, Kernel.Kho.FdtPhys, Kernel.Start.Build.Abi, AnchorPage.SubtreeName);

    /// <summary>Every file system call, freeze and mount: carried through to its answer.</summary>
    public KernelResult Call(byte number, string? text = null, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0)
    {
        uint correlation = Ask(number, text, a, b, c, d);
        Run();
        return AnswerTo(correlation) ?? throw new InvalidOperationException($"request 0x{number:x2} {text} was not answered");
    }

    public uint Ask(byte number, string? text = null, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0)
    {
        Message message = new(MessageKind.Of(TmpfsProtocol.Actor, number), a, b, c, d, text);
        _runtime.Post(ActorId.Workload, TmpfsProtocol.Actor, message, ++_correlation);
        return _correlation;
    }

    /// <summary>Asks any actor on behalf of user space.</summary>
    public KernelResult Call(ActorId to, in Message message)
    {
        _runtime.Post(ActorId.Workload, to, message, ++_correlation);
        Run();
        return AnswerTo(_correlation)!.Value;
    }

    public KernelResult? AnswerTo(uint correlation) => _user.Take(correlation) is { } message ? KernelResult.From(message) : null;

    public string? TextTo(uint correlation) => _user.Take(correlation)?.Text;

    public void Run() => _runtime.RunUntilIdle(DeliveriesMax);

    /// <summary>Delivers at most so many messages.</summary>
    public void Step(ulong deliveries) => _runtime.Run(deliveries);

    public int Mount(string point, string options, TmpfsMounter flags = TmpfsMounter.None) =>
        Call(TmpfsProtocol.Mount, $"{point}\0{options}", (ulong)flags).Code;

    public int Write(string path, ulong seed, ulong offset, ulong bytes) => Call(TmpfsProtocol.Write, path, offset, bytes, seed).Code;

    public void Create(string path, uint mode = 0x1A4) => Assert.Equal(0, Call(TmpfsProtocol.Create, path, mode).Code);

    /// <summary>A file with a text.</summary>
    public void Put(string path, string content)
    {
        Create(path);
        Assert.Equal(0, Call(TmpfsProtocol.WriteText, $"{path}\0{content}").Code);
    }

    /// <summary>Bytes read and their CRC.</summary>
    public (ulong Bytes, ulong Crc) Read(string path, ulong bytes = 1 << 20)
    {
        KernelResult result = Call(TmpfsProtocol.Read, path, 0, bytes);
        Assert.Equal(0, result.Code);
        return (result.Value, result.Extra);
    }

    public int Freeze() => AskMachine(ClientProtocol.Freeze);

    public int Thaw() => AskMachine(ClientProtocol.Thaw);

    /// <summary>What the machine asks: freeze, thaw.</summary>
    public uint PostMachine(byte number)
    {
        _runtime.Post(ActorId.Machine, TmpfsProtocol.Actor, ClientProtocol.Plain(TmpfsProtocol.Actor, number), ++_correlation);
        return _correlation;
    }

    public KernelResult? MachineAnswer(uint correlation) => _machine.Take(correlation) is { } message ? KernelResult.From(message) : null;

    /// <summary>A kexec as the machine does it. The next kernel runs when this returns.</summary>
    public void Kexec(KernelBuild? next = null, Action<PhysicalMemory>? damage = null, string commandLine = CommandLine)
    {
        Assert.Equal(0, Freeze());
        Jump(next, damage, commandLine);
    }

    /// <summary>The jump alone, wherever the kernel is.</summary>
    public void Jump(KernelBuild? next = null, Action<PhysicalMemory>? damage = null, string commandLine = CommandLine)
    {
        next ??= Kernel.Start.Build;
        Assert.Equal(0, _image.Load(next, commandLine, Kernel.Early.Scratch, Hardware.Map, Kernel.Kho.Enabled, Hardware.RamPages));
        _runtime.Stop(ActorId.Machine, StopKind.Abrupt);
        BootSource source = _image.CopyToDestinations(Memory, Kernel.Early.Scratch, Kernel.Kho.HandOff(0));
        damage?.Invoke(Memory);
        Boot(source, next, commandLine);
    }

    /// <summary>What the machine asks, carried through to its answer.</summary>
    public int AskMachine(byte number)
    {
        uint correlation = PostMachine(number);
        Run();
        return MachineAnswer(correlation)!.Value.Code;
    }

    private void Boot(BootSource source, KernelBuild? build, string commandLine)
    {
        KernelStart start = new()
        {
            Build = build ?? MachineBench.Kernel(MachineBench.Newest),
            CommandLine = commandLine,
            Memory = Hardware,
            Source = source,
            Clients = WithoutClient ? [] : [NextClient],
        };
        Kernel = new BootedKernel(start, _storage);
        Assert.True(Kernel.BootEarly(), Kernel.Death);
        Kernel.StartPageAllocator();
        SeedPath path = SeedPath.Root(_seed).Child("tmpfs").Child($"kernel-{_generation++}");
        _runtime = new LocalRuntime(path, new SeededScheduler(new RandomStream(path)));
        _user = new Answers();
        _machine = new Answers(new Initcalls(Kernel));
        Kernel.StartActors(_runtime, _machine, _ => _random.Next);
        _runtime.Start(ActorId.Workload, _user, ActorId.Machine);
        Run();
        Assert.Null(_machine.Oops);
    }

    private readonly struct Collector(SortedSet<(ulong Phys, int Order)> blocks) : IBlockVisitor
    {
        public SortedSet<(ulong Phys, int Order)> Blocks => blocks;

        public int Visit(ulong phys, int order)
        {
            blocks.Add((phys, order));
            return 0;
        }
    }

    /// <summary>Collects answers; as the machine it also runs the initcalls.</summary>
    private sealed class Answers(Initcalls? initcalls = null) : IActor
    {
        private readonly SortedDictionary<uint, Message> _answers = [];

        public string? Oops { get; private set; }

        public Message? Take(uint correlation) => _answers.TryGetValue(correlation, out Message message) ? message : null;

        public void Receive(in Delivery delivery, Outbox outbox)
        {
            if (delivery.Message.Kind == RuntimeMessages.Oops)
            {
                Oops = delivery.Message.Text;
            }
            else if (delivery.Correlation >= 1000)
            {
                _answers.Add(delivery.Correlation, delivery.Message);
            }
            else
            {
                initcalls!.Receive(delivery, outbox);
            }
        }
    }

    private static class RootFdtPage
    {
        public static ulong FindSubtree(PhysicalMemory memory, ulong fdtPhys, KhoAbi abi, string name)
        {
            byte[] page = new byte[PageGeometry.SizeBytes];
            memory.Read(fdtPhys, page);
            return Subsystems.Kho.RootFdt.FindSubtree(page, abi, name, out ulong phys, out _) == SubtreeLookup.Found ? phys : 0;
        }
    }
}
