using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>A run is a function of (scenario, seed): rule 2, for one machine.</summary>
public class DeterminismTests
{
    [Theory]
    [InlineData("7.3-rc7")]
    [InlineData("7.2.13", "7.3-rc7")]
    [InlineData("7.1.13", "7.1.13-debug")]
    public void The_same_machine_takes_the_same_draws_and_has_the_same_digests(params string[] kernels)
    {
        MachineSpec spec = (MachineBench.Small(kernels) with { Kexecs = 5 }).WithTwoNodes().SpecOf(seed: 7);
        DrawLog recorded = DrawLog.Record();
        MachineRun first = MachineBench.Run(spec, recorded);
        DrawLog check = recorded.Check();

        MachineRun second = MachineBench.Run(spec, check);

        check.Finish();
        Assert.True(recorded.Count > 500, $"{recorded.Count} draws say little");
        Assert.Equal(first.Digests, second.Digests);
        Assert.Equal(6, first.Digests.Distinct().Count());
    }

    [Fact]
    public void The_draw_log_names_the_first_draw_that_differs()
    {
        Scenario scenario = MachineBench.Small();
        DrawLog recorded = DrawLog.Record();
        MachineBench.Run(scenario.SpecOf(seed: 7), recorded);
        Scenario longer = scenario with { Workload = scenario.Workload with { OperationsPerKexec = 21 } };

        DivergenceException divergence = Assert.Throws<DivergenceException>(() => MachineBench.Run(longer.SpecOf(seed: 7), recorded.Check()));

        Assert.Matches("^draw [0-9]+ differs: stream .*machine", divergence.Message);
    }

    [Fact]
    public void Another_seed_or_number_has_another_digest()
    {
        ResolvedScenario resolved = MachineBench.Small().Resolve();
        List<string> digests = [];
        for (ulong seed = 1; seed <= 5; seed++)
        {
            for (int number = 0; number < 3; number++)
            {
                digests.Add(MachineBench.Run(resolved.SpecOf(seed, number)).Digests[^1]);
            }
        }

        Assert.Equal(15, digests.Distinct().Count());
    }

    [Fact]
    public void A_machine_object_that_carried_others_runs_the_next_as_a_new_one_does()
    {
        MachineSpec spec = MachineBench.Small("7.1.13").SpecOf(seed: 3);
        using Machine reused = new();
        MachineSpec other = MachineBench.Small("7.3-rc7").WithTwoNodes().SpecOf(seed: 9, number: 4);
        reused.PowerOff(other);
        MachineBench.Continue(reused, other);

        reused.PowerOff(spec);

        Assert.Equal(MachineBench.Run(spec).Digests, MachineBench.Continue(reused, spec).Digests);
    }

    [Fact]
    public void A_machine_object_whose_machine_was_left_in_the_middle_runs_the_next_as_a_new_one_does()
    {
        MachineSpec spec = MachineBench.Small().SpecOf(seed: 3);
        using Machine reused = MachineBench.AtJump(MachineBench.Small("7.2.13").SpecOf(seed: 11), generation: 1);

        reused.PowerOff(spec);

        Assert.Equal(MachineBench.Run(spec).Digests, MachineBench.Continue(reused, spec).Digests);
    }

    [Fact]
    public void The_story_of_a_machine_is_the_one_that_its_kernels_tell()
    {
        MachineRun run = MachineBench.Run(MachineBench.Small("7.2.13", "7.3-rc7").SpecOf(seed: 7));

        Assert.Equal(["7.2.13", "7.3-rc7", "7.2.13", "7.3-rc7"], run.Reports.Select(report => report.Kernel));
        Assert.Equal([false, true, true, true], run.Reports.Select(report => report.HandedOver));
        Assert.Equal([GenerationEnd.Kexec, GenerationEnd.Kexec, GenerationEnd.Kexec, GenerationEnd.Last], run.Reports.Select(report => report.End));
        Assert.All(run.Reports.Skip(1), report => Assert.True(report is { Survived: > 0, Restored: > 0, Lost: 0 }));
        Assert.Contains("KHO: exec from: 7.3.0-rc7-a (count 2)", run.Reports[2].Log.Select(line => line.Text));
        Assert.Contains("Revived memory reservation 'trace' from KHO", run.Reports[3].Log.Select(line => line.Text));
        Assert.Empty(run.Violations);
    }
}
