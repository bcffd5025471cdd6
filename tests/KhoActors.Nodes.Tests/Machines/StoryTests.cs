using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>The story of a generation: what a person reads of <c>kho run tiny</c>.</summary>
public class StoryTests
{
    [Fact]
    public void Listening_changes_no_digest()
    {
        MachineSpec spec = MachineBench.Small().WithTwoNodes().SpecOf(seed: 7);
        using Machine told = new();
        told.PowerOff(spec);
        List<string> digests = [];
        while (told.NextGeneration <= spec.Scenario.Kexecs)
        {
            told.RunGeneration(told.NextGeneration == spec.Scenario.Kexecs, keepLog: true);
            digests.Add(MachineBench.DigestOf(told));
        }

        Assert.Equal(MachineBench.Run(spec).Digests, digests);
    }

    [Fact]
    public void Every_request_of_user_space_has_a_line_between_those_of_the_kernel()
    {
        MachineSpec spec = MachineBench.Small().SpecOf(seed: 7);
        using Machine machine = new();
        machine.PowerOff(spec);

        IReadOnlyList<string> first = machine.RunGeneration(isLast: false, keepLog: true).Story;
        GenerationReport next = machine.RunGeneration(isLast: false, keepLog: true);
        List<string> second = [.. next.Story];

        Assert.StartsWith("<5>Linux version ", first[0], StringComparison.Ordinal);
        Assert.Contains("look for 'workload' of the kernel before: -ENOENT", first);
        Assert.Equal(next.Log.Select(static line => line.ToString()), second.Where(static line => line.StartsWith('<')));
        string[] milestones =
        [
            "<6>KHO: exec from: 7.3.0-rc7-a (count 1)", "kexec: load the next kernel: done", "kexec: execute", "<5>kexec_core: Starting new kernel",
        ];
        int[] places = [.. milestones.Select(line => second.IndexOf(line))];
        Assert.Equal(places.Order(), places);
        Assert.DoesNotContain(-1, places);
        Assert.Contains(second, static line => line.StartsWith("restore ", StringComparison.Ordinal));
    }

    [Fact]
    public void Who_does_not_ask_gets_none()
    {
        using Machine machine = new();
        machine.PowerOff(MachineBench.Small().SpecOf(seed: 7));

        Assert.Empty(machine.RunGeneration(isLast: false).Story);
    }
}
