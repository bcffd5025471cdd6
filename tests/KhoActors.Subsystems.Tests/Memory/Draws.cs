namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>splitmix64: the same draws on every machine, for random sequences that a failure message can name by their seed.</summary>
internal sealed class Draws(ulong seed)
{
    private ulong _state = seed * 0xD1342543DE82EF95UL;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public ulong Below(ulong limit) => Next() % limit;

    public bool OneIn(int n) => Below(n) == 0;
}
