using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Kho;

/// <summary>Receives what a restore turns back into live pages: the page allocator's side. A struct, or a class that adopts the pages.</summary>
public interface IRestoredBlockReceiver
{
    /// <summary>A block came back: its pages are in use from now on.</summary>
    /// <param name="block">The block as it was stamped.</param>
    /// <param name="isFolio">True for one folio of that order, false for 2^order single pages.</param>
    void Restored(PreservedBlock block, bool isFolio);
}

/// <summary>
/// The restoring side of KHO (kho_restore_page): turns reserved blocks back into live memory, each once. The stamp alone decides how
/// much is taken; what the caller expects is never compared with it.
/// </summary>
/// <param name="stamps">The stamps of this kernel.</param>
/// <param name="isOnline">Whether a page frame number has a page (pfn_to_online_page).</param>
/// <param name="orderLimit">The largest order accepted, or null (<see cref="KernelBuild.RestoreOrderLimit"/>).</param>
/// <param name="log">Receives the warnings.</param>
public sealed class Restoration(PageStamps stamps, Func<ulong, bool> isOnline, int? orderLimit, KernelLog log)
{
    /// <summary>What stands for "nothing was restored": the kernel returns NULL.</summary>
    public const int Nothing = -1;

    /// <summary>Restores the block that starts at an address as one folio.</summary>
    /// <typeparam name="TReceiver">Who adopts the pages.</typeparam>
    /// <param name="phys">Physical address; its low 12 bits are ignored.</param>
    /// <param name="receiver">Called when the block is restored.</param>
    /// <returns>The order it was preserved with, or <see cref="Nothing"/>: silently when the page is offline, else with a warning.</returns>
    public int RestoreFolio<TReceiver>(ulong phys, ref TReceiver receiver)
        where TReceiver : IRestoredBlockReceiver => RestorePage(PageGeometry.PfnOf(phys), isFolio: true, ref receiver);

    /// <summary>
    /// Restores a run of pages as single pages. It is split by alignment and length only, whatever the NUMA nodes, and each piece's
    /// first page decides how much is taken: a run that was preserved in smaller blocks comes back in part.
    /// </summary>
    /// <typeparam name="TReceiver">Who adopts the pages.</typeparam>
    /// <param name="phys">Physical address; its low 12 bits are ignored.</param>
    /// <param name="pages">How many pages.</param>
    /// <param name="receiver">Called for each block that is restored.</param>
    /// <returns>0, or <see cref="Nothing"/> at the first piece that fails; pieces before it stay restored.</returns>
    public int RestorePages<TReceiver>(ulong phys, ulong pages, ref TReceiver receiver)
        where TReceiver : IRestoredBlockReceiver
    {
        foreach (PreservedBlock piece in new BlockSplit(PageGeometry.PfnOf(phys), pages))
        {
            if (RestorePage(piece.Pfn, isFolio: false, ref receiver) == Nothing)
            {
                return Nothing;
            }
        }

        return 0;
    }

    private int RestorePage<TReceiver>(ulong pfn, bool isFolio, ref TReceiver receiver)
        where TReceiver : IRestoredBlockReceiver
    {
        if (!isOnline(pfn))
        {
            return Nothing;
        }

        if (!stamps.TryRead(pfn, out int order) || order > (orderLimit ?? int.MaxValue))
        {
            log.Warn("kho_restore_page", once: true);
            return Nothing;
        }

        stamps.Clear(pfn);
        receiver.Restored(new PreservedBlock(pfn, order), isFolio);
        return order;
    }
}
