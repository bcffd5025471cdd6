using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>Decodes the root FDT and the blobs of memblock and the metadata from captured pages, and writes them again byte for byte.</summary>
internal static class HandoverCheck
{
    /// <summary>Checks what a generation handed over.</summary>
    /// <returns>The result, or null when nothing was saved.</returns>
    public static CaseResult? Run(CaptureGeneration generation)
    {
        if (HandoverMaterial.Load(generation) is not { } material)
        {
            return null;
        }

        Differences differences = new();
        CompareDescription(material, differences);
        CompareBytes(material, differences);
        CompareMemblock(material, differences);
        CompareMetadata(material, differences);
        return differences.Result($"{generation.Name} handover");
    }

    /// <summary>Writes a root FDT by the steps of its kernel: in one go when it was finalized that way, else node by node, oldest first.</summary>
    public static byte[] Rebuild(KhoAbi abi, RootFdtView view, ulong map)
    {
        const uint structOffsetOfSequentialWriter = 64;
        byte[] page = new byte[PageGeometry.SizeBytes];
        if (view.StructOffset == structOffsetOfSequentialWriter)
        {
            RootFdt.WriteSequential(page, abi, map, [.. view.Subnodes.Select(subnode => (subnode.Name, subnode.Phys ?? 0))]);
            return page;
        }

        RootFdt.Setup(page, abi, map);
        foreach (RootFdtSubnode subnode in view.Subnodes.Reverse())
        {
            RootFdt.AddSubtree(page, abi, subnode.Name, subnode.Phys ?? 0, subnode.SizeBytes ?? 0);
        }

        return page;
    }

    /// <summary>The entries of a memblock blob, or null when it is none.</summary>
    public static IReadOnlyList<MemblockFdtEntry>? DecodeMemblock(ReadOnlySpan<byte> blob)
    {
        if (FdtReader.CheckHeader(blob) != 0 || MemblockFdt.CheckCompatible(blob) != 0)
        {
            return null;
        }

        List<MemblockFdtEntry> entries = [];
        for (int node = FdtReader.FirstSubnode(blob, 0); node >= 0; node = FdtReader.NextSubnode(blob, node))
        {
            if (FdtReader.NodeName(blob, node, out ReadOnlySpan<byte> name) < 0
                || MemblockFdt.FindEntry(blob, System.Text.Encoding.Latin1.GetString(name), out MemblockFdtEntry entry, out _) != MemblockFdtLookup.Found)
            {
                return null;
            }

            entries.Add(entry);
        }

        return entries;
    }

    /// <summary>case.json was written from one of the two states: every field must fit one of them.</summary>
    private static void CompareDescription(HandoverMaterial material, Differences differences)
    {
        RootFdtView[] views = [.. material.States.Select(state => RootFdtView.Read(material.RootPage(state)))];
        CaptureHandover recorded = material.Recorded;
        AnyEqual("compatible", recorded.Compatible, views.Select(view => view.Compatible), differences);
        AnyEqual("totalsize", recorded.TotalSizeBytes, views.Select(view => view.TotalSizeBytes), differences);
        AnyEqual("preserved-memory-map", recorded.MapPhys, views.Select(view => view.MapPhys ?? 0), differences);
        AnyEqual(
            "sub-nodes",
            Joined(recorded.Subnodes.Select(s => $"{s.Name} 0x{s.Phys:x}")),
            views.Select(view => Joined(view.Subnodes.Select(s => $"{s.Name} 0x{s.Phys:x}"))),
            differences);
        foreach (CaptureSubnode subnode in recorded.Subnodes.Where(s => s.SizeBytes is not null && material.Pages.Holds(s.Phys)))
        {
            IEnumerable<ulong> sizes = views.Zip(material.States).SelectMany(
                pair => pair.First.Subnodes.Where(s => s.Name == subnode.Name).Select(s => SizeOf(material, pair.Second, s)));
            AnyEqual($"size of {subnode.Name}", subnode.SizeBytes!.Value, sizes, differences);
        }

        if (material.IsDamaged)
        {
            CompareInjection(material, differences);
        }
    }

    /// <summary>The saved pages must hold what the damage wrote; otherwise undoing it would invent bytes.</summary>
    private static void CompareInjection(HandoverMaterial material, Differences differences)
    {
        foreach (CaptureAction action in material.Generation.Description.Actions.Where(action => action.IsInjection))
        {
            ulong mask = action.SizeBytes == sizeof(ulong) ? ulong.MaxValue : (1UL << (int)(8 * action.SizeBytes)) - 1;
            differences.Hex($"damaged value at 0x{action.Phys:x}", action.NewValue, material.AsReceived.ReadUInt64(action.Phys) & mask);
        }
    }

    private static void CompareBytes(HandoverMaterial material, Differences differences)
    {
        byte[] page = material.RootPage(material.AsWritten);
        RootFdtView view = RootFdtView.Read(page);
        differences.Equal("header of the root FDT", 0, view.HeaderCode);
        differences.Equal("structure of the root FDT", 0, FdtReader.CheckFull(page.AsSpan(0, (int)Math.Min(view.TotalSizeBytes, (uint)page.Length))));
        byte[] rebuilt = Rebuild(material.Abi, view, view.MapPhys ?? 0);
        int length = (int)Math.Min(view.TotalSizeBytes, (uint)page.Length);
        differences.Bytes("root FDT written again", page.AsSpan(0, length), rebuilt.AsSpan(0, length));
    }

    private static void CompareMemblock(HandoverMaterial material, Differences differences)
    {
        if (Find(material, MemblockFdt.SubtreeName) is not { } subnode || !IsSaved(material, subnode, differences))
        {
            return;
        }

        byte[] blob = material.Blob(material.AsWritten, subnode.Phys ?? 0, SizeOf(material, material.AsWritten, subnode));
        if (DecodeMemblock(blob) is not { } entries)
        {
            differences.Add("memblock blob cannot be decoded");
            return;
        }

        byte[] page = new byte[PageGeometry.SizeBytes];
        MemblockFdt.Write(page, [.. entries]);
        differences.Bytes("memblock blob written again", blob, page.AsSpan(0, (int)FdtReader.TotalSize(page)));
        if (material.Generation.Description.ReserveMem is { } table)
        {
            differences.Lists("reserve_mem", table, [.. entries.Select(entry => new CaptureRegion(entry.Name, entry.Start, entry.SizeBytes))]);
        }
    }

    private static void CompareMetadata(HandoverMaterial material, Differences differences)
    {
        RootFdtSubnode? found = Find(material, KexecMetadata.SubtreeName);
        differences.Equal("has kexec-metadata", material.Abi.HasKexecMetadata, found is not null);
        if (found is not { Phys: { } phys, SizeBytes: { } size } subnode || !IsSaved(material, subnode, differences))
        {
            return;
        }

        byte[] blob = material.Blob(material.AsWritten, phys, KexecMetadata.SizeBytes);
        differences.Equal("reading of kexec-metadata", KexecMetadataReading.Read, KexecMetadata.TryRead(blob, size, out KexecMetadata metadata));
        CaptureLog log = material.Generation.ReadLog();
        differences.Equal("previous release", log.Release, metadata.PreviousRelease);
        differences.Equal("kexec count", MetadataLines.CountIn(log) + 1, metadata.KexecCount);
        byte[] written = new byte[KexecMetadata.SizeBytes];
        KexecMetadata.Write(written, metadata.PreviousRelease, metadata.KexecCount);
        differences.Bytes("kexec-metadata written again", blob, written);
    }

    private static RootFdtSubnode? Find(HandoverMaterial material, string name)
    {
        foreach (RootFdtSubnode subnode in RootFdtView.Read(material.RootPage(material.AsWritten)).Subnodes)
        {
            if (subnode.Name == name)
            {
                return subnode;
            }
        }

        return null;
    }

    /// <summary>Size of a blob: from the root FDT, else (kho-v1, or the property is damaged) the totalsize of the FDT that the blob should be.</summary>
    private static ulong SizeOf(HandoverMaterial material, PhysicalMemory state, RootFdtSubnode subnode) =>
        subnode.SizeBytes ?? FdtReader.TotalSize(material.Blob(state, subnode.Phys ?? 0, PageGeometry.SizeBytes));

    /// <summary>Whether a blob's bytes are known. Damage may have kept the capture from following the pointers that were there before.</summary>
    private static bool IsSaved(HandoverMaterial material, RootFdtSubnode subnode, Differences differences)
    {
        bool saved = subnode.Phys is { } phys && material.Pages.Holds(phys);
        if (!saved && !material.IsDamaged)
        {
            differences.Add($"the blob {subnode.Name} was not saved");
        }

        return saved;
    }

    private static void AnyEqual<T>(string what, T recorded, IEnumerable<T> found, Differences differences)
    {
        if (!found.Contains(recorded))
        {
            differences.Add($"{what}: expected {recorded}, found {Joined(found.Select(value => $"{value}"))}");
        }
    }

    private static string Joined(IEnumerable<string> parts) => string.Join(", ", parts);
}
