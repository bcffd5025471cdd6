using System.Buffers.Binary;
using KhoActors.Subsystems.Fdt;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Conformance;

/// <summary>A sub-node of a root FDT as it stands in memory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Phys">The address property, or null when it is missing or malformed.</param>
/// <param name="SizeBytes">The size property, or null when it is missing, malformed or not part of the ABI.</param>
public readonly record struct RootFdtSubnode(string Name, ulong? Phys, ulong? SizeBytes);

/// <summary>Everything that a root FDT says, whatever its generation.</summary>
/// <param name="HeaderCode">libfdt's verdict on the header, 0 when it is sound.</param>
/// <param name="TotalSizeBytes">totalsize, 0 when there is no readable header.</param>
/// <param name="StructOffset">Where the structure block starts: 64 when written in one go, 56 once edited.</param>
/// <param name="Compatible">The compatible string, or empty.</param>
/// <param name="MapPhys">The memory map property, or null when it is missing or malformed.</param>
/// <param name="Subnodes">The sub-nodes in blob order.</param>
public sealed record RootFdtView(
    int HeaderCode, uint TotalSizeBytes, uint StructOffset, string Compatible, ulong? MapPhys, IReadOnlyList<RootFdtSubnode> Subnodes)
{
    private const int SubnodesMax = 1024;

    /// <summary>Reads a root FDT. Malformed parts come out as missing.</summary>
    /// <param name="page">The page that it lies in.</param>
    /// <returns>What it says.</returns>
    public static RootFdtView Read(ReadOnlySpan<byte> page)
    {
        int code = FdtReader.CheckHeader(page);
        if (code != 0)
        {
            return new RootFdtView(code, 0, 0, string.Empty, null, []);
        }

        string compatible = string.Empty;
        if (FdtReader.GetProperty(page, 0, "compatible", out ReadOnlySpan<byte> text) == 0)
        {
            int end = text.IndexOf((byte)0);
            compatible = System.Text.Encoding.Latin1.GetString(end < 0 ? text : text[..end]);
        }

        ulong? map = RootFdt.MemoryMap(page, out ulong address) == MemoryMapLookup.Found ? address : null;
        return new RootFdtView(0, FdtReader.TotalSize(page), BinaryPrimitives.ReadUInt32BigEndian(page[8..]), compatible, map, ReadSubnodes(page));
    }

    private static List<RootFdtSubnode> ReadSubnodes(ReadOnlySpan<byte> page)
    {
        List<RootFdtSubnode> subnodes = [];
        for (int node = FdtReader.FirstSubnode(page, 0); node >= 0 && subnodes.Count < SubnodesMax; node = FdtReader.NextSubnode(page, node))
        {
            if (FdtReader.NodeName(page, node, out ReadOnlySpan<byte> name) < 0)
            {
                break;
            }

            ulong? phys = Number(page, node, KhoAbi.V3.AddressProperty) ?? Number(page, node, KhoAbi.V1.AddressProperty);
            subnodes.Add(new RootFdtSubnode(System.Text.Encoding.Latin1.GetString(name), phys, Number(page, node, KhoAbi.V3.SizeProperty!)));
        }

        return subnodes;
    }

    private static ulong? Number(ReadOnlySpan<byte> page, int node, string property) =>
        FdtReader.GetProperty(page, node, property, out ReadOnlySpan<byte> value) == 0 && value.Length == sizeof(ulong)
            ? BinaryPrimitives.ReadUInt64LittleEndian(value)
            : null;
}
