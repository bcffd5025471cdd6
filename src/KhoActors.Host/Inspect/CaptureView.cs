using System.Globalization;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Conformance;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Host.Inspect;

/// <summary>What a capture of a real kernel holds, for people: decoded from its memory, not repeated from its description.</summary>
/// <param name="terminal">Receives it.</param>
internal sealed class CaptureView(Terminal terminal)
{
    private const int PageBytes = 4096;

    /// <summary>One row for each generation.</summary>
    /// <param name="capture">The capture.</param>
    public void WriteChain(Capture capture)
    {
        terminal.Out.WriteLine($"{capture.Name}: {capture.Description}");
        terminal.Out.WriteLine();
        SummaryTable table = new(">gen", "kernel", "root FDT", ">saved pages", ">blocks", ">preserved", "command line");
        foreach (CaptureGeneration generation in capture.Generations)
        {
            CaptureHandover? handover = generation.Description.Handover;
            table.Row(
                Number(generation.Number),
                generation.Description.KernelBuild,
                handover is null ? "-" : $"{Hex(handover.RootFdtPhys)} {handover.Compatible}",
                generation.HasPages ? Number(generation.ReadPages().Pages.Count) : "-",
                handover is null ? "-" : Number(handover.Blocks.Count),
                handover is null ? "-" : Size(PreservedBytes(handover.Blocks)),
                generation.Description.CommandLine);
        }

        table.Write(terminal);
    }

    /// <summary>The hand-off and what it leads to.</summary>
    /// <param name="generation">The generation.</param>
    public void WriteSummary(CaptureGeneration generation)
    {
        terminal.Out.WriteLine($"{generation.Name}: {generation.Description.KernelBuild}");
        terminal.Out.WriteLine($"command line: {generation.ReadCommandLine()}");
        if (generation.ReadHandoff() is { } received)
        {
            terminal.Out.WriteLine($"received: FDT {Hex(received.FdtPhys)} ({received.FdtSizeBytes} bytes), "
                + $"scratch {Hex(received.ScratchPhys)} ({received.ScratchSizeBytes} bytes)");
        }

        if (!generation.HasPages)
        {
            terminal.Out.WriteLine("handed over: nothing was captured");
            return;
        }

        terminal.Out.WriteLine();
        WriteFdt(generation);
        terminal.Out.WriteLine();
        WriteBlockTotals(generation);
    }

    /// <summary>The root FDT in the memory that the generation handed over.</summary>
    /// <param name="generation">The generation; it has pages.</param>
    public void WriteFdt(CaptureGeneration generation) => FdtDts.Print(RootFdtPage(generation), terminal.Out, FdtDtsStyle.NativeNumbers);

    /// <summary>Every preserved block, walked from the root of the tree in the captured memory.</summary>
    /// <param name="generation">The generation; it has pages.</param>
    public void WriteBlocks(CaptureGeneration generation)
    {
        BlockLines lines = new(terminal);
        Tree(generation).Walk(ref lines);
    }

    /// <summary>The memory map that the generation booted with.</summary>
    /// <param name="generation">The generation.</param>
    public void WriteMemory(CaptureGeneration generation)
    {
        MemoryMap map = generation.ReadMemoryMap();
        SummaryTable table = new("start", "end", ">size", "kind");
        foreach (FirmwareRange range in map.Ranges)
        {
            table.Row(Hex(range.Start), Hex(range.End), Size(range.End - range.Start), range.Kind.ToString());
        }

        foreach ((ulong start, ulong end, int node) in map.NodeRanges)
        {
            table.Row(Hex(start), Hex(end), Size(end - start), $"node {node}");
        }

        table.Write(terminal);
    }

    /// <summary>The captured lines of the kernel's log.</summary>
    /// <param name="generation">The generation.</param>
    public void WriteLog(CaptureGeneration generation)
    {
        foreach (var line in generation.ReadLog().Lines)
        {
            terminal.Out.WriteLine(line.Text);
        }
    }

    private static byte[] RootFdtPage(CaptureGeneration generation)
    {
        CapturePages pages = generation.ReadPages();
        byte[] page = new byte[PageBytes];
        pages.ToMemory().Read(pages.RootFdtPhys, page);
        return page;
    }

    private static RadixTree Tree(CaptureGeneration generation)
    {
        byte[] page = RootFdtPage(generation);
        if (RootFdt.Compatible(page, KhoAbi.V1) == 0)
        {
            throw new UsageException($"{generation.Name} tracks preserved memory in bitmaps (kho-v1), not in a radix tree");
        }

        CapturePages pages = generation.ReadPages();
        MemoryMapLookup lookup = RootFdt.MemoryMap(page, out ulong root);
        return lookup == MemoryMapLookup.Found
            ? RadixTree.Attach(pages.ToMemory(), root, isRam: pfn => pages.Holds(PageGeometry.PhysOf(pfn)))
            : throw new UsageException($"{generation.Name}: its root FDT names no memory map ({lookup})");
    }

    private static ulong PreservedBytes(IEnumerable<CaptureBlock> blocks) =>
        blocks.Aggregate(0UL, static (sum, block) => sum + ((ulong)PageBytes << block.Order));

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Hex(ulong value) => $"0x{value:x}";

    private static string Size(ulong bytes) => bytes >= 1UL << 20
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):N1} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes >> 10:N0} KiB");

    private void WriteBlockTotals(CaptureGeneration generation)
    {
        if (RootFdt.Compatible(RootFdtPage(generation), KhoAbi.V1) == 0)
        {
            return;
        }

        BlockTotals totals = default;
        Tree(generation).Walk(ref totals);
        terminal.Out.WriteLine($"preserved: {totals.Blocks} blocks, {Size(totals.Pages * PageBytes)}");
    }

    private readonly struct BlockLines(Terminal terminal) : IBlockVisitor
    {
        public int Visit(ulong phys, int order)
        {
            terminal.Out.WriteLine($"{Hex(phys)} order {order} ({Size((ulong)PageBytes << order)})");
            return 0;
        }
    }
}
