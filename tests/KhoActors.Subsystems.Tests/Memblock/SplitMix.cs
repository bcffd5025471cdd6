namespace KhoActors.Subsystems.Tests.Memblock;

/// <summary>splitmix64: random sequences that a seed in a failure message repeats.</summary>
internal sealed class SplitMix(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    public ulong Below(ulong limit) => Next() % limit;
}
