using System.Diagnostics;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// Preserves a vmalloc area, all or nothing (kho_preserve_vmalloc, 6.18 on): a chain of chunk pages that are preserved one by one, and each
/// group of pages. A chunk that has become full gets its successor at once, even when no group is left. When something fails, everything
/// reached so far is un-preserved along the chain. A value without a tracker or an allocator: an actor keeps it between messages and may
/// be interrupted before every chunk and every block; <see cref="Run"/> drives it under one lock.
/// </summary>
public struct VmallocPreservation
{
    private readonly VmallocContext _context;
    private readonly VmallocArea _area;
    private readonly ulong _serial;
    private readonly int _areaOrder;
    private RangePreservation _range;
    private VmallocUnpreservation _undo;
    private ulong _chunkPhys;
    private ulong _newChunkPhys;
    private ulong _groupPhys;
    private int _entry;
    private int _group;
    private Stage _stage;

    /// <summary>Begins. The area's flags must be among <see cref="VmallocDescriptor.SupportedFlags"/>.</summary>
    /// <param name="context">The kernel.</param>
    /// <param name="area">The area.</param>
    /// <param name="before">What the client's descriptor holds before.</param>
    public VmallocPreservation(VmallocContext context, VmallocArea area, VmallocDescriptor before)
    {
        ArgumentNullException.ThrowIfNull(area);
        _context = context;
        _area = area;
        _serial = area.Serial;
        _areaOrder = area.PageOrder;
        Descriptor = before;
        _stage = Stage.NeedsChunk;
    }

    private enum Stage : byte
    {
        /// <summary>The next step asks for a chunk.</summary>
        NeedsChunk,

        /// <summary>A chunk is being allocated.</summary>
        AllocatingChunk,

        /// <summary>The new chunk's page is being tracked.</summary>
        TrackingChunk,

        /// <summary>The new chunk could not be preserved and is being freed.</summary>
        FreeingChunk,

        /// <summary>A group is being tracked.</summary>
        TrackingGroup,

        /// <summary>Everything is being undone along the chain.</summary>
        Undoing,

        /// <summary>It has ended.</summary>
        Done,
    }

    /// <summary>0, or the error that the preservation ends with. Final once <see cref="NextStep"/> gave false.</summary>
    public int Result { get; private set; }

    /// <summary>
    /// What the client's descriptor holds: the first chunk as soon as there is one, the other fields at the very end. After a failure it names
    /// a chunk that was freed.
    /// </summary>
    public VmallocDescriptor Descriptor { get; private set; }

    /// <summary>Blocks whose structures were missing when they were untracked again: the kernel warns for each.</summary>
    public int Missing { get; private set; }

    /// <summary>What to do next; its outcome must be reported to <see cref="Completed"/> before the next call.</summary>
    /// <param name="step">The step.</param>
    /// <returns>False when the preservation has ended with <see cref="Result"/>.</returns>
    /// <exception cref="SimulatedOopsException">The area was freed meanwhile.</exception>
    public bool NextStep(out VmallocStep step)
    {
        step = default;
        while (_stage != Stage.Done)
        {
            switch (_stage)
            {
                case Stage.NeedsChunk:
                    _stage = Stage.AllocatingChunk;
                    step = new VmallocStep(VmallocStepKind.AllocateChunk);
                    return true;
                case Stage.FreeingChunk:
                    step = VmallocStep.Free(_newChunkPhys);
                    return true;
                case Stage.Undoing:
                    if (_undo.NextStep(out step))
                    {
                        return true;
                    }

                    Missing += _undo.Missing;
                    _stage = Stage.Done;
                    break;
                default:
                    Debug.Assert(_stage is Stage.TrackingChunk or Stage.TrackingGroup, "the last step was not completed");
                    if (_range.NextStep(out TrackStep track))
                    {
                        step = VmallocStep.From(track);
                        return true;
                    }

                    Missing += _range.Missing;
                    AfterRange(_range.Result);
                    break;
            }
        }

        return false;
    }

    /// <summary>Reports how the last step ended.</summary>
    /// <param name="result">0 or a negative errno; for an allocation the value is the chunk's physical address.</param>
    public void Completed(KernelResult result)
    {
        switch (_stage)
        {
            case Stage.AllocatingChunk when !result.Succeeded:
                FailForChunk();
                break;
            case Stage.AllocatingChunk:
                _newChunkPhys = result.Value;
                BeginRange(Stage.TrackingChunk, _newChunkPhys, 1);
                break;
            case Stage.FreeingChunk:
                FailForChunk();
                break;
            case Stage.Undoing:
                _undo.Completed(result.Code);
                break;
            default:
                Debug.Assert(_stage is Stage.TrackingChunk or Stage.TrackingGroup, "no step was given out");
                _range.Completed(result.Code);
                break;
        }
    }

    /// <summary>Preserves an area at once.</summary>
    /// <param name="context">The kernel.</param>
    /// <param name="tracker">Records the blocks.</param>
    /// <param name="source">Gives the chunks.</param>
    /// <param name="area">The area.</param>
    /// <param name="before">What the client's descriptor holds before.</param>
    /// <returns>The preservation at its end.</returns>
    public static VmallocPreservation Run(VmallocContext context, ITracker tracker, IPageSource source, VmallocArea area, VmallocDescriptor before)
    {
        VmallocPreservation work = new(context, area, before);
        while (work.NextStep(out VmallocStep step))
        {
            work.Completed(step.Kind switch
            {
                VmallocStepKind.AllocateChunk => Allocated(source),
                VmallocStepKind.FreeChunk => Freed(source, step.Block.Phys),
                VmallocStepKind.Track => new KernelResult(tracker.Track(step.Block.Pfn, step.Block.Order)),
                _ => new KernelResult(tracker.Untrack(step.Block.Pfn, step.Block.Order) ? 0 : -Errno.ENOENT),
            });
        }

        return work;
    }

    private static KernelResult Allocated(IPageSource source)
    {
        ulong phys = source.AllocateZeroedPage();
        return phys == 0 ? new KernelResult(-Errno.ENOMEM) : new KernelResult(0, phys);
    }

    private static KernelResult Freed(IPageSource source, ulong phys)
    {
        source.FreePage(phys);
        return default;
    }

    private void BeginRange(Stage stage, ulong phys, ulong pages)
    {
        int refused = _context.CheckPreservable?.Invoke(PageGeometry.PfnOf(phys), pages) ?? 0;
        _stage = stage;
        if (refused != 0)
        {
            AfterRange(refused);
            return;
        }

        _range = new RangePreservation(PageGeometry.PfnOf(phys), pages, _context.NodeOfPfn);
    }

    private void AfterRange(int result)
    {
        if (_stage == Stage.TrackingChunk)
        {
            if (result != 0)
            {
                _stage = Stage.FreeingChunk;
                return;
            }

            LinkChunk();
            BeginGroup();
            return;
        }

        if (result != 0)
        {
            Undo(result);
            return;
        }

        _context.WritableChunk(_chunkPhys)[VmallocChunk.WordOf(_entry++)] = _groupPhys;
        _group++;
        if (_entry == VmallocChunk.Entries)
        {
            _stage = Stage.NeedsChunk;
            return;
        }

        BeginGroup();
    }

    private void LinkChunk()
    {
        if (_chunkPhys == 0)
        {
            Descriptor = Descriptor with { FirstChunkPhys = _newChunkPhys };
        }
        else
        {
            _context.WritableChunk(_chunkPhys)[0] = _newChunkPhys;
        }

        _chunkPhys = _newChunkPhys;
        _entry = 0;
    }

    private void BeginGroup()
    {
        if (_area.Serial != _serial)
        {
            throw new SimulatedOopsException("BUG: use-after-free in kho_preserve_vmalloc: the area was freed while it was preserved");
        }

        if (_group < _area.GroupPfns.Count)
        {
            _groupPhys = PageGeometry.PhysOf(_area.GroupPfns[_group]);
            BeginRange(Stage.TrackingGroup, _groupPhys, 1UL << _areaOrder);
            return;
        }

        Descriptor = Descriptor with
        {
            TotalPages = (uint)_area.Pages,
            Flags = VmallocDescriptor.FlagsOf(_area.Flags),
            Order = (ushort)_areaOrder,
        };
        _stage = Stage.Done;
    }

    /// <summary>A chunk that cannot be had is -ENOMEM whatever the reason, and the later ones' error was lost for a time.</summary>
    private void FailForChunk()
    {
        if (_chunkPhys == 0)
        {
            Result = -Errno.ENOMEM;
            _stage = Stage.Done;
            return;
        }

        Undo(_context.Defects.LosesNoMemory ? 0 : -Errno.ENOMEM);
    }

    private void Undo(int result)
    {
        Result = result;
        ushort order = _context.Defects.UndoReadsOldOrder ? Descriptor.Order : (ushort)_areaOrder;
        _undo = new VmallocUnpreservation(_context, Descriptor with { Order = order });
        _stage = Stage.Undoing;
    }
}
