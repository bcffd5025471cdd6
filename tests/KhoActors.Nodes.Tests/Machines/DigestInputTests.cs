using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Runtime;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Tests.Machines;

/// <summary>
/// The inputs of the digest, one by one: whatever else stays, a change of this one is another digest. Each field of a delivery, each
/// draw counter and each append on its own is proved in <see cref="DigestChainTests"/>; here it is shown that a machine appends them.
/// </summary>
public class DigestInputTests
{
    [Fact]
    public void A_line_of_the_log()
    {
        ResolvedScenario silent = (MachineBench.Small("7.3-rc7") with { Kexecs = 1, CommandLines = ["kho=on kho_scratch=32M,64M,32M reserve_mem=?"] }).Resolve();
        ResolvedScenario talking = silent with { Kernels = [silent.Kernels[0] with { ReserveMemLogsErrors = false }] };

        MachineRun one = MachineBench.Run(silent.SpecOf(seed: 7)), other = MachineBench.Run(talking.SpecOf(seed: 7));

        Assert.Equal(one.Reports.Select(report => report.Messages), other.Reports.Select(report => report.Messages));
        Assert.Equal(one.Reports[0].Log.Count, other.Reports[0].Log.Count + 1);
        Assert.NotEqual(one.Digests[0], other.Digests[0]);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(300)]
    [InlineData(511)]
    public void A_word_of_RAM_at_the_jump(int word)
    {
        // The page of the memblock blob behind its FDT: preserved, never restored, so it is the same at the next jump; read by nobody.
        MachineSpec spec = MachineBench.Small().SpecOf(seed: 7);
        (GenerationReport clean, string cleanDigest) = BootWith(spec, (_, _) => { });
        (GenerationReport changed, string changedDigest) = BootWith(
            spec, (machine, spec) => machine.Memory.WriteUInt64(HandOver.Of(machine, spec).Blob("memblock").Phys + ((ulong)word << 3), 1));

        Assert.Equal(clean.Messages, changed.Messages);
        Assert.Equal(clean.Log, changed.Log);
        Assert.NotEqual(cleanDigest, changedDigest);
    }

    [Fact]
    public void Every_word_of_RAM_alone()
    {
        using Machine machine = MachineBench.AtJump(MachineBench.Small().SpecOf(seed: 7));
        string clean = DigestOf(machine.Memory);
        foreach (ulong pfn in machine.Memory.WrittenPfns())
        {
            foreach (int word in new[] { 0, 63, 64, 511 })
            {
                ulong phys = PageGeometry.PhysOf(pfn) + ((ulong)word << 3);
                ulong value = machine.Memory.ReadUInt64(phys);
                machine.Memory.WriteUInt64(phys, value ^ 1);
                Assert.NotEqual(clean, DigestOf(machine.Memory));
                machine.Memory.WriteUInt64(phys, value);
            }
        }

        Assert.Equal(clean, DigestOf(machine.Memory));
    }

    [Fact]
    public void Every_run_of_background_alone()
    {
        PhysicalMemory memory = new();
        List<string> digests = [DigestOf(memory)];
        memory.Fill(0x100, 8, new PagePattern(5, 0));
        digests.Add(DigestOf(memory));
        memory.Fill(0x100, 8, new PagePattern(6, 0));
        digests.Add(DigestOf(memory));
        memory.Fill(0x100, 8, new PagePattern(6, 1));
        digests.Add(DigestOf(memory));
        memory.Fill(0x100, 7, new PagePattern(7, 1));
        digests.Add(DigestOf(memory));
        memory.Poison(0x100, 8);
        digests.Add(DigestOf(memory));
        memory.Zero(0x100, 8);
        memory.Poison(0x101, 8);
        digests.Add(DigestOf(memory));

        Assert.Equal(digests.Count, digests.Distinct().Count());
    }

    [Fact]
    public void How_RAM_is_represented_is_no_input()
    {
        PhysicalMemory memory = new();
        memory.Fill(0x100, 8, new PagePattern(5, 0));
        memory.Poison(0x200, 4);
        string untouched = DigestOf(memory);

        foreach (ulong pfn in new ulong[] { 0x50, 0x100, 0x107, 0x201 })
        {
            _ = memory.WritablePage(pfn);
        }

        Assert.Equal(untouched, DigestOf(memory));
    }

    [Fact]
    public void The_order_of_two_deliveries_that_change_nothing_else()
    {
        (ActorPair[] order, string digest) = RunTwoSenders(null);
        ActorPair[] swapped = [.. order];
        (swapped[0], swapped[1]) = (swapped[1], swapped[0]);

        Assert.NotEqual(order[0], order[1]);
        Assert.Equal(digest, RunTwoSenders(order).Digest);
        Assert.NotEqual(digest, RunTwoSenders(swapped).Digest);
    }

    [Fact]
    public void How_often_each_substream_was_drawn()
    {
        // A kexec and the last generation draw the same workload; the chance that ends a generation is drawn, whatever its rate.
        Scenario scenario = MachineBench.Small() with { Kexecs = 1 };
        MachineSpec spec = scenario.SpecOf(seed: 7);
        foreach (string purpose in new[] { "workload", "end of generation", "order of deliveries" })
        {
            SeedPath path = spec.Path.Child(purpose);
            Assert.NotEqual(LinkOf(new RandomStream(path, 5)), LinkOf(new RandomStream(path, 6)));
        }
    }

    [Fact]
    public void The_name_of_the_kernel_and_the_command_line()
    {
        ResolvedScenario resolved = MachineBench.Small().Resolve();
        string digest = FirstDigest(resolved);

        Assert.NotEqual(digest, FirstDigest(resolved with { Scenario = resolved.Scenario with { CommandLines = [resolved.Scenario.CommandLines[0] + " quiet"] } }));
        ResolvedScenario renamed = new(resolved.Scenario with { Kernels = ["other"] }, [resolved.Kernels[0] with { Name = "other" }]);
        Assert.NotEqual(digest, FirstDigest(renamed));
    }

    [Fact]
    public void What_a_restore_answers()
    {
        MachineSpec spec = MachineBench.Small().SpecOf(seed: 7);
        (_, string clean) = BootWith(spec, (_, _) => { });
        (_, string lost) = BootWith(spec, (machine, spec) =>
        {
            HandOver handOver = HandOver.Of(machine, spec);
            (ulong ledger, ulong sizeBytes) = handOver.Blob("workload");
            Assert.True(handOver.Tree.Untrack(PageGeometry.PfnOf(ledger), PageGeometry.OrderOf(sizeBytes)));
        });

        Assert.NotEqual(clean, lost);
    }

    private static string FirstDigest(ResolvedScenario resolved) => MachineBench.DigestOf(MachineBench.AtJump(resolved.SpecOf(seed: 7)));

    private static string LinkOf(RandomStream stream)
    {
        using DigestChain chain = new("machine");
        chain.AppendDraws(stream);
        return Convert.ToHexStringLower(chain.Link());
    }

    private static string DigestOf(PhysicalMemory memory)
    {
        using DigestChain chain = new("machine");
        RamDigest.Append(memory, chain);
        return Convert.ToHexStringLower(chain.Link());
    }

    private static (GenerationReport Report, string Digest) BootWith(MachineSpec spec, Action<Machine, MachineSpec> change)
    {
        using Machine machine = MachineBench.AtJump(spec);
        change(machine, spec);
        GenerationReport report = machine.RunGeneration(isLast: false, keepLog: true);
        return (report, MachineBench.DigestOf(machine));
    }

    /// <summary>Two actors that each send one message to a third, which does not care.</summary>
    private static (ActorPair[] Order, string Digest) RunTwoSenders(ActorPair[]? order)
    {
        using DigestChain chain = new("machine");
        RecordingScheduler scheduler = new(order is null ? RuntimeBench.Seeded(7) : new RecordedScheduler(order));
        LocalRuntime runtime = new(RuntimeBench.Machine(7), scheduler);
        RuntimeBench.Populate(runtime, 3);
        runtime.Observe(new DeliveryDigest(chain));
        runtime.Post(RuntimeBench.Id(1), RuntimeBench.Id(3), RuntimeBench.Word(5));
        runtime.Post(RuntimeBench.Id(2), RuntimeBench.Id(3), RuntimeBench.Word(5));
        Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(10));
        return (scheduler.Order.ToArray(), Convert.ToHexStringLower(chain.Link()));
    }
}
