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
        Scenario malformed = MachineBench.Small() with { Kexecs = 1, CommandLines = ["kho=on kho_scratch=32M,64M,32M reserve_mem=?"] };
        ResolvedScenario talking = malformed.Resolve();
        ResolvedScenario silent = talking with { Kernels = [talking.Kernels[0] with { ReserveMemLogsErrors = false }] };

        MachineRun one = MachineBench.Run(talking.SpecOf(seed: 7)), other = MachineBench.Run(silent.SpecOf(seed: 7));

        Assert.Equal(one.Reports.Select(report => report.Messages), other.Reports.Select(report => report.Messages));
        Assert.Equal(one.Reports[0].Log.Count, other.Reports[0].Log.Count + 1);
        Assert.NotEqual(one.Digests[0], other.Digests[0]);
    }

    [Fact]
    public void The_text_of_a_line_of_the_log()
    {
        ResolvedScenario plain = (MachineBench.Small("7.1.13", "7.3-rc7") with { Kexecs = 1 }).Resolve();
        ResolvedScenario numbered = plain with { Kernels = [plain.Kernels[0], plain.Kernels[1] with { RevivalLineHasErrno = true }] };

        MachineRun one = MachineBench.Run(plain.SpecOf(seed: 7)), other = MachineBench.Run(numbered.SpecOf(seed: 7));

        Assert.Equal(one.Digests[0], other.Digests[0]);
        Assert.Single(one.Reports[1].Log.Except(other.Reports[1].Log));
        Assert.NotEqual(one.Digests[1], other.Digests[1]);
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

    /// <summary>The last generation of a chain never draws how it ends: with another counter of that stream everything else stays.</summary>
    [Fact]
    public void How_often_a_substream_was_drawn()
    {
        MachineSpec spec = (MachineBench.Small() with { Kexecs = 1 }).SpecOf(seed: 7);
        using Machine machine = MachineBench.AtJump(spec);
        byte[] snapshot = MachineBench.Snapshot(machine);
        using Machine other = new();
        other.WakeUp(spec, WithOneMoreDraw(snapshot));

        GenerationReport report = machine.RunGeneration(isLast: true, keepLog: true), otherReport = other.RunGeneration(isLast: true, keepLog: true);

        Assert.Equal((report.Messages, report.Restored), (otherReport.Messages, otherReport.Restored));
        Assert.Equal(report.Log, otherReport.Log);
        Assert.NotEqual(MachineBench.DigestOf(machine), MachineBench.DigestOf(other));
    }

    [Fact]
    public void Draws_of_each_substream_are_told_apart()
    {
        MachineSpec spec = MachineBench.Small().SpecOf(seed: 7);
        string[] purposes = ["workload", "end of generation", "order of deliveries"];

        IEnumerable<string> links =
            from purpose in purposes
            from draws in new[] { 5UL, 6UL }
            select LinkOf(new RandomStream(spec.Path.Child(purpose), draws));

        Assert.Equal(6, links.Distinct().Count());
    }

    [Fact]
    public void The_name_of_the_kernel_and_the_command_line()
    {
        ResolvedScenario resolved = MachineBench.Small().Resolve();
        string digest = FirstDigest(resolved);

        Scenario quiet = resolved.Scenario with { CommandLines = [resolved.Scenario.CommandLines[0] + " quiet"] };
        Assert.NotEqual(digest, FirstDigest(resolved with { Scenario = quiet }));
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

    /// <summary>Versions, generation, the loader's five numbers, the runtime's five, the workload's draws, then the draws of the end.</summary>
    private static byte[] WithOneMoreDraw(byte[] snapshot)
    {
        SnapshotReader reader = new(snapshot);
        SnapshotWriter writer = new();
        for (int i = 0; i < 14; i++)
        {
            writer.WriteVar(reader.ReadVar());
        }

        ulong draws = reader.ReadVar();
        Assert.Equal(2UL, draws);
        writer.WriteVar(draws + 1);
        writer.WriteRaw(snapshot.AsSpan(reader.Position, snapshot.Length - reader.Position - sizeof(ulong)));
        writer.WriteChecksum(0);
        return writer.Written.ToArray();
    }

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
        OrderRecorder recorder = RuntimeBench.EveryPick();
        IScheduler inner = order is null ? RuntimeBench.Seeded(7) : new RecordedScheduler(RuntimeBench.EveryPick(order).Written.ToArray());
        RecordingScheduler scheduler = new(inner, recorder, everyPick: true);
        LocalRuntime runtime = new(RuntimeBench.Machine(7), scheduler);
        RuntimeBench.Populate(runtime, 3);
        runtime.Observe(new DeliveryDigest(chain));
        runtime.Post(RuntimeBench.Id(1), RuntimeBench.Id(3), RuntimeBench.Word(5));
        runtime.Post(RuntimeBench.Id(2), RuntimeBench.Id(3), RuntimeBench.Word(5));
        Assert.Equal(RunOutcome.Idle, runtime.RunUntilIdle(10));
        return (RuntimeBench.PicksOf(recorder.Written), Convert.ToHexStringLower(chain.Link()));
    }
}
