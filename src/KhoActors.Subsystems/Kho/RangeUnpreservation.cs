using System.Diagnostics;
using KhoActors.Subsystems.Tracking;

namespace KhoActors.Subsystems.Kho;

/// <summary>
/// Takes back the preservation of a run of pages (kho_unpreserve_pages). It must be the very run that was preserved, split the same
/// way: another one clears other bits. Cannot fail; see <see cref="RangePreservation"/> for how to drive it.
/// </summary>
/// <param name="startPfn">First page.</param>
/// <param name="pages">How many.</param>
/// <param name="nodeOfPfn">NUMA node of a page, when blocks did not straddle nodes, or null.</param>
public struct RangeUnpreservation(ulong startPfn, ulong pages, Func<ulong, int>? nodeOfPfn = null)
{
    private BlockSplit _split = new(startPfn, pages, nodeOfPfn);
    private bool _isAwaiting;

    /// <summary>Blocks whose structures were missing: the kernel warns for each.</summary>
    public int Missing { get; private set; }

    /// <summary>What to untrack next; its outcome must be reported to <see cref="Completed"/> before the next call.</summary>
    /// <param name="step">The step.</param>
    /// <returns>False when the run is done.</returns>
    public bool NextStep(out TrackStep step)
    {
        Debug.Assert(!_isAwaiting, "the last step was not completed");
        _isAwaiting = _split.MoveNext();
        step = new TrackStep(_split.Current, IsUntrack: true);
        return _isAwaiting;
    }

    /// <summary>Reports how the last step ended.</summary>
    /// <param name="result">0, or -ENOENT when a structure was missing.</param>
    public void Completed(int result)
    {
        Debug.Assert(_isAwaiting, "no step was given out");
        _isAwaiting = false;
        Missing += result == 0 ? 0 : 1;
    }

    /// <summary>Takes back a run at once.</summary>
    /// <param name="tracker">Holds the blocks.</param>
    /// <param name="startPfn">First page.</param>
    /// <param name="pages">How many.</param>
    /// <param name="nodeOfPfn">NUMA node of a page, when blocks did not straddle nodes, or null.</param>
    /// <returns>Blocks whose structures were missing: the kernel warns for each.</returns>
    public static int Run(ITracker tracker, ulong startPfn, ulong pages, Func<ulong, int>? nodeOfPfn = null)
    {
        int missing = 0;
        var split = new BlockSplit(startPfn, pages, nodeOfPfn);
        while (split.MoveNext())
        {
            missing += tracker.Untrack(split.Current.Pfn, split.Current.Order) ? 0 : 1;
        }

        return missing;
    }
}
