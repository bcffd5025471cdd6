using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The debugfs of a simulated kernel after its initcalls against that of the captured kernel: the same entries with the same modes, the same
/// bytes below <c>in</c>, and below <c>out</c> the same but for addresses, which the real page allocator chose. Sub-trees of clients that are
/// not simulated are left out.
/// </summary>
internal static class BootedDebugfsCheck
{
    private const string OutgoingFolder = "kho/out/sub_fdts/";

    /// <summary>Compares.</summary>
    public static void Compare(CaptureGeneration generation, CaptureBoot boot, Differences differences)
    {
        if (!generation.HasDebugfsListing)
        {
            return;
        }

        string[] shown = [.. generation.ReadDebugfsListing().Where(line => IsSimulated(line, boot))];
        IReadOnlyList<DebugfsEntry> entries = boot.Kernel.Kho.Debugfs?.List() ?? [];
        differences.Lists("entries of debugfs", shown, [.. entries.Select(DebugfsCheck.LineOf)]);
        if (boot.Kernel.Kho.Debugfs is not { } debugfs)
        {
            return;
        }

        foreach (string path in (string[])["out/scratch_phys", "out/scratch_len"])
        {
            DebugfsCheck.CompareFile(generation, debugfs, path, differences);
        }

        CompareIncoming(generation, debugfs, differences);
        foreach (string name in BootedHandoverCheck.SimulatedClients)
        {
            DebugfsCheck.CompareFile(generation, debugfs, $"out/sub_fdts/{name}", differences);
        }

        CompareRootFdt(generation, debugfs, isAlone: shown.Length == generation.ReadDebugfsListing().Count, differences);
    }

    private static bool IsSimulated(string line, CaptureBoot boot) =>
        line.IndexOf(OutgoingFolder, StringComparison.Ordinal) is var at
        && (at < 0 || BootedHandoverCheck.IsSimulated(boot, line[(at + OutgoingFolder.Length)..]));

    /// <summary>Bytes that nobody in the real kernel could free or overwrite before they were read.</summary>
    private static void CompareIncoming(CaptureGeneration generation, Debugfs debugfs, Differences differences)
    {
        if (DebugfsCheck.PreviousMaterial(generation) is not { } incoming)
        {
            return;
        }

        foreach (string path in DebugfsCheck.BlobsNeverFreed.Select(name => $"in/sub_fdts/{name}").Prepend("in/fdt"))
        {
            if (debugfs.Find(path) is { } file && incoming.Pages.Holds(file.Phys) && DebugfsCheck.IsPreserved(incoming, file.Phys))
            {
                DebugfsCheck.CompareFile(generation, debugfs, path, differences);
            }
        }
    }

    /// <summary>The same length always: it was fixed before clients came. The same bytes but for addresses, when the same clients are in it.</summary>
    private static void CompareRootFdt(CaptureGeneration generation, Debugfs debugfs, bool isAlone, Differences differences)
    {
        const string path = "out/fdt";
        if (generation.ReadDebugfs(path) is not { } shown || debugfs.Find(path) is not { } file)
        {
            return;
        }

        differences.Equal($"size of {path}", (ulong)shown.Length, file.SizeBytes);
        if (!isAlone || (ulong)shown.Length != file.SizeBytes || file.SizeBytes > PageGeometry.SizeBytes)
        {
            return;
        }

        byte[] page = new byte[PageGeometry.SizeBytes];
        debugfs.Read(file with { SizeBytes = (ulong)page.Length }, 0, page);
        byte[] ours = page.AsSpan(0, shown.Length).ToArray();
        foreach (int address in AddressesIn(page))
        {
            // The end of the blob may be cut off.
            int length = Math.Clamp(shown.Length - address, 0, sizeof(ulong));
            shown.AsSpan(Math.Min(address, shown.Length), length).CopyTo(ours.AsSpan(Math.Min(address, shown.Length)));
        }

        differences.Bytes(path, shown, ours);
    }

    /// <summary>Offsets of the values that are physical addresses.</summary>
    private static List<int> AddressesIn(byte[] fdt)
    {
        List<int> offsets = [];
        AddAddress(fdt, 0, RootFdt.MapPropertyName, offsets);
        for (int node = FdtReader.FirstSubnode(fdt, 0); node >= 0; node = FdtReader.NextSubnode(fdt, node))
        {
            AddAddress(fdt, node, KhoAbi.V4.AddressProperty, offsets);
        }

        return offsets;
    }

    private static void AddAddress(ReadOnlySpan<byte> fdt, int node, string property, List<int> offsets)
    {
        if (FdtReader.GetProperty(fdt, node, property, out ReadOnlySpan<byte> value) == 0 && value.Length == sizeof(ulong)
            && fdt.Overlaps(value, out int offset))
        {
            offsets.Add(offset);
        }
    }
}
