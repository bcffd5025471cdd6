using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Clients;

/// <summary>A call of a <see cref="SequentialClient"/> to another part of the kernel, and its result when it has returned.</summary>
/// <param name="to">Who is asked.</param>
/// <param name="message">The request.</param>
public sealed class KernelCall(ActorId to, Message message)
{
    /// <summary>Who is asked.</summary>
    public ActorId To => to;

    /// <summary>The request.</summary>
    public Message Message => message;

    /// <summary>What it returned; meaningful once the call was yielded.</summary>
    public KernelResult Result { get; internal set; }

    /// <summary>Its return value: 0, or a negative errno.</summary>
    public int Code => Result.Code;

    /// <summary>kho_alloc_preserve. <see cref="KernelResult.Value"/>: physical address of zeroed, preserved memory of the caller.</summary>
    /// <param name="sizeBytes">Bytes, rounded up to a folio; at most 4 MiB.</param>
    /// <returns>The call. -EINVAL, -E2BIG, -ENOMEM.</returns>
    public static KernelCall AllocPreserve(ulong sizeBytes) => new(ActorId.Kho, new AllocPreserve(sizeBytes).ToMessage());

    /// <summary>kho_unpreserve_free of what <see cref="AllocPreserve"/> gave.</summary>
    /// <param name="phys">Its address.</param>
    /// <returns>The call; cannot fail.</returns>
    public static KernelCall UnpreserveFree(ulong phys) => new(ActorId.Kho, new AddressRequest(phys).ToMessage(KhoProtocol.UnpreserveFree));

    /// <summary>kho_preserve_folio.</summary>
    /// <param name="phys">Address of the folio.</param>
    /// <param name="order">Its order.</param>
    /// <returns>The call. -EINVAL, -ENOMEM.</returns>
    public static KernelCall PreserveFolio(ulong phys, int order) =>
        new(ActorId.Kho, new FolioRequest(PageGeometry.PfnOf(phys), order).ToMessage(KhoProtocol.PreserveFolio));

    /// <summary>kho_unpreserve_folio.</summary>
    /// <param name="phys">Address of the folio.</param>
    /// <param name="order">Its order.</param>
    /// <returns>The call; cannot fail.</returns>
    public static KernelCall UnpreserveFolio(ulong phys, int order) =>
        new(ActorId.Kho, new FolioRequest(PageGeometry.PfnOf(phys), order).ToMessage(KhoProtocol.UnpreserveFolio));

    /// <summary>kho_restore_folio. <see cref="KernelResult.Value"/>: the folio's order; its pages are the caller's from then on.</summary>
    /// <param name="phys">Address of the folio.</param>
    /// <returns>The call. -ENOENT where the kernel returns NULL.</returns>
    public static KernelCall RestoreFolio(ulong phys) => new(ActorId.Kho, new AddressRequest(phys).ToMessage(KhoProtocol.RestoreFolio));

    /// <summary>kho_add_subtree.</summary>
    /// <param name="name">Name of the sub-node in the root FDT.</param>
    /// <param name="phys">Address of the blob.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <returns>The call. -EEXIST, -ENOMEM.</returns>
    public static KernelCall AddSubtree(string name, ulong phys, ulong sizeBytes) => new(ActorId.Kho, new AddSubtree(name, phys, sizeBytes).ToMessage());

    /// <summary>kho_remove_subtree.</summary>
    /// <param name="phys">Address of the blob.</param>
    /// <returns>The call; cannot fail.</returns>
    public static KernelCall RemoveSubtree(ulong phys) => new(ActorId.Kho, new AddressRequest(phys).ToMessage(KhoProtocol.RemoveSubtree));

    /// <summary>kho_retrieve_subtree. <see cref="KernelResult.Value"/>: address of the blob; <see cref="KernelResult.Extra"/>: its size.</summary>
    /// <param name="name">Name of the sub-node in the previous kernel's root FDT.</param>
    /// <returns>The call. -ENOENT (also without a previous kernel), -EINVAL.</returns>
    public static KernelCall RetrieveSubtree(string name) => new(ActorId.Kho, new RetrieveSubtree(name).ToMessage());
}
