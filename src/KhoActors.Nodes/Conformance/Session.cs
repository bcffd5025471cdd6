using System.Text.Json;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Nodes.Conformance;

/// <summary>What an operation gave when it was neither 0 nor void.</summary>
/// <param name="Operation">Its index.</param>
/// <param name="Error">A negative result, or 0.</param>
/// <param name="Address">An address, when there is no error.</param>
/// <param name="Descriptor">The bytes of a vmalloc area's descriptor in hex, when there is no error; else null.</param>
internal readonly record struct SessionResult(int Operation, int Error, ulong Address, string? Descriptor = null);

/// <summary>Bytes that the session wrote for a client.</summary>
/// <param name="Phys">Where.</param>
/// <param name="Bytes">What.</param>
internal sealed record SessionBlob(ulong Phys, byte[] Bytes);

/// <summary>Replays the operations of a recorded session on a radix tree in simulated RAM.</summary>
internal sealed class Session
{
    private const ulong MaxPfn = (1UL << 52) - 1;
    private const int MaxFolioOrder = 10;
    private readonly KhoAbi _abi;
    private readonly List<(ulong Start, ulong End)> _scratch = [];
    private readonly List<SessionResult> _results = [];
    private readonly List<SessionBlob> _blobs = [];
    private readonly SessionVmalloc _vmalloc;
    private int _index;

    private Session(KhoAbi abi, SessionMemory memory, RadixTree tree)
    {
        _abi = abi;
        Memory = memory;
        Tree = tree;
        _vmalloc = new SessionVmalloc(tree, memory, CheckPreservable);
    }

    public SessionMemory Memory { get; }

    public RadixTree Tree { get; }

    public KernelLog Log { get; } = new();

    /// <summary>The root FDT's page, or 0 in a session without one.</summary>
    public ulong FdtPhys { get; private set; }

    public IReadOnlyList<SessionResult> Results => _results;

    public IReadOnlyList<SessionBlob> Blobs => _blobs;

    public Span<byte> FdtPage => Memory.Ram.WritablePageBytes(PageGeometry.PfnOf(FdtPhys));

    /// <summary>Sets a session up and runs its operations.</summary>
    /// <param name="vector">The vector: allocator, setup, config and ops.</param>
    /// <param name="abi">The generation.</param>
    /// <returns>The session at its end.</returns>
    /// <exception cref="VectorFormatException">The vector is malformed.</exception>
    /// <exception cref="NotSimulatedException">It needs something that is not simulated.</exception>
    public static Session Run(JsonElement vector, KhoAbi abi)
    {
        JsonElement allocator = vector.Get("allocator");
        var memory = new SessionMemory(allocator.GetNumber("base_phys"), Limit(allocator.Find("alloc_limit")));
        return Run(vector.GetItems("ops"), abi, memory, vector.GetText("setup"), vector.Find("config"));
    }

    /// <summary>Sets a session up and runs its operations.</summary>
    public static Session Run(JsonElement.ArrayEnumerator operations, KhoAbi abi, SessionMemory memory, string setup, JsonElement? config)
    {
        RadixTree tree = RadixTree.Create(memory.Ram, memory)
            ?? throw new NotSimulatedException("a session without memory for the root: its behaviour is not recorded");
        var session = new Session(abi, memory, tree);
        session.ReadConfig(config);
        session.SetUp(setup);
        foreach (JsonElement operation in operations)
        {
            session.Execute(operation);
            session._index++;
        }

        return session;
    }

    private static long? Limit(JsonElement? limit) => limit is { } value ? (long)value.Number("alloc_limit", long.MaxValue) : null;

    private static ulong Pfn(JsonElement operation) => operation.GetNumber("pfn", MaxPfn);

    private static int Order(JsonElement operation) => operation.GetInt("order", 0, RadixKey.MaxOrder);

    private static ulong PagesFrom(JsonElement operation, ulong pfn) => operation.GetNumber("nr_pages", MaxPfn + 1 - pfn);

    private static ulong PageAddress(JsonElement operation)
    {
        ulong phys = operation.GetNumber("phys", (1UL << PageGeometry.PhysicalAddressBits) - 1);
        return phys % PageGeometry.SizeBytes == 0 ? phys : throw new VectorFormatException($"'phys' must be page aligned, found 0x{phys:x}");
    }

    private void ReadConfig(JsonElement? config)
    {
        if (config?.Find("scratch") is not { } areas)
        {
            return;
        }

        foreach (JsonElement area in areas.Items("scratch"))
        {
            ulong start = area.Item(0, "scratch").Number("scratch");
            _scratch.Add((start, start + area.Item(1, "scratch").Number("scratch", ulong.MaxValue - start)));
        }
    }

    private void SetUp(string setup)
    {
        if (setup == "tree")
        {
            return;
        }

        if (setup != "kho_init")
        {
            throw new VectorFormatException($"'setup' must be tree or kho_init, found {setup}");
        }

        FdtPhys = Memory.AllocateFolio(0);
        if (FdtPhys == 0 || Tree.Track(PageGeometry.PfnOf(FdtPhys), 0) != 0)
        {
            throw new NotSimulatedException("a session whose set-up runs out of memory: its behaviour is not recorded");
        }

        RootFdt.Setup(FdtPage, _abi, Tree.MapPhys);
    }

    private void Execute(JsonElement operation)
    {
        string name = operation.GetText("op");
        switch (name)
        {
            case "preserve":
                Preserve(Pfn(operation), PagesFrom(operation, Pfn(operation)));
                break;
            case "unpreserve":
                Warn(RangeUnpreservation.Run(Tree, Pfn(operation), PagesFrom(operation, Pfn(operation))));
                break;
            case "preserve_folio":
                Give(PreserveFolio(Pfn(operation), Order(operation)));
                break;
            case "unpreserve_folio":
                Warn(Tree.Untrack(Pfn(operation), Order(operation)) ? 0 : 1);
                break;
            case "alloc_preserve":
                AllocatePreserved(operation.GetNumber("size"));
                break;
            case "unpreserve_free":
                UnpreserveAndFree(PageAddress(operation));
                break;
            case "alloc_page":
                GiveAddress(Memory.AllocateFolio(0));
                break;
            case "memblock_fdt":
                WriteMemblockFdt(operation);
                break;
            case "add_subtree":
                AddSubtree(operation);
                break;
            case "remove_subtree":
                RootFdt.RemoveSubtree(RequireFdt(), _abi, operation.GetNumber("phys"));
                break;
            case "set_alloc_limit":
                Memory.Limit = Limit(operation.Find("limit"));
                break;
            case "preserve_vmalloc":
                PreserveVmalloc(operation);
                break;
            case "unpreserve_vmalloc":
                Warn(_vmalloc.Unpreserve(operation));
                break;
            default:
                throw new NotSimulatedException($"operation '{name}' is not simulated");
        }
    }

    private void Preserve(ulong pfn, ulong pages)
    {
        int refused = CheckPreservable(pfn, pages);
        if (refused != 0)
        {
            Give(refused);
            return;
        }

        int result = RangePreservation.Run(Tree, pfn, pages, null, out int missing);
        Warn(missing);
        Give(result);
    }

    private void PreserveVmalloc(JsonElement operation)
    {
        int result = _vmalloc.Preserve(operation, out VmallocDescriptor descriptor, out int missing);
        Warn(missing);
        Span<byte> bytes = stackalloc byte[VmallocDescriptor.SizeBytes];
        descriptor.Write(bytes);
        _results.Add(new SessionResult(_index, result, 0, result == 0 ? Convert.ToHexStringLower(bytes) : null));
    }

    private int PreserveFolio(ulong pfn, int order)
    {
        if (OverlapsScratch(pfn, 1UL << order))
        {
            Log.Warn("kho_preserve_folio");
            return -Errno.EINVAL;
        }

        return Tree.Track(pfn, order);
    }

    private void AllocatePreserved(ulong sizeBytes)
    {
        if (sizeBytes == 0)
        {
            Give(-Errno.EINVAL);
            return;
        }

        int order = PageGeometry.OrderOf(sizeBytes);
        if (order > MaxFolioOrder)
        {
            Give(-Errno.E2BIG);
            return;
        }

        ulong phys = Memory.AllocateFolio(order);
        int result = phys == 0 ? -Errno.ENOMEM : PreserveFolio(PageGeometry.PfnOf(phys), order);
        if (result == 0)
        {
            GiveAddress(phys);
            return;
        }

        if (phys != 0)
        {
            Memory.FreeFolio(phys);
        }

        Give(result);
    }

    private void UnpreserveAndFree(ulong phys)
    {
        Warn(Tree.Untrack(PageGeometry.PfnOf(phys), Memory.OrderOf(phys)) ? 0 : 1);
        Memory.FreeFolio(phys);
    }

    private void WriteMemblockFdt(JsonElement operation)
    {
        List<MemblockFdtEntry> entries = [];
        foreach (JsonElement entry in operation.GetItems("entries"))
        {
            entries.Add(new MemblockFdtEntry(entry.GetText("name"), entry.GetNumber("start"), entry.GetNumber("size")));
        }

        ulong phys = PageAddress(operation);
        byte[] page = new byte[PageGeometry.SizeBytes];
        int result = MemblockFdt.Write(page, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(entries));
        if (result != 0)
        {
            throw new VectorFormatException($"the memblock blob does not fit in a page (libfdt code {result})");
        }

        Memory.Ram.Write(phys, page);
        _blobs.Add(new SessionBlob(phys, page[..FdtSize(page)]));
    }

    private void AddSubtree(JsonElement operation)
    {
        ulong size = operation.Find("size") is { } value ? value.Number("size") : 0;
        Give(RootFdt.AddSubtree(RequireFdt(), _abi, operation.GetText("name"), operation.GetNumber("phys"), size));
    }

    private Span<byte> RequireFdt() => FdtPhys != 0 ? FdtPage : throw new VectorFormatException("a session with setup 'tree' has no root FDT");

    /// <summary>The totalsize field of a flattened device tree in a page, at most the page.</summary>
    public static int FdtSize(ReadOnlySpan<byte> page) =>
        (int)Math.Min(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(page[4..]), (uint)page.Length);

    private int CheckPreservable(ulong pfn, ulong pages)
    {
        if (!OverlapsScratch(pfn, pages))
        {
            return 0;
        }

        Log.Warn("kho_preserve_pages");
        return -Errno.EINVAL;
    }

    private bool OverlapsScratch(ulong pfn, ulong pages) =>
        pages > 0 && _scratch.Exists(area => PageGeometry.PhysOf(pfn) < area.End && area.Start <= PageGeometry.PhysOf(pfn + pages) - 1);

    private void Warn(int missing)
    {
        for (int i = 0; i < missing; i++)
        {
            Log.Warn(RadixTrackerActor.MissingTableWarning);
        }
    }

    private void Give(int result)
    {
        if (result != 0)
        {
            _results.Add(new SessionResult(_index, result, 0));
        }
    }

    private void GiveAddress(ulong phys) => _results.Add(new SessionResult(_index, phys == 0 ? -Errno.ENOMEM : 0, phys));
}
