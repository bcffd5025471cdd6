using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Akka.Tests;

/// <summary>The engine, on a cluster of this process alone, is what every engine is.</summary>
public sealed class AkkaEngineTests : EngineSpecification
{
    protected override IReadOnlyList<int> WorkerCounts => [1, 3];

    protected override IEngine Create() => new EngineEntryPoint();
}
