namespace KhoActors.Nodes.History;

/// <summary>
/// When a round of checkpoints is due: often enough that a resumed run repeats little, seldom enough that the rounds cost a twentieth of
/// the time at most. Times are milliseconds of any clock that only goes forward.
/// </summary>
internal sealed class CheckpointPolicy
{
    /// <summary>Least time between two rounds.</summary>
    public const long IntervalMilliseconds = 30_000;

    /// <summary>A round that took so long waits this many times as long.</summary>
    public const int CostShare = 20;

    private long _last;
    private double _cost;
    private bool _isRound;

    /// <summary>Begins to count.</summary>
    /// <param name="now">The time.</param>
    public CheckpointPolicy(long now) => _last = now;

    /// <summary>Whether machines should leave checkpoints: from the moment on when a round is due until it is done.</summary>
    /// <param name="now">The time.</param>
    /// <returns>Whether they should.</returns>
    public bool Wants(long now)
    {
        long since = now - _last;
        if (!_isRound && since >= IntervalMilliseconds && _cost * CostShare <= since)
        {
            _isRound = true;
            _cost = 0;
        }

        return _isRound;
    }

    /// <summary>Counts what writing checkpoints cost; those of a round may be written after it was handed over.</summary>
    /// <param name="milliseconds">Time.</param>
    public void Spent(double milliseconds) => _cost += milliseconds;

    /// <summary>A round was handed over.</summary>
    /// <param name="now">The time.</param>
    public void Done(long now) => (_isRound, _last) = (false, now);
}
