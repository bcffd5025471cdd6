using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Runtime;

namespace KhoActors.Nodes.Akka.Tests;

public sealed class JournalFailureTests
{
    [Fact]
    public void A_journal_that_fails_and_delays_loses_nothing()
    {
        FleetPlan plan = Fleets.Plan();
        int failedBefore = UnreliableJournal.Failed;

        FleetResult result = new EngineEntryPoint(UnreliableJournal.Settings).Run(new EngineRequest
        {
            Plan = plan,
            Options = new FleetOptions { Workers = 2, SliceGenerations = 1 },
        });

        FleetResult expected = Fleets.Expected(plan);
        Assert.InRange(UnreliableJournal.Failed - failedBefore, 2, int.MaxValue);
        Assert.Equal((expected.Digest, expected.Generations, expected.Messages), (result.Digest, result.Generations, result.Messages));
    }
}
