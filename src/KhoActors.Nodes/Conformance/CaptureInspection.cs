using System.Text.Json;
using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>Everything that a capture shows of one generation, for people (<see cref="WriteText"/>) and programs (<see cref="WriteJson"/>).</summary>
public sealed class CaptureInspection
{
    private CaptureInspection(CaptureGeneration generation)
    {
        Generation = generation;
        Log = generation.HasLog ? generation.ReadLog().Lines : [];
        MemoryMap = generation.HasLog ? generation.ReadMemoryMap() : null;
        if (!generation.HasPages)
        {
            return;
        }

        CapturePages pages = generation.ReadPages();
        PhysicalMemory memory = pages.ToMemory();
        SavedPages = pages.Pages.Count;
        RootFdtPhys = pages.RootFdtPhys;
        byte[] root = new byte[PageGeometry.SizeBytes];
        memory.Read(pages.RootFdtPhys, root);
        RootFdt = RootFdtView.Read(root);
        RootDts = DtsOf(root);
        Blobs = [.. RootFdt.Subnodes.Select(subnode => InspectedBlob.Of(pages, memory, subnode))];
        TrackerCheck.TreeWalk walk = TrackerCheck.Walk(pages, memory, RootFdt);
        Damage = RootFdt.Compatible == KhoAbi.V1.Compatible ? string.Empty : walk.Oops;
        Blocks = RootFdt.Compatible != KhoAbi.V1.Compatible && walk.Oops.Length == 0 ? walk.Blocks : generation.ReadBlocks();
        Orders = TrackedOrder.Of(Blocks.Select(block => block.Order));
    }

    /// <summary>The generation.</summary>
    public CaptureGeneration Generation { get; }

    /// <summary>Its log.</summary>
    public IReadOnlyList<LogLine> Log { get; }

    /// <summary>The firmware's memory map and nodes; null when no log was saved.</summary>
    public MemoryMap? MemoryMap { get; }

    /// <summary>Pages of memory that were saved.</summary>
    public int SavedPages { get; }

    /// <summary>Address of the root FDT handed over, 0 when nothing was.</summary>
    public ulong RootFdtPhys { get; }

    /// <summary>The root FDT handed over; null when nothing was saved.</summary>
    public RootFdtView? RootFdt { get; }

    /// <summary>The root FDT as device tree source, with numbers explained.</summary>
    public string RootDts { get; } = string.Empty;

    /// <summary>Its blobs, in FDT order.</summary>
    public IReadOnlyList<InspectedBlob> Blobs { get; } = [];

    /// <summary>All preserved blocks in walk order: from the tree in memory, or where that cannot be walked (kho-v1, damage) as case.json lists them.</summary>
    public IReadOnlyList<CaptureBlock> Blocks { get; } = [];

    /// <summary>With what a kernel that walks the tree of preserved blocks stops; empty when it can be walked.</summary>
    public string Damage { get; } = string.Empty;

    /// <summary>Preserved blocks by order, highest first.</summary>
    public IReadOnlyList<TrackedOrder> Orders { get; } = [];

    /// <summary>Inspects a capture.</summary>
    /// <param name="directory">A <c>gen-N</c> folder, or a case folder for all its generations.</param>
    /// <returns>One inspection for each generation.</returns>
    /// <exception cref="CaptureFormatException">The capture is missing or malformed.</exception>
    public static IReadOnlyList<CaptureInspection> Read(string directory) => Read(Capture.Open(directory));

    /// <summary>Inspects a capture.</summary>
    /// <param name="capture">The capture; one that selects a generation gives that one.</param>
    /// <returns>One inspection for each generation.</returns>
    /// <exception cref="CaptureFormatException">The capture is malformed.</exception>
    public static IReadOnlyList<CaptureInspection> Read(Capture capture)
    {
        ArgumentNullException.ThrowIfNull(capture);
        return [.. capture.Generations.Where(g => capture.Selected is null || capture.Selected == g.Number).Select(g => new CaptureInspection(g))];
    }

    /// <summary>Writes it for people.</summary>
    /// <param name="output">Where to; lines end with a line feed.</param>
    public void WriteText(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        CaptureInspectionText.Write(this, output);
    }

    /// <summary>Writes it as one JSON object. Addresses are strings in hexadecimal, sizes are numbers.</summary>
    /// <param name="json">Where to.</param>
    public void WriteJson(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        CaptureInspectionJson.Write(this, json);
    }

    internal static string DtsOf(byte[] page)
    {
        using StringWriter text = new() { NewLine = "\n" };
        FdtDts.Print(page, text, FdtDtsStyle.NativeNumbers);
        return text.ToString();
    }
}
