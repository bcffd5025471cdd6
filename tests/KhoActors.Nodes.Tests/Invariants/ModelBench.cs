using KhoActors.Nodes.Invariants;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Invariants;

/// <summary>Plays a machine to the model: RAM, a log, and deliveries written by hand. Nothing else of the simulator runs.</summary>
internal sealed class ModelBench
{
    public const ulong ScratchPhys = 0x1000_0000, ScratchBytes = 0x200_0000, ArrayPhys = 0x8000;
    public const ulong ScratchPfn = ScratchPhys >> PageGeometry.Shift;

    private readonly SurvivalModel _model = new();
    private readonly KernelLog _log = new();
    private BootFacts _facts = Kernel();
    private uint _correlation;
    private int _generation;

    public ModelBench()
    {
        Memory.WriteUInt64(ArrayPhys, ScratchPhys);
        Memory.WriteUInt64(ArrayPhys + 8, ScratchBytes);
    }

    public PhysicalMemory Memory { get; } = new();

    /// <summary>What the model found in the generation that runs, as "invariant" or nothing.</summary>
    public string Found => string.Join(", ", _model.Violations.Select(violation => violation.Invariant));

    public (int Survived, int Lost) Counts => (_model.Survived, _model.Lost);

    public static BootFacts Kernel(
        string release = "7.3.0", string compatible = "kho-v4", string commandLine = "kho=on", bool handOverRead = false, bool khoAsked = true) =>
        new(release, compatible, commandLine, handOverRead, khoAsked, HasMetadata: compatible is "kho-v3" or "kho-v4", Clients: [], LogBufShift: 17);

    /// <summary>A first boot, with KHO on.</summary>
    public static ModelBench Booted()
    {
        ModelBench bench = new();
        bench.Boot(Kernel());
        return bench;
    }

    /// <summary>Boots: the log has the lines, the model judges RAM and then what kho_init said.</summary>
    public ModelBench Boot(BootFacts facts, params string[] lines)
    {
        _facts = facts;
        _log.Clear();
        foreach (string line in lines)
        {
            _log.Write(LogLevel.Info, line);
        }

        _model.StartGeneration(_generation++);
        _model.JudgeBoot(facts, Memory, _log);
        _model.JudgeInit(facts, _log);
        _model.LearnScratch(Memory, ArrayPhys, 1);
        return this;
    }

    /// <summary>The next kernel of the same build accepts the hand-over and says what it should.</summary>
    public ModelBench Kexec(int count = 1)
    {
        Jump();
        return Boot(Kernel(handOverRead: true), "KHO: found kexec handover data.", $"KHO: exec from: 7.3.0 (count {count})");
    }

    public ModelBench Jump(bool handedOver = true)
    {
        _model.AtJump(_facts, Memory, handedOver);
        return this;
    }

    public void Crash(string lastWords) => _model.JudgeCrash(lastWords);

    /// <summary>A request that is delivered, and its answer.</summary>
    public ModelBench Call(ActorId to, in Message request, KernelResult result, ActorId? from = null)
    {
        Delivery asked = Ask(to, request, from);
        return Answer(asked, result);
    }

    public Delivery Ask(ActorId to, in Message request, ActorId? from = null)
    {
        Delivery asked = new(from ?? ActorId.Workload, to, ++_correlation, request);
        _model.Delivered(_correlation, 0, asked);
        return asked;
    }

    public ModelBench Answer(in Delivery asked, KernelResult result)
    {
        _model.Delivered(0, 0, new Delivery(asked.To, asked.From, asked.Correlation, result.ToReply(asked.Message.Kind)));
        return this;
    }

    public ModelBench Allocate(ulong pfn, int order = 0, MigrateType type = MigrateType.Unmovable, ActorId? from = null) =>
        Call(ActorId.Memblock, new AllocatePages(order, type, -1, false).ToMessage(), new KernelResult(0, PageGeometry.PhysOf(pfn)), from);

    public ModelBench Free(ulong pfn, int order = 0, ActorId? from = null) =>
        Call(ActorId.Memblock, new FreePages(PageGeometry.PhysOf(pfn), order).ToMessage(), default, from);

    public ModelBench PreserveFolio(ulong pfn, int order = 0, int result = 0) =>
        Call(ActorId.Kho, new FolioRequest(pfn, order).ToMessage(KhoProtocol.PreserveFolio), new KernelResult(result));

    public ModelBench PreservePages(ulong pfn, ulong pages, int result = 0) =>
        Call(ActorId.Kho, new PagesRequest(pfn, pages).ToMessage(KhoProtocol.PreservePages), new KernelResult(result));

    public ModelBench RestoreFolio(ulong pfn, int order = 0, int result = 0) =>
        Call(ActorId.Kho, new AddressRequest(PageGeometry.PhysOf(pfn)).ToMessage(KhoProtocol.RestoreFolio), new KernelResult(result, (ulong)order));

    public ModelBench RestorePages(ulong pfn, ulong pages, int result = 0) =>
        Call(ActorId.Kho, new PagesRequest(pfn, pages).ToMessage(KhoProtocol.RestorePages), new KernelResult(result));

    public ModelBench AddBlob(string name, ulong phys, ulong sizeBytes) =>
        Call(ActorId.Kho, new AddSubtree(name, phys, sizeBytes).ToMessage(), default);

    public ModelBench RemoveBlob(ulong phys) => Call(ActorId.Kho, new AddressRequest(phys).ToMessage(KhoProtocol.RemoveSubtree), default);

    public ModelBench FindBlob(string name, ulong phys, ulong sizeBytes, int result = 0) =>
        Call(ActorId.Kho, new RetrieveSubtree(name).ToMessage(), new KernelResult(result, phys, sizeBytes));

    public ModelBench FindRegion(int index, ulong start, ulong sizeBytes) =>
        Call(ActorId.Memblock, new FindReserveMem(index).ToMessage(), new KernelResult(0, start, sizeBytes));
}
