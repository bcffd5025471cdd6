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

    /// <summary>
    /// Writes 1 to <c>active</c>; nothing happens when it is 1. Answers 0; -ENOMEM without scratch, that is without KHO; -EINVAL for every failure
    /// while serializing, all of it undone.
    /// </summary>
    /// <param name="refusesScratch">Whether memory in scratch is an error, as it is to the loader.</param>
    /// <param name="request">Receives the answer.</param>
    /// <returns>The calls to the KHO core.</returns>
    public IEnumerable<KernelCall> Dump(bool refusesScratch, ClientRequest request)
    {
        if (IsActive || !kernel.KhoEnabled)
        {
            request.Return(IsActive ? 0 : -Errno.ENOMEM);
            yield break;
        }

        request.Return(-Errno.EINVAL);
        if (Serialize() is not { } tree || (refusesScratch && OverlapsScratch))
        {
            yield break;
        }

        KernelCall call = KernelCall.AllocPreserve((ulong)tree.Length);
        yield return call;
        if (call.Code != 0)
        {
            yield break;
        }

        _treePhys = call.Result.Value;
        kernel.Memory.Write(_treePhys, tree);
        int preserved = 0;
        for (; preserved < _listed.Count; preserved++)
        {
            call = KernelCall.PreserveFolio(_listed[preserved].Phys, _listed[preserved].Order);
            yield return call;
            if (call.Code != 0)
            {
                break;
            }
        }

        if (preserved == _listed.Count)
        {
            call = KernelCall.AddSubtree(PocTree.SubtreeName, _treePhys, (ulong)tree.Length);
            yield return call;
        }

        IsActive = call.Code == 0;
        if (IsActive)
        {
            request.Return(0);
            yield break;
        }

        foreach (KernelCall undo in Undo(preserved))
        {
            yield return undo;
        }
    }

    /// <summary>Writes 0 to <c>active</c>; nothing happens when it is 0.</summary>
    /// <returns>The calls to the KHO core.</returns>
    public IEnumerable<KernelCall> Abort()
    {
        if (IsActive)
        {
            IsActive = false;
            yield return KernelCall.RemoveSubtree(_treePhys);
            foreach (KernelCall undo in Undo(_listed.Count))
            {
                yield return undo;
            }
        }
    }

    private IEnumerable<KernelCall> Undo(int preserved)
    {
        while (preserved-- > 0)
        {
            yield return KernelCall.UnpreserveFolio(_listed[preserved].Phys, _listed[preserved].Order);
        }

        yield return KernelCall.UnpreserveFree(_treePhys);
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
