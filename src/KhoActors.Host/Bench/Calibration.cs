using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KhoActors.Host.Bench;

/// <summary>
/// Figures of the computer itself, printed before any other, so that results from two computers can be compared: a dependent
/// integer chain, memory bandwidth, memory latency. Each is the best of several rounds, as other load only ever slows one down.
/// </summary>
/// <param name="SplitmixNanoseconds">One step of splitmix64, each fed to the next.</param>
/// <param name="ClearGibPerSecond">Clearing 64 MiB.</param>
/// <param name="CacheMissNanoseconds">One load from a random line of 64 MiB that depends on the load before.</param>
internal sealed record Calibration(double SplitmixNanoseconds, double ClearGibPerSecond, double CacheMissNanoseconds)
{
    private const int Rounds = 5;
    private const int SplitmixSteps = 10_000_000;
    private const int BufferBytes = 64 << 20;
    private const int LineWords = 16;
    private const int Misses = 1_000_000;

    /// <summary>Measures; takes about a second.</summary>
    /// <returns>The figures.</returns>
    public static Calibration Measure()
    {
        uint[] buffer = new uint[BufferBytes / sizeof(uint)];
        double clearSeconds = Best(() => buffer.AsSpan().Clear());
        LinkRandomly(buffer);
        return new Calibration(
            Best(static () => Keep(Splitmix(SplitmixSteps))) * 1e9 / SplitmixSteps,
            BufferBytes / clearSeconds / (1L << 30),
            Best(() => Keep(Chase(buffer))) * 1e9 / Misses);
    }

    /// <summary>The best time of several rounds of an action.</summary>
    /// <param name="action">The action; the first round also compiles it.</param>
    /// <returns>Seconds.</returns>
    public static double Best(Action action)
    {
        double best = double.MaxValue;
        for (int round = 0; round <= Rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            best = round == 0 ? best : Math.Min(best, seconds);
        }

        return best;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Splitmix(int steps)
    {
        ulong state = 0;
        for (int i = 0; i < steps; i++)
        {
            state = Step(state);
        }

        return state;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Step(ulong state)
    {
        ulong z = state + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    // One cycle through the first word of every cache line, in an order that no prefetcher guesses (Sattolo's shuffle).
    private static void LinkRandomly(uint[] buffer)
    {
        int lines = buffer.Length / LineWords;
        uint[] order = new uint[lines];
        for (int i = 0; i < lines; i++)
        {
            order[i] = (uint)i;
        }

        ulong state = 1;
        for (int i = lines - 1; i > 0; i--)
        {
            state = Step(state);
            int other = (int)(state % (uint)i);
            (order[i], order[other]) = (order[other], order[i]);
        }

        for (int i = 0; i < lines; i++)
        {
            buffer[i * LineWords] = order[i] * LineWords;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Chase(uint[] buffer)
    {
        uint at = 0;
        for (int i = 0; i < Misses; i++)
        {
            at = buffer[at];
        }

        return at;
    }

    // Results that nobody reads could be computed by nobody.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep(ulong value) => GC.KeepAlive(value);
}
