namespace KhoActors.Conformance;

/// <summary>Random numbers of a test: the seed in a failure message repeats them.</summary>
internal static class SplitMix64
{
    /// <summary>The next number.</summary>
    public static ulong Next(ref ulong state)
    {
        state += 0x9e3779b97f4a7c15;
        ulong z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
