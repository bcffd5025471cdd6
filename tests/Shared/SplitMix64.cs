namespace KhoActors.Tests.Shared;

/// <summary>Random numbers of a test: the seed in a failure message repeats them, on every machine.</summary>
internal sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public ulong Below(ulong limit) => Next() % limit;

    /// <summary>An index into something with so many elements.</summary>
    public int Index(int count) => (int)(Next() % (ulong)count);
}
