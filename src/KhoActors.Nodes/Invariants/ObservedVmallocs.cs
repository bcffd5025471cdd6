using System.Runtime.InteropServices;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// What the model knows of vmalloc areas. Messages name an area by its virtual address and never carry its pages: the model learns them when
/// an area is preserved, from the chain of chunks that the kernel has written, with a reader of its own. Clients may allocate and free areas
/// by plain calls, which are no messages: of theirs it judges chains and claims, and page owners watch over their pages.
/// </summary>
internal sealed class ObservedVmallocs
{
    private const int EntriesOfChunk = 511;
    private readonly ObservedGeneration _generation;
    private readonly Action<string, string> _report;
    private readonly List<Area> _areas = [];
    private readonly List<Claim> _chain = [];
    private readonly List<MappedRun> _mapped = [];
    private PhysicalMemory? _memory;

    public ObservedVmallocs(ObservedGeneration generation, Action<string, string> report)
    {
        _generation = generation;
        _report = report;
    }

    public void Clear()
    {
        _areas.Clear();
        _mapped.Clear();
    }

    /// <summary>A kernel has booted.</summary>
    /// <param name="memory">Its RAM.</param>
    public void Begin(PhysicalMemory memory) => _memory = memory;

    /// <summary>A request was delivered.</summary>
    public void Requested(in Message request)
    {
        switch (request.Kind.Value)
        {
            case KhoProtocol.UnpreserveVmalloc:
                RemoveChain(_generation.Held, request.A);
                break;
            case KhoProtocol.RestoreVmalloc:
                ReleaseChunks(request.A);
                break;
            case MemblockProtocol.Vfree when IndexOfArea(request.A) is var i and >= 0:
                Unmap(_areas[i].Address);
                _areas.RemoveAt(i);
                break;
            default:
                break;
        }
    }

    /// <summary>A request was answered.</summary>
    public void Answered(in Delivery request, KernelResult result)
    {
        Message message = request.Message;
        switch (message.Kind.Value)
        {
            case MemblockProtocol.Vmalloc when result.Succeeded && IsSeen(request.From):
                _areas.Add(new Area(result.Value, result.Extra));
                break;
            case KhoProtocol.PreserveVmalloc when result.Succeeded:
                Preserved(message.A, result.Value, result.Extra, request.From);
                break;
            case KhoProtocol.RestoreVmalloc:
                Restored(message.A, result, request.From);
                break;
            default:
                break;
        }
    }

    /// <summary>Whether all that an actor does with areas is seen in messages.</summary>
    private static bool IsSeen(ActorId owner) => owner.Value < ActorId.FirstClient;

    private static void RemoveChain(List<Claim> claims, ulong firstChunkPhys)
    {
        for (int i = claims.Count - 1; i >= 0; i--)
        {
            if (claims[i].FirstChunkPhys == firstChunkPhys && claims[i].IsOfVmalloc)
            {
                claims.RemoveAt(i);
            }
        }
    }

    /// <summary>What the client holds from now on must survive: the area's pages, and the chunks that name them.</summary>
    private void Preserved(ulong address, ulong firstChunkPhys, ulong sizes, ActorId owner)
    {
        int i = IndexOfArea(address);
        string? fault = ReadChain(firstChunkPhys, totalPages: (uint)sizes, order: (int)(sizes >> 48));
        if (IsSeen(owner) && (i < 0 || _areas[i].Pages != (uint)sizes))
        {
            fault = i < 0 ? "there is none" : $"it has {_areas[i].Pages} pages";
        }

        if (fault is not null)
        {
            _report(InvariantCatalog.VmallocChain, $"the area at 0x{address:x} was preserved as one of {(uint)sizes} pages, but {fault}");
            return;
        }

        _generation.Held.AddRange(_chain);
        if (!IsSeen(owner))
        {
            return;
        }

        Area area = _areas[i];
        bool isKnown = _mapped.Exists(run => run.Address == area.Address);
        foreach (Claim claim in _chain)
        {
            if (!isKnown && claim.Kind == ClaimKind.VmallocPages)
            {
                _generation.Allocated(claim.StartPfn, claim.Pages, movable: false, owner);
                _mapped.Add(new MappedRun(area.Address, claim.StartPfn, claim.Pages));
            }
        }
    }

    /// <summary>Reads a chain into claims, groups that lie one behind the other as one.</summary>
    /// <returns>Null, or what is wrong with it.</returns>
    private string? ReadChain(ulong firstChunkPhys, uint totalPages, int order)
    {
        _chain.Clear();
        ulong groups = order < 32 ? totalPages >> order : 0;
        if (groups << order != totalPages)
        {
            return $"{totalPages} pages are no whole number of groups of order {order}";
        }

        ulong found = 0;
        ulong chunk = firstChunkPhys;
        for (ulong chunksLeft = (groups / EntriesOfChunk) + 1; chunksLeft > 0; chunksLeft--)
        {
            if (chunk == 0 || !IsPageAddress(chunk))
            {
                return $"there is no chunk at 0x{chunk:x}, where group {found} of {groups} should be";
            }

            _chain.Add(new Claim(PageGeometry.PfnOf(chunk), 1, ClaimKind.VmallocChunk, 0, 0, firstChunkPhys));
            for (int entry = 0; entry < EntriesOfChunk; entry++)
            {
                ulong group = _memory!.ReadUInt64(chunk + 8 + ((ulong)entry * 8));
                if (group == 0)
                {
                    break;
                }

                if (!IsPageAddress(group) || ++found > groups)
                {
                    return $"its chunk at 0x{chunk:x} names 0x{group:x}";
                }

                AddGroup(PageGeometry.PfnOf(group), 1UL << order, firstChunkPhys);
            }

            chunk = _memory!.ReadUInt64(chunk);
        }

        return found != groups ? $"its chunks name {found} groups of order {order}" : chunk != 0 ? $"its chain goes on at 0x{chunk:x}" : null;
    }

    private static bool IsPageAddress(ulong phys) =>
        phys % PageGeometry.SizeBytes == 0 && phys >> PageGeometry.PhysicalAddressBits == 0;

    private void AddGroup(ulong pfn, ulong pages, ulong firstChunkPhys)
    {
        ref Claim last = ref CollectionsMarshal.AsSpan(_chain)[^1];
        if (last.Kind == ClaimKind.VmallocPages && last.StartPfn + last.Pages == pfn)
        {
            last.Pages += pages;
            return;
        }

        _chain.Add(new Claim(pfn, pages, ClaimKind.VmallocPages, 0, 0, firstChunkPhys));
    }

    /// <summary>A restore frees the chunks while it goes on: somebody else may have them before the answer is delivered.</summary>
    private void ReleaseChunks(ulong firstChunkPhys)
    {
        foreach (Claim claim in _generation.Unrestored)
        {
            if (claim.FirstChunkPhys == firstChunkPhys && claim.Kind == ClaimKind.VmallocChunk)
            {
                _generation.NoLongerReserved(claim);
            }
        }
    }

    /// <summary>An area comes back whole, once, when the kernel before was holding it preserved.</summary>
    private void Restored(ulong firstChunkPhys, KernelResult result, ActorId owner)
    {
        ulong pages = 0;
        foreach (Claim claim in _generation.Unrestored)
        {
            pages += claim.FirstChunkPhys == firstChunkPhys && claim.Kind == ClaimKind.VmallocPages ? claim.Pages : 0;
        }

        ulong restored = result.Succeeded ? result.Extra : 0;
        if (pages != restored && !(pages == 0 && _generation.IsUncertain(PageGeometry.PfnOf(firstChunkPhys), 1)))
        {
            string answer = result.Succeeded ? $"as {restored} pages" : $"with {Errno.Symbol(result.Code)}";
            _report(InvariantCatalog.RestoreExact, $"an area of {pages} preserved pages with its first chunk at 0x{firstChunkPhys:x} was restored {answer}");
        }

        bool isInUse = result.Succeeded && IsSeen(owner);
        if (isInUse)
        {
            _areas.Add(new Area(result.Value, result.Extra));
        }

        foreach (Claim claim in _generation.Unrestored)
        {
            if (claim.FirstChunkPhys != firstChunkPhys || claim.Kind != ClaimKind.VmallocPages)
            {
                continue;
            }

            _generation.NoLongerReserved(claim);
            if (isInUse)
            {
                _generation.AllocatedPages.Add(claim.StartPfn, claim.Pages, owner.Value);
                _mapped.Add(new MappedRun(result.Value, claim.StartPfn, claim.Pages));
            }
        }

        RemoveChain(_generation.Unrestored, firstChunkPhys);
    }

    private void Unmap(ulong address)
    {
        for (int i = _mapped.Count - 1; i >= 0; i--)
        {
            if (_mapped[i].Address == address)
            {
                _generation.AllocatedPages.Remove(_mapped[i].StartPfn, _mapped[i].Pages);
                _mapped.RemoveAt(i);
            }
        }
    }

    /// <summary>The area that an address belongs to, its guard page included.</summary>
    private int IndexOfArea(ulong address)
    {
        for (int i = 0; i < _areas.Count; i++)
        {
            if (address - _areas[i].Address < (_areas[i].Pages + 1) << PageGeometry.Shift)
            {
                return i;
            }
        }

        return -1;
    }

    private readonly record struct Area(ulong Address, ulong Pages);

    private readonly record struct MappedRun(ulong Address, ulong StartPfn, ulong Pages);
}
