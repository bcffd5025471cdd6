using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>
/// Memblock after boot: it owns the page allocator, the scratch areas and the reserve_mem regions, and preserves the latter as a client
/// of the KHO core. Requests in <see cref="MemblockProtocol"/>.
/// </summary>
public sealed class MemblockActor : IActor
{
    private readonly PageAllocator _pages;
    private readonly VmallocAreas _vmalloc;
    private readonly EarlyMemory _early;
    private readonly NodeMap _nodes;
    private readonly KernelLog _log;
    private readonly ReserveMemInit _reserveMemInit;

    /// <summary>Takes over what the boot left.</summary>
    /// <param name="memory">RAM.</param>
    /// <param name="pages">The page allocator.</param>
    /// <param name="vmalloc">The vmalloc areas.</param>
    /// <param name="early">Scratch areas and regions.</param>
    /// <param name="nodes">Which pages are of which node.</param>
    /// <param name="log">The kernel's log.</param>
    public MemblockActor(PhysicalMemory memory, PageAllocator pages, VmallocAreas vmalloc, EarlyMemory early, NodeMap nodes, KernelLog log)
    {
        _pages = pages;
        _vmalloc = vmalloc;
        _log = log;
        _early = early;
        _nodes = nodes;
        _reserveMemInit = new ReserveMemInit(memory, pages, early.ReserveMem, log);
    }

    /// <inheritdoc/>
    public void Receive(in Delivery delivery, Outbox outbox)
    {
        Message message = delivery.Message;
        PageOwner owner = ActorOwnership.OwnerOf(delivery.From);
        KernelResult result = default;
        switch (message.Kind.Value)
        {
            case MemblockProtocol.AllocatePages:
                result = Allocate(AllocatePages.From(message), owner);
                break;
            case MemblockProtocol.FreePages:
                _pages.Free(message.A, (int)message.B, owner);
                break;
            case MemblockProtocol.FreeRange:
                FreeRangeOf(message.A, message.B, owner);
                break;
            case MemblockProtocol.FindReserveMem:
                result = Find((int)message.A, owner);
                break;
            case MemblockProtocol.Vmalloc:
                result = AllocateArea(Vmalloc.From(message), owner);
                break;
            case MemblockProtocol.Vfree:
                FreeArea(message.A, owner);
                break;
            case MemblockProtocol.ReleaseScratch:
                ReleaseScratch(message.A == 0 ? MigrateType.Cma : MigrateType.Movable);
                break;
            default:
                _reserveMemInit.Receive(delivery, outbox);
                return;
        }

        outbox.Reply(delivery, result.ToReply(message.Kind));
    }

    private KernelResult Allocate(AllocatePages request, PageOwner owner)
    {
        ulong phys = _pages.Allocate(request.Order, request.Type, owner, request.Node, exactNode: false, request.Zero);
        return phys == 0 ? new KernelResult(-Errno.ENOMEM) : new KernelResult(0, phys);
    }

    private KernelResult AllocateArea(Vmalloc request, PageOwner owner) =>
        _vmalloc.Allocate(request.Pages, request.Order, request.Flags, owner, request.Zero) is { } area
            ? new KernelResult(0, area.Address, area.Pages)
            : new KernelResult(-Errno.ENOMEM);

    private void FreeArea(ulong address, PageOwner owner)
    {
        if (!_vmalloc.Free(address, owner))
        {
            _log.Warn("vfree");
        }
    }

    /// <summary>
    /// A client frees what it found in a hand-over, by its own records. When those do not match what was restored, pages are freed that
    /// are free already: damage inside the simulated machine, which a kernel with page checks reports.
    /// </summary>
    private void FreeRangeOf(ulong pfn, ulong pages, PageOwner owner)
    {
        for (ulong end = pfn + pages; pfn < end;)
        {
            if (!_pages.TryGetBlock(pfn, out ulong head, out int order, out PageOwner found) || found != owner)
            {
                throw new SimulatedOopsException($"BUG: Bad page state in process workload  pfn:{pfn:x5}");
            }

            _pages.Free(PageGeometry.PhysOf(head), order, owner);
            pfn = head + (1UL << order);
        }
    }

    /// <summary>
    /// Who finds a region uses it: its whole pages that are preserved with it are the finder's from now on. A trailing partial page is not
    /// preserved, so the next kernel may have given it to anybody.
    /// </summary>
    private KernelResult Find(int index, PageOwner finder)
    {
        if (index >= _early.ReserveMem.Entries.Length)
        {
            return new KernelResult(-Errno.ENOENT);
        }

        MemblockFdtEntry region = _early.ReserveMem.Entries[index];
        ulong first = PageGeometry.PfnOf(PageGeometry.AlignUp(region.Start));
        ulong end = Math.Min(
            PageGeometry.PfnOf(region.Start + region.SizeBytes), PageGeometry.PfnOf(region.Start) + (region.SizeBytes >> PageGeometry.Shift));
        if (first < end)
        {
            _pages.SetReservedOwner(first, end, finder);
        }

        return new KernelResult(0, region.Start, region.SizeBytes);
    }

    /// <summary>Gives scratch to the buddy allocator, one node at a time: as CMA, or as normal memory when KHO was disabled.</summary>
    private void ReleaseScratch(MigrateType type)
    {
        foreach (ScratchArea area in _early.Scratch.Areas)
        {
            ulong end = PageGeometry.PfnOf(area.End);
            for (ulong pfn = PageGeometry.PfnOf(area.Phys); pfn < end;)
            {
                ulong next = Math.Min(end, Math.Max(_nodes.EndOfRun(pfn), pfn + 1));
                _pages.AddFree(pfn, next, _nodes.NodeOf(pfn), type);
                pfn = next;
            }
        }
    }
}
