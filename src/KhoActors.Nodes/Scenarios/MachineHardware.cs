using KhoActors.Subsystems.Memblock;

namespace KhoActors.Nodes.Scenarios;

/// <summary>
/// The hardware of one machine as far as KHO depends on it: its memory as the firmware describes it.
/// The generated maps are those of QEMU's q35 machine, as captured kernels printed them.
/// </summary>
/// <param name="MemoryMap">Entries in ascending order, without overlap.</param>
/// <param name="NumaRanges">Node ranges in ascending order; empty when the firmware has no affinity table (the kernel then puts all memory on node 0).</param>
public sealed record MachineHardware(IReadOnlyList<FirmwareRange> MemoryMap, IReadOnlyList<NodeRange> NumaRanges)
{
    /// <summary>Smallest memory that a generated map describes.</summary>
    public const ulong MinimumMemoryBytes = 16UL << 20;

    /// <summary>Largest memory that a generated map describes.</summary>
    public const ulong MaximumMemoryBytes = 32UL << 40;

    /// <summary>Sizes of generated maps are multiples of this.</summary>
    public const ulong GranularityBytes = 1UL << 20;

    private const ulong BiosDataStart = 0x9fc00;
    private const ulong VideoHoleStart = 0xa0000;
    private const ulong BiosStart = 0xf0000;
    private const ulong HighMemoryStart = 0x100000;
    private const ulong FirmwareTailBytes = 0x20000;
    private const ulong SplitFromBytes = 0xb0000000;
    private const ulong LowRamWhenSplitBytes = 0x80000000;
    private const ulong AboveFourGiB = 1UL << 32;
    private const ulong HyperTransportStart = 0xfd00000000;
    private const ulong HyperTransportEnd = 0x10000000000;

    /// <summary>The map with the figures that the boot needs; to be made once per kind of hardware, not once per boot.</summary>
    /// <returns>The map.</returns>
    /// <exception cref="ArgumentException">The ranges do not ascend or there is no RAM; not for hardware of a checked scenario.</exception>
    public MemoryMap ToMemoryMap() => new(MemoryMap, NumaRanges);

    /// <summary>A machine without an affinity table.</summary>
    /// <param name="memoryBytes">Installed memory: a multiple of 1 MiB from 16 MiB to 32 TiB.</param>
    /// <returns>The hardware.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Another size.</exception>
    public static MachineHardware FromMemory(ulong memoryBytes) => new(MapOf(memoryBytes), []);

    /// <summary>A machine with an affinity table: nodes lie one after the other, as on q35 (holes move the rest up, they do not shrink a node).</summary>
    /// <param name="nodeBytes">Memory of nodes 0, 1, ...; each a multiple of 1 MiB and at least 1 MiB; node 0 at least 2 MiB.</param>
    /// <returns>The hardware.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No node, or a size that is not possible.</exception>
    public static MachineHardware FromNodes(IReadOnlyList<ulong> nodeBytes)
    {
        ArgumentNullException.ThrowIfNull(nodeBytes);
        ArgumentOutOfRangeException.ThrowIfZero(nodeBytes.Count, nameof(nodeBytes));
        ulong total = 0;
        foreach (ulong size in nodeBytes)
        {
            ArgumentOutOfRangeException.ThrowIfZero(size, nameof(nodeBytes));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaximumMemoryBytes, nameof(nodeBytes));
            ArgumentOutOfRangeException.ThrowIfNotEqual(size % GranularityBytes, 0UL, nameof(nodeBytes));
            total += size;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(nodeBytes[0], 2 * GranularityBytes, nameof(nodeBytes));
        IReadOnlyList<FirmwareRange> map = MapOf(total);
        List<NodeRange> ranges = [];
        ulong installed = 0;
        for (int node = 0; node < nodeBytes.Count; node++)
        {
            AddNode(ranges, node, installed, installed + nodeBytes[node], total);
            installed += nodeBytes[node];
        }

        return new MachineHardware(map, ranges);
    }

    private static void AddNode(List<NodeRange> ranges, int node, ulong from, ulong to, ulong total)
    {
        ulong low = LowRamBytes(total);
        if (from < low)
        {
            ulong end = Math.Min(to, low);
            if (from == 0)
            {
                ranges.Add(new NodeRange(0, VideoHoleStart, node));
                from = HighMemoryStart;
            }

            ranges.Add(new NodeRange(from, end, node));
            from = end;
        }

        if (to > from)
        {
            ulong high = HighRamStart(total);
            ranges.Add(new NodeRange(high + (from - low), high + (to - low), node));
        }
    }

    private static ulong LowRamBytes(ulong total) => total >= SplitFromBytes ? LowRamWhenSplitBytes : total;

    /// <summary>RAM that would reach the HyperTransport range begins above it, as QEMU does from 7.1 on.</summary>
    private static ulong HighRamStart(ulong total) =>
        AboveFourGiB + (total - LowRamBytes(total)) > HyperTransportStart ? HyperTransportEnd : AboveFourGiB;

    private static List<FirmwareRange> MapOf(ulong total)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(total, MinimumMemoryBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(total, MaximumMemoryBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(total % GranularityBytes, 0UL);
        ulong low = LowRamBytes(total);
        List<FirmwareRange> map =
        [
            new(0, BiosDataStart, FirmwareRangeKind.Ram),
            new(BiosDataStart, VideoHoleStart, FirmwareRangeKind.Reserved),
            new(BiosStart, HighMemoryStart, FirmwareRangeKind.Reserved),
            new(HighMemoryStart, low - FirmwareTailBytes, FirmwareRangeKind.Ram),
            new(low - FirmwareTailBytes, low, FirmwareRangeKind.Reserved),
            new(0xb0000000, 0xc0000000, FirmwareRangeKind.Reserved),
            new(0xfed1c000, 0xfed20000, FirmwareRangeKind.Reserved),
            new(0xfffc0000, AboveFourGiB, FirmwareRangeKind.Reserved),
        ];
        FirmwareRange hole = new(HyperTransportStart, HyperTransportEnd, FirmwareRangeKind.Reserved);
        if (total == low)
        {
            return [.. map, hole];
        }

        ulong high = HighRamStart(total);
        FirmwareRange ram = new(high, high + (total - low), FirmwareRangeKind.Ram);
        return high < hole.Start ? [.. map, ram, hole] : [.. map, hole, ram];
    }
}
