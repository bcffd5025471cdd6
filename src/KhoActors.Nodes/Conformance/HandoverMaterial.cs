using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// The memory that a generation handed over, in two states: as the next kernel received it, and as the old kernel wrote it, that is with
/// damage done on purpose undone. Most captures are not damaged: there the states are equal.
/// </summary>
internal sealed class HandoverMaterial
{
    private const int BlobBytesMax = 64 << 20;

    private HandoverMaterial(CaptureGeneration generation, CaptureHandover recorded, CapturePages pages, KhoAbi abi, PhysicalMemory asWritten)
    {
        Generation = generation;
        Recorded = recorded;
        Pages = pages;
        Abi = abi;
        AsReceived = pages.ToMemory();
        AsWritten = asWritten;
    }

    public CaptureGeneration Generation { get; }

    public CaptureHandover Recorded { get; }

    public CapturePages Pages { get; }

    /// <summary>The ABI generation that wrote it.</summary>
    public KhoAbi Abi { get; }

    public PhysicalMemory AsReceived { get; }

    public PhysicalMemory AsWritten { get; }

    /// <summary>Both states, the written one first; one of them when nothing was damaged.</summary>
    public IEnumerable<PhysicalMemory> States => IsDamaged ? [AsWritten, AsReceived] : [AsReceived];

    public bool IsDamaged => Generation.Description.Actions.Any(action => action.IsInjection);

    /// <summary>Loads it, or null when the generation handed nothing over that was saved.</summary>
    public static HandoverMaterial? Load(CaptureGeneration generation)
    {
        if (!generation.HasPages || generation.Description.Handover is not { } recorded)
        {
            return null;
        }

        CapturePages pages = generation.ReadPages();
        PhysicalMemory asWritten = pages.ToMemory();
        foreach (CaptureAction action in generation.Description.Actions.Reverse().Where(action => action.IsInjection))
        {
            Undo(generation, asWritten, action);
        }

        KhoAbi abi = AbiOf(generation, RootFdtView.Read(RootPage(asWritten, recorded.RootFdtPhys)).Compatible);
        return new HandoverMaterial(generation, recorded, pages, abi, asWritten);
    }

    /// <summary>The page of the root FDT.</summary>
    public byte[] RootPage(PhysicalMemory memory) => RootPage(memory, Recorded.RootFdtPhys);

    /// <summary>Bytes of a blob.</summary>
    public byte[] Blob(PhysicalMemory memory, ulong phys, ulong sizeBytes)
    {
        if (sizeBytes > BlobBytesMax || phys >= 1UL << PageGeometry.PhysicalAddressBits)
        {
            throw new CaptureFormatException($"{Generation.Name}/{CapturePages.FileName}", "root FDT", $"names a blob of {sizeBytes} bytes at 0x{phys:x}");
        }

        byte[] bytes = new byte[sizeBytes];
        memory.Read(phys, bytes);
        return bytes;
    }

    private static byte[] RootPage(PhysicalMemory memory, ulong phys)
    {
        byte[] page = new byte[PageGeometry.SizeBytes];
        memory.Read(phys, page);
        return page;
    }

    private static void Undo(CaptureGeneration generation, PhysicalMemory memory, CaptureAction action)
    {
        if (action.SizeBytes is 0 or > sizeof(ulong))
        {
            throw new CaptureFormatException(CaptureCaseFile.Name, $"{generation.Name} write-physical", "does not write 1 to 8 bytes");
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, action.OldValue);
        memory.Write(action.Phys, bytes[..(int)action.SizeBytes]);
    }

    private static KhoAbi AbiOf(CaptureGeneration generation, string compatible)
    {
        bool small = generation.Release.IsBefore(6, 18);
        return KhoAbi.All.FirstOrDefault(abi => abi.Compatible == compatible && (abi != KhoAbi.V1Small || small))
            ?? throw new CaptureFormatException($"{generation.Name}/{CapturePages.FileName}", "root FDT", $"is of unknown kind '{compatible}'");
    }
}
