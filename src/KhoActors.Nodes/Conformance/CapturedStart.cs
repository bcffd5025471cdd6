using KhoActors.Nodes.Machines;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// How a captured kernel was started: what hardware and loader gave it, and the memory that its predecessor left as far as it was saved.
/// Nothing that it did or said itself is in here, but where it lay: address randomisation is part of what is given.
/// </summary>
public sealed class CapturedStart
{
    private CapturedStart(string name, string kernelBuild, string commandLine, MemoryMap map, int cpus)
    {
        Name = name;
        KernelBuild = kernelBuild;
        CommandLine = commandLine;
        Map = map;
        Cpus = cpus;
    }

    /// <summary>Case and generation that boots, for example <c>v4-7.3-explicit/gen-1</c>.</summary>
    public string Name { get; }

    /// <summary>The real kernel's build, which is also its release; empty when the capture does not tell.</summary>
    public string KernelBuild { get; }

    /// <summary>Its command line.</summary>
    public string CommandLine { get; }

    /// <summary>The machine's memory map.</summary>
    public MemoryMap Map { get; }

    /// <summary>The machine's CPUs.</summary>
    public int Cpus { get; }

    /// <summary>What the loader passed.</summary>
    public BootSource Source { get; private init; }

    /// <summary>The generation whose memory it boots from; null on a cold boot.</summary>
    public CaptureGeneration? Predecessor { get; private init; }

    /// <summary>The memory that was saved of it; null when it handed nothing over.</summary>
    public CapturePages? Pages { get; private init; }

    /// <summary>What the real kernel left behind; null when it died before it could report.</summary>
    public CaptureGeneration? Real { get; private init; }

    /// <summary>How a captured generation itself was started.</summary>
    /// <param name="generation">The generation.</param>
    /// <returns>Its start.</returns>
    /// <exception cref="NotSimulatedException">What it received was not saved.</exception>
    /// <exception cref="CaptureFormatException">The capture is malformed.</exception>
    public static CapturedStart Of(CaptureGeneration generation)
    {
        ArgumentNullException.ThrowIfNull(generation);
        CaptureGeneration? predecessor = generation.Number == 0 ? null : generation.Capture.Find(generation.Number - 1);
        bool handsOver = generation.Description.Incoming is not null;
        if (handsOver && predecessor is not { HasPages: true })
        {
            throw new NotSimulatedException("the memory that this kernel received was not saved");
        }

        CapturePages? pages = handsOver ? predecessor!.ReadPages() : null;
        ulong setupData = handsOver ? HeadOfSetupData(predecessor!, pages!) : 0;
        LoggedSegment[] loaded = predecessor is null ? [] : LoadedImage(predecessor);
        return new CapturedStart(
            generation.Name, generation.Description.KernelBuild, generation.ReadCommandLine(), generation.ReadMemoryMap(), generation.Capture.Cpus)
        {
            // The decompressor moves an image only where it may randomise, which a hand-over prevents in practice (real/README D15).
            Source = new BootSource(
                generation.Number == 0 ? BootKind.Cold : BootKind.Kexec,
                (handsOver && loaded.Length > 0 ? loaded[0].Start : generation.ReadImagePhys()) ?? 0,
                loaded.Length > 0 ? InitrdOf(loaded) : generation.ReadInitrd() ?? default,
                setupData),
            Predecessor = predecessor,
            Pages = pages,
            Real = generation,
        };
    }

    /// <summary>How the kernel was started that followed a generation, also one that died before it could report.</summary>
    /// <param name="predecessor">The generation whose memory it boots from.</param>
    /// <returns>Its start.</returns>
    /// <exception cref="NotSimulatedException">Nothing was loaded, or the capture does not tell what the next kernel received.</exception>
    /// <exception cref="CaptureFormatException">The capture is malformed.</exception>
    public static CapturedStart After(CaptureGeneration predecessor)
    {
        ArgumentNullException.ThrowIfNull(predecessor);
        if (predecessor.Next is { HasLog: true } next)
        {
            return Of(next);
        }

        LoggedSegment[] loaded = LoadedImage(predecessor);
        if (!predecessor.HasPages || loaded.Length == 0)
        {
            throw new NotSimulatedException("this generation handed nothing over, and no kernel followed it");
        }

        CaptureDescription description = predecessor.Description;
        CaptureAction load = description.Actions.Last(action => action.IsFileLoad);
        CaptureGeneration? sameKernel = predecessor.Capture.Generations.FirstOrDefault(other => other.Description.KernelKey == load.Kernel);
        CapturePages pages = predecessor.ReadPages();
        return new CapturedStart(
            $"{predecessor.Capture.Name}/gen-{predecessor.Number + 1}",
            sameKernel?.Description.KernelBuild ?? string.Empty,
            load.CommandLine,
            predecessor.ReadMemoryMap(),
            predecessor.Capture.Cpus)
        {
            Source = new BootSource(BootKind.Kexec, loaded[0].Start, InitrdOf(loaded), HeadOfSetupData(predecessor, pages)),
            Predecessor = predecessor,
            Pages = pages,
        };
    }

    /// <summary>The same start for a simulated kernel; captured ones did not poison what they freed.</summary>
    /// <param name="build">The build that takes the captured kernel's place.</param>
    /// <param name="clients">Its clients.</param>
    /// <returns>All that it is given beside RAM.</returns>
    internal KernelStart ToKernelStart(KernelBuild build, IReadOnlyList<KhoClient> clients) => new()
    {
        Build = build,
        CommandLine = CommandLine,
        Memory = new MachineMemory(Map),
        Cpus = Cpus,
        PoisonsFreedPages = false,
        Clients = clients,
        Source = Source,
    };

    /// <summary>Puts what was saved into simulated RAM, with the hand-off that the loader leaves there.</summary>
    /// <returns>New RAM; what was not saved reads as zero.</returns>
    public PhysicalMemory ToMemory()
    {
        PhysicalMemory memory = Pages?.ToMemory() ?? new PhysicalMemory();
        if (Predecessor is not { Description.SetupDataNodePhys: null } predecessor || Pages is null
            || !LoadCheck.TryPlan(predecessor, out KexecPlaces places))
        {
            return memory;
        }

        // Saved before the jump, or found without the next kernel's help: the loader's own pages are what its plan says.
        ulong phys = places.Plan.ScratchArrayPhys;
        foreach (ScratchArea area in places.Areas)
        {
            memory.WriteUInt64(phys, area.Phys);
            memory.WriteUInt64(phys + sizeof(ulong), area.SizeBytes);
            phys += ScratchArea.EntryBytes;
        }

        KhoHandoff handoff = new(
            Pages.RootFdtPhys, PageGeometry.SizeBytes, places.Plan.ScratchArrayPhys, (ulong)places.Areas.Count * ScratchArea.EntryBytes);
        SetupData.WriteKhoNode(memory, places.Plan.SetupDataNodePhys, 0, handoff);
        return memory;
    }

    /// <summary>The kernel and the RAM disk as the last load placed them; empty when its log does not show them.</summary>
    private static LoggedSegment[] LoadedImage(CaptureGeneration predecessor)
    {
        // The kernel is the last but one segment, the RAM disk the last: every captured load had one.
        const int segmentsWithInitrd = 4;
        IReadOnlyList<KexecLoadLog> logs = KexecLoadLog.Parse(predecessor.Description.LoadLog);
        return logs.Count > 0 && logs[^1].Segments.Count >= segmentsWithInitrd ? [.. logs[^1].Segments.TakeLast(2)] : [];
    }

    private static PhysicalRange InitrdOf(LoggedSegment[] loaded) => new(loaded[1].Start, loaded[1].BufferBytes);

    /// <summary>KHO's node is pushed on the list first, the random seed's after it and right behind it in memory: where that is, it leads.</summary>
    private static ulong HeadOfSetupData(CaptureGeneration predecessor, CapturePages pages)
    {
        if (predecessor.Description.SetupDataNodePhys is { } node)
        {
            ulong seed = node + SetupData.KhoNodeBytes;
            SetupDataNode found = pages.Holds(seed) ? SetupData.ReadNode(pages.ToMemory(), seed) : default;
            return found.Type == SetupData.RngSeedType && found.NextPhys == node ? seed : node;
        }

        return LoadCheck.TryPlan(predecessor, out KexecPlaces places)
            ? places.Plan.SetupDataNodePhys
            : throw new NotSimulatedException("the capture does not tell where the loader put the hand-off");
    }
}
