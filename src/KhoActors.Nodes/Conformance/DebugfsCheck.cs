using System.Text;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The debugfs view of a kernel: which entries with which modes, and that its files hold what memory holds. Entries are compared as the
/// kernel had them after boot; blobs that clients may free later (all but memblock's and the metadata) are not compared.
/// </summary>
internal static class DebugfsCheck
{
    private static readonly string[] BlobsNeverFreed = [MemblockFdt.SubtreeName, KexecMetadata.SubtreeName];

    /// <summary>Checks the debugfs of a generation.</summary>
    /// <returns>The result, or null when it was not listed.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (!generation.HasDebugfsListing)
        {
            return null;
        }

        Differences differences = new();
        HandoverMaterial? incoming = Accepted(generation) ? PreviousMaterial(generation) : null;
        HandoverMaterial? outgoing = HandoverMaterial.Load(generation);
        CompareListing(generation, incoming, differences);
        if (incoming is not null)
        {
            CompareIncoming(generation, incoming, differences);
        }

        if (outgoing is not null)
        {
            CompareOutgoing(generation, outgoing, differences);
        }

        if (generation.Description.ScratchArray is { } areas)
        {
            CompareText(generation, "out/scratch_phys", ScratchFiles.Format(areas.Select(area => area.Phys)), differences);
            CompareText(generation, "out/scratch_len", ScratchFiles.Format(areas.Select(area => area.SizeBytes)), differences);
        }

        return differences.Result($"{generation.Name} debugfs");
    }

    /// <summary>Whether this kernel took over what it was handed.</summary>
    public static bool Accepted(CaptureGeneration generation) =>
        generation.ReadLog().Lines.Any(line => line.Text.StartsWith(BootLines.Found, StringComparison.Ordinal));

    private static HandoverMaterial? PreviousMaterial(CaptureGeneration generation) =>
        generation.Capture.Find(generation.Number - 1) is { } previous ? HandoverMaterial.Load(previous) : null;

    private static void CompareListing(CaptureGeneration generation, HandoverMaterial? incoming, Differences differences)
    {
        KernelRelease release = generation.Release;
        List<string> expected = ["drwxr-xr-x 0 kho"];
        bool accepted = Accepted(generation);
        if (accepted)
        {
            expected.AddRange(["drwxr-xr-x 0 kho/in", "-r-------- 0 kho/in/fdt", "drwxr-xr-x 0 kho/in/sub_fdts"]);
            IEnumerable<string> names = incoming is null ? Listed(generation, "kho/in/sub_fdts/") : IncomingNames(incoming);
            expected.AddRange(names.Order(StringComparer.Ordinal).Select(name => $"-r-------- 0 kho/in/sub_fdts/{name}"));
        }

        expected.Add("drwxr-xr-x 0 kho/out");
        // Up to 6.18 the FDT is shown while finalized only, which no kernel is right after boot; later on cold boots only.
        if (!accepted && !release.FinalizesBeforeLoad)
        {
            expected.Add("-r-------- 0 kho/out/fdt");
        }

        if (release.IsBefore(7, 1))
        {
            expected.Add("-rw------- 0 kho/out/finalize");
        }

        expected.AddRange(["-r-------- 0 kho/out/scratch_len", "-r-------- 0 kho/out/scratch_phys", "drwxr-xr-x 0 kho/out/sub_fdts"]);
        expected.AddRange(Listed(generation, "kho/out/sub_fdts/").Select(name => $"-r-------- 0 kho/out/sub_fdts/{name}"));
        differences.Lists("kho.ls", expected, generation.ReadDebugfsListing());
    }

    /// <summary>Names that the listing shows in a folder: what clients register there is theirs.</summary>
    private static IEnumerable<string> Listed(CaptureGeneration generation, string folder) =>
        from line in generation.ReadDebugfsListing()
        let at = line.IndexOf(folder, StringComparison.Ordinal)
        where at >= 0
        select line[(at + folder.Length)..];

    /// <summary>Sub-nodes that the incoming scan shows: those with an address and, where the ABI has one, a size.</summary>
    private static IEnumerable<string> IncomingNames(HandoverMaterial incoming) =>
        from subnode in RootFdtView.Read(incoming.RootPage(incoming.AsReceived)).Subnodes
        where subnode.Phys is not null && (incoming.Abi.SizeProperty is null || subnode.SizeBytes is not null)
        select subnode.Name;

    private static void CompareIncoming(CaptureGeneration generation, HandoverMaterial incoming, Differences differences)
    {
        RootFdtView view = RootFdtView.Read(incoming.RootPage(incoming.AsReceived));
        if (IsPreserved(incoming, incoming.Recorded.RootFdtPhys))
        {
            byte[] page = incoming.RootPage(incoming.AsReceived);
            CompareFile(generation, "in/fdt", page, view.TotalSizeBytes, differences);
        }

        foreach (RootFdtSubnode subnode in view.Subnodes.Where(subnode => BlobsNeverFreed.Contains(subnode.Name)))
        {
            if (subnode.Phys is { } phys && incoming.Pages.Holds(phys) && IsPreserved(incoming, phys))
            {
                byte[] page = incoming.Blob(incoming.AsReceived, phys, PageGeometry.SizeBytes);
                ulong size = subnode.SizeBytes ?? (incoming.Abi.SizeProperty is null ? FdtReader.TotalSize(page) : 0);
                CompareFile(generation, $"in/sub_fdts/{subnode.Name}", page, size, differences);
            }
        }
    }

    private static void CompareOutgoing(CaptureGeneration generation, HandoverMaterial outgoing, Differences differences)
    {
        RootFdtView view = RootFdtView.Read(outgoing.RootPage(outgoing.AsWritten));
        string[] present = [.. generation.DebugfsNames("out/sub_fdts")];
        foreach (RootFdtSubnode subnode in view.Subnodes.Where(subnode => BlobsNeverFreed.Contains(subnode.Name) && present.Contains(subnode.Name)))
        {
            if (subnode.Phys is { } phys && outgoing.Pages.Holds(phys))
            {
                byte[] page = outgoing.Blob(outgoing.AsWritten, phys, PageGeometry.SizeBytes);
                CompareFile(generation, $"out/sub_fdts/{subnode.Name}", page, subnode.SizeBytes ?? FdtReader.TotalSize(page), differences);
            }
        }

        // Read after boot: comparable when no client came later. Its length was fixed when the file was made, so that it may be cut.
        if (generation.ReadDebugfs("out/fdt") is { } shown && view.Subnodes.Select(s => s.Name).Order().SequenceEqual(present.Order()))
        {
            bool setOnFinalize = outgoing.Abi.Tracker == TrackerKind.Bitmaps;
            byte[] written = HandoverCheck.Rebuild(outgoing.Abi, view, setOnFinalize ? 0 : view.MapPhys ?? 0);
            differences.Bytes("out/fdt", shown, written.AsSpan(0, Math.Min(shown.Length, written.Length)));
        }
    }

    private static bool IsPreserved(HandoverMaterial material, ulong phys)
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

    private static void CompareFile(CaptureGeneration generation, string path, byte[] memory, ulong sizeBytes, Differences differences)
    {
        if (generation.ReadDebugfs(path) is { } shown)
        {
            // A size beyond the page (a damaged one) shows memory that was not saved.
            int known = (int)Math.Min(sizeBytes, (ulong)memory.Length);
            differences.Equal($"size of {path}", sizeBytes, (ulong)shown.Length);
            differences.Bytes(path, memory.AsSpan(0, known), shown.AsSpan(0, Math.Min(known, shown.Length)));
        }
    }

    private static void CompareText(CaptureGeneration generation, string path, string expected, Differences differences)
    {
        if (generation.ReadDebugfs(path) is { } shown)
        {
            differences.Equal(path, expected, Encoding.ASCII.GetString(shown));
        }
    }
}
