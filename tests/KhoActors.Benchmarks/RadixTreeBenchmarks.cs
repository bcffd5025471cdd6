using BenchmarkDotNet.Attributes;
using KhoActors.Host.Bench;

namespace KhoActors.Benchmarks;

/// <summary>The tracker workloads of <c>kho bench</c> under BenchmarkDotNet, for a closer look at one of them.</summary>
[MemoryDiagnoser]
public class RadixTreeBenchmarks
{
    private const int Operations = 1 << 20;
    private readonly RadixSession _session = new();
    private readonly RadixOperation[] _random = RadixOperations.Random();
    private readonly RadixOperation[] _ascending = RadixOperations.Ascending(1);

    /// <summary>Every benchmark works on the tree of B1: nothing is allocated while it runs.</summary>
    [GlobalSetup]
    public void BuildTree()
    {
        _session.Restart();
        _session.AddBlocks(_random);
        _session.AddBlocks(_ascending);
    }

    /// <summary>B1b: adds that find their leaf, in random order.</summary>
    /// <returns>Nanoseconds per add as the session measured them.</returns>
    [Benchmark(OperationsPerInvoke = Operations)]
    public double ReAddRandom() => _session.AddBlocks(_random);

    /// <summary>Adds that find their leaf, in ascending order.</summary>
    /// <returns>Nanoseconds per add as the session measured them.</returns>
    [Benchmark(OperationsPerInvoke = Operations)]
    public double ReAddAscending() => _session.AddBlocks(_ascending);

    /// <summary>B1w: the walk of the whole tree.</summary>
    /// <returns>The checksum.</returns>
    [Benchmark]
    public ulong Walk()
    {
        _session.Walk(out _, out ulong checksum);
        return checksum;
    }
}
