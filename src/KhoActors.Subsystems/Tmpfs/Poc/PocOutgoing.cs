using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Subsystems.Tmpfs.Poc;

/// <summary>
/// The switch <c>active</c> of the KHO of 2024 on today's core. Writing 1 is the event DUMP: the tree is written as things stand and published,
/// and each piece of memory that it lists is preserved. Nothing is frozen: who writes goes on, and neither tree nor tracker learns of it. Writing 0
/// is the event ABORT and undoes all of it.
/// </summary>
/// <param name="kernel">The kernel.</param>
/// <param name="state">Bitmap and slab.</param>
/// <param name="supers">The mounted file systems, newest first.</param>
internal sealed class PocOutgoing(ClientKernel kernel, PocState state, Func<IReadOnlyList<PocSuper>> supers)
{
    private readonly List<PreservedBlock> _listed = [];
    private ulong _treePhys;

    /// <summary>Whether <c>active</c> is 1.</summary>
    public bool IsActive { get; private set; }

    /// <summary>Whether any piece of memory that is handed over lies in scratch: the loader of 2024 refused to load then.</summary>
    public bool OverlapsScratch => _listed.Exists(block => kernel.OverlapsScratch(block.Phys, (ulong)PageGeometry.SizeBytes << block.Order));

    /// <summary>Writes 1 to <c>active</c>; nothing happens when it is 1.</summary>
    /// <param name="refusesScratch">Whether memory in scratch is an error, as it is to the loader.</param>
    /// <param name="call">Its result: 0; -ENOMEM without scratch, that is without KHO; -EINVAL for every failure while serializing, all of it undone.</param>
    /// <returns>The requests, each to be answered before the next.</returns>
    public IEnumerable<Message> Dump(bool refusesScratch, PocCall call)
    {
        if (IsActive || !kernel.KhoEnabled)
        {
            call.Result = IsActive ? 0 : -Errno.ENOMEM;
            yield break;
        }

        if (Serialize() is not { } tree || (refusesScratch && OverlapsScratch))
        {
            call.Result = -Errno.EINVAL;
            yield break;
        }

        yield return new AllocPreserve((ulong)tree.Length).ToMessage();
        if (!call.Reply.Succeeded)
        {
            call.Result = -Errno.EINVAL;
            yield break;
        }

        _treePhys = call.Reply.Value;
        kernel.Memory.Write(_treePhys, tree);
        int preserved = 0;
        for (; call.Reply.Succeeded && preserved < _listed.Count; preserved++)
        {
            yield return new FolioRequest(_listed[preserved].Pfn, _listed[preserved].Order).ToMessage(KhoProtocol.PreserveFolio);
        }

        if (!call.Reply.Succeeded)
        {
            preserved--;
        }
        else
        {
            yield return new AddSubtree(PocTree.SubtreeName, _treePhys, (ulong)tree.Length).ToMessage();
        }

        IsActive = call.Reply.Succeeded;
        if (IsActive)
        {
            yield break;
        }

        call.Result = -Errno.EINVAL;
        foreach (Message undo in Undo(preserved))
        {
            yield return undo;
        }
    }

    /// <summary>Writes 0 to <c>active</c>; nothing happens when it is 0.</summary>
    /// <returns>The requests, each to be answered before the next.</returns>
    public IEnumerable<Message> Abort()
    {
        if (IsActive)
        {
            IsActive = false;
            yield return new AddressRequest(_treePhys).ToMessage(KhoProtocol.RemoveSubtree);
            foreach (Message undo in Undo(_listed.Count))
            {
                yield return undo;
            }
        }
    }

    private IEnumerable<Message> Undo(int preserved)
    {
        while (preserved-- > 0)
        {
            yield return new FolioRequest(_listed[preserved].Pfn, _listed[preserved].Order).ToMessage(KhoProtocol.UnpreserveFolio);
        }

        yield return new AddressRequest(_treePhys).ToMessage(KhoProtocol.UnpreserveFree);
    }

    private byte[]? Serialize()
    {
        List<ulong> pages = state.Bitmap?.ToList() ?? [];
        _listed.Clear();
        foreach (ulong pfn in pages)
        {
            _listed.Add(new PreservedBlock(pfn, 0));
        }

        foreach (ulong block in state.Slab.Blocks)
        {
            _listed.Add(new PreservedBlock(PageGeometry.PfnOf(block), PocSlab.BlockOrder));
        }

        return PocTree.Write(pages, state.Slab.Blocks, state.Slab.FirstFree, supers());
    }
}
