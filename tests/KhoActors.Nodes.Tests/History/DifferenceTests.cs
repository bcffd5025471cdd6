using KhoActors.Nodes.History;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;
using KhoActors.Nodes.Tests.Invariants;
using KhoActors.Nodes.Tests.Machines;
using KhoActors.Subsystems.Actors;
using KhoActors.Subsystems.Clients;

namespace KhoActors.Nodes.Tests.History;

/// <summary>Whatever is recorded, changed: the replay finds it and says where. A changed simulation is found in the window where it begins to differ.</summary>
public class DifferenceTests
{
    private const int Changed = 2;

    [Fact]
    public void A_changed_decision_is_named_by_the_second_look()
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        int at = edit.Find(static decision => decision is { Kind: DecisionKind.Choice, Stream: 0, Value: > 0 });
        edit.Decisions[at] = edit.Decisions[at] with { Value = edit.Decisions[at].Value - 1 };

        ReplayDifference difference = Differing(run, record => record with { Decisions = edit.Written() });

        Assert.Equal(Changed, difference.Generation);
        ulong recorded = edit.Decisions[at].Value;
        string sentence = $"the record's decision {at} is {recorded} of the stream workload, chance decides {recorded + 1}";
        Assert.StartsWith(sentence, difference.OtherDecision, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_seed_of_a_pattern_is_found_at_the_jump_and_named_by_the_second_look()
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        int at = edit.Find(static decision => decision is { Kind: DecisionKind.Word, Stream: 0 });
        edit.Decisions[at] = edit.Decisions[at] with { IsDrawn = false, Value = 0x1234 };

        ReplayDifference difference = Differing(run, record => record with { Decisions = edit.Written() });

        Assert.Equal(Changed, difference.Generation);
        Assert.StartsWith($"the record's decision {at} is the word 0x0000000000001234", difference.OtherDecision, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_operation_is_found_where_it_begins()
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        int at = edit.Find(static decision => decision is { Kind: DecisionKind.Operation, Value: (ulong)WorkloadOperation.PreserveFolio });
        edit.Decisions[at] = edit.Decisions[at] with { Value = (ulong)WorkloadOperation.PreservePages };

        ReplayDifference difference = Differing(run, record => record with { Decisions = edit.Written() });

        Assert.Contains(
            $"decision {at} is preserve_pages of the stream workload, chance decides preserve_folio", difference.OtherDecision, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((ulong)WorkloadOperation.JumpAndReturn + 1)]
    [InlineData(0x100UL)]
    [InlineData(0xFFFFUL)]
    public void An_operation_that_this_kernel_does_not_have_is_refused_where_it_stands(ulong operation)
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        int at = edit.Find(static decision => decision.Kind == DecisionKind.Operation);
        edit.Decisions[at] = edit.Decisions[at] with { Value = operation };

        ReplayDifference difference = Differing(run, record => record with { Decisions = edit.Written() });

        Assert.Equal(ReplayAspect.Decision, difference.Aspect);
        Assert.Equal($"decision {at}", difference.What);
        Assert.StartsWith($"operation 0x{operation:x} of", difference.Recorded, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decision_beyond_its_bounds_is_refused_where_it_stands()
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        for (int at = 0; at < edit.Decisions.Count; at++)
        {
            if (edit.Decisions[at].Kind != DecisionKind.Choice)
            {
                continue;
            }

            DecisionEdit one = new(run.Records[Changed].Decisions);
            one.Decisions[at] = one.Decisions[at] with { Value = ulong.MaxValue };
            ReplayDifference difference = Differing(run, record => record with { Decisions = one.Written() });
            Assert.Equal(ReplayAspect.Decision, difference.Aspect);
            Assert.Equal($"decision {at}", difference.What);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_decision_too_few_or_too_many_is_found(bool tooMany)
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        int count = edit.Decisions.Count;
        if (tooMany)
        {
            edit.Decisions.Add(new Decision(DecisionKind.Choice, 0, 0, false, 1));
        }
        else
        {
            edit.Decisions.RemoveAt(count - 1);
        }

        ReplayDifference difference = Differing(run, record => record with { Decisions = edit.Written() });

        Assert.Equal(ReplayAspect.Decision, difference.Aspect);
        Assert.Equal($"decision {(tooMany ? count : count - 1)}", difference.What);
        Assert.Contains(tooMany ? "the generation's end" : "how the generation ends", difference.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decision_with_a_draw_more_is_found_in_the_counter_and_named()
    {
        RecordedRun run = Recorded();
        DecisionEdit edit = new(run.Records[Changed].Decisions);
        int at = edit.Find(static decision => decision is { Kind: DecisionKind.Choice, Stream: 1 });
        edit.Decisions[at] = edit.Decisions[at] with { Skipped = edit.Decisions[at].Skipped + 1 };

        ReplayDifference difference = Differing(run, record => record with { Decisions = edit.Written() });

        Assert.Equal(ReplayAspect.DrawCounter, difference.Aspect);
        Assert.Equal("draws of the stream end of generation", difference.What);
        Assert.Contains($"decision {at} is", difference.OtherDecision, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "order of deliveries")]
    [InlineData(1, "workload")]
    [InlineData(2, "end of generation")]
    public void A_changed_counter_is_found_as_that_counter(int counter, string name)
    {
        ReplayDifference difference = Differing(Recorded(), record =>
        {
            ulong[] counters = [.. record.DrawCounters];
            counters[counter]++;
            return record with { DrawCounters = counters };
        });

        Assert.Equal(ReplayAspect.DrawCounter, difference.Aspect);
        Assert.Equal($"draws of the stream {name}", difference.What);
        Assert.Empty(difference.OtherDecision);
    }

    [Fact]
    public void A_counter_too_few_is_found() =>
        Assert.Equal("substreams", Differing(Recorded(), static record => record with { DrawCounters = [.. record.DrawCounters.SkipLast(1)] }).What);

    [Fact]
    public void A_changed_byte_of_the_trail_is_found_in_its_window()
    {
        RecordedRun run = Recorded();
        ulong before = run.Records.Take(Changed).Aggregate(0UL, static (sum, record) => sum + record.Report.Messages);
        ulong messages = run.Records[Changed].Report.Messages;
        for (int at = 0; at < run.Records[Changed].Trail.Length; at++)
        {
            ReplayDifference difference = Differing(run, record =>
            {
                byte[] trail = record.Trail.ToArray();
                trail[at] ^= 0x40;
                return record with { Trail = trail };
            });

            Assert.Equal(ReplayAspect.Delivery, difference.Aspect);
            Assert.Equal($"byte {at} of the trail", difference.What);
            Assert.Equal(before + ((ulong)at * 8) + 1, difference.FirstDelivery);
            Assert.Equal(before + Math.Min(((ulong)at * 8) + 8, messages), difference.LastDelivery);
            Assert.Equal(difference.LastDelivery - difference.FirstDelivery + 1, (ulong)difference.Deliveries.Count);
            Assert.StartsWith($"delivery {difference.FirstDelivery}: ", difference.Deliveries[0], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void A_trail_too_short_or_too_long_is_found(int bytes)
    {
        ReplayDifference difference = Differing(Recorded(), record => record with
            { Trail = (byte[])[.. record.Trail.ToArray().SkipLast(-Math.Min(bytes, 0)), .. new byte[Math.Max(bytes, 0)]] });

        Assert.Equal(ReplayAspect.Delivery, difference.Aspect);
    }

    [Fact]
    public void A_changed_digest_is_found_as_such()
    {
        ReplayDifference difference = Differing(Recorded(), static record =>
        {
            byte[] digest = record.Digest.ToArray();
            digest[31] ^= 1;
            return record with { Digest = digest };
        });

        Assert.Equal(ReplayAspect.Digest, difference.Aspect);
        Assert.Empty(difference.OtherDecision);
    }

    public static TheoryData<string, Func<GenerationReport, GenerationReport>> Reports { get; } = new()
    {
        { "the kernel", static report => report with { Kernel = "another" } },
        { "the kernel before", static report => report with { PreviousKernel = "another" } },
        { "booted by kexec", static report => report with { WasKexec = !report.WasKexec } },
        { "accepted a hand-over", static report => report with { HandedOver = !report.HandedOver } },
        { "the end", static report => report with { End = GenerationEnd.Running } },
        { "messages", static report => report with { Messages = report.Messages + 1 } },
        { "operations", static report => report with { Operations = report.Operations + 1 } },
        { "failed requests", static report => report with { FailedRequests = report.FailedRequests + 1 } },
        { "survived", static report => report with { Survived = report.Survived + 1 } },
        { "lost", static report => report with { Lost = report.Lost + 1 } },
        { "restored", static report => report with { Restored = report.Restored + 1 } },
        { "violations", static report => report with { ViolationCount = report.ViolationCount + 1 } },
        { "violation 0", static report => report with { Violations = [new Violation("preserved-content", Changed, "planted")] } },
    };

    [Theory]
    [MemberData(nameof(Reports))]
    public void A_changed_count_or_fact_is_found_by_name(string what, Func<GenerationReport, GenerationReport> change)
    {
        ReplayDifference difference = Differing(Recorded(), record => record with { Report = change(record.Report) });

        Assert.Equal(ReplayAspect.Report, difference.Aspect);
        Assert.Equal(what, difference.What);
    }

    [Fact]
    public void A_changed_pick_is_found_where_it_does_not_fit_or_in_its_window()
    {
        RecordedRun run = Recorded(order: true);
        byte[] order = run.Records[Changed].Order.ToArray();
        ulong before = run.Records.Take(Changed).Aggregate(0UL, static (sum, record) => sum + record.Report.Messages);
        for (int at = 0; at < order.Length; at++)
        {
            byte[] changed = [.. order];
            changed[at] ^= 1;
            ReplayDifference difference = Differing(run, record => record with { Order = changed });
            Assert.Equal(Changed, difference.Generation);
            Assert.Contains(difference.Aspect, new[] { ReplayAspect.Order, ReplayAspect.Delivery, ReplayAspect.Decision });
            Assert.InRange(difference.LastDelivery, before, before + run.Records[Changed].Report.Messages);
        }

        Assert.Equal(ReplayAspect.Order, Differing(run, record => record with { Order = order.AsMemory(0, order.Length - 1) }).Aspect);
        Assert.Equal(ReplayAspect.Order, Differing(run, record => record with { Order = (byte[])[.. order, 1] }).Aspect);
    }

    [Fact]
    public void An_order_stream_that_stands_elsewhere_than_the_order_says_is_found()
    {
        RecordedRun run = Recorded(order: true);

        ulong[] fewer = [run.Records[Changed].DrawCounters[0] - 1, .. run.Records[Changed].DrawCounters.Skip(1)];
        ReplayDifference difference = Differing(run, record => record with { DrawCounters = fewer });

        Assert.Equal(ReplayAspect.DrawCounter, difference.Aspect);
    }

    /// <summary>Whatever the decisions are, as long as somebody could have written them down: the replay ends, with a difference or without.</summary>
    [Fact]
    public void Damaged_decisions_end_in_a_difference_and_never_otherwise()
    {
        RecordedRun run = Recorded();
        byte[] decisions = run.Records[Changed].Decisions.ToArray();
        int unnoticed = 0;
        RandomStream draws = new(SeedPath.Root(1));
        using Machine machine = RecordedRun.MachineWithoutChance();
        for (int i = 0; i < decisions.Length * 8; i++)
        {
            byte[] damaged = [.. decisions];
            damaged[i / 8] ^= (byte)(1 << (i % 8));
            unnoticed += Replayed(run, machine, damaged) is null ? 1 : 0;
        }

        for (int i = 0; i < 300; i++)
        {
            byte[] damaged = [.. decisions.AsSpan(0, (int)draws.NextBelow((ulong)decisions.Length)), .. Junk(draws)];
            unnoticed += Replayed(run, machine, damaged) is null ? 1 : 0;
        }

        // A holding that is looked for from another place on may be the same holding: nothing differs then.
        Assert.InRange(unnoticed, 0, decisions.Length / 2);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(23)]
    public void An_actor_that_behaves_otherwise_from_one_delivery_on_is_found_in_that_window(int wayward)
    {
        WaywardClient bug = new();
        ResolvedScenario resolved = (MachineBench.Small("7.3-rc7-lab") with
        {
            Kexecs = 2,
            CommandLines = ["kho=on kho_scratch=32M,64M,32M"],
            Clients = ["tmpfs"],
            Workload = new Workload
            {
                OperationsPerKexec = 60,
                Mix = new OperationMix { Allocate = 1, ClientOperations = [new("tmpfs_write", 5), new("tmpfs_create", 5)] },
            },
        }).Resolve(ClientCatalog.BuiltIn.Replacing(BuggyActor.Of(ClientCatalog.BuiltIn.Find("tmpfs")!, bug)));
        RecordedRun run = RecordedRun.Of(resolved, seed: 7);
        Assert.True(bug.Replies > 40, $"{bug.Replies} replies");
        bug.Begin(wayward);
        using Machine machine = new();

        ReplayDifference difference = MachineReplay.Run(machine, run.Plan, run.Slices(), new MachineReplayOptions())!;

        Assert.Equal(ReplayAspect.Delivery, difference.Aspect);
        string[] told = [.. difference.Deliveries.Where(static line => line.Contains("0x2a2a", StringComparison.Ordinal))];
        Assert.Contains(told, static line => line.Contains("tmpfs to workload: answer to request", StringComparison.Ordinal));
        Assert.Empty(difference.OtherDecision);
    }

    [Fact]
    public void A_defect_in_a_replay_stays_a_defect()
    {
        RecordedRun run = Recorded();
        using Machine machine = new();

        Assert.Throws<InvalidOperationException>(() => MachineReplay.Run(
            machine, run.Plan, run.Slices(), new MachineReplayOptions { LookAt = 1, Look = static _ => throw new InvalidOperationException("ours") }));
    }

    [Fact]
    public void Records_of_another_machine_or_with_a_gap_are_damage()
    {
        RecordedRun run = Recorded();
        SliceRecord[] slices = [.. run.Slices(1)];

        Assert.Contains("generation 1 is missing", Damage(run, slices[0], slices[2]), StringComparison.Ordinal);
        Assert.Contains("a record of machine 0 is expected", Damage(run, slices[0], slices[1] with { Machine = 1 }), StringComparison.Ordinal);
        Assert.Contains("from generation 1 on is expected", Damage(run, slices[0], slices[0]), StringComparison.Ordinal);
        SliceRecord twisted = slices[0] with { Generations = [run.Records[0], run.Records[2]] };
        Assert.Contains("generation 1 is expected, 2 is there", Damage(run, twisted), StringComparison.Ordinal);
        Assert.Contains("no hardware 9", Damage(run, slices[0] with { Hardware = 9 }), StringComparison.Ordinal);
        Assert.Contains("no chain of kernels -1", Damage(run, slices[0] with { Chain = -1 }), StringComparison.Ordinal);
        Assert.Contains("the fleet has 1 machines", Damage(run, slices[0] with { Machine = 1 }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_difference_reads_as_one_sentence()
    {
        string sentence = Differing(Recorded(), static record => record with { Report = record.Report with { Lost = 7 } }).ToString();

        Assert.Matches(
            "^machine 00000000, generation 2: lost: recorded 7, found 0; all deliveries were the same, up to [0-9]+, behind decision [0-9]+ ", sentence);
    }

    private static RecordedRun Recorded(bool order = false) => RecordedRun.Of((MachineBench.Small() with { Kexecs = 3 }).Resolve(), seed: 7, order: order);

    private static ReplayDifference Differing(RecordedRun run, Func<GenerationRecord, GenerationRecord> change)
    {
        run = run.With(Changed, change(run.Records[Changed]));
        using Machine machine = new();
        return MachineReplay.Run(machine, run.Plan, run.Slices(), new MachineReplayOptions())!;
    }

    private static string Damage(RecordedRun run, params SliceRecord[] slices)
    {
        using Machine machine = new();
        return Assert.Throws<HistoryDamageException>(() => MachineReplay.Run(machine, run.Plan, slices, new MachineReplayOptions())).Message;
    }

    private static ReplayDifference? Replayed(RecordedRun run, Machine machine, byte[] decisions)
    {
        machine.WakeUp(run.Spec, run.Checkpoints[Changed - 1]);
        try
        {
            machine.RunGeneration(isLast: false, replayed: run.Records[Changed] with { Decisions = decisions });
            return null;
        }
        catch (ReplayDivergenceException divergence)
        {
            return divergence.Difference;
        }
    }

    private static byte[] Junk(RandomStream draws)
    {
        byte[] junk = new byte[draws.NextBelow(200)];
        for (int i = 0; i < junk.Length; i++)
        {
            junk[i] = (byte)draws.NextBelow(draws.NextBelow(2) == 0 ? 32UL : 256);
        }

        return junk;
    }
}
