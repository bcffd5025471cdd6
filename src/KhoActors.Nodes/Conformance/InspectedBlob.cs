using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Pstore;

namespace KhoActors.Nodes.Conformance;

/// <summary>A blob of the root FDT.</summary>
/// <param name="Name">Name of its sub-node.</param>
/// <param name="Phys">Its address, or null when the sub-node names none.</param>
/// <param name="SizeBytes">Its size, or null when it is not recorded.</param>
/// <param name="Content">What it holds in words, or why that is not known.</param>
/// <param name="Dts">Device tree source when it is an FDT, else empty.</param>
public sealed record InspectedBlob(string Name, ulong? Phys, ulong? SizeBytes, string Content, string Dts)
{
    /// <summary>Looks into a blob.</summary>
    internal static InspectedBlob Of(CapturePages pages, PhysicalMemory memory, RootFdtSubnode subnode)
    {
        if (subnode.Phys is not { } phys || !pages.Holds(phys))
        {
            return new InspectedBlob(subnode.Name, subnode.Phys, subnode.SizeBytes, "was not saved", string.Empty);
        }

        byte[] page = new byte[PageGeometry.SizeBytes];
        memory.Read(phys, page);
        bool isFdt = FdtReader.CheckHeader(page) == 0;
        string dts = isFdt ? CaptureInspection.DtsOf(page) : string.Empty;
        return new InspectedBlob(subnode.Name, phys, subnode.SizeBytes, ContentOf(subnode, memory, page, isFdt), dts);
    }

    private static string ContentOf(RootFdtSubnode subnode, PhysicalMemory memory, byte[] page, bool isFdt)
    {
        if (subnode.Name == KexecMetadata.SubtreeName)
        {
            KexecMetadataReading reading = KexecMetadata.TryRead(page, subnode.SizeBytes ?? 0, out KexecMetadata metadata);
            return reading == KexecMetadataReading.Read
                ? $"version {metadata.Version}, written by {metadata.PreviousRelease}, count {metadata.KexecCount}"
                : $"cannot be read: {reading}";
        }

        if (subnode.Name == MemblockFdt.SubtreeName)
        {
            return HandoverCheck.DecodeMemblock(page) is { } entries
                ? string.Join(", ", entries.Select(entry => $"{entry.Name} at 0x{entry.Start:x}, {entry.SizeBytes} bytes"))
                : $"cannot be read: header {FdtReader.CheckHeader(page)}, compatible {MemblockFdt.CheckCompatible(page)}";
        }

        if (subnode.Name == PstoreBlob.SubtreeName && PstoreBlob.Read(memory, subnode.Phys!.Value, subnode.SizeBytes) is { } record)
        {
            return record.ToString();
        }

        return isFdt ? "a flattened device tree" : "raw bytes";
    }
}
