using Akka.Actor;

namespace KhoActors.Nodes.Akka.Tests;

public class EngineEntryPointTests : global::Akka.TestKit.Xunit2.TestKit
{
    [Fact]
    public void The_engine_runs_in_an_actor_system() => Assert.NotNull(Sys.DeadLetters.Path.Root);
}
