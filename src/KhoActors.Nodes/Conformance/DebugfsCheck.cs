using System.Text;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The debugfs of a captured kernel against <see cref="Debugfs"/> over captured memory: which entries with which modes, and that files show
/// what memory holds. Entries are compared as the kernel had them after boot; blobs that clients may free later (all but memblock's and the
/// metadata) are not compared. For kernels that are simulated <see cref="BootedDebugfsCheck"/> compares a whole boot.
/// </summary>
internal static class DebugfsCheck
{
    /// <summary>Sub-trees whose blobs stay as long as a kernel runs.</summary>
    public static readonly string[] BlobsNeverFreed = [MemblockFdt.SubtreeName, KexecMetadata.SubtreeName];

    /// <summary>Checks the debugfs of a generation.</summary>
    /// <returns>The result, or null when it was not listed.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (!generation.HasDebugfsListing)
        {
            return null;
        }

        Differences differences = new();
        bool accepted = Accepted(generation);
        HandoverMaterial? incoming = accepted ? PreviousMaterial(generation) : null;
        HandoverMaterial? outgoing = HandoverMaterial.Load(generation);
        Debugfs? received = incoming is null ? null : Received(incoming);
        Debugfs left = Left(generation, outgoing, isColdBoot: !accepted);
        IEnumerable<string> expected = received is null && accepted
            ? generation.ReadDebugfsListing().Where(line => line.Contains(" kho/in", StringComparison.Ordinal))
            : Lines(received ?? left, "kho/in");
        differences.Lists(
            "kho.ls", [.. Lines(left, "kho", exactly: true), .. expected, .. Lines(left, "kho/out")], generation.ReadDebugfsListing());
        if (received is not null)
        {
            CompareIncoming(generation, incoming!, received, differences);
        }

        if (outgoing is not null)
        {
            CompareOutgoing(generation, outgoing, left, differences);
        }

        if (generation.Description.ScratchArray is { } areas)
        {
            CompareText(generation, "out/scratch_phys", Debugfs.ScratchText(areas.Select(area => area.Phys)), differences);
            CompareText(generation, "out/scratch_len", Debugfs.ScratchText(areas.Select(area => area.SizeBytes)), differences);
        }

        return differences.Result($"{generation.Name} debugfs");
    }

    /// <summary>Whether this kernel took over what it was handed.</summary>
    public static bool Accepted(CaptureGeneration generation) =>
        generation.ReadLog().Lines.Any(line => line.Text.StartsWith(BootLines.Found, StringComparison.Ordinal));

    /// <summary>What the generation before handed over, or null when there is none or it was not saved.</summary>
    public static HandoverMaterial? PreviousMaterial(CaptureGeneration generation) =>
        generation.Capture.Find(generation.Number - 1) is { } previous ? HandoverMaterial.Load(previous) : null;

    /// <summary>Whether a page was preserved: what lies there stays while the next kernel boots.</summary>
    public static bool IsPreserved(HandoverMaterial material, ulong phys)
    {
        if (material.Abi.Tracker != TrackerKind.Radix || RootFdtView.Read(material.RootPage(material.AsReceived)).MapPhys is not ({ } root and not 0))
        {
            return true;
        }

        try
        {
            return RadixTree.Attach(material.AsReceived, root, isRam: pfn => material.Pages.Holds(PageGeometry.PhysOf(pfn)))
                .IsTracked(PageGeometry.PfnOf(phys), 0);
        }
        catch (SimulatedOopsException)
        {
            // A damaged tree tells nothing of this page.
            return false;
        }
    }

    /// <summary>A line as kho.ls has it: the kernel reports no size for any entry.</summary>
    public static string LineOf(DebugfsEntry entry) => $"{entry.Mode} 0 {entry.Path}";

    /// <summary>Compares what one file shows. Only the first page is: a damaged size shows memory that was not saved.</summary>
    public static void CompareFile(CaptureGeneration generation, Debugfs debugfs, string path, Differences differences)
    {
        if (generation.ReadDebugfs(path) is not { } shown || debugfs.Find(path) is not { } file)
        {
            return;
        }

        byte[] content = new byte[Math.Min(file.SizeBytes, PageGeometry.SizeBytes)];
        int length = debugfs.Read(file, 0, content);
        differences.Equal($"size of {path}", (ulong)shown.Length, file.SizeBytes);
        differences.Bytes(path, shown.AsSpan(0, Math.Min(shown.Length, PageGeometry.SizeBytes)), content.AsSpan(0, length));
    }

    private static IEnumerable<string> Lines(Debugfs debugfs, string path, bool exactly = false) =>
        from entry in debugfs.List()
        where entry.Path == path || (!exactly && entry.Path.StartsWith(path + "/", StringComparison.Ordinal))
        select LineOf(entry);

    /// <summary>What a kernel of the same ABI generation shows of what it received.</summary>
    private static Debugfs Received(HandoverMaterial incoming)
    {
        Debugfs debugfs = Over(incoming.AsReceived, incoming.Abi);
        debugfs.CreateOut(0);
        debugfs.CreateIn(incoming.Recorded.RootFdtPhys);
        return debugfs;
    }

    /// <summary>What the generation shows of what it left, made as the kernel does: the root FDT as kho_init writes it, then sub-tree by sub-tree.</summary>
    private static Debugfs Left(CaptureGeneration generation, HandoverMaterial? outgoing, bool isColdBoot)
    {
        KhoAbi abi = outgoing?.Abi ?? AbiOf(generation);
        ulong rootPhys = outgoing?.Recorded.RootFdtPhys ?? 0;
        PhysicalMemory memory = outgoing?.AsWritten ?? new PhysicalMemory();
        RootFdtView view = RootFdtView.Read(outgoing?.RootPage(memory) ?? []);
        RootFdtSubnode[] metadata = abi.HasKexecMetadata ? [.. view.Subnodes.Where(subnode => subnode.Name == KexecMetadata.SubtreeName)] : [];
        Debugfs debugfs = Over(memory, abi);
        debugfs.CreateOut(rootPhys);
        if (outgoing is not null)
        {
            memory.Write(rootPhys, HandoverCheck.Rebuild(abi, view with { Subnodes = metadata }, MapAfterBoot(abi, view)));
        }

        // Up to 6.18 the FDT is shown while finalized only, which no kernel is right after boot; later on cold boots only.
        if (isColdBoot && !generation.Release.FinalizesBeforeLoad)
        {
            debugfs.AddOutgoingFdt();
        }

        if (outgoing is not null)
        {
            memory.Write(rootPhys, HandoverCheck.Rebuild(abi, view, MapAfterBoot(abi, view)));
        }

        // Which sub-trees there were after boot only the listing tells: clients come and go later.
        foreach (string name in generation.DebugfsNames("out/sub_fdts"))
        {
            RootFdtSubnode subnode = view.Subnodes.FirstOrDefault(subnode => subnode.Name == name);
            debugfs.AddOutgoing(name, subnode.Phys ?? 0, subnode.SizeBytes ?? 0);
        }

        return debugfs;
    }

    /// <summary>kho-v1 enters the address when it finalizes.</summary>
    private static ulong MapAfterBoot(KhoAbi abi, RootFdtView view) => abi.Tracker == TrackerKind.Bitmaps ? 0 : view.MapPhys ?? 0;

    /// <summary>The ABI of a kernel that handed nothing over, as far as debugfs depends on it.</summary>
    private static KhoAbi AbiOf(CaptureGeneration generation) => generation.Release.IsBefore(7, 1) ? KhoAbi.V1 : KhoAbi.V4;

    private static Debugfs Over(PhysicalMemory memory, KhoAbi abi)
    {
        NodeMap everywhere = new();
        everywhere.Add(0, PageGeometry.PfnLimit, 0);
        return new Debugfs(memory, everywhere, new ScratchAreas(), abi, new KernelLog());
    }

    private static void CompareIncoming(CaptureGeneration generation, HandoverMaterial incoming, Debugfs received, Differences differences)
    {
        foreach (DebugfsEntry file in received.List().Where(entry => entry.Content == DebugfsContent.Memory))
        {
            string name = file.Path[(file.Path.LastIndexOf('/') + 1)..];
            bool stays = file.Phys == incoming.Recorded.RootFdtPhys || BlobsNeverFreed.Contains(name);
            if (stays && incoming.Pages.Holds(file.Phys) && IsPreserved(incoming, file.Phys))
            {
                CompareFile(generation, received, file.Path["kho/".Length..], differences);
            }
        }
    }

    private static void CompareOutgoing(CaptureGeneration generation, HandoverMaterial outgoing, Debugfs left, Differences differences)
    {
        string[] present = [.. generation.DebugfsNames("out/sub_fdts")];
        RootFdtView view = RootFdtView.Read(outgoing.RootPage(outgoing.AsWritten));
        foreach (DebugfsEntry file in left.List().Where(entry => entry.Content == DebugfsContent.Memory && outgoing.Pages.Holds(entry.Phys)))
        {
            string name = file.Path[(file.Path.LastIndexOf('/') + 1)..];
            // The FDT was read after boot: comparable when no client came later.
            bool isDetermined = file.Phys == outgoing.Recorded.RootFdtPhys
                ? view.Subnodes.Select(subnode => subnode.Name).Order(StringComparer.Ordinal).SequenceEqual(present.Order(StringComparer.Ordinal))
                : BlobsNeverFreed.Contains(name);
            if (isDetermined)
            {
                CompareFile(generation, left, file.Path["kho/".Length..], differences);
            }
        }

        CompareFile(generation, left, "out/finalize", differences);
    }

    private static void CompareText(CaptureGeneration generation, string path, string expected, Differences differences)
    {
        if (generation.ReadDebugfs(path) is { } shown)
        {
            differences.Equal(path, expected, Encoding.ASCII.GetString(shown));
        }
    }
}
