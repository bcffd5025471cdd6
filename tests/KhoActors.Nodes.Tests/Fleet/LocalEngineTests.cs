using KhoActors.Nodes.Fleet;

namespace KhoActors.Nodes.Tests.Fleet;

public sealed class LocalEngineTests : EngineSpecification
{
    [Fact]
    public void It_has_no_nodes()
    {
        IEngine engine = Create();

        Assert.False(engine.HasNodes);
        EngineException refusal = Assert.Throws<EngineException>(() => engine.RunNode(new NodeOptions { Cluster = new ClusterOptions(), Workers = 1 }));
        Assert.Equal("the local engine is one process; it has no nodes", refusal.Message);
    }

    protected override IEngine Create() => new LocalEngine();
}
