using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Machines.UserSpace;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines;

/// <summary>
/// One kernel from its first instruction to its end. It is given what hardware and loader give, reads everything else from RAM, and
/// nothing of it reaches the next generation but RAM and the loader's numbers.
/// </summary>
internal sealed class KernelGeneration
{
    private readonly MachineSpec _spec;
    private readonly PhysicalMemory _memory;
    private readonly SurvivalModel _model;
    private readonly DecisionStream _endDecisions;
    private readonly LoadedImage _image = new();

    public KernelGeneration(
        MachineSpec spec,
        int number,
        BootSource source,
        KernelStorage storage,
        SurvivalModel model,
        DecisionStream endDecisions)
    {
        _spec = spec;
        Number = number;
        _memory = storage.Memory;
        _model = model;
        _endDecisions = endDecisions;
        KernelStart start = new()
        {
            Build = spec.KernelOf(number),
            CommandLine = spec.Scenario.CommandLineOfGeneration(number),
            Memory = spec.Memory,
            Cpus = spec.Memory.Cpus,
            Clients = spec.ClientsOf(number),
            Source = source,
        };
        Kernel = new BootedKernel(start, storage);
    }

    public int Number { get; }

    public BootedKernel Kernel { get; }

    public KernelBuild Build => Kernel.Start.Build;

    public string CommandLine => Kernel.Start.CommandLine;

    public BootFacts Facts { get; private set; } = null!;

    /// <summary>Whether the previous kernel's data was accepted.</summary>
    public bool IsKhoBoot => Kernel.Incoming is not null;

    private KernelLog Log => Kernel.Log;

    private ScratchAreas Scratch => Kernel.Early.Scratch;

    /// <summary>The boot up to the page allocator.</summary>
    /// <returns>Null, or the line with which the kernel died.</returns>
    public string? Boot()
    {
        bool alive = Kernel.BootEarly();
        string compatible = Build.KhoBuilt ? Build.Abi.Compatible : string.Empty;
        Facts = new BootFacts(
            Build.Release,
            compatible,
            CommandLine,
            Kernel.Handoff is not null,
            Kernel.Early.KhoEnabled,
            Build.Abi.HasKexecMetadata,
            [.. Kernel.Start.Clients.Select(client => client.Name)],
            Build.LogBufShift);
        if (!alive)
        {
            return Kernel.Death;
        }

        // Judged when everything that the boot did not reserve has been freed, and poisoned with that.
        Kernel.StartPageAllocator();
        _model.JudgeBoot(Facts, _memory, Log);
        LearnScratch(hasScratch: IsKhoBoot || Kernel.Early.KhoEnabled);
        return null;
    }

    /// <summary>Starts this generation's actors below the machine.</summary>
    /// <param name="runtime">The host.</param>
    /// <param name="machine">Their parent.</param>
    /// <param name="clients">What clients find random.</param>
    /// <param name="workload">User space.</param>
    public void Start(LocalRuntime runtime, MachineActor machine, ClientDecisions clients, WorkloadActor workload)
    {
        Kernel.StartActors(runtime, machine, clients.OfClient);
        runtime.Start(ActorId.Workload, workload, ActorId.Machine);
    }

    /// <summary>What the initcalls said is judged; scratch that kho_init chose and gave up again is ordinary memory.</summary>
    public void InitcallsDone()
    {
        _model.JudgeInit(Facts, Log);
        LearnScratch(hasScratch: IsKhoBoot || Kernel.Kho.Enabled);
    }

    /// <summary>Whether a kernel is loaded.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>Whether an oops is fatal (<c>oops=panic</c>).</summary>
    public bool PanicsOnOops => CommandLine.Split(' ').Contains("oops=panic");

    /// <summary>kexec_file_load of the next generation's kernel.</summary>
    /// <returns>0, -EADDRNOTAVAIL, -EINVAL.</returns>
    public int Load()
    {
        string nextCommandLine = _spec.Scenario.CommandLineOfGeneration(Number + 1);
        int result = _image.Load(_spec.KernelOf(Number + 1), nextCommandLine, Scratch, _spec.Memory.Map, Kernel.Kho.Enabled, _spec.Memory.RamPages);
        IsLoaded = result == 0;
        return result;
    }

    /// <summary>How this generation ends now that user space asks for the jump.</summary>
    public GenerationEnd DrawEnd() => _endDecisions.End(_spec.Scenario.Kexec);

    /// <summary>The jump, when no actor is alive: the model writes down what must survive, then the segments are copied.</summary>
    /// <returns>What the next kernel starts with.</returns>
    public BootSource Jump()
    {
        _model.AtJump(Facts, _memory, _image.HandsOver);
        return _image.CopyToDestinations(_memory, Scratch, Kernel.Kho.HandOff(0));
    }

    private void LearnScratch(bool hasScratch) => _model.LearnScratch(_memory, Scratch.ArrayPhys, hasScratch ? Scratch.Areas.Count : 0);
}
