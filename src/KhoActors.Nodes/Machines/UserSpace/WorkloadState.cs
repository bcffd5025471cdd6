using System.Globalization;
using System.Runtime.InteropServices;
using KhoActors.Nodes.Machines.Deciding;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>What a workload counts in one generation.</summary>
internal struct WorkloadCounters
{
    /// <summary>Operations drawn.</summary>
    public long Operations;

    /// <summary>Requests that failed.</summary>
    public long Failed;

    /// <summary>Pieces of memory of the previous generation that were restored.</summary>
    public long Restored;

    /// <summary>Pieces that the ledger names and that could not be restored, or not found under their name.</summary>
    public long Lost;

    /// <summary>Pieces that were restored with other content.</summary>
    public long Corrupted;

    /// <summary>reserve_mem regions found where they were.</summary>
    public long Revived;
}

/// <summary>
/// What a workload holds and draws. It lives in the memory of one generation; only the ledger in simulated RAM and the draw counter cross a kexec.
/// </summary>
internal sealed class WorkloadState
{
    private readonly OwnedMemory _memory;
    private readonly VmallocAreas _vmalloc;
    private readonly List<UserSpacePlan> _plans = [];
    private UserSpacePlan _userSpace = null!;
    private DecisionStream _decisions = null!;
    private Workload _plan = null!;
    private IReadOnlyList<int> _nodes = [];

    public WorkloadState(OwnedMemory memory, VmallocAreas vmalloc)
    {
        _memory = memory;
        _vmalloc = vmalloc;
    }

    public List<Holding> Holdings { get; } = [];

    public Ledger? Ledger { get; set; }

    public ulong HeldPages { get; set; }

    public WorkloadCounters Counters;

    public OwnedMemory Memory => _memory;

    public Workload Plan => _plan;

    public Scenario Scenario => _userSpace.Scenario;

    /// <summary>A new generation: nothing of the last one is left but memory.</summary>
    /// <param name="spec">The machine.</param>
    /// <param name="generation">0 for the first boot.</param>
    /// <param name="decisions">User space's own.</param>
    /// <returns>What user space does on this generation's kernel.</returns>
    public UserSpacePlan Begin(MachineSpec spec, int generation, DecisionStream decisions)
    {
        _plan = spec.Scenario.Workload;
        _userSpace = PlanOf(spec, spec.ClientsOf(generation));
        _decisions = decisions;
        _nodes = spec.Memory.Map.Nodes;
        Holdings.Clear();
        Ledger = null;
        HeldPages = 0;
        Counters = default;
        return _userSpace;
    }

    public static string BlobName(ulong seed) => string.Create(CultureInfo.InvariantCulture, $"blob-{seed & 0xFFFF_FFFF:x8}");

    /// <summary>Draws the next operation.</summary>
    /// <returns>Its number in the plan, or -1 when this kernel has none to choose from.</returns>
    public int DrawOperation() => _userSpace.TotalWeight == 0 ? -1 : _decisions.Operation(_userSpace);

    /// <summary>The program that does an operation, and the operation as it numbers it.</summary>
    public (int Program, int Operation) ProgramOperation(int operation) => _userSpace.ProgramOperation(operation);

    /// <summary>A line for /dev/kmsg: words that repeat, as logs do, around a number that does not.</summary>
    public string DrawLogLine()
    {
        const string Words = " workload: state reached, nothing to report; device and service are up, queue is drained, timers are armed";
        int length = (int)Between(_plan.LogLineBytes);
        return string.Create(length, _decisions.NextWord(), static (line, number) =>
        {
            number.TryFormat(line, out int written, "x16", CultureInfo.InvariantCulture);
            for (int i = written; i < line.Length; i++)
            {
                line[i] = Words[(i - written) % Words.Length];
            }
        });
    }

    /// <summary>A level for a line of user space: notice, info or debug.</summary>
    public ulong DrawLogLevel() => 5 + _decisions.Below(3);

    public bool Chance(uint partsPerMillion) => _decisions.Chance(partsPerMillion);

    public ulong DrawSeed() => _decisions.NextWord();

    public int DrawNode() => _nodes.Count > 1 ? _nodes[(int)_decisions.Below((ulong)_nodes.Count)] : -1;

    public MigrateType DrawMigrateType() => _decisions.Below(2) == 0 ? MigrateType.Unmovable : MigrateType.Movable;

    public ulong DrawAllocationBytes() => (ulong)PageGeometry.SizeBytes << (int)Between(_plan.FolioOrders);

    public ulong DrawBlobBytes() => Between(_plan.BlobBytes);

    public Holding DrawFolio()
    {
        ulong pages = 1UL << (int)Between(_plan.FolioOrders);
        return new Holding { Kind = HoldingKind.Folio, Pages = pages, BlockPages = pages, Seed = _decisions.NextWord(), LedgerSlot = -1 };
    }

    /// <summary>A run somewhere inside a block: its start pfn is relative to the block, which is not allocated yet.</summary>
    public Holding DrawRange()
    {
        ulong pages = Math.Min(Between(_plan.RangePages), 1024);
        ulong block = 1UL << PageGeometry.OrderOf(pages << PageGeometry.Shift);
        ulong offset = _decisions.Below(block - pages + 1);
        return new Holding
        {
            Kind = HoldingKind.Range, StartPfn = offset, Pages = pages, BlockPages = block, Seed = _decisions.NextWord(), LedgerSlot = -1,
        };
    }

    /// <summary>An area of vmalloc that is not allocated yet; one of 2 MiB or more consists of huge blocks in half of the cases.</summary>
    public Holding DrawVmalloc(out int order)
    {
        const int HugeOrder = 9;
        ulong pages = Between(_plan.RangePages);
        order = pages >= 1UL << HugeOrder && _decisions.Below(2) == 0 ? HugeOrder : 0;
        ulong whole = (((pages - 1) >> order) + 1) << order;
        return new Holding { Kind = HoldingKind.Vmalloc, Pages = whole, BlockPages = whole, Seed = _decisions.NextWord(), LedgerSlot = -1 };
    }

    /// <summary>Whether more pages may be held: within the scenario's limit, with room in the ledger.</summary>
    public bool MayHold(ulong pages) =>
        HeldPages + pages <= _plan.MemoryLimitBytes >> PageGeometry.Shift && Holdings.Count < Ledger.Slots - 32;

    /// <summary>Takes a random holding that matches out of the list: nobody else picks it while an operation works on it.</summary>
    /// <param name="choice">Which holdings qualify.</param>
    /// <param name="half">Take none in half of the cases, so that new memory is used too.</param>
    /// <param name="holding">What was taken.</param>
    /// <returns>False when none was taken.</returns>
    public bool TakeHolding(HoldingChoice choice, bool half, out Holding holding)
    {
        holding = default;
        if ((half && _decisions.Below(2) == 0) || Holdings.Count == 0)
        {
            return false;
        }

        Span<Holding> held = CollectionsMarshal.AsSpan(Holdings);
        int start = (int)_decisions.Below((ulong)held.Length);
        int i = start;
        while (!choice.Includes(held[i]))
        {
            i = i + 1 == held.Length ? 0 : i + 1;
            if (i == start)
            {
                return false;
            }
        }

        holding = held[i];
        held[i] = held[^1];
        Holdings.RemoveAt(Holdings.Count - 1);
        return true;
    }

    /// <summary>Fills a holding with its pattern.</summary>
    public void Fill(in Holding holding)
    {
        if (holding.Kind != HoldingKind.Vmalloc)
        {
            _memory.Fill(holding.StartPfn, holding.Pages, holding.Pattern);
            return;
        }

        VmallocArea area = AreaOf(holding);
        for (ulong page = 0, pages; page < area.Pages; page += pages)
        {
            pages = area.ContiguousFrom(page);
            _memory.Fill(area.PfnOf(page), pages, holding.Pattern.Skip(page));
        }
    }

    /// <summary>Whether a holding has its pattern still.</summary>
    public bool IsIntact(in Holding holding)
    {
        if (holding.Kind != HoldingKind.Vmalloc)
        {
            return _memory.Holds(holding.StartPfn, holding.Pages, holding.Pattern, out _);
        }

        VmallocArea area = AreaOf(holding);
        for (ulong page = 0, pages; page < area.Pages; page += pages)
        {
            pages = area.ContiguousFrom(page);
            if (!_memory.Holds(area.PfnOf(page), pages, holding.Pattern.Skip(page), out _))
            {
                return false;
            }
        }

        return area.Pages == holding.Pages;
    }

    private VmallocArea AreaOf(in Holding holding) =>
        _vmalloc.Find(holding.Address) ?? throw new InvalidOperationException($"the workload holds no area at 0x{holding.Address:x}");

    /// <summary>Enters a preserved holding into the ledger.</summary>
    public Holding Record(in Holding holding)
    {
        int slot = Ledger?.Add(holding) ?? -1;
        return holding with { Preserved = true, LedgerSlot = slot };
    }

    /// <summary>Strikes a holding from the ledger: it is about to be un-preserved.</summary>
    public Holding Forget(in Holding holding)
    {
        if (holding.LedgerSlot >= 0)
        {
            Ledger!.Remove(holding.LedgerSlot);
        }

        return holding with { LedgerSlot = -1 };
    }

    private UserSpacePlan PlanOf(MachineSpec spec, IReadOnlyList<KhoClient> clients)
    {
        if (_plans.Count > 0 && !ReferenceEquals(_plans[0].Scenario, spec.Scenario))
        {
            _plans.Clear();
        }

        foreach (UserSpacePlan known in _plans)
        {
            if (ReferenceEquals(known.KernelClients, clients))
            {
                return known;
            }
        }

        UserSpacePlan plan = new(spec.Scenario, clients, spec.Resolved.Clients);
        _plans.Add(plan);
        return plan;
    }

    private ulong Between(ValueRange range) => _decisions.Between(range.Minimum, range.Maximum);
}
