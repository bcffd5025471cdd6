namespace KhoActors.Subsystems.Tmpfs.Preservation;

/// <summary>
/// A run of pages that are asked for one by one, a few requests under way at a time: the yield points of a long operation without a round
/// trip's wait for each page. After the first failure nothing more is asked, and the run ends when what was under way is answered.
/// </summary>
internal struct PageWindow
{
    /// <summary>How many requests are under way at most.</summary>
    public const int Width = 8;

    private int _next;
    private int _end;
    private int _underWay;

    /// <summary>Begins with positions from one to another.</summary>
    /// <param name="start">The first.</param>
    /// <param name="end">One past the last.</param>
    public PageWindow(int start, int end) => (_next, _end) = (start, end);

    /// <summary>0, or the first errno.</summary>
    public int Error { get; private set; }

    /// <summary>Whether everything is answered.</summary>
    public readonly bool IsDone => _underWay == 0 && _next == _end;

    /// <summary>The next position to ask for.</summary>
    /// <param name="position">The position.</param>
    /// <returns>False when enough is under way, or nothing is left.</returns>
    public bool TryNext(out int position)
    {
        position = _next;
        if (_next == _end || _underWay == Width)
        {
            return false;
        }

        _next++;
        _underWay++;
        return true;
    }

    /// <summary>A request was answered, or could not even be made.</summary>
    /// <param name="code">0 or more, or a negative errno.</param>
    public void Answered(int code)
    {
        _underWay--;
        if (code < 0)
        {
            Error = Error == 0 ? code : Error;
            _end = _next;
        }
    }

    /// <summary>A position needs no request.</summary>
    public void Skipped() => _underWay--;
}
