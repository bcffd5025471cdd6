using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memblock;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// The operations of a workload while a kernel runs: several are under way at once, so that their steps interleave with each other and
/// with the kexec. What is under way at the jump is simply never finished, as on a real machine.
/// </summary>
internal sealed class Operations
{
    private readonly WorkloadState _state;
    private Task[] _tasks = new Task[8];

    public Operations(WorkloadState state) => _state = state;

    private enum Step : byte
    {
        Idle,
        Allocate,
        Vmalloc,
        Preserve,
        AllocPreserve,
        Publish,
        Unpreserve,
        UnpreserveFree,
        Withdraw,
        Free,
        Machine,
    }

    /// <summary>Operations that were started and not finished.</summary>
    public int UnderWay { get; private set; }

    /// <summary>Starts an operation.</summary>
    public void Start(WorkloadOperation operation, Outbox outbox)
    {
        switch (operation)
        {
            case WorkloadOperation.PreserveFolio:
                StartPreserve(HoldingKind.Folio, outbox);
                break;
            case WorkloadOperation.PreservePages:
                StartPreserve(HoldingKind.Range, outbox);
                break;
            case WorkloadOperation.Allocate:
                StartAllocate(HoldingKind.Folio, outbox, preserve: false);
                break;
            case WorkloadOperation.AllocPreserve:
                StartAllocPreserve(HoldingKind.Allocation, _state.DrawAllocationBytes(), outbox);
                break;
            case WorkloadOperation.AddSubtree:
                StartAllocPreserve(HoldingKind.Blob, _state.DrawBlobBytes(), outbox);
                break;
            case WorkloadOperation.Unpreserve:
                StartUnpreserve(outbox);
                break;
            case WorkloadOperation.RemoveSubtree:
                StartRemove(outbox);
                break;
            case WorkloadOperation.PreserveVmalloc:
                StartPreserveVmalloc(outbox);
                break;
            case WorkloadOperation.Log:
                AskMachine(MachineProtocol.WriteLog, outbox, _state.DrawLogLevel(), _state.DrawLogLine());
                break;
            case WorkloadOperation.ClearLog:
                AskMachine(MachineProtocol.ClearLog, outbox);
                break;
            case WorkloadOperation.Oops:
                AskMachine(MachineProtocol.Oops, outbox);
                break;
            case WorkloadOperation.JumpAndReturn:
                AskMachine(MachineProtocol.JumpAndReturn, outbox);
                break;
            default:
                StartFree(outbox);
                break;
        }
    }

    /// <summary>A reply came.</summary>
    public void Resume(in Delivery delivery, Outbox outbox)
    {
        int slot = (int)delivery.Correlation - 1;
        ref Task task = ref _tasks[slot];
        KernelResult result = KernelResult.From(delivery.Message);
        _state.Counters.Failed += result.Succeeded ? 0 : 1;
        switch (task.Step)
        {
            case Step.Allocate:
                AfterAllocate(slot, ref task, result, outbox);
                break;
            case Step.Vmalloc:
                AfterVmalloc(slot, ref task, result, outbox);
                break;
            case Step.Preserve:
                AfterPreserve(slot, ref task, result);
                break;
            case Step.AllocPreserve:
                AfterAllocPreserve(slot, ref task, result, outbox);
                break;
            case Step.Publish:
                AfterPublish(slot, ref task, result, outbox);
                break;
            case Step.Unpreserve:
                _state.Holdings.Add(task.Holding with { Preserved = false });
                End(slot);
                break;
            case Step.Withdraw:
                Ask(slot, Step.UnpreserveFree, ActorId.Kho, new AddressRequest(PhysOf(task.Holding)).ToMessage(KhoProtocol.UnpreserveFree), outbox);
                break;
            case Step.Machine:
                End(slot);
                break;
            case Step.UnpreserveFree:
            case Step.Free:
                _state.HeldPages -= task.Holding.BlockPages;
                End(slot);
                break;
            default:
                throw new InvalidOperationException($"a reply for operation {slot}, which waits for none");
        }
    }

    /// <summary>The request that gives a holding's memory back.</summary>
    public static Message FreeingOf(in Holding holding) => holding.Kind == HoldingKind.Vmalloc
        ? new Vfree(holding.Address).ToMessage()
        : new FreePageRange(holding.BlockPfn, holding.BlockPages).ToMessage();

    private static ulong PhysOf(in Holding holding) => PageGeometry.PhysOf(holding.StartPfn);

    private void StartPreserve(HoldingKind kind, Outbox outbox)
    {
        if (_state.TakeHolding(HoldingChoice.Preservable(kind), half: true, out Holding holding))
        {
            int slot = Begin(holding);
            AskPreserve(slot, holding, outbox);
            return;
        }

        StartAllocate(kind, outbox, preserve: true);
    }

    private void StartAllocate(HoldingKind kind, Outbox outbox, bool preserve)
    {
        Holding wanted = kind == HoldingKind.Range ? _state.DrawRange() : _state.DrawFolio();
        if (!_state.MayHold(wanted.BlockPages))
        {
            StartFree(outbox);
            return;
        }

        int order = System.Numerics.BitOperations.Log2(wanted.BlockPages);
        MigrateType type = preserve ? MigrateType.Unmovable : _state.DrawMigrateType();
        int slot = Begin(wanted with { Preserved = preserve, Movable = type == MigrateType.Movable });
        _state.HeldPages += wanted.BlockPages;
        Ask(slot, Step.Allocate, ActorId.Memblock, new AllocatePages(order, type, _state.DrawNode(), Zero: false).ToMessage(), outbox);
    }

    private void AfterAllocate(int slot, ref Task task, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            _state.HeldPages -= task.Holding.BlockPages;
            End(slot);
            return;
        }

        Holding wanted = task.Holding;
        ulong block = PageGeometry.PfnOf(result.Value);
        Holding holding = wanted with { BlockPfn = block, StartPfn = block + wanted.StartPfn, Preserved = false };
        _state.Fill(holding);
        if (wanted.Preserved)
        {
            task.Holding = holding;
            AskPreserve(slot, holding, outbox);
            return;
        }

        _state.Holdings.Add(holding);
        End(slot);
    }

    private void StartPreserveVmalloc(Outbox outbox)
    {
        if (_state.TakeHolding(HoldingChoice.Preservable(HoldingKind.Vmalloc), half: true, out Holding held))
        {
            AskPreserve(Begin(held), held, outbox);
            return;
        }

        Holding wanted = _state.DrawVmalloc(out int order);
        if (!_state.MayHold(wanted.BlockPages))
        {
            StartFree(outbox);
            return;
        }

        _state.HeldPages += wanted.BlockPages;
        VmallocAttributes flags = order == 0 ? VmallocAttributes.Alloc : VmallocAttributes.Alloc | VmallocAttributes.AllowHugeVmap;
        Ask(Begin(wanted), Step.Vmalloc, ActorId.Memblock, new Vmalloc(wanted.Pages, order, flags, Zero: false).ToMessage(), outbox);
    }

    private void AfterVmalloc(int slot, ref Task task, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            _state.HeldPages -= task.Holding.BlockPages;
            End(slot);
            return;
        }

        task.Holding = task.Holding with { Address = result.Value };
        _state.Fill(task.Holding);
        AskPreserve(slot, task.Holding, outbox);
    }

    private void AskPreserve(int slot, in Holding holding, Outbox outbox)
    {
        Message message = holding.Kind switch
        {
            HoldingKind.Range => new PagesRequest(holding.StartPfn, holding.Pages).ToMessage(KhoProtocol.PreservePages),
            HoldingKind.Vmalloc => new PreserveVmalloc(holding.Address, default).ToMessage(),
            _ => new FolioRequest(holding.StartPfn, holding.Order).ToMessage(KhoProtocol.PreserveFolio),
        };
        Ask(slot, Step.Preserve, ActorId.Kho, message, outbox);
    }

    private void AfterPreserve(int slot, ref Task task, KernelResult result)
    {
        Holding holding = task.Holding with { Descriptor = VmallocDescriptor.From(result.Value, result.Extra) };
        _state.Holdings.Add(result.Succeeded ? _state.Record(holding) : holding with { Preserved = false });
        End(slot);
    }

    private void StartAllocPreserve(HoldingKind kind, ulong sizeBytes, Outbox outbox)
    {
        ulong pages = 1UL << PageGeometry.OrderOf(sizeBytes);
        if (!_state.MayHold(pages))
        {
            StartFree(outbox);
            return;
        }

        _state.HeldPages += pages;
        int slot = Begin(new Holding { Kind = kind, Pages = pages, BlockPages = pages, Seed = _state.DrawSeed(), SizeBytes = sizeBytes, LedgerSlot = -1 });
        Ask(slot, Step.AllocPreserve, ActorId.Kho, new AllocPreserve(sizeBytes).ToMessage(), outbox);
    }

    private void AfterAllocPreserve(int slot, ref Task task, KernelResult result, Outbox outbox)
    {
        if (!result.Succeeded)
        {
            _state.HeldPages -= task.Holding.BlockPages;
            End(slot);
            return;
        }

        ulong pfn = PageGeometry.PfnOf(result.Value);
        task.Holding = task.Holding with { StartPfn = pfn, BlockPfn = pfn };
        _state.Fill(task.Holding);
        if (task.Holding.Kind == HoldingKind.Blob)
        {
            AddSubtree add = new(WorkloadState.BlobName(task.Holding.Seed), result.Value, task.Holding.SizeBytes);
            Ask(slot, Step.Publish, ActorId.Kho, add.ToMessage(), outbox);
            return;
        }

        _state.Holdings.Add(_state.Record(task.Holding));
        End(slot);
    }

    private void AfterPublish(int slot, ref Task task, KernelResult result, Outbox outbox)
    {
        if (result.Succeeded)
        {
            _state.Holdings.Add(_state.Record(task.Holding));
            End(slot);
            return;
        }

        Ask(slot, Step.UnpreserveFree, ActorId.Kho, new AddressRequest(PhysOf(task.Holding)).ToMessage(KhoProtocol.UnpreserveFree), outbox);
    }

    private void StartUnpreserve(Outbox outbox)
    {
        if (!_state.TakeHolding(HoldingChoice.PreservedMemory, half: false, out Holding holding))
        {
            return;
        }

        holding = _state.Forget(holding);
        int slot = Begin(holding);
        switch (holding.Kind)
        {
            case HoldingKind.Range:
                Ask(slot, Step.Unpreserve, ActorId.Kho, new PagesRequest(holding.StartPfn, holding.Pages).ToMessage(KhoProtocol.UnpreservePages), outbox);
                break;
            case HoldingKind.Vmalloc:
                Ask(slot, Step.Unpreserve, ActorId.Kho, new VmallocDescriptorRequest(holding.Descriptor).ToMessage(KhoProtocol.UnpreserveVmalloc), outbox);
                break;
            case HoldingKind.Folio:
                Ask(slot, Step.Unpreserve, ActorId.Kho, new FolioRequest(holding.StartPfn, holding.Order).ToMessage(KhoProtocol.UnpreserveFolio), outbox);
                break;
            default:
                Ask(slot, Step.UnpreserveFree, ActorId.Kho, new AddressRequest(PhysOf(holding)).ToMessage(KhoProtocol.UnpreserveFree), outbox);
                break;
        }
    }

    private void StartRemove(Outbox outbox)
    {
        if (_state.TakeHolding(HoldingChoice.PublishedBlob, half: false, out Holding holding))
        {
            int slot = Begin(_state.Forget(holding));
            Ask(slot, Step.Withdraw, ActorId.Kho, new AddressRequest(PhysOf(holding)).ToMessage(KhoProtocol.RemoveSubtree), outbox);
        }
    }

    private void AskMachine(ushort request, Outbox outbox, ulong word = 0, string? text = null) =>
        Ask(Begin(default), Step.Machine, ActorId.Machine, new Message(new MessageKind(request), word, Text: text), outbox);

    private void StartFree(Outbox outbox)
    {
        if (_state.TakeHolding(HoldingChoice.AnyUnpreserved, half: false, out Holding holding))
        {
            int slot = Begin(holding);
            Ask(slot, Step.Free, ActorId.Memblock, FreeingOf(holding), outbox);
        }
    }

    private int Begin(in Holding holding)
    {
        int slot = 0;
        while (slot < _tasks.Length && _tasks[slot].Step != Step.Idle)
        {
            slot++;
        }

        if (slot == _tasks.Length)
        {
            Array.Resize(ref _tasks, slot * 2);
        }

        _tasks[slot].Holding = holding;
        UnderWay++;
        return slot;
    }

    private void Ask(int slot, Step step, ActorId actor, in Message message, Outbox outbox)
    {
        _tasks[slot].Step = step;
        outbox.Send(actor, message, (uint)slot + 1);
    }

    private void End(int slot)
    {
        _tasks[slot].Step = Step.Idle;
        UnderWay--;
    }

    private struct Task
    {
        public Step Step;
        public Holding Holding;
    }
}
