using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Which kernels revive each other's memory: an ABI is the same or it is not, and a refusal is a clean cold start.</summary>
public class VersionSkewTests
{
    [Theory]
    [InlineData("7.1.13", "7.2.13", false)]
    [InlineData("7.2.13", "7.1.13", false)]
    [InlineData("7.1.13", "7.3-rc7", false)]
    [InlineData("7.3-rc7", "7.1.13", false)]
    [InlineData("7.2.13", "7.3-rc7", true)]
    [InlineData("7.3-rc7", "7.2.13", true)]
    [InlineData("7.1.13", "7.1.13-debug", true)]
    [InlineData("7.3-rc7-debug", "7.3-rc7-pstore17", true)]
    public void A_hand_over_is_accepted_exactly_between_kernels_of_one_ABI(string from, string to, bool accepted)
    {
        Scenario scenario = MachineBench.Small(from, to) with { Machines = 6, Kexecs = 5 };

        FleetResult result = FleetRunner.Run(new FleetPlan(scenario.Resolve(), 7), new FleetOptions { Workers = 2 });

        Assert.Empty(result.Violations);
        Assert.Empty(result.Defects);
        FleetTransition forth = result.Transitions.Single(transition => transition.From == from);
        FleetTransition back = result.Transitions.Single(transition => transition.From == to);
        Assert.Equal((to, 18, accepted ? 18 : 0, accepted ? 0 : 18), (forth.To, forth.Count, forth.Restored, forth.Lost));
        Assert.Equal((from, 12, accepted ? 12 : 0, accepted ? 0 : 12), (back.To, back.Count, back.Restored, back.Lost));
    }

    [Theory]
    [InlineData("7.1.13", "7.3-rc7", "kho-v4")]
    [InlineData("7.3-rc7", "7.1.13", "kho-v3")]
    public void A_refused_hand_over_is_said_and_loses_everything(string from, string to, string compatible)
    {
        MachineRun run = MachineBench.Run((MachineBench.Small(from, to) with { Kexecs = 1 }).SpecOf(seed: 7));

        GenerationReport refused = run.Reports[1];
        string[] log = [.. refused.Log.Select(line => line.Text)];
        Assert.Contains(log, line => line.StartsWith("KHO: setup: handover FDT (0x", StringComparison.Ordinal) && line.EndsWith($"is incompatible with '{compatible}': 1", StringComparison.Ordinal));
        Assert.Contains("KHO: disabling KHO revival", log);
        Assert.DoesNotContain(log, line => line.StartsWith("KHO: exec from", StringComparison.Ordinal));
        Assert.True(refused.WasKexec);
        Assert.False(refused.HandedOver);
        Assert.True(refused is { Restored: 0, Survived: 0, Lost: > 0 });
        Assert.Empty(run.Violations);
    }

    [Fact]
    public void A_rolled_out_release_counts_its_transition_once_and_then_its_own()
    {
        Scenario rollOut = MachineBench.Small() with
        {
            Machines = 4,
            Kexecs = 4,
            Kernels = [],
            KernelChains = [new KernelChain { Kernels = ["7.2.13", "7.3-rc7"], AfterLast = AfterLastKernel.Stay }],
        };

        FleetResult result = FleetRunner.Run(new FleetPlan(rollOut.Resolve(), 3), new FleetOptions { Workers = 1 });

        Assert.Equal(["7.2.13>7.3-rc7 4 4", "7.3-rc7>7.3-rc7 12 12"], result.Transitions.Select(each => $"{each.From}>{each.To} {each.Count} {each.Restored}"));
    }
}
