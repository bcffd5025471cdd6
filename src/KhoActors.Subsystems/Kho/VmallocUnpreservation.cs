using System.Diagnostics;
using KhoActors.Subsystems.Memory;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>What work on a vmalloc area asks for next.</summary>
public enum VmallocStepKind : byte
{
    /// <summary>A zeroed page for a chunk; completed with its address.</summary>
    AllocateChunk,

    /// <summary>Free a chunk's page.</summary>
    FreeChunk,

    /// <summary>Track a block.</summary>
    Track,

    /// <summary>Untrack a block.</summary>
    Untrack,
}

/// <summary>A step of the work on a vmalloc area.</summary>
/// <param name="Kind">What is to be done.</param>
/// <param name="Block">The block to track or untrack; the page to free; nothing for an allocation.</param>
public readonly record struct VmallocStep(VmallocStepKind Kind, PreservedBlock Block = default)
{
    internal static VmallocStep From(TrackStep step) => new(step.IsUntrack ? VmallocStepKind.Untrack : VmallocStepKind.Track, step.Block);

    internal static VmallocStep Free(ulong chunkPhys) => new(VmallocStepKind.FreeChunk, new PreservedBlock(PageGeometry.PfnOf(chunkPhys), 0));
}

/// <summary>
/// Takes back the preservation of a vmalloc area and frees its chunks (kho_unpreserve_vmalloc, 6.19 on): for each chunk its own page, then
/// its groups, then the chunk is freed. It reads the chain in RAM as it goes. Cannot fail. Driven as <see cref="VmallocPreservation"/> is.
/// </summary>
public struct VmallocUnpreservation
{
    private readonly VmallocContext _context;
    private readonly ulong _pagesPerGroup;
    private RangeUnpreservation _range;
    private ulong _chunkPhys;
    private int _entry;
    private Stage _stage;

    /// <summary>Begins.</summary>
    /// <param name="context">The kernel.</param>
    /// <param name="descriptor">The client's descriptor, believed as it is.</param>
    public VmallocUnpreservation(VmallocContext context, VmallocDescriptor descriptor)
    {
        _context = context;
        _pagesPerGroup = context.Defects.UnpreservesSinglePages ? 1 : descriptor.PagesPerGroup;
        EnterChunk(descriptor.FirstChunkPhys);
    }

    private enum Stage : byte
    {
        /// <summary>Ranges of the chunk are untracked: its own page first.</summary>
        Untracking,

        /// <summary>The chunk's page is being freed.</summary>
        Freeing,

        /// <summary>No chunk is left.</summary>
        Done,
    }

    /// <summary>Blocks whose structures were missing: the kernel warns for each.</summary>
    public int Missing { get; private set; }

    /// <summary>What to do next; its outcome must be reported to <see cref="Completed"/> before the next call.</summary>
    /// <param name="step">The step.</param>
    /// <returns>False when the chain is done.</returns>
    /// <exception cref="SimulatedOopsException">The chain leads where there is no RAM.</exception>
    public bool NextStep(out VmallocStep step)
    {
        step = default;
        while (_stage == Stage.Untracking)
        {
            if (_range.NextStep(out TrackStep track))
            {
                step = VmallocStep.From(track);
                return true;
            }

            Missing += _range.Missing;
            ulong group = _context.EntryAt(_chunkPhys, ++_entry);
            if (group == 0)
            {
                _stage = Stage.Freeing;
                step = VmallocStep.Free(_chunkPhys);

                // The kernel reads the link before it frees the page, which poisons it.
                _chunkPhys = _context.NextChunk(_chunkPhys);
                return true;
            }

            BeginRange(group, _pagesPerGroup);
        }

        return false;
    }

    /// <summary>Reports how the last step ended.</summary>
    /// <param name="result">0, or -ENOENT for an untrack whose structure was missing.</param>
    public void Completed(int result)
    {
        if (_stage == Stage.Freeing)
        {
            EnterChunk(_chunkPhys);
            return;
        }

        Debug.Assert(_stage == Stage.Untracking, "no step was given out");
        _range.Completed(result);
    }

    /// <summary>Takes an area back at once.</summary>
    /// <param name="context">The kernel.</param>
    /// <param name="tracker">Holds the blocks.</param>
    /// <param name="source">Takes the chunks back.</param>
    /// <param name="descriptor">The client's descriptor.</param>
    /// <returns>Blocks whose structures were missing: the kernel warns for each.</returns>
    public static int Run(VmallocContext context, ITracker tracker, IPageSource source, VmallocDescriptor descriptor)
    {
        VmallocUnpreservation work = new(context, descriptor);
        while (work.NextStep(out VmallocStep step))
        {
            if (step.Kind == VmallocStepKind.FreeChunk)
            {
                source.FreePage(step.Block.Phys);
                work.Completed(0);
            }
            else
            {
                work.Completed(tracker.Untrack(step.Block.Pfn, step.Block.Order) ? 0 : -Errno.ENOENT);
            }
        }

        return work.Missing;
    }

    private void EnterChunk(ulong phys)
    {
        _chunkPhys = phys;
        _entry = -1;
        _stage = phys == 0 ? Stage.Done : Stage.Untracking;
        if (phys != 0)
        {
            BeginRange(phys, 1);
        }
    }

    private void BeginRange(ulong phys, ulong pages)
    {
        bool possible = _context.CheckUnpreservable is not { } check || check(pages) == 0;
        _range = new RangeUnpreservation(PageGeometry.PfnOf(phys), possible ? pages : 0, _context.NodeOfPfn);
    }
}
