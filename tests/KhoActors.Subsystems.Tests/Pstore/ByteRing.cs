namespace KhoActors.Subsystems.Tests.Pstore;

/// <summary>Who lies in which bytes, and the order of descriptors; written without positions that grow for ever.</summary>
internal sealed class ByteRing(int size)
{
    // What a wrapping block leaves unused before the end still carries its id: it is gone when that is overwritten.
    private readonly List<(int Line, int Start, int End, int UnusedStart)> _blocks = [];
    private int _at;

    public int Oldest => _blocks[0].Line;

    public void Write(int line, string text, byte facility)
    {
        int reserved = Math.Min(Math.Min(text.Length, facility == 0 ? 1021 : 1023) + (facility == 0 ? 4 : 2), 1024);
        int bytes = (8 + reserved + 7) / 8 * 8;
        int start = _at + bytes <= size ? _at : 0;
        int unusedStart = start == _at ? size : _at;
        Evict(unusedStart, size);
        Evict(start, start + bytes);
        if (_blocks.Count == size / 32)
        {
            _blocks.RemoveAt(0);
        }

        _blocks.Add((line, start, start + bytes, unusedStart));
        _at = (start + bytes) % size;
    }

    private void Evict(int start, int end)
    {
        int last = _blocks.FindLastIndex(block => (block.Start < end && start < block.End) || block.UnusedStart < end);
        _blocks.RemoveRange(0, start < end ? last + 1 : 0);
    }
}
