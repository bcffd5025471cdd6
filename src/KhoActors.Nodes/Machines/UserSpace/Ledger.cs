using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Machines.UserSpace;

/// <summary>
/// The workload's own hand-over structure, in a preserved folio that is published as the sub-blob <c>workload</c>: the only thing by which
/// the next generation's workload knows what was preserved. Our layout, not the kernel's (workload-v1): a header of 32 bytes (u64 magic,
/// u64 slots, 16 bytes zero), then slots of 32 bytes: u64 kind (bits 0..7) and valid (bit 63), u64 first pfn, u64 pages (a blob: bytes),
/// u64 seed; of a vmalloc area, its descriptor in place of pfn and pages; all little-endian. A slot is written after its memory was
/// preserved and cleared before it is un-preserved, so at any jump it names only memory that survives.
/// </summary>
internal sealed class Ledger
{
    public const string SubtreeName = "workload";
    public const int Order = 1;
    public const ulong SizeBytes = PageGeometry.SizeBytes << Order;
    public const int Slots = (int)(SizeBytes / SlotBytes) - 1;

    private const int SlotBytes = 32;
    private const ulong Magic = 0x31_4C57_4D49_534FUL << 8 | 'K';
    private const ulong ValidBit = 1UL << 63;
    private readonly OwnedMemory _memory;
    private readonly ulong _phys;
    private int _nextSlot;

    private Ledger(OwnedMemory memory, ulong phys)
    {
        _memory = memory;
        _phys = phys;
    }

    /// <summary>Starts an empty ledger in zeroed memory.</summary>
    public static Ledger Create(OwnedMemory memory, ulong phys)
    {
        Ledger ledger = new(memory, phys);
        ledger.Word(0, 0) = Magic;
        ledger.Word(0, 1) = Slots;
        return ledger;
    }

    /// <summary>Opens the ledger of the previous generation.</summary>
    /// <returns>Null when the memory holds none: the header is not what a workload writes.</returns>
    public static Ledger? Open(OwnedMemory memory, ulong phys)
    {
        Ledger ledger = new(memory, phys);
        return ledger.Word(0, 0) == Magic && ledger.Word(0, 1) == Slots ? ledger : null;
    }

    /// <summary>Writes a holding into a free slot.</summary>
    /// <returns>The slot, or -1 when the ledger is full.</returns>
    public int Add(in Holding holding)
    {
        for (int tried = 0; tried < Slots; tried++, _nextSlot = (_nextSlot + 1) % Slots)
        {
            if (Word(_nextSlot + 1, 0) == 0)
            {
                int slot = _nextSlot;
                _nextSlot = (slot + 1) % Slots;
                Word(slot + 1, 1) = holding.Kind == HoldingKind.Vmalloc ? holding.Descriptor.Low : holding.StartPfn;
                Word(slot + 1, 2) = holding.Kind switch
                {
                    HoldingKind.Blob => holding.SizeBytes,
                    HoldingKind.Vmalloc => holding.Descriptor.High,
                    _ => holding.Pages,
                };
                Word(slot + 1, 3) = holding.Seed;
                Word(slot + 1, 0) = (ulong)holding.Kind | ValidBit;
                return slot;
            }
        }

        return -1;
    }

    /// <summary>Clears a slot.</summary>
    public void Remove(int slot)
    {
        for (int word = 0; word < 4; word++)
        {
            Word(slot + 1, word) = 0;
        }
    }

    /// <summary>Reads a slot.</summary>
    /// <returns>False when it is empty.</returns>
    public bool TryRead(int slot, out Holding holding)
    {
        ulong head = Word(slot + 1, 0);
        ulong startPfn = Word(slot + 1, 1);
        ulong extent = Word(slot + 1, 2);
        HoldingKind kind = (HoldingKind)(head & 0xFF);
        if (kind == HoldingKind.Vmalloc)
        {
            VmallocDescriptor descriptor = VmallocDescriptor.From(startPfn, extent);
            holding = new Holding
            {
                Kind = kind,
                Descriptor = descriptor,
                Pages = descriptor.TotalPages,
                BlockPages = descriptor.TotalPages,
                Seed = Word(slot + 1, 3),
                LedgerSlot = -1,
            };
            return (head & ValidBit) != 0;
        }

        ulong pages = kind == HoldingKind.Blob ? 1UL << PageGeometry.OrderOf(extent) : extent;
        holding = new Holding
        {
            Kind = kind,
            StartPfn = startPfn,
            Pages = pages,
            BlockPfn = startPfn,
            BlockPages = pages,
            Seed = Word(slot + 1, 3),
            SizeBytes = kind == HoldingKind.Blob ? extent : 0,
            LedgerSlot = -1,
        };
        return (head & ValidBit) != 0;
    }

    private ref ulong Word(int slot, int word)
    {
        ulong phys = _phys + ((ulong)slot * SlotBytes);
        return ref _memory.WritablePage(PageGeometry.PfnOf(phys))[((int)(phys & (PageGeometry.SizeBytes - 1)) >> 3) + word];
    }
}
