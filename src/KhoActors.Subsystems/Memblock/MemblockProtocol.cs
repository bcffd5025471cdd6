using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Memblock;

/// <summary>Requests that memblock, owner of the page allocator after boot, answers with a <see cref="KernelResult"/>.</summary>
public static class MemblockProtocol
{
    /// <summary>alloc_pages.</summary>
    public const ushort AllocatePages = 0x0101;

    /// <summary>free_pages.</summary>
    public const ushort FreePages = 0x0102;

    /// <summary>reserve_mem_init (late_initcall): preserve the regions, publish their blob.</summary>
    public const ushort ReserveMemInit = 0x0104;

    /// <summary>Hand the scratch areas to the buddy allocator as CMA pageblocks (kho_release_scratch).</summary>
    public const ushort ReleaseScratch = 0x0105;

    /// <summary>free_contig_range.</summary>
    public const ushort FreeRange = 0x0106;

    /// <summary>reserve_mem_find_by_name.</summary>
    public const ushort FindReserveMem = 0x0107;

    /// <summary>vmalloc, vzalloc, vmalloc_huge.</summary>
    public const ushort Vmalloc = 0x0108;

    /// <summary>vfree.</summary>
    public const ushort Vfree = 0x0109;
}

/// <summary>alloc_pages. Result value: physical address; -ENOMEM. The pages belong to the sender.</summary>
/// <param name="Order">0..10.</param>
/// <param name="Type">Mobility; CMA pageblocks serve only movable requests.</param>
/// <param name="Node">Preferred node, or -1.</param>
/// <param name="Zero">Whether the pages must read as zero.</param>
public readonly record struct AllocatePages(int Order, MigrateType Type, int Node, bool Zero)
{
    /// <summary>The message.</summary>
    /// <returns>Words: order, type, node, zero.</returns>
    public Message ToMessage() =>
        new(new MessageKind(MemblockProtocol.AllocatePages), (ulong)Order, (ulong)Type, (ulong)(long)Node, Zero ? 1UL : 0);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static AllocatePages From(in Message message) => new((int)message.A, (MigrateType)message.B, (int)(long)message.C, message.D != 0);
}

/// <summary>free_pages of a block that belongs to the sender; anything else is an ownership violation.</summary>
/// <param name="Phys">Physical address of its head.</param>
/// <param name="Order">Its order.</param>
public readonly record struct FreePages(ulong Phys, int Order)
{
    /// <summary>The message.</summary>
    /// <returns>Words: address, order.</returns>
    public Message ToMessage() => new(new MessageKind(MemblockProtocol.FreePages), Phys, (ulong)Order);
}

/// <summary>free_contig_range: gives back every block of the sender inside a run of pages.</summary>
/// <param name="Pfn">First page.</param>
/// <param name="Pages">How many.</param>
public readonly record struct FreePageRange(ulong Pfn, ulong Pages)
{
    /// <summary>The message.</summary>
    /// <returns>Words: pfn, pages.</returns>
    public Message ToMessage() => new(new MessageKind(MemblockProtocol.FreeRange), Pfn, Pages);
}

/// <summary>
/// reserve_mem_find_by_name, by position in the table. Result value: start; extra: bytes; -ENOENT past the last region.
/// </summary>
/// <param name="Index">Position, in the order of the options.</param>
public readonly record struct FindReserveMem(int Index)
{
    /// <summary>The message.</summary>
    /// <returns>Words: index.</returns>
    public Message ToMessage() => new(new MessageKind(MemblockProtocol.FindReserveMem), (ulong)Index);
}

/// <summary>
/// vmalloc. Result value: the virtual address of a new area whose pages belong to the sender; extra: its pages; -ENOMEM. See
/// <see cref="VmallocAreas.Allocate"/>.
/// </summary>
/// <param name="Pages">Pages, rounded up to whole groups.</param>
/// <param name="Order">Order of the groups of contiguous pages: 0, or 9 for huge mappings.</param>
/// <param name="Flags">Flags of the area.</param>
/// <param name="Zero">Whether the pages must read as zero.</param>
public readonly record struct Vmalloc(ulong Pages, int Order, VmallocAttributes Flags, bool Zero)
{
    /// <summary>The message.</summary>
    /// <returns>Words: pages, order, flags, zero.</returns>
    public Message ToMessage() => new(new MessageKind(MemblockProtocol.Vmalloc), Pages, (ulong)Order, (ulong)Flags, Zero ? 1UL : 0);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static Vmalloc From(in Message message) => new(message.A, (int)message.B, (VmallocAttributes)message.C, message.D != 0);
}

/// <summary>vfree of an area whose pages belong to the sender. Always answered with 0; an address that is no area's only warns.</summary>
/// <param name="Address">Its virtual address; 0 does nothing.</param>
public readonly record struct Vfree(ulong Address)
{
    /// <summary>The message.</summary>
    /// <returns>Words: address.</returns>
    public Message ToMessage() => new(new MessageKind(MemblockProtocol.Vfree), Address);
}
