using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

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

    /// <summary>What the real kernel printed of KHO, memblock and reserve_mem; levels are those of the simulated lines where only a console was saved.</summary>
    public IReadOnlyList<LogLine> RealLines { get; private init; } = [];

    /// <summary>What the simulated kernel printed of them; the line of its death is the last.</summary>
    public IReadOnlyList<LogLine> SimulatedLines { get; private init; } = [];

    /// <summary>Whether both are the same.</summary>
    public BootVerdict Verdict { get; private init; }

    /// <summary>Boots.</summary>
    /// <param name="start">How the captured kernel was started.</param>
    /// <param name="build">The build that takes its place.</param>
    /// <returns>The boot.</returns>
    /// <exception cref="Runtime.SimulatorDefectException">Our code failed.</exception>
    public static CaptureBoot Run(CapturedStart start, KernelBuild build)
    {
        ArgumentNullException.ThrowIfNull(start);
        KernelStart given = new()
        {
            Build = build,
            CommandLine = start.CommandLine,
            Memory = new MachineMemory(start.Map),
            Cpus = start.Cpus,
            PoisonsFreedPages = false,
            Source = start.Source,
        };
        BootedKernel kernel = BootedKernel.ToUserSpace(given, start.ToMemory());
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

    /// <summary>The blocks that a tracker in RAM holds, in walk order; empty where it cannot be walked.</summary>
    /// <param name="mapPhys">Where it starts.</param>
    /// <returns>The blocks.</returns>
    internal List<CaptureBlock> BlocksOf(ulong mapPhys)
    {
        Collector collector = new([]);
        try
        {
            RadixTree.Attach(Kernel.Memory, mapPhys, isRam: Kernel.Start.Memory.Ram.Contains).Walk(ref collector);
        }
        catch (SimulatedOopsException)
        {
            collector.Blocks.Clear();
        }

        return collector.Blocks;
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

    private readonly struct Collector(List<CaptureBlock> blocks) : IBlockVisitor
    {
        // A damaged tree may reach one leaf along millions of paths.
        private const int BlocksMax = 4 << 20;

        public List<CaptureBlock> Blocks { get; } = blocks;

        public int Visit(ulong phys, int order)
        {
            Blocks.Add(new CaptureBlock(phys, order));
            return Blocks.Count < BlocksMax ? 0 : 1;
        }
    }
}
