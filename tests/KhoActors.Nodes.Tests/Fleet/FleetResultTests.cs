using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>Results are the first and the sum of what happened, in whatever order it came, and never more than that.</summary>
public sealed class FleetResultTests
{
    [Fact]
    public void Of_all_violations_the_first_are_kept_however_they_were_found()
    {
        for (ulong seed = 0; seed < 200; seed++)
        {
            SplitMix64 random = new(seed);
            List<MachineViolation> all = Violations(random);
            FleetResult[] workers = [new(), new(), new()];
            List<IGrouping<(int, int), MachineViolation>> generations = [.. all.GroupBy(each => (each.Machine, each.Violation.Generation))];
            Shuffle(generations, random);
            foreach (IGrouping<(int Machine, int Generation), MachineViolation> generation in generations)
            {
                FleetResult worker = workers[random.Index(3)];
                worker.Add(generation.Key.Machine, Report(generation.Key.Generation, [.. generation.Select(each => each.Violation)]));
                Assert.InRange(worker.Violations.Count, 0, FleetResult.LimitViolationsKept);
            }

            FleetResult result = new();
            foreach (FleetResult worker in workers)
            {
                result.Add(worker);
            }

            MachineViolation[] expected = [.. all.Take(FleetResult.LimitViolationsKept)];
            Assert.True(expected.SequenceEqual(result.Violations), $"seed {seed}");
            Assert.Equal(all.Count, result.ViolationCount);
        }
    }

    [Fact]
    public void What_is_kept_does_not_grow_with_the_generations()
    {
        FleetResult result = new();
        Violation[] violations = [.. Enumerable.Range(0, 100).Select(_ => new Violation("kernel-alive", 0, "oops"))];
        for (int generation = 20_000; generation > 0; generation--)
        {
            result.Add(0, Report(generation, violations));
            Assert.InRange(result.Violations.Count, 0, FleetResult.LimitViolationsKept);
        }

        Assert.Equal((100, 2_000_000, 1, 1), (result.Violations.Count, result.ViolationCount, result.Outcomes.Count, result.Transitions.Count));
        Assert.Empty(result.Defects);
        Assert.Empty(result.Warnings);
    }

    private static List<MachineViolation> Violations(SplitMix64 random)
    {
        List<MachineViolation> all = [];
        int machines = 1 + random.Index(30);
        for (int machine = 0; machine < machines; machine++)
        {
            for (int generation = random.Index(5); generation < 30; generation += 1 + random.Index(12))
            {
                int count = 1 + random.Index(random.Index(6) == 0 ? 100 : 4);
                all.AddRange(Enumerable.Range(0, count).Select(i => new MachineViolation(machine, new Violation("kernel-alive", generation, $"{i}"))));
            }
        }

        return all;
    }

    private static void Shuffle<T>(List<T> items, SplitMix64 random)
    {
        for (int i = items.Count - 1; i > 0; i--)
        {
            int other = random.Index(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }

    private static GenerationReport Report(int generation, Violation[] violations) => new()
    {
        Generation = generation,
        Kernel = "b",
        PreviousKernel = "a",
        WasKexec = true,
        HandedOver = true,
        End = GenerationEnd.Kexec,
        Survived = 0,
        Lost = 0,
        Restored = 0,
        Operations = 0,
        FailedRequests = 0,
        Messages = 0,
        Violations = violations,
        ViolationCount = violations.Length,
        Log = [],
        Story = [],
    };
}
