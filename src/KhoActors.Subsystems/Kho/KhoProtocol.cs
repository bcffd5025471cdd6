using KhoActors.Subsystems.Actors;

namespace KhoActors.Subsystems.Kho;

/// <summary>Requests that the KHO core answers, each with a <see cref="KernelResult"/>. Numbers are part of digests and histories.</summary>
public static class KhoProtocol
{
    /// <summary>kho_init (fs_initcall).</summary>
    public const ushort Init = 0x0201;

    /// <summary>kho_preserve_folio.</summary>
    public const ushort PreserveFolio = 0x0202;

    /// <summary>kho_unpreserve_folio.</summary>
    public const ushort UnpreserveFolio = 0x0203;

    /// <summary>kho_preserve_pages.</summary>
    public const ushort PreservePages = 0x0204;

    /// <summary>kho_unpreserve_pages.</summary>
    public const ushort UnpreservePages = 0x0205;

    /// <summary>kho_alloc_preserve.</summary>
    public const ushort AllocPreserve = 0x0206;

    /// <summary>kho_unpreserve_free.</summary>
    public const ushort UnpreserveFree = 0x0207;

    /// <summary>kho_restore_folio.</summary>
    public const ushort RestoreFolio = 0x0208;

    /// <summary>kho_restore_pages.</summary>
    public const ushort RestorePages = 0x0209;

    /// <summary>kho_add_subtree.</summary>
    public const ushort AddSubtree = 0x020A;

    /// <summary>kho_remove_subtree.</summary>
    public const ushort RemoveSubtree = 0x020B;

    /// <summary>kho_retrieve_subtree.</summary>
    public const ushort RetrieveSubtree = 0x020C;

    /// <summary>kho_preserve_vmalloc.</summary>
    public const ushort PreserveVmalloc = 0x020D;

    /// <summary>kho_unpreserve_vmalloc.</summary>
    public const ushort UnpreserveVmalloc = 0x020E;

    /// <summary>kho_restore_vmalloc.</summary>
    public const ushort RestoreVmalloc = 0x020F;
}

/// <summary>kho_preserve_folio or its undoing. Result: 0, -EINVAL (scratch under debug; KHO off), -ENOMEM.</summary>
/// <param name="Pfn">Head page.</param>
/// <param name="Order">The folio's order.</param>
public readonly record struct FolioRequest(ulong Pfn, int Order)
{
    /// <summary>The message.</summary>
    /// <param name="kind"><see cref="KhoProtocol.PreserveFolio"/> or <see cref="KhoProtocol.UnpreserveFolio"/>.</param>
    /// <returns>Words: pfn, order.</returns>
    public Message ToMessage(ushort kind) => new(new MessageKind(kind), Pfn, (ulong)Order);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static FolioRequest From(in Message message) => new(message.A, (int)message.B);
}

/// <summary>kho_preserve_pages, its undoing, or kho_restore_pages. Result: as for folios; restore gives -EINVAL when a piece has no record.</summary>
/// <param name="Pfn">First page.</param>
/// <param name="Pages">How many; 0 is allowed and does nothing.</param>
public readonly record struct PagesRequest(ulong Pfn, ulong Pages)
{
    /// <summary>The message.</summary>
    /// <param name="kind">A kind of <see cref="KhoProtocol"/> that takes pages.</param>
    /// <returns>Words: pfn, pages.</returns>
    public Message ToMessage(ushort kind) => new(new MessageKind(kind), Pfn, Pages);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static PagesRequest From(in Message message) => new(message.A, message.B);
}

/// <summary>kho_alloc_preserve. Result value: the physical address. -EINVAL for 0 bytes, -E2BIG above order 10, -ENOMEM.</summary>
/// <param name="SizeBytes">Bytes, rounded up to a folio.</param>
public readonly record struct AllocPreserve(ulong SizeBytes)
{
    /// <summary>The message.</summary>
    /// <returns>Words: bytes.</returns>
    public Message ToMessage() => new(new MessageKind(KhoProtocol.AllocPreserve), SizeBytes);
}

/// <summary>kho_unpreserve_free, or kho_restore_folio, of the folio at an address. A restore's result value is the folio's order.</summary>
/// <param name="Phys">Physical address.</param>
public readonly record struct AddressRequest(ulong Phys)
{
    /// <summary>The message.</summary>
    /// <param name="kind">A kind of <see cref="KhoProtocol"/> that takes an address.</param>
    /// <returns>Words: address.</returns>
    public Message ToMessage(ushort kind) => new(new MessageKind(kind), Phys);
}

/// <summary>kho_add_subtree. Result: 0, -EEXIST, -ENOMEM, or a raw libfdt code on ABIs that return it.</summary>
/// <param name="Name">Name of the sub-node.</param>
/// <param name="Phys">Physical address of the blob.</param>
/// <param name="SizeBytes">Its size, published where the ABI has a size property.</param>
public readonly record struct AddSubtree(string Name, ulong Phys, ulong SizeBytes)
{
    /// <summary>The message.</summary>
    /// <returns>Words: address, size; text: name.</returns>
    public Message ToMessage() => new(new MessageKind(KhoProtocol.AddSubtree), Phys, SizeBytes, Text: Name);
}

/// <summary>kho_retrieve_subtree. Result value: address; extra: size. -ENOENT, -EINVAL: see <see cref="SubtreeLookup"/>.</summary>
/// <param name="Name">Name of the sub-node.</param>
public readonly record struct RetrieveSubtree(string Name)
{
    /// <summary>The message.</summary>
    /// <returns>Text: name.</returns>
    public Message ToMessage() => new(new MessageKind(KhoProtocol.RetrieveSubtree), Text: Name);
}

/// <summary>
/// kho_preserve_vmalloc. Result: 0, -EINVAL (no area there; memory refused), -EOPNOTSUPP (flags of the area), -ENOMEM. Value and extra are
/// the two words of the descriptor as the kernel leaves it, also after a failure: the client writes them into its memory itself.
/// </summary>
/// <param name="Address">Any virtual address in the area.</param>
/// <param name="Before">What the client's descriptor holds.</param>
public readonly record struct PreserveVmalloc(ulong Address, VmallocDescriptor Before)
{
    /// <summary>The message.</summary>
    /// <returns>Words: address, the descriptor's two.</returns>
    public Message ToMessage() => new(new MessageKind(KhoProtocol.PreserveVmalloc), Address, Before.Low, Before.High);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static PreserveVmalloc From(in Message message) => new(message.A, VmallocDescriptor.From(message.B, message.C));
}

/// <summary>
/// kho_unpreserve_vmalloc, which cannot fail, or kho_restore_vmalloc, whose result value is the new area's virtual address, and its extra
/// the pages; -ENOENT where the kernel returns NULL, and pages restored by then are lost.
/// </summary>
/// <param name="Descriptor">The descriptor.</param>
public readonly record struct VmallocDescriptorRequest(VmallocDescriptor Descriptor)
{
    /// <summary>The message.</summary>
    /// <param name="kind">A kind of <see cref="KhoProtocol"/> that takes a descriptor.</param>
    /// <returns>Words: the descriptor's two.</returns>
    public Message ToMessage(ushort kind) => new(new MessageKind(kind), Descriptor.Low, Descriptor.High);

    /// <summary>Reads the message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The request.</returns>
    public static VmallocDescriptorRequest From(in Message message) => new(VmallocDescriptor.From(message.A, message.B));
}
