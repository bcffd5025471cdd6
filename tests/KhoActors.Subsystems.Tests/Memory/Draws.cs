namespace KhoActors.Subsystems.Tests.Memory;

/// <summary>Draws of a random sequence that a failure message can name by its seed.</summary>
internal sealed class Draws(ulong seed)
{
    private readonly SplitMix64 _random = new(seed * 0xD1342543DE82EF95UL);

    public ulong Next() => _random.Next();

    public int Below(int limit) => _random.Index(limit);

    public ulong Below(ulong limit) => _random.Below(limit);

    public bool OneIn(int n) => Below(n) == 0;
}
