using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Kho;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Fleet;

/// <summary>A visit finds the machine as it was in the run, and leaves no trace.</summary>
public sealed class MachineVisitTests
{
    private const ulong Seed = 7;

    private static readonly Scenario Chain = MachineBench.Small("7.2.13", "7.3-rc7") with { Machines = 3, Kexecs = 4 };

    [Theory]
    [InlineData("7.3-rc7")]
    [InlineData("7.1.13", "7.1.13-debug")]
    public void Looking_at_every_generation_changes_no_digest(params string[] kernels)
    {
        MachineSpec spec = (MachineBench.Small(kernels) with { Kexecs = 4 }).WithTwoNodes().SpecOf(Seed);
        MachineRun unseen = MachineBench.Run(spec);
        using Machine machine = new();
        machine.PowerOff(spec);
        List<string> digests = [];
        int looks = 0;
        while (machine.NextGeneration <= spec.Scenario.Kexecs)
        {
            machine.RunGeneration(isLast: machine.NextGeneration == spec.Scenario.Kexecs, look: LookEverywhere);
            digests.Add(MachineBench.DigestOf(machine));
        }

        Assert.Equal(unseen.Digests, digests);
        Assert.Equal(5, looks);

        void LookEverywhere(LiveGeneration generation)
        {
            looks++;
            byte[] buffer = new byte[1 << 16];
            foreach (DebugfsEntry entry in generation.Kernel.Kho.Debugfs!.List())
            {
                generation.Kernel.Kho.Debugfs.Read(entry, 0, buffer);
            }

            Assert.NotEmpty(generation.ReadTracker().Blocks);
            Assert.NotNull(generation.ReadRootFdt());
            Assert.Equal(generation.Number > 0, generation.ReadIncomingFdt() is not null);
            ulong counted = generation.Kernel.Kho.Pages.CountOwners(generation.Kernel.Start.Memory.Ram).Aggregate(0UL, (sum, owned) => sum + owned.Pages);
            Assert.Equal(spec.Memory.RamPages, counted);
        }
    }

    [Fact]
    public void The_visited_generation_is_the_one_of_the_run()
    {
        FleetPlan plan = new(Chain.Resolve(), Seed);
        for (int machine = 0; machine < Chain.Machines; machine++)
        {
            MachineRun run = MachineBench.Run(plan.SpecOf(machine));
            for (int number = 0; number <= Chain.Kexecs; number++)
            {
                Visited visited = Visit(plan, machine, number);

                Assert.Equal(run.Reports[number].Kernel, visited.Kernel);
                Assert.Equal(run.Reports[number].End, visited.End);
                Assert.Equal(run.Reports[number].Log.Select(line => line.Text), visited.Log);
            }
        }
    }

    [Fact]
    public void What_a_generation_preserves_is_what_the_next_receives()
    {
        FleetPlan plan = new(Chain.Resolve(), Seed);

        Visited before = Visit(plan, 1, 2), after = Visit(plan, 1, 3);

        Assert.Equal(before.Outgoing, after.Incoming);
        Assert.Equal(before.Blocks, after.Reserved);
    }

    [Fact]
    public void Without_a_generation_it_is_the_last()
    {
        Assert.Equal(Chain.Kexecs, Visit(new FleetPlan(Chain.Resolve(), Seed), 0, null).Number);
    }

    [Theory]
    [InlineData(3, 0, "scenario small has no machine 3; it has 0 to 2")]
    [InlineData(-1, 0, "scenario small has no machine -1; it has 0 to 2")]
    [InlineData(0, 5, "scenario small has no generation 5; it has 0 to 4")]
    [InlineData(0, -1, "scenario small has no generation -1; it has 0 to 4")]
    public void What_there_is_not_cannot_be_visited(int machine, int generation, string message)
    {
        FleetPlan plan = new(Chain.Resolve(), Seed);

        Assert.Equal(message, Assert.Throws<MachineVisitException>(() => Visit(plan, machine, generation)).Message);
    }

    [Fact]
    public void A_kernel_that_died_in_its_boot_is_shown_with_its_last_words()
    {
        FleetPlan plan = new(TooLittleScratch("7.2.13"), Seed);

        MachineVisit.Run(plan, 0, 1, generation =>
        {
            Assert.Equal(GenerationEnd.Oops, generation.End);
            Assert.Equal("Failed to allocate 2097152 bytes for memory map", generation.LastWords);
            Assert.Equal(generation.LastWords, generation.Kernel.Log.Lines[^1].Text);
        });
    }

    [Fact]
    public void A_visit_can_be_given_up_before_each_generation()
    {
        FleetPlan plan = new(Chain.Resolve(), Seed);
        int asked = 0;

        Assert.Throws<OperationCanceledException>(() => MachineVisit.Run(plan, 0, 4, _ => Assert.Fail("nobody looks any more"), GiveUpAtTheThird));
        Assert.Equal(3, asked);

        void GiveUpAtTheThird()
        {
            if (++asked == 3)
            {
                throw new OperationCanceledException();
            }
        }
    }

    private static ResolvedScenario TooLittleScratch(string kernel) => (MachineBench.Small(kernel) with
    {
        CommandLines = ["kho=on kho_scratch=16M,16M,4M"],
        Hardware = [new HardwareVariant { MemoryBytes = 4UL << 30 }],
    }).Resolve();

    private static Visited Visit(FleetPlan plan, int machine, int? number)
    {
        Visited? visited = null;
        MachineVisit.Run(plan, machine, number, generation => visited = new Visited(
            generation.Number,
            generation.Kernel.Start.Build.Name,
            generation.End,
            [.. generation.Kernel.Log.Lines.Select(line => line.Text)],
            generation.ReadRootFdt() is { } root ? Convert.ToHexString(root) : null,
            generation.ReadIncomingFdt() is { } incoming ? Convert.ToHexString(incoming) : null,
            generation.ReadTracker().Blocks.Count,
            generation.Kernel.ReservedBlocks));
        return visited!;
    }

    private sealed record Visited(
        int Number, string Kernel, GenerationEnd End, string[] Log, string? Outgoing, string? Incoming, int Blocks, int Reserved);
}
