using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// One kernel from its first instruction to its end. It is given what hardware and loader give, reads everything else from RAM, and
/// nothing of it reaches the next generation but RAM and the loader's numbers.
/// </summary>
internal sealed class KernelGeneration
{
    private readonly MachineSpec _spec;
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly EarlyMemory _early;
    private readonly SurvivalModel _model;
    private readonly RandomStream _endDraws;
    private readonly LoadedImage _image = new();
    private KhoEarlyBoot _earlyKho = null!;
    private KhoCore _kho = null!;
    private RadixTrackerActor? _tracker;

    public KernelGeneration(
        MachineSpec spec,
        int number,
        PhysicalMemory memory,
        PageAllocator pages,
        EarlyMemory early,
        SurvivalModel model,
        RandomStream endDraws,
        KernelLog log)
    {
        _spec = spec;
        Number = number;
        _memory = memory;
        _pages = pages;
        _early = early;
        _model = model;
        _endDraws = endDraws;
        Log = log;
        Build = spec.KernelOf(number);
        CommandLine = spec.Scenario.CommandLineOfGeneration(number);
    }

    public int Number { get; }

    public KernelBuild Build { get; }

    public string CommandLine { get; }

    public KernelLog Log { get; }

    public KhoCore Kho => _kho;

    public BootFacts Facts { get; private set; } = null!;

    /// <summary>Whether the previous kernel's data was accepted.</summary>
    public bool IsKhoBoot => _earlyKho.Incoming is not null;

    /// <summary>Blocks that the boot reserved.</summary>
    public int ReservedBlocks => _earlyKho.ReservedBlocks;

    /// <summary>Scratch areas of this generation.</summary>
    public ScratchAreas Scratch => _early.Scratch;

    /// <summary>The boot up to the page allocator.</summary>
    /// <param name="source">What the loader passed.</param>
    /// <returns>Null, or the line with which the kernel died.</returns>
    public string? Boot(BootSource source)
    {
        Log.Write(LogLevel.Notice, $"Linux version {Build.Release}");
        Log.Write(LogLevel.Info, $"Command line: {CommandLine}");
        KhoHandoff? handoff = null;
        if (source.Kind == BootKind.Kexec && SetupData.FindKho(_memory, source.SetupDataPhys, out KhoHandoff found) == 0)
        {
            handoff = found;
        }

        _earlyKho = new KhoEarlyBoot(_memory, _spec.Memory.Ram, Build, handoff);
        bool alive;
        try
        {
            alive = EarlyBoot.Run(_memory, RequestOf(source), _early, _earlyKho, Log);
        }
        catch (SimulatedOopsException oops)
        {
            return oops.Message;
        }

        string compatible = Build.KhoBuilt ? Build.Abi.Compatible : string.Empty;
        Facts = new BootFacts(Build.Release, compatible, CommandLine, handoff is not null, _early.KhoEnabled, Build.Abi.HasKexecMetadata);
        if (!alive)
        {
            return _early.Panic;
        }

        // Judged when everything that the boot did not reserve has been freed, and poisoned with that.
        StartPageAllocator();
        _model.JudgeBoot(Facts, _memory, Log);
        return null;
    }

    /// <summary>Starts this generation's actors below the machine.</summary>
    /// <param name="runtime">The host.</param>
    /// <param name="machine">Their parent.</param>
    /// <param name="workload">User space.</param>
    public void Start(LocalRuntime runtime, MachineActor machine, WorkloadActor workload)
    {
        _kho = new KhoCore(_memory, _pages, _spec.Memory.Ram, _early.Scratch, _earlyKho.Stamps, _earlyKho.Incoming, Build, _early.KhoEnabled, Log);
        _tracker = new RadixTrackerActor(() => RadixTree.Create(_memory, _pages.SourceFor(PageOwner.Tracker)), Log);
        runtime.StartRoot(ActorId.Machine, machine);
        runtime.Start(ActorId.Memblock, new MemblockActor(_memory, _pages, _early, _spec.Memory.Ram, Log), ActorId.Machine);
        runtime.Start(ActorId.Tracker, _tracker, ActorId.Machine);
        runtime.Start(ActorId.Kho, new KhoCoreActor(_kho), ActorId.Machine);
        runtime.Start(ActorId.Workload, workload, ActorId.Machine);
        runtime.Post(ActorId.Machine, ActorId.Machine, MachineProtocol.Plain(MachineProtocol.RunInitcalls));
    }

    /// <summary>What the initcalls said is judged, and the model learns where scratch lies.</summary>
    public void InitcallsDone()
    {
        _model.JudgeInit(Facts, Log);
        _model.LearnScratch(_memory, _early.Scratch.ArrayPhys, _kho.Enabled ? _early.Scratch.Areas.Count : 0);
    }

    /// <summary>kexec_file_load of the next generation's kernel.</summary>
    /// <returns>0, -EADDRNOTAVAIL, -EINVAL.</returns>
    public int Load()
    {
        ulong managed = _spec.Memory.Ram.EndPfn;
        string nextCommandLine = _spec.Scenario.CommandLineOfGeneration(Number + 1);
        return _image.Load(_spec.KernelOf(Number + 1), nextCommandLine, _early.Scratch, _spec.Memory.Map, _kho.Enabled, managed);
    }

    /// <summary>How this generation ends now that user space asks for the jump.</summary>
    public GenerationEnd DrawEnd()
    {
        LeavePlan plan = _spec.Scenario.Kexec;
        bool panics = _endDraws.Chance((uint)plan.PanicWithoutHandoverPartsPerMillion);
        bool powersOff = _endDraws.Chance((uint)plan.ColdBootPartsPerMillion);
        return panics ? GenerationEnd.Panic : powersOff ? GenerationEnd.ColdBoot : GenerationEnd.Kexec;
    }

    /// <summary>The jump, when no actor is alive: the model writes down what must survive, then the segments are copied.</summary>
    /// <returns>What the next kernel starts with.</returns>
    public BootSource Jump()
    {
        Log.Write(LogLevel.Emergency, "kexec_core: Starting new kernel");
        _model.AtJump(Facts, _memory, _image.HandsOver);
        return _image.CopyToDestinations(_memory, _early.Scratch, _kho.HandOff(0));
    }

    private void StartPageAllocator()
    {
        _pages.Reset(new PageAllocatorOptions(Build.PageblockOrder, Build.MaxPageOrder), _spec.Memory.Ram);
        if (IsKhoBoot)
        {
            // Also pageblocks that are preserved as a whole: when they are restored and freed they are scratch again.
            foreach (ScratchArea area in _early.Scratch.Areas.Where(area => area.SizeBytes != 0))
            {
                _pages.SetPageblockType(PageGeometry.PfnOf(area.Phys), PageGeometry.PfnOf(PageGeometry.AlignUp(area.End)), MigrateType.Cma);
            }
        }

        foreach (FreeRange range in _early.FreeRanges)
        {
            _pages.AddFree(range.StartPfn, range.EndPfn, range.Node, MigrateType.Movable);
        }
    }

    private EarlyBootRequest RequestOf(BootSource source)
    {
        if (source.Kind == BootKind.Cold)
        {
            return EarlyBootRequest.Cold(_spec.Memory.Map, Build, CommandLine);
        }

        return new EarlyBootRequest
        {
            Map = _spec.Memory.Map,
            Build = Build,
            CommandLine = CommandLine,
            ImagePhys = source.ImagePhys,
            Initrd = source.Initrd,
            SetupData = SetupDataOf(source),
        };
    }

    private List<PhysicalRange> SetupDataOf(BootSource source)
    {
        List<SetupDataNode> nodes = [];
        SetupData.Walk(_memory, source.SetupDataPhys, nodes);
        return nodes.ConvertAll(node => new PhysicalRange(node.Phys, SetupData.HeaderBytes + node.PayloadBytes));
    }
}
