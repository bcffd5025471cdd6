using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>What a range of the firmware's memory map is.</summary>
public enum FirmwareRangeKind
{
    /// <summary>Usable RAM.</summary>
    Ram,

    /// <summary>Anything else: firmware, devices, ACPI tables.</summary>
    Reserved,
}

/// <summary>One range of the firmware's memory map (an e820 entry).</summary>
/// <param name="Start">First address.</param>
/// <param name="End">One past the last address.</param>
/// <param name="Kind">What it is.</param>
public readonly record struct FirmwareRange(ulong Start, ulong End, FirmwareRangeKind Kind);

/// <summary>One range that firmware assigns to a NUMA node (an SRAT entry, holes of the node included).</summary>
/// <param name="Start">First address.</param>
/// <param name="End">One past the last address.</param>
/// <param name="Node">The node.</param>
public readonly record struct NodeRange(ulong Start, ulong End, int Node);

/// <summary>
/// What the firmware says about a machine's memory: the same for every kernel that boots on it. Derived figures are computed once,
/// here, so that booting costs what it allocates.
/// </summary>
public sealed class MemoryMap
{
    /// <summary>Bytes of a memory section: the unit in which the page map is allocated.</summary>
    public const ulong SectionBytes = 128UL << 20;

    private const ulong SectionsPerRoot = 256;
    private const ulong RomHoleStart = 0xa0000;
    private const ulong RomHoleEnd = 0x100000;

    private readonly List<FirmwareRange> _ram = [];
    private readonly List<int> _nodes = [];
    private readonly List<int> _sections = [];
    private readonly List<int> _roots = [];

    /// <summary>Takes a map.</summary>
    /// <param name="ranges">All ranges, ascending, not overlapping.</param>
    /// <param name="nodeRanges">NUMA ranges, ascending, not overlapping; empty for a machine without NUMA: all memory is node 0.</param>
    /// <exception cref="ArgumentException">A range is empty, out of order or overlaps; or there is no RAM; or RAM above 2^52.</exception>
    public MemoryMap(IReadOnlyList<FirmwareRange> ranges, IReadOnlyList<NodeRange> nodeRanges)
    {
        Ranges = ranges;
        Check(ranges, nodeRanges);
        foreach (FirmwareRange range in ranges)
        {
            TakeRange(range);
        }

        if (_ram.Count == 0)
        {
            throw new ArgumentException("the memory map has no RAM", nameof(ranges));
        }

        End = _ram[^1].End & ~(ulong)(PageGeometry.SizeBytes - 1);
        NodeRanges = nodeRanges.Count > 0 ? Joined(nodeRanges) : [new NodeRange(0, End, 0)];
        FindNodes();
    }

    /// <summary>The firmware's ranges, ascending.</summary>
    public IReadOnlyList<FirmwareRange> Ranges { get; }

    /// <summary>NUMA ranges, ascending; one range of node 0 on a machine without NUMA.</summary>
    public IReadOnlyList<NodeRange> NodeRanges { get; }

    /// <summary>RAM as the kernel uses it: without page 0 and without the hole from 640 KiB to 1 MiB.</summary>
    public IReadOnlyList<FirmwareRange> Ram => _ram;

    /// <summary>Nodes with memory, ascending.</summary>
    public IReadOnlyList<int> Nodes => _nodes;

    /// <summary>One past the last page of RAM.</summary>
    public ulong End { get; }

    /// <summary>Ranges of the kernel's own map, after page 0 was reserved and the hole cut out.</summary>
    public int MapRangeCount { get; private set; }

    /// <summary>The node of the first section of each section root with memory.</summary>
    internal IReadOnlyList<int> SectionRootNodes => _roots;

    /// <summary>How many sections with memory begin on a node.</summary>
    /// <param name="node">The node.</param>
    /// <returns>0 for a node without memory.</returns>
    internal int SectionsOf(int node) => node >= 0 && node < _sections.Count ? _sections[node] : 0;

    /// <summary>One past the highest RAM address below 4 GiB: where firmware and loaders put the initial RAM disk.</summary>
    /// <returns>The address.</returns>
    public ulong LowRamEnd()
    {
        ulong end = 0;
        foreach (FirmwareRange range in _ram)
        {
            end = range.Start < 1UL << 32 ? Math.Min(range.End, 1UL << 32) : end;
        }

        return end;
    }

    /// <summary>The node of an address.</summary>
    /// <param name="address">Physical address.</param>
    /// <returns>Its node; the first node for an address that no range covers.</returns>
    public int NodeOf(ulong address)
    {
        foreach (NodeRange range in NodeRanges)
        {
            if (address >= range.Start && address < range.End)
            {
                return range.Node;
            }
        }

        return _nodes.Count > 0 ? _nodes[0] : 0;
    }

    /// <summary>Neighbouring ranges of one node become one, the hole between them included (numa_cleanup_meminfo).</summary>
    private static List<NodeRange> Joined(IReadOnlyList<NodeRange> ranges)
    {
        List<NodeRange> joined = [];
        foreach (NodeRange range in ranges)
        {
            if (joined.Count > 0 && joined[^1].Node == range.Node)
            {
                joined[^1] = joined[^1] with { End = range.End };
            }
            else
            {
                joined.Add(range);
            }
        }

        return joined;
    }

    private static void Check(IReadOnlyList<FirmwareRange> ranges, IReadOnlyList<NodeRange> nodeRanges)
    {
        ulong last = 0;
        foreach (FirmwareRange range in ranges)
        {
            bool tooHigh = range.Kind == FirmwareRangeKind.Ram && range.End > 1UL << PageGeometry.PhysicalAddressBits;
            if (range.Start < last || range.End <= range.Start || tooHigh)
            {
                throw new ArgumentException($"memory range 0x{range.Start:x}-0x{range.End:x} is empty, out of order or above 2^52", nameof(ranges));
            }

            last = range.End;
        }

        last = 0;
        foreach (NodeRange range in nodeRanges)
        {
            if (range.Start < last || range.End <= range.Start || range.Node < 0)
            {
                throw new ArgumentException($"node range 0x{range.Start:x}-0x{range.End:x} is empty, out of order or of a negative node", nameof(nodeRanges));
            }

            last = range.End;
        }
    }

    private void TakeRange(in FirmwareRange range)
    {
        if (range.Kind != FirmwareRangeKind.Ram)
        {
            MapRangeCount++;
            return;
        }

        if (range.Start == 0)
        {
            MapRangeCount++;
        }

        TakeRam(Math.Max(range.Start, PageGeometry.SizeBytes), Math.Min(range.End, RomHoleStart));
        TakeRam(Math.Max(range.Start, RomHoleEnd), range.End);
    }

    private void TakeRam(ulong start, ulong end)
    {
        if (start < end)
        {
            MapRangeCount++;
            _ram.Add(new FirmwareRange(start, end, FirmwareRangeKind.Ram));
        }
    }

    private void FindNodes()
    {
        foreach (NodeRange node in NodeRanges)
        {
            if (_ram.Exists(ram => ram.Start < node.End && ram.End > node.Start) && !_nodes.Contains(node.Node))
            {
                _nodes.Add(node.Node);
            }
        }

        _nodes.Sort();
        FindSections();
    }

    private void CountSection(int node)
    {
        while (_sections.Count <= node)
        {
            _sections.Add(0);
        }

        _sections[node]++;
    }

    private void FindSections()
    {
        ulong next = 0;
        ulong nextRoot = 0;
        foreach (FirmwareRange ram in _ram)
        {
            for (ulong section = Math.Max(ram.Start / SectionBytes, next); section * SectionBytes < ram.End; section++)
            {
                int node = NodeOf(Math.Max(section * SectionBytes, ram.Start));
                CountSection(node);
                next = section + 1;
                if (section / SectionsPerRoot >= nextRoot)
                {
                    _roots.Add(node);
                    nextRoot = (section / SectionsPerRoot) + 1;
                }
            }
        }
    }
}
