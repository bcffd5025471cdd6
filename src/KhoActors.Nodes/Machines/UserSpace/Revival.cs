using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// What a workload does first in a new kernel, one request after the other: find the ledger of the previous generation, restore and check
/// all that it names, keep some of it and free the rest, start a new ledger, then check and refill its reserve_mem regions.
/// </summary>
internal sealed class Revival
{
    public const uint FirstCorrelation = 0x4000_0000;
    private const uint KeepPartsPerMillion = 500_000;
    private readonly WorkloadState _state;
    private readonly List<Holding> _rememberedRegions = [];
    private Ledger? _incoming;
    private ulong _ledgerPhys;
    private Holding _current;
    private int _slot = -1;
    private int _region;

    public Revival(WorkloadState state) => _state = state;

    private enum Step : uint
    {
        FindLedger = FirstCorrelation,
        RestoreLedger,
        FindBlob,
        Restore,
        Free,
        FreeLedger,
        AllocateLedger,
        PublishLedger,
        FindRegion,
    }

    /// <summary>Whether everything was revived and operations may start.</summary>
    public bool Done { get; private set; }

    public static void Start(Outbox outbox) => Ask(Step.FindLedger, ActorId.Kho, new RetrieveSubtree(Ledger.SubtreeName).ToMessage(), outbox);

    public void Resume(in Delivery delivery, Outbox outbox)
    {
        KernelResult result = KernelResult.From(delivery.Message);
        switch ((Step)delivery.Correlation)
        {
            case Step.FindLedger:
                AfterFindLedger(result, outbox);
                break;
            case Step.RestoreLedger:
                AfterRestoreLedger(result, outbox);
                break;
            case Step.FindBlob:
                AfterFindBlob(result, outbox);
                break;
            case Step.Restore:
                AfterRestore(result, outbox);
                break;
            case Step.Free:
                NextSlot(outbox);
                break;
            case Step.FreeLedger:
                AllocateLedger(outbox);
                break;
            case Step.AllocateLedger:
                AfterAllocateLedger(result, outbox);
                break;
            case Step.PublishLedger:
                NextRegion(outbox);
                break;
            default:
                AfterFindRegion(result, outbox);
                break;
        }
    }

    private void AfterFindLedger(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded || result.Extra is not (0 or Ledger.SizeBytes))
        {
            AllocateLedger(outbox);
            return;
        }

        _ledgerPhys = result.Value;
        Ask(Step.RestoreLedger, ActorId.Kho, new AddressRequest(_ledgerPhys).ToMessage(KhoProtocol.RestoreFolio), outbox);
    }

    private void AfterRestoreLedger(KernelResult result, Outbox outbox)
    {
        _incoming = result.Succeeded && result.Value == Ledger.Order ? Ledger.Open(_state.Memory, _ledgerPhys) : null;
        if (_incoming is null)
        {
            _state.Counters.Lost++;
            AllocateLedger(outbox);
            return;
        }

        NextSlot(outbox);
    }

    /// <summary>The next entry of the incoming ledger, or its end.</summary>
    private void NextSlot(Outbox outbox)
    {
        while (++_slot < Ledger.Slots)
        {
            if (!_incoming!.TryRead(_slot, out _current))
            {
                continue;
            }

            switch (_current.Kind)
            {
                case HoldingKind.ReserveMem:
                    _rememberedRegions.Add(_current);
                    continue;
                case HoldingKind.Blob:
                    Ask(Step.FindBlob, ActorId.Kho, new RetrieveSubtree(WorkloadState.BlobName(_current.Seed)).ToMessage(), outbox);
                    return;
                default:
                    AskRestore(outbox);
                    return;
            }
        }

        Ask(Step.FreeLedger, ActorId.Memblock, new FreePageRange(PageGeometry.PfnOf(_ledgerPhys), 1UL << Ledger.Order).ToMessage(), outbox);
    }

    private void AskRestore(Outbox outbox)
    {
        Message message = _current.Kind switch
        {
            HoldingKind.Range => new PagesRequest(_current.StartPfn, _current.Pages).ToMessage(KhoProtocol.RestorePages),
            HoldingKind.Vmalloc => new VmallocDescriptorRequest(_current.Descriptor).ToMessage(KhoProtocol.RestoreVmalloc),
            _ => new AddressRequest(PageGeometry.PhysOf(_current.StartPfn)).ToMessage(KhoProtocol.RestoreFolio),
        };
        Ask(Step.Restore, ActorId.Kho, message, outbox);
    }

    private void AfterFindBlob(KernelResult result, Outbox outbox)
    {
        bool found = result.Succeeded && result.Value == PageGeometry.PhysOf(_current.StartPfn) && (result.Extra == 0 || result.Extra == _current.SizeBytes);
        _state.Counters.Lost += found ? 0 : 1;
        AskRestore(outbox);
    }

    private void AfterRestore(KernelResult result, Outbox outbox)
    {
        bool whole = result.Succeeded && (_current.Kind is HoldingKind.Range or HoldingKind.Vmalloc || (int)result.Value == _current.Order);
        if (!whole)
        {
            _state.Counters.Lost++;
            NextSlot(outbox);
            return;
        }

        _state.Counters.Restored++;
        _current = _current.Kind == HoldingKind.Vmalloc ? _current with { Address = result.Value } : _current;
        _state.Counters.Corrupted += _state.IsIntact(_current) ? 0 : 1;
        if (_state.Chance(KeepPartsPerMillion))
        {
            HoldingKind kind = _current.Kind is HoldingKind.Range or HoldingKind.Vmalloc ? _current.Kind : HoldingKind.Folio;
            _state.Holdings.Add(_current with { Kind = kind, Preserved = false });
            _state.HeldPages += _current.BlockPages;
            NextSlot(outbox);
            return;
        }

        Ask(Step.Free, ActorId.Memblock, Operations.FreeingOf(_current), outbox);
    }

    private static void AllocateLedger(Outbox outbox) => Ask(Step.AllocateLedger, ActorId.Kho, new AllocPreserve(Ledger.SizeBytes).ToMessage(), outbox);

    private void AfterAllocateLedger(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            NextRegion(outbox);
            return;
        }

        _state.Ledger = Ledger.Create(_state.Memory, result.Value);
        Ask(Step.PublishLedger, ActorId.Kho, new AddSubtree(Ledger.SubtreeName, result.Value, Ledger.SizeBytes).ToMessage(), outbox);
    }

    private void NextRegion(Outbox outbox)
    {
        if (_state.Plan.ReserveMemPatterns)
        {
            Ask(Step.FindRegion, ActorId.Memblock, new FindReserveMem(_region).ToMessage(), outbox);
        }
        else
        {
            Done = true;
        }
    }

    private void AfterFindRegion(KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            Done = true;
            return;
        }

        // Only pages that lie wholly inside the region and are preserved with it: a trailing partial page is not (real/README D9).
        ulong first = PageGeometry.PfnOf(PageGeometry.AlignUp(result.Value));
        ulong end = Math.Min(PageGeometry.PfnOf(result.Value + result.Extra), PageGeometry.PfnOf(result.Value) + (result.Extra >> PageGeometry.Shift));
        if (end > first)
        {
            CheckRegion(first, end - first);
            Holding region = new() { Kind = HoldingKind.ReserveMem, StartPfn = first, Pages = end - first, Seed = _state.DrawSeed(), LedgerSlot = -1 };
            _state.Fill(region);
            _state.Record(region);
        }

        _region++;
        NextRegion(outbox);
    }

    private void CheckRegion(ulong firstPfn, ulong pages)
    {
        int i = _rememberedRegions.FindIndex(region => region.StartPfn == firstPfn && region.Pages == pages);
        if (i >= 0)
        {
            _state.Counters.Revived++;
            _state.Counters.Corrupted += _state.Memory.Holds(firstPfn, pages, _rememberedRegions[i].Pattern, out _) ? 0 : 1;
        }
    }

    private static void Ask(Step step, ActorId actor, in Message message, Outbox outbox) => outbox.Send(actor, message, (uint)step);
}
