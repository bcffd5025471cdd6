using System.Runtime.InteropServices;
using KhoActors.Subsystems;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Invariants;

/// <summary>
/// What the model has seen of one generation's messages. A request counts when it is delivered, a success when its reply is; what lies
/// between at the jump is uncertain and claimed neither way.
/// </summary>
internal sealed class ObservedGeneration
{
    private readonly HandOverRecord _incoming;
    private readonly Action<string, string> _report;
    private readonly List<Delivery> _requests = [];
    private readonly List<PublishedBlob> _blobs = [];
    private readonly List<ReservedRegion> _regions = [];
    private readonly PageRuns _unrestoredPages = new();
    private readonly ObservedVmallocs _vmallocs;
    private bool _handedOver;
    private bool _sameCommandLine;
    private bool _blobsHaveSizes;

    public ObservedGeneration(HandOverRecord incoming, Action<string, string> report)
    {
        _incoming = incoming;
        _report = report;
        _vmallocs = new ObservedVmallocs(this, report);
    }

    /// <summary>What is preserved in this generation, acknowledged and not taken back.</summary>
    public List<Claim> Held { get; } = [];

    /// <summary>What the generation before had preserved and nobody has restored yet.</summary>
    public List<Claim> Unrestored { get; } = [];

    /// <summary>Pages in use as far as messages tell.</summary>
    public PageRuns AllocatedPages { get; } = new();

    public List<ReservedRegion> Scratch { get; } = [];

    public void Clear()
    {
        _requests.Clear();
        Held.Clear();
        _blobs.Clear();
        _regions.Clear();
        Unrestored.Clear();
        _unrestoredPages.Clear();
        AllocatedPages.Clear();
        Scratch.Clear();
        _vmallocs.Clear();
    }

    public void Begin(PhysicalMemory memory, bool handedOver, bool sameCommandLine, bool blobsHaveSizes)
    {
        Clear();
        _vmallocs.Begin(memory);
        _handedOver = handedOver;
        _sameCommandLine = sameCommandLine;
        _blobsHaveSizes = blobsHaveSizes;
        foreach (Claim claim in _incoming.Claims)
        {
            Unrestored.Add(claim);
            _unrestoredPages.Remove(claim.StartPfn, claim.Pages);
            _unrestoredPages.Add(claim.StartPfn, claim.Pages, 0);
        }
    }

    /// <summary>Fills the record for the next boot.</summary>
    public void WriteDown(PhysicalMemory memory)
    {
        foreach (Claim claim in Held)
        {
            if (TouchesScratch(claim.StartPfn, claim.Pages))
            {
                _incoming.UncertainPages.Add(new UncertainRun(claim.StartPfn, claim.Pages));
                if (claim.IsOfVmalloc)
                {
                    _incoming.UncertainPages.Add(new UncertainRun(PageGeometry.PfnOf(claim.FirstChunkPhys), 1));
                }

                continue;
            }

            int first = _incoming.Content.Count;
            ContentImage.Capture(memory, claim.StartPfn, claim.Pages, _incoming.Content);
            _incoming.Claims.Add(claim with { FirstRun = first, Runs = _incoming.Content.Count - first });
        }

        _incoming.Blobs.AddRange(_blobs);
        _incoming.Regions.AddRange(_regions);
        foreach (Delivery request in _requests)
        {
            WriteDownUncertain(request.Message);
        }
    }

    /// <summary>What the kernel has begun and not acknowledged.</summary>
    private void WriteDownUncertain(in Message request)
    {
        switch (request.Kind.Value)
        {
            case KhoProtocol.AddSubtree:
                _incoming.UncertainBlobs.Add(request.Text!);
                break;
            case KhoProtocol.PreserveFolio or KhoProtocol.UnpreserveFolio:
                _incoming.UncertainPages.Add(new UncertainRun(request.A, 1UL << (int)request.B));
                break;
            case KhoProtocol.PreservePages or KhoProtocol.UnpreservePages:
                _incoming.UncertainPages.Add(new UncertainRun(request.A, request.B));
                break;
            case KhoProtocol.UnpreserveFree or KhoProtocol.UnpreserveVmalloc:
                _incoming.UncertainPages.Add(new UncertainRun(PageGeometry.PfnOf(request.A), 1));
                break;
            default:
                break;
        }
    }

    public void Delivered(in Delivery delivery)
    {
        ushort kind = delivery.Message.Kind.Value;
        if (delivery.Message.Kind.IsReply)
        {
            int i = IndexOfRequest(delivery);
            if (i >= 0)
            {
                Delivery request = _requests[i];
                _requests[i] = _requests[^1];
                _requests.RemoveAt(_requests.Count - 1);
                Answered(request, KernelResult.From(delivery.Message));
            }
        }
        else if (kind >> 8 == ActorId.Kho.Value || kind >> 8 == ActorId.Memblock.Value)
        {
            Requested(delivery);
            _requests.Add(delivery);
        }
    }

    // Searches are loops: a lambda that captures its arguments would be an allocation for each message.
    private int IndexOfRequest(in Delivery reply)
    {
        ReadOnlySpan<Delivery> requests = CollectionsMarshal.AsSpan(_requests);
        for (int i = 0; i < requests.Length; i++)
        {
            ref readonly Delivery request = ref requests[i];
            if (request.Correlation == reply.Correlation && request.From == reply.To && request.To == reply.From
                && request.Message.Kind.Reply == reply.Message.Kind)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The first claim that starts at a page; of any size when none is given.</summary>
    private static int IndexOfClaim(List<Claim> claims, ulong startPfn, ClaimKind kind, ulong? pages = null)
    {
        ReadOnlySpan<Claim> all = CollectionsMarshal.AsSpan(claims);
        for (int i = 0; i < all.Length; i++)
        {
            if (all[i].StartPfn == startPfn && all[i].Kind == kind && (pages is null || all[i].Pages == pages))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>What is being undone no longer has to survive, from the moment the kernel gets to know.</summary>
    private void Requested(in Delivery request)
    {
        Message message = request.Message;
        switch (message.Kind.Value)
        {
            case KhoProtocol.UnpreserveFolio:
                Release(message.A, 1UL << (int)message.B, ClaimKind.Folio);
                break;
            case KhoProtocol.UnpreservePages:
                Release(message.A, message.B, ClaimKind.Pages);
                break;
            case KhoProtocol.UnpreserveFree:
                Release(PageGeometry.PfnOf(message.A), null, ClaimKind.Folio);
                break;
            case KhoProtocol.RemoveSubtree:
                Withdraw(message.A);
                break;
            case MemblockProtocol.FreePages:
                AllocatedPages.Remove(PageGeometry.PfnOf(message.A), 1UL << (int)message.B);
                break;
            case MemblockProtocol.FreeRange:
                AllocatedPages.Remove(message.A, message.B);
                break;
            default:
                _vmallocs.Requested(message);
                break;
        }
    }

    private void Withdraw(ulong blobPhys)
    {
        for (int i = _blobs.Count - 1; i >= 0; i--)
        {
            if (_blobs[i].Phys == blobPhys)
            {
                _blobs.RemoveAt(i);
            }
        }
    }

    private void Release(ulong pfn, ulong? pages, ClaimKind kind)
    {
        int i = IndexOfClaim(Held, pfn, kind, pages);
        if (i >= 0)
        {
            Held.RemoveAt(i);
        }
    }

    private void Answered(in Delivery request, KernelResult result)
    {
        Message message = request.Message;
        switch (message.Kind.Value)
        {
            case KhoProtocol.PreserveFolio when result.Succeeded:
                Held.Add(new Claim(message.A, 1UL << (int)message.B, ClaimKind.Folio, 0, 0));
                break;
            case KhoProtocol.PreservePages when result.Succeeded && message.B > 0:
                Held.Add(new Claim(message.A, message.B, ClaimKind.Pages, 0, 0));
                break;
            case KhoProtocol.AllocPreserve when result.Succeeded:
                ulong pages = 1UL << PageGeometry.OrderOf(message.A);
                PassedOn(PageGeometry.PfnOf(result.Value), pages, request.From);
                Held.Add(new Claim(PageGeometry.PfnOf(result.Value), pages, ClaimKind.Folio, 0, 0));
                break;
            case MemblockProtocol.AllocatePages when result.Succeeded:
                AllocatePages allocation = AllocatePages.From(message);
                Allocated(PageGeometry.PfnOf(result.Value), 1UL << allocation.Order, allocation.Type == MigrateType.Movable, request.From);
                break;
            case KhoProtocol.AddSubtree when result.Succeeded:
                _blobs.Add(new PublishedBlob(message.Text!, message.A, message.B));
                break;
            case KhoProtocol.RetrieveSubtree:
                JudgeRetrieved(message.Text!, result);
                break;
            case KhoProtocol.RestoreFolio:
                JudgeRestored(PageGeometry.PfnOf(message.A), result.Succeeded ? 1UL << (int)result.Value : 0, ClaimKind.Folio, request.From);
                break;
            case KhoProtocol.RestorePages:
                JudgeRestored(message.A, result.Succeeded ? message.B : 0, ClaimKind.Pages, request.From);
                break;
            case MemblockProtocol.FindReserveMem when result.Succeeded:
                JudgeRegion((int)message.A, new ReservedRegion(result.Value, result.Extra));
                break;
            default:
                _vmallocs.Answered(request, result);
                break;
        }
    }

    /// <summary>Pages came into use: judges whether they may.</summary>
    public void Allocated(ulong pfn, ulong pages, bool movable, ActorId owner)
    {
        if (_unrestoredPages.TryFindOverlap(pfn, pages, out PageRuns.Run preserved))
        {
            string unrestored = $"0x{preserved.StartPfn:x}..0x{preserved.EndPfn:x}";
            _report(InvariantCatalog.PreservedNotAllocated, $"pages 0x{pfn:x}+{pages} were allocated, preserved and not restored is {unrestored}");
        }

        if (AllocatedPages.TryFindOverlap(pfn, pages, out PageRuns.Run taken))
        {
            _report(InvariantCatalog.AllocationDisjoint, $"pages 0x{pfn:x}+{pages} were allocated, 0x{taken.StartPfn:x}..0x{taken.EndPfn:x} is in use");
        }

        if (!movable && TouchesScratch(pfn, pages))
        {
            _report(InvariantCatalog.ScratchMovable, $"pages 0x{pfn:x}+{pages} are not movable and lie in scratch");
        }

        AllocatedPages.Remove(pfn, pages);
        AllocatedPages.Add(pfn, pages, owner.Value);
    }

    /// <summary>A folio of kho_alloc_preserve: the KHO core asked memblock for it, which was seen, and passes it on.</summary>
    private void PassedOn(ulong pfn, ulong pages, ActorId owner)
    {
        if (!AllocatedPages.TryFindOverlap(pfn, pages, out PageRuns.Run run) || run != new PageRuns.Run(pfn, pfn + pages, ActorId.Kho.Value))
        {
            Allocated(pfn, pages, movable: false, owner);
            return;
        }

        AllocatedPages.Remove(pfn, pages);
        AllocatedPages.Add(pfn, pages, owner.Value);
    }

    private bool TouchesScratch(ulong pfn, ulong pages)
    {
        ulong start = PageGeometry.PhysOf(pfn);
        ulong end = PageGeometry.PhysOf(pfn + pages);
        foreach (ReservedRegion area in Scratch)
        {
            if (start < area.Start + area.SizeBytes && area.Start < end)
            {
                return true;
            }
        }

        return false;
    }

    private void JudgeRetrieved(string name, KernelResult result)
    {
        int i = _incoming.Blobs.FindIndex(blob => blob.Name == name);
        if (i < 0)
        {
            if (result.Succeeded && !_incoming.UncertainBlobs.Contains(name))
            {
                _report(InvariantCatalog.SubtreeExact, $"sub-blob '{name}' was found and had not been published");
            }

            return;
        }

        PublishedBlob expected = _incoming.Blobs[i];
        if (!result.Succeeded || result.Value != expected.Phys || result.Extra != (_blobsHaveSizes ? expected.SizeBytes : 0))
        {
            _report(
                InvariantCatalog.SubtreeExact,
                $"sub-blob '{name}': expected 0x{expected.Phys:x}+0x{expected.SizeBytes:x}, "
                + $"found {Errno.Symbol(result.Code)} 0x{result.Value:x}+0x{result.Extra:x}");
        }
    }

    private void JudgeRestored(ulong pfn, ulong pages, ClaimKind kind, ActorId owner)
    {
        int i = IndexOfClaim(Unrestored, pfn, kind);
        if (i < 0)
        {
            if (pages != 0 && !IsUncertain(pfn, pages))
            {
                string restored = $"{pages} pages at 0x{pfn:x} were restored";
                _report(InvariantCatalog.RestoreExact, $"{restored} and had not been preserved so, or were restored before");
            }

            return;
        }

        Claim claim = Unrestored[i];
        if (pages != claim.Pages)
        {
            _report(InvariantCatalog.RestoreExact, $"{claim.Pages} preserved pages at 0x{pfn:x} were restored as {pages}");
        }

        Unrestored.RemoveAt(i);
        NoLongerReserved(claim);
        if (owner.Value < ActorId.FirstClient)
        {
            // Clients free by plain calls, which are no messages: page owners watch over their pages.
            AllocatedPages.Add(claim.StartPfn, claim.Pages, owner.Value);
        }
    }

    /// <summary>Pages that were reserved for a restore were restored, or lost for good.</summary>
    public void NoLongerReserved(in Claim claim)
    {
        _unrestoredPages.Remove(claim.StartPfn, claim.Pages);
        AllocatedPages.Remove(claim.StartPfn, claim.Pages);
    }

    /// <summary>Whether pages may be preserved or not: a request for them was under way at the jump, or they lay in scratch.</summary>
    public bool IsUncertain(ulong pfn, ulong pages) =>
        _incoming.UncertainPages.Exists(run => run.StartPfn < pfn + pages && pfn < run.StartPfn + run.Pages);

    private void JudgeRegion(int index, ReservedRegion found)
    {
        _regions.Add(found);
        if (!_handedOver || !_sameCommandLine || index >= _incoming.Regions.Count)
        {
            return;
        }

        ReservedRegion expected = _incoming.Regions[index];
        if (found != expected && !TouchesScratch(PageGeometry.PfnOf(expected.Start), (expected.SizeBytes >> PageGeometry.Shift) + 1))
        {
            _report(
                InvariantCatalog.ReserveMemRevived,
                $"reserve_mem region {index}: expected 0x{expected.Start:x}+0x{expected.SizeBytes:x}, found 0x{found.Start:x}+0x{found.SizeBytes:x}");
        }
    }
}
