using System.Diagnostics.CodeAnalysis;

namespace KhoActors.Nodes.Runtime;

/// <summary>
/// One substream of randomness. A draw is a pure function of the stream's key and a counter, so a stream is saved as one number, resumed anywhere, and
/// independent of how much any other stream draws.
/// </summary>
/// <remarks>
/// Draw i mixes (low key + (i + 1) * gamma) with the finaliser of splitmix64, then mixes the result xor the high key again. The second round keeps streams
/// apart: with one round all streams would be windows of one sequence of 2^64 numbers, and two of many would overlap.
/// </remarks>
[SuppressMessage("Naming", "CA1711", Justification = "A substream of random numbers is the field's word; nobody takes it for a System.IO.Stream.")]
public sealed class RandomStream
{
    /// <summary>The odd step of splitmix64.</summary>
    internal const ulong Gamma = 0x9e3779b97f4a7c15;

    private const ulong Million = 1_000_000;

    private readonly ulong _keyLow;
    private readonly ulong _keyHigh;
    private readonly DrawLog? _log;

    /// <summary>Opens a stream.</summary>
    /// <param name="path">Its name, from which its key derives.</param>
    /// <param name="counter">Draws already taken, when resumed.</param>
    /// <param name="log">Records or checks every draw, or null.</param>
    public RandomStream(SeedPath path, ulong counter = 0, DrawLog? log = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        Path = path;
        _keyLow = path.KeyLow;
        _keyHigh = path.KeyHigh;
        _log = log;
        Counter = counter;
    }

    /// <summary>Its name.</summary>
    public SeedPath Path { get; }

    /// <summary>Draws taken so far; part of snapshots and digests.</summary>
    public ulong Counter { get; private set; }

    /// <summary>The value of one draw, whether taken or not.</summary>
    /// <param name="index">Which draw, from 0.</param>
    /// <returns>64 uniform bits.</returns>
    public ulong Draw(ulong index) => Mix(Mix(_keyLow + ((index + 1) * Gamma)) ^ _keyHigh);

    /// <summary>Takes the next draw.</summary>
    /// <returns>64 uniform bits.</returns>
    public ulong NextUInt64() => Take(0);

    /// <summary>A uniform number below a bound, without the bias of a modulo.</summary>
    /// <remarks>
    /// The high half of draw * bound. Draws whose low half falls below 2^64 mod bound are thrown away and drawn again (Lemire's method), so that every
    /// result comes from equally many draws; for small bounds that happens once in 2^64 / bound draws.
    /// </remarks>
    /// <param name="bound">At least 1.</param>
    /// <returns>0 to bound - 1.</returns>
    public ulong NextBelow(ulong bound)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bound);
        ulong high = Math.BigMul(Take(bound), bound, out ulong low);
        if (low < bound)
        {
            ulong rejectBelow = (0 - bound) % bound;
            while (low < rejectBelow)
            {
                high = Math.BigMul(Take(bound), bound, out low);
            }
        }

        return high;
    }

    /// <summary>
    /// Whether something happens that happens at a rate. Takes exactly one draw at every rate, so that changing a rate shifts no later draw; the price is a
    /// bias below 2^-44.
    /// </summary>
    /// <param name="partsPerMillion">0 (never) to 1,000,000 (always).</param>
    /// <returns>Whether it happens.</returns>
    public bool Chance(uint partsPerMillion)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(partsPerMillion, (uint)Million);
        return Math.BigMul(Take(Million), Million, out _) < partsPerMillion;
    }

    /// <summary>Continues as if a number of draws had been taken.</summary>
    /// <param name="counter">A saved <see cref="Counter"/>.</param>
    public void Restore(ulong counter) => Counter = counter;

    /// <summary>The finaliser of splitmix64: a bijection of 64-bit words in which every input bit reaches every output bit.</summary>
    /// <param name="word">The word.</param>
    /// <returns>The mixed word.</returns>
    internal static ulong Mix(ulong word)
    {
        word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
        word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
        return word ^ (word >> 31);
    }

    private ulong Take(ulong bound)
    {
        ulong value = Draw(Counter);
        _log?.Observe(this, Counter, bound, value);
        Counter++;
        return value;
    }
}
