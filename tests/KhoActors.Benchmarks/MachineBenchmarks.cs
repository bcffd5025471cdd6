using BenchmarkDotNet.Attributes;
using KhoActors.Host;
using KhoActors.Host.Bench;

namespace KhoActors.Benchmarks;

/// <summary>The machines and the messages of <c>kho bench</c> under BenchmarkDotNet.</summary>
[MemoryDiagnoser]
public class MachineBenchmarks
{
    private readonly FleetWorkload _fleet = new(SourceTree.Scenarios(), "smoke");
    private readonly MessageWorkload _messages = new();

    /// <summary>A whole fleet on two workers; also what starting and joining them costs.</summary>
    /// <returns>Kexecs a second as the workload measured them.</returns>
    [Benchmark]
    public double Fleet() => _fleet.KexecsPerSecond();

    /// <summary>One worker: two chains of one machine.</summary>
    /// <returns>Bytes allocated per message.</returns>
    [Benchmark]
    public double Machine() => _fleet.AllocatedBytesPerMessage();

    /// <summary>A turn of 1,000 trees.</summary>
    /// <returns>Messages a second as the workload measured them.</returns>
    [Benchmark(OperationsPerInvoke = MessageWorkload.Messages)]
    public double Messages() => _messages.Measure().PerSecond;
}
