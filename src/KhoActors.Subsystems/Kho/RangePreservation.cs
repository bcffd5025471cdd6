using System.Diagnostics;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>What a range asks of its tracker next.</summary>
/// <param name="Block">The block.</param>
/// <param name="IsUntrack">False to track it, true to untrack it.</param>
public readonly record struct TrackStep(PreservedBlock Block, bool IsUntrack);

/// <summary>
/// Preserves a run of pages block by block, all or nothing (kho_preserve_pages). When a block fails, the blocks of what was
/// tracked so far are split anew and untracked. A value without a tracker: an actor keeps it between messages and may be
/// interrupted before every block; <see cref="Run"/> drives it under one lock.
/// </summary>
/// <param name="startPfn">First page.</param>
/// <param name="pages">How many; 0 preserves nothing and succeeds.</param>
/// <param name="nodeOfPfn">NUMA node of a page, when a block may not straddle nodes (7.1 on), or null.</param>
public struct RangePreservation(ulong startPfn, ulong pages, Func<ulong, int>? nodeOfPfn = null)
{
    private BlockSplit _split = new(startPfn, pages, nodeOfPfn);
    private bool _isAwaiting;

    /// <summary>0, or the error that the whole preservation ends with. Final once <see cref="NextStep"/> gave false.</summary>
    public int Result { get; private set; }

    /// <summary>Blocks whose structures were missing when they were untracked again: the kernel warns for each.</summary>
    public int Missing { get; private set; }

    /// <summary>What to do next; its outcome must be reported to <see cref="Completed"/> before the next call.</summary>
    /// <param name="step">The step.</param>
    /// <returns>False when the preservation has ended with <see cref="Result"/>.</returns>
    public bool NextStep(out TrackStep step)
    {
        Debug.Assert(!_isAwaiting, "the last step was not completed");
        _isAwaiting = _split.MoveNext();
        step = new TrackStep(_split.Current, IsUntrack: Result != 0);
        return _isAwaiting;
    }

    /// <summary>Reports how the last step ended.</summary>
    /// <param name="result">0, or a negative errno; for an untrack -ENOENT says that a structure was missing.</param>
    public void Completed(int result)
    {
        Debug.Assert(_isAwaiting, "no step was given out");
        Debug.Assert(result <= 0, "results are 0 or negative errno numbers");
        _isAwaiting = false;
        if (result == 0)
        {
            return;
        }

        if (Result != 0)
        {
            Missing++;
            return;
        }

        Result = result;
        _split = new BlockSplit(startPfn, _split.Current.Pfn - startPfn, nodeOfPfn);
    }

    /// <summary>Preserves a run of pages at once.</summary>
    /// <param name="tracker">Records the blocks.</param>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="nodeOfPfn">NUMA node of a page, when a block may not straddle nodes, or null.</param>
    /// <param name="missing">Blocks that could not be found again while a failure was undone: the kernel warns for each.</param>
    /// <returns>0, or the tracker's error with nothing of the run left behind.</returns>
    public static int Run(ITracker tracker, ulong startPfn, ulong pages, Func<ulong, int>? nodeOfPfn, out int missing)
    {
        missing = 0;
        var split = new BlockSplit(startPfn, pages, nodeOfPfn);
        while (split.MoveNext())
        {
            int result = tracker.Track(split.Current.Pfn, split.Current.Order);
            if (result != 0)
            {
                missing = RangeUnpreservation.Run(tracker, startPfn, split.Current.Pfn - startPfn, nodeOfPfn);
                return result;
            }
        }

        return 0;
    }
}
