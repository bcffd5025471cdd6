using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>Whether a simulated boot printed what the real one did.</summary>
public enum BootVerdict
{
    /// <summary>There is no real kernel to compare with.</summary>
    NothingToCompare,

    /// <summary>The same lines of KHO, memblock and reserve_mem, in the same order.</summary>
    Same,

    /// <summary>Other lines, or another order.</summary>
    Different,
}

/// <summary>What a booted kernel found of its predecessor.</summary>
/// <param name="RootFdt">The root FDT.</param>
/// <param name="Blobs">Its sub-blobs, in FDT order.</param>
/// <param name="BlockCount">Preserved blocks.</param>
/// <param name="Orders">The same by order, highest first.</param>
public sealed record FoundHandover(RootFdtView RootFdt, IReadOnlyList<InspectedBlob> Blobs, int BlockCount, IReadOnlyList<TrackedOrder> Orders);

/// <summary>A simulated kernel, booted as a captured one was: from the same memory, map and command line.</summary>
public sealed class CaptureBoot
{
    private CaptureBoot(CapturedStart start, BootedKernel kernel)
    {
        Start = start;
        Kernel = kernel;
    }

    /// <summary>How the captured kernel was started.</summary>
    public CapturedStart Start { get; }

    /// <summary>The simulated kernel after its initcalls, or after its death.</summary>
    public BootedKernel Kernel { get; }

    /// <summary>The simulated build.</summary>
    public KernelBuild Build => Kernel.Start.Build;

    /// <summary>What the real kernel printed of KHO, memblock and reserve_mem; where only a console was saved, with the simulated levels.</summary>
    public IReadOnlyList<LogLine> RealLines { get; private init; } = [];

    /// <summary>What the simulated kernel printed of them; the line of its death is the last.</summary>
    public IReadOnlyList<LogLine> SimulatedLines { get; private init; } = [];

    /// <summary>Whether both are the same.</summary>
    public BootVerdict Verdict { get; private init; }

    /// <summary>Boots.</summary>
    /// <param name="start">How the captured kernel was started.</param>
    /// <param name="build">The build that takes its place.</param>
    /// <param name="complete">Makes up what the capture did not save, before the boot; null for nothing.</param>
    /// <returns>The boot.</returns>
    /// <exception cref="Runtime.SimulatorDefectException">Our code failed.</exception>
    public static CaptureBoot Run(CapturedStart start, KernelBuild build, Action<PhysicalMemory>? complete = null)
    {
        ArgumentNullException.ThrowIfNull(start);
        PhysicalMemory memory = start.ToMemory();
        complete?.Invoke(memory);
        BootedKernel kernel = BootedKernel.ToUserSpace(start.ToKernelStart(build, ClientCatalog.BuiltIn.Of(build)), memory);
        List<LogLine> simulated = [.. BootLines.Of(kernel.Log.Lines)];
        if (kernel.Death is { } death)
        {
            simulated.Add(new LogLine(LogLevel.Alert, death));
        }

        List<LogLine>? real = RealLinesOf(start, simulated);
        return new CaptureBoot(start, kernel)
        {
            SimulatedLines = simulated,
            RealLines = real ?? [],
            Verdict = real is null ? BootVerdict.NothingToCompare : real.SequenceEqual(simulated) ? BootVerdict.Same : BootVerdict.Different,
        };
    }

    /// <summary>Whether a line is one of those that are compared.</summary>
    /// <param name="line">A line of a kernel's log.</param>
    /// <returns>Whether it is of KHO, memblock or reserve_mem.</returns>
    public static bool IsCompared(LogLine line) => BootLines.IsOurs(line);

    /// <summary>Whether the simulated kernel revived a region or allocated it anew.</summary>
    /// <param name="name">The region's name.</param>
    /// <returns>Whether it said that it revived it.</returns>
    public bool Revived(string name) =>
        Kernel.Log.Lines.Any(line => line.Text == $"Revived memory reservation '{name}' from KHO");

    /// <summary>How much of the pattern that user space wrote into a region is there after the boot.</summary>
    /// <param name="region">The region.</param>
    /// <returns>What was found.</returns>
    public FillPatternResult CheckPattern(in MemblockFdtEntry region) => FillPattern.Check(Start, Kernel.Memory, region);

    /// <summary>What the predecessor left, as the simulated kernel found it: the kernel's own later writes do not show.</summary>
    /// <returns>The hand-over, or null when none was accepted.</returns>
    public FoundHandover? ReadFound()
    {
        if (Kernel.Incoming is not { } incoming || Start.Pages is not { } pages)
        {
            return null;
        }

        PhysicalMemory memory = Start.ToMemory();
        byte[] page = new byte[PageGeometry.SizeBytes];
        memory.Read(incoming.Handoff.FdtPhys, page);
        RootFdtView root = RootFdtView.Read(page);
        List<CaptureBlock> blocks = BlocksOf(memory, incoming.MapPhys);
        IReadOnlyList<TrackedOrder> orders = TrackedOrder.Of(blocks.Select(block => block.Order));
        return new FoundHandover(root, [.. root.Subnodes.Select(subnode => InspectedBlob.Of(pages, memory, subnode))], blocks.Count, orders);
    }

    /// <summary>The blocks of the tracker that the simulated kernel hands over itself.</summary>
    /// <returns>The blocks, in walk order.</returns>
    internal List<CaptureBlock> ReadOutgoingBlocks() => BlocksOf(Kernel.Memory, Kernel.Kho.MapPhys);

    private List<CaptureBlock> BlocksOf(PhysicalMemory memory, ulong mapPhys)
    {
        TrackedBlocks read = TrackedBlocks.Read(memory, mapPhys, Kernel.Start.Memory.Ram.Contains);
        return read.Damage.Length == 0 ? CaptureBlock.Of(read.Blocks) : [];
    }

    /// <summary>A root FDT in RAM.</summary>
    /// <param name="phys">Its address.</param>
    /// <returns>What it says.</returns>
    internal RootFdtView RootFdtAt(ulong phys)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        Kernel.Memory.Read(phys, page);
        return RootFdtView.Read(page);
    }

    private static List<LogLine>? RealLinesOf(CapturedStart start, List<LogLine> simulated)
    {
        if (start.Real is { HasLog: true } real)
        {
            return [.. BootLines.Of(real.ReadLog().Lines)];
        }

        if (start.Real is not null || start.Predecessor?.Capture.ReadConsoleTail() is not { } console)
        {
            return null;
        }

        string[] texts = BootLines.OfConsole(console);
        return [.. texts.Select((text, i) => new LogLine(i < simulated.Count ? simulated[i].Level : LogLevel.Info, text))];
    }
}
