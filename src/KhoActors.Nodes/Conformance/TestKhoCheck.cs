using KhoActors.Nodes.Machines;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.TestKho;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The kernel's test module. What a captured kernel saved: blob, chunks, array and folio list byte for byte and number for number; every page
/// of it preserved. What the next kernel said of it: a simulated one boots from the same memory. The content of the folios was never saved by
/// a capture, so that their checksum cannot be computed again: the boot must fail with the memory as it was saved, having
/// restored every folio, and succeed with one word that makes the sum the stored one.
/// </summary>
internal static class TestKhoCheck
{
    private const string Succeeded = "test_kho: KHO restore succeeded";
    private const string Failed = "test_kho: KHO restore failed";
    private const ulong DefaultDataBytes = 8 << 20;

    /// <summary>Checks a generation that handed the module's data over.</summary>
    /// <returns>The result, or null when it did not.</returns>
    public static CaseResult? Run(CaptureGeneration generation, KernelsByRelease kernels)
    {
        if (!generation.HasPages || generation.Description.Handover is not { } handover
            || handover.Subnodes.FirstOrDefault(subnode => subnode.Name == TestKhoFdt.SubtreeName) is not { Phys: not 0 } subnode)
        {
            return null;
        }

        string name = $"{generation.Name} test_kho";
        Differences differences = new();
        TestKhoRecord record = TestKhoRecord.Read(name, generation.ReadMemory(), subnode.Phys);
        CompareSaved(record, DefaultDataBytes, generation.ReadBlocks(), differences);
        differences.Equal("size of the blob", TestKhoFdt.SizeBytes, (int)(subnode.SizeBytes ?? TestKhoFdt.SizeBytes));
        CompareDebugfs(generation, record, differences);
        string saved = $"blob and array of {record.Folios.Count} folios compared byte for byte";
        if (generation.Release.IsBefore(7, 0))
        {
            return differences.Result(name, $"{saved}; nothing is booted: kho-v1 kernels are not simulated yet");
        }

        if (kernels.Find(generation.Description.KernelBuild) is { } build)
        {
            CompareOwnSave(generation, build, differences);
        }

        if (generation.Next is { HasLog: true } next && kernels.Find(next.Description.KernelBuild) is { } nextBuild)
        {
            CompareRestored(next, nextBuild, record, differences);
            saved += "; restored in a boot with one word made up for the content, which was not saved";
        }

        return differences.Result(name, saved);
    }

    /// <summary>What the module saved, in a captured or a simulated kernel, by an independent reader.</summary>
    /// <param name="record">What was read.</param>
    /// <param name="dataBytes">Bytes of data, whole pages.</param>
    /// <param name="preserved">The blocks of the tracker.</param>
    /// <param name="differences">Receives what differs.</param>
    public static void CompareSaved(TestKhoRecord record, ulong dataBytes, IReadOnlyList<CaptureBlock> preserved, Differences differences)
    {
        (ulong firstChunk, uint pages, ushort flags, ushort order) = record.Array;
        byte[] written = new byte[(record.FolioCount * sizeof(ulong)) + PageGeometry.SizeBytes];
        int code = new TestKhoFdt(record.FolioCount, new VmallocDescriptor(firstChunk, pages, flags, order), record.Checksum).Write(written);
        differences.Equal("code of the writer", 0, code);
        differences.Bytes("blob and the rest of its page", record.Page, written.AsSpan(0, PageGeometry.SizeBytes));

        differences.Equal("flags of the array", VmallocDescriptor.AllocFlag, flags);
        differences.Equal("pages of the array", PageGeometry.AlignUp(record.FolioCount * sizeof(ulong)) >> PageGeometry.Shift, pages);
        differences.Equal("chunks of the array", (record.ArrayPages.Count / (PageGeometry.Words - 1)) + 1, record.Chunks.Count);
        differences.Equal("bytes of data", dataBytes, record.DataBytes);

        HashSet<CaptureBlock> blocks = [.. preserved];
        CaptureBlock blob = new(record.BlobPhys, PageGeometry.OrderOf((ulong)written.Length));
        IEnumerable<CaptureBlock> pagesOfArray = record.Chunks.Concat(record.ArrayPages).Select(phys => new CaptureBlock(phys, 0));
        foreach (CaptureBlock block in record.Folios.Concat(pagesOfArray).Append(blob))
        {
            if (!blocks.Contains(block))
            {
                differences.Add($"0x{block.Phys:x} of order {block.Order} is not preserved");
            }

            if (block.Phys % ((ulong)PageGeometry.SizeBytes << block.Order) != 0)
            {
                differences.Add($"0x{block.Phys:x} is not aligned to order {block.Order}");
            }
        }

        differences.Equal("folios that are different ones", record.Folios.Count, record.Folios.Distinct().Count());
    }

    /// <summary>A simulated kernel in the place of the one that saved: other folios and addresses, but the same rules, and the same root FDT's size.</summary>
    private static void CompareOwnSave(CaptureGeneration generation, KernelBuild build, Differences differences)
    {
        CaptureBoot boot = CaptureBoot.Run(CapturedStart.Of(generation), build);
        RootFdtView ours = boot.RootFdtAt(boot.Kernel.Kho.FdtPhys);
        IReadOnlyList<CaptureSubnode> real = generation.Description.Handover!.Subnodes;
        CaptureSubnode[] known = [.. real.Where(subnode => subnode.Name is MemblockFdt.SubtreeName or KexecMetadata.SubtreeName or TestKhoFdt.SubtreeName)];
        differences.Lists("simulated sub-nodes", [.. known.Select(s => (s.Name, s.SizeBytes))], [.. ours.Subnodes.Select(s => (s.Name, s.SizeBytes))]);
        if (known.Length == real.Count)
        {
            differences.Equal("totalsize of the simulated root FDT", generation.Description.Handover.TotalSizeBytes, ours.TotalSizeBytes);
        }

        if (ours.Subnodes.FirstOrDefault(subnode => subnode.Name == TestKhoFdt.SubtreeName).Phys is { } phys)
        {
            CompareSaved(TestKhoRecord.Read("the simulated kernel", boot.Kernel.Memory, phys), DefaultDataBytes, boot.ReadOutgoingBlocks(), differences);
        }
    }

    /// <summary>The file of the kernel that saved, and that of the next, which never frees the blob: the same bytes.</summary>
    private static void CompareDebugfs(CaptureGeneration generation, TestKhoRecord record, Differences differences)
    {
        foreach ((CaptureGeneration? reader, string file) in new[] { (generation, "out/sub_fdts/kho_test"), (generation.Next, "in/sub_fdts/kho_test") })
        {
            if (reader?.ReadDebugfs(file) is { } shown)
            {
                differences.Bytes(file, record.Page.AsSpan(0, TestKhoFdt.SizeBytes), shown);
            }
        }
    }

    private static void CompareRestored(CaptureGeneration next, KernelBuild build, TestKhoRecord record, Differences differences)
    {
        string[] real = Lines(next.ReadLog().Lines);
        differences.Lists("lines of the module", real, [Succeeded]);
        CapturedStart start = CapturedStart.Of(next);
        CaptureBoot asSaved = CaptureBoot.Run(start, build);
        differences.Lists("lines of a boot without the content", [Failed], Lines(asSaved.Kernel.Log.Lines));
        CompareFreed("without the content", asSaved, record, differences);

        // The sum of one word and of zeros is that word.
        CaptureBoot completed = CaptureBoot.Run(start, build, memory => memory.WriteUInt64(record.Folios[^1].Phys, record.Checksum));
        differences.Lists("lines of a boot with a word made up for the content", real, Lines(completed.Kernel.Log.Lines));
        CompareFreed("with a word made up for the content", completed, record, differences);
    }

    /// <summary>Every folio, the array and its chunks were restored and are free again.</summary>
    private static void CompareFreed(string boot, CaptureBoot booted, TestKhoRecord record, Differences differences)
    {
        if (booted.Kernel.Death is { } death)
        {
            differences.Add($"the boot {boot} died: {death}");
            return;
        }

        foreach (ulong phys in record.Folios.Select(folio => folio.Phys).Concat(record.ArrayPages).Concat(record.Chunks))
        {
            PageOwner owner = booted.Kernel.Kho.Pages.OwnerOf(PageGeometry.PfnOf(phys));
            if (owner == PageOwner.Memblock)
            {
                differences.Add($"the boot {boot} did not restore 0x{phys:x}");
            }
        }
    }

    private static string[] Lines(IEnumerable<LogLine> log) =>
        [.. log.Where(line => line.Text.StartsWith("test_kho: ", StringComparison.Ordinal)).Select(line => line.Text)];
}
