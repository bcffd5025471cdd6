using System.Runtime.InteropServices;
using System.Text.Json;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>The operations of a recorded session on vmalloc areas. Areas are given as lists of pages and known by a number.</summary>
/// <param name="tracker">Where blocks are recorded.</param>
/// <param name="memory">Where chunks come from.</param>
/// <param name="checkPreservable">Whether a range may be preserved: 0 or an errno.</param>
internal sealed class SessionVmalloc(ITracker tracker, SessionMemory memory, Func<ulong, ulong, int> checkPreservable)
{
    /// <summary>No recorded area comes near this; a vector that does is refused before it eats the computer.</summary>
    private const ulong MaxPages = 1 << 20;

    private readonly VmallocContext _context = new(memory.Ram, memory.Ram.WritablePage, VmallocDefects.None) { CheckPreservable = checkPreservable };
    private readonly VmallocAreas _areas = new(new PageAllocator(memory.Ram, new PageAllocatorOptions()));
    private readonly SortedDictionary<int, VmallocDescriptor> _preserved = [];

    /// <summary>Executes <c>preserve_vmalloc</c>.</summary>
    /// <param name="operation">The operation: id, order, flags, segments.</param>
    /// <param name="descriptor">The descriptor; only after a success.</param>
    /// <param name="missing">Blocks that could not be found again while a failure was undone.</param>
    /// <returns>0 or a negative errno.</returns>
    public int Preserve(JsonElement operation, out VmallocDescriptor descriptor, out int missing)
    {
        descriptor = default;
        missing = 0;
        int order = operation.GetInt("order", 0, RadixKey.MaxOrder);
        if (AttributesOf(operation) is not { } attributes)
        {
            return -Errno.EOPNOTSUPP;
        }

        VmallocArea area = _areas.Map(CollectionsMarshal.AsSpan(GroupsOf(operation, order)), order, attributes)
            ?? throw new VectorFormatException("the areas of the session do not fit in the vmalloc range");
        VmallocPreservation work = VmallocPreservation.Run(_context, tracker, memory, area, default);
        missing = work.Missing;
        if (work.Result == 0)
        {
            descriptor = work.Descriptor;
            _preserved[Id(operation)] = descriptor;
        }

        return work.Result;
    }

    /// <summary>Executes <c>unpreserve_vmalloc</c>.</summary>
    /// <param name="operation">The operation: id.</param>
    /// <returns>Blocks whose structures were missing.</returns>
    public int Unpreserve(JsonElement operation) => _preserved.Remove(Id(operation), out VmallocDescriptor descriptor)
        ? VmallocUnpreservation.Run(_context, tracker, memory, descriptor)
        : throw new VectorFormatException($"vmalloc area {Id(operation)} is not preserved");

    private static int Id(JsonElement operation) => operation.GetInt("id", 0, int.MaxValue);

    private static VmallocAttributes? AttributesOf(JsonElement operation)
    {
        VmallocAttributes attributes = VmallocAttributes.None;
        foreach (JsonElement flag in operation.GetItems("flags"))
        {
            switch (flag.Text("flags"))
            {
                case "alloc":
                    attributes |= VmallocAttributes.Alloc;
                    break;
                case "huge_vmap":
                    attributes |= VmallocAttributes.AllowHugeVmap;
                    break;
                default:
                    return null;
            }
        }

        return attributes;
    }

    /// <summary>The first page of each group of 2^order pages in the list that the segments expand to.</summary>
    private static List<ulong> GroupsOf(JsonElement operation, int order)
    {
        const ulong PfnLimit = PageGeometry.PfnLimit;
        List<ulong> groups = [];
        ulong listed = 0;
        foreach (JsonElement segment in operation.GetItems("segments"))
        {
            ulong first = segment.Item(0, "segments").Number("segments", PfnLimit - 1);
            ulong pages = segment.Item(1, "segments").Number("segments", Math.Min(PfnLimit - first, MaxPages - listed));
            for (ulong page = 0; page < pages; page++, listed++)
            {
                if ((listed & ((1UL << order) - 1)) == 0)
                {
                    groups.Add(first + page);
                }
            }
        }

        return (listed & ((1UL << order) - 1)) == 0
            ? groups
            : throw new VectorFormatException($"{listed} pages are no whole number of groups of order {order}");
    }
}
