namespace KhoActors.Nodes.Runtime;

/// <summary>
/// Compares two executions draw by draw. The first records one small hash per draw of all streams together, in the order they are taken; the second is
/// checked against it and stops at the first draw that differs, which lies close to the cause, unlike a digest that differs at the end.
/// </summary>
public sealed class DrawLog
{
    private readonly bool _checking;
    private ushort[] _hashes;
    private int _recorded;
    private int _position;

    private DrawLog(ushort[] hashes, int recorded, bool checking)
    {
        _hashes = hashes;
        _recorded = recorded;
        _checking = checking;
    }

    /// <summary>Draws recorded, or checked so far.</summary>
    public int Count => _checking ? _position : _recorded;

    /// <summary>Starts to record.</summary>
    /// <returns>An empty log.</returns>
    public static DrawLog Record() => new(new ushort[256], 0, checking: false);

    /// <summary>A log that checks another execution against this recorded one.</summary>
    /// <returns>A log at its beginning; this one stays as it is.</returns>
    public DrawLog Check()
    {
        if (_checking)
        {
            throw new InvalidOperationException("this log checks; only a recorded log can be checked against");
        }

        return new DrawLog(_hashes, _recorded, checking: true);
    }

    /// <summary>Ends a check: the execution must have drawn as often as the recorded one.</summary>
    /// <exception cref="DivergenceException">It drew less often.</exception>
    public void Finish()
    {
        if (_checking && _position != _recorded)
        {
            throw new DivergenceException($"the execution ended after {_position} draws, the recorded one took {_recorded}");
        }
    }

    internal void Observe(RandomStream stream, ulong counter, ulong bound, ulong value)
    {
        ulong mixed = RandomStream.Mix(stream.Path.KeyLow ^ RandomStream.Mix(counter ^ RandomStream.Mix(bound ^ value)));
        ushort hash = (ushort)(mixed >> 48);
        if (_checking)
        {
            Compare(stream, counter, bound, hash);
            return;
        }

        if (_recorded == _hashes.Length)
        {
            Array.Resize(ref _hashes, _recorded * 2);
        }

        _hashes[_recorded++] = hash;
    }

    private void Compare(RandomStream stream, ulong counter, ulong bound, ushort hash)
    {
        if (_position == _recorded || _hashes[_position] != hash)
        {
            string recorded = _position == _recorded ? "the recorded execution took no more" : "the recorded execution took another";
            string below = bound == 0 ? string.Empty : $" (below {bound})";
            throw new DivergenceException($"draw {_position} differs: stream {stream.Path}, counter {counter}{below}; {recorded}");
        }

        _position++;
    }
}
