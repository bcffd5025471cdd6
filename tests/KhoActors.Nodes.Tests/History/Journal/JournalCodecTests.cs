using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Nodes.Invariants;
using KhoActors.Nodes.Machines;

namespace KhoActors.Nodes.Tests.History.Journal;

public sealed class JournalCodecTests
{
    private static readonly FleetPlan Plan = new(RecordedRun.Load("tiny"), 7);

    public static TheoryData<string> Manifests => [.. JournalCodec.Manifests];

    [Fact]
    public void Every_manifest_has_an_example_here_and_ends_with_a_version()
    {
        Assert.Equal(JournalCodec.Manifests.Order(), Examples().Select(JournalCodec.ManifestOf).Distinct().Order());
        Assert.All(JournalCodec.Manifests, manifest => Assert.Matches("^[a-z]+/1$", manifest));
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void What_was_written_is_read_and_written_again_as_the_same_bytes(string manifest)
    {
        foreach (JournalEvent example in Examples().Where(example => JournalCodec.ManifestOf(example) == manifest))
        {
            byte[] bytes = JournalCodec.Write(example);

            JournalEvent read = JournalCodec.Read(manifest, bytes, "here");

            Assert.IsType(example.GetType(), read);
            Assert.Equal(bytes, JournalCodec.Write(read));
        }
    }

    [Fact]
    public void Facts_and_sums_come_back_with_their_values()
    {
        RunFacts facts = Facts();
        RunBegun begun = (RunBegun)Again(new RunBegun(3, facts, IsConcurrent: true));
        FleetResult counted = ((FleetAdvanced)Again(Examples().OfType<FleetAdvanced>().Last())).Counted;

        Assert.Equal(facts.ClientAssemblies, begun.Facts.ClientAssemblies);
        Assert.Equal((3, true, facts), (begun.Run, begun.IsConcurrent, begun.Facts with { ClientAssemblies = facts.ClientAssemblies }));
        Assert.Equal((4, 1, 3L, 1L), (counted.Machines, counted.AlivePeak, counted.Kexecs, counted.ColdBoots));
        Assert.Equal(["machine 2: planted"], counted.Defects);
        Assert.Equal(Difference, counted.FirstDifference! with { Deliveries = Difference.Deliveries });
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Damage_is_found_wherever_it_is(string manifest)
    {
        byte[] bytes = JournalCodec.Write(Examples().First(example => JournalCodec.ManifestOf(example) == manifest));
        for (int at = 0; at < bytes.Length; at++)
        {
            byte[] flipped = [.. bytes];
            flipped[at] ^= (byte)(1 << (at % 8));

            Assert.Throws<HistoryDamageException>(() => JournalCodec.Read(manifest, flipped, "here"));
            Assert.Throws<HistoryDamageException>(() => JournalCodec.Read(manifest, bytes.AsMemory(0, at), "here"));
        }

        Assert.Throws<HistoryDamageException>(() => JournalCodec.Read(manifest, (byte[])[.. bytes, 0], "here"));
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Hostile_bytes_under_a_right_checksum_are_refused_or_read_without_harm(string manifest)
    {
        const ulong seed = 20_261_120;
        SplitMix64 random = new(seed);
        byte[] bytes = JournalCodec.Write(Examples().First(example => JournalCodec.ManifestOf(example) == manifest));
        for (int round = 0; round < 2_000; round++)
        {
            byte[] changed = [.. bytes.AsSpan(0, bytes.Length - 8)];
            for (int change = random.Index(3); change >= 0; change--)
            {
                changed[random.Index(changed.Length)] = (byte)random.Next();
            }

            byte[] sealedAgain = Seal(changed);
            try
            {
                JournalCodec.Read(manifest, sealedAgain, "here");
            }
            catch (HistoryDamageException damage)
            {
                Assert.StartsWith($"here: {manifest}", damage.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void An_event_of_a_later_version_is_refused_by_name()
    {
        HistoryDamageException refusal = Assert.Throws<HistoryDamageException>(
            () => JournalCodec.Read("slice/2", JournalCodec.Write(new RunClosed(1)), "sqlite:./a.db"));

        Assert.StartsWith("sqlite:./a.db: an event 'slice/2'; this program reads announced/1", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run-3", true, 3)]
    [InlineData("run-03", false, 0)]
    [InlineData("run-0", false, 0)]
    [InlineData("run-", false, 0)]
    [InlineData("run-3-machine-1", false, 0)]
    [InlineData("runs", false, 0)]
    public void A_run_has_one_id(string id, bool isRun, int run)
    {
        Assert.Equal(isRun, JournalNames.TryReadRun(id, out int read));
        Assert.True(!isRun || (read == run && JournalNames.Run(run) == id));
    }

    [Theory]
    [InlineData("run-3-machine-17", true)]
    [InlineData("run-3-machine-0", true)]
    [InlineData("run-3-machine-007", false)]
    [InlineData("run-3-machine-", false)]
    [InlineData("run-3-machine-99999999999", false)]
    [InlineData("run-x-machine-1", false)]
    [InlineData("/system/sharding/machine-1", false)]
    public void A_machine_has_one_id(string id, bool isMachine)
    {
        Assert.Equal(isMachine, JournalNames.TryReadMachine(id, out int run, out int machine));
        Assert.True(!isMachine || JournalNames.Machine(run, machine) == id);
    }

    private static JournalEvent Again(JournalEvent journalEvent) =>
        JournalCodec.Read(JournalCodec.ManifestOf(journalEvent), JournalCodec.Write(journalEvent), "here");

    private static byte[] Seal(byte[] body)
    {
        Subsystems.Actors.SnapshotWriter writer = new();
        writer.WriteRaw(body);
        writer.WriteChecksum(0);
        return writer.Written.ToArray();
    }

    private static ReplayDifference Difference { get; } = new()
    {
        Machine = 1,
        Generation = 2,
        Aspect = ReplayAspect.Report,
        What = "operations",
        Recorded = "4",
        Found = "5",
        LastDelivery = 90,
        FirstDelivery = 82,
        Deliveries = ["one", "another"],
        Decisions = 3,
        LastDecision = "preserve",
        OtherDecision = "chance says 6",
    };

    private static RunFacts Facts() => new()
    {
        Scenario = "tiny",
        ResolvedScenario = Plan.Resolved.ToCanonicalText(),
        Seed = 7,
        Engine = "akka",
        ModelVersion = Machine.ModelVersion,
        ProgramVersion = "test",
        OrderIsRecorded = false,
        SliceGenerations = 2,
        Machines = 1,
        Kexecs = 3,
        Started = DateTimeOffset.UnixEpoch,
        Command = "kho run tiny",
        ClientAssemblies = [new ClientAssemblyFact("a.dll", new string('0', 64))],
    };

    private static IEnumerable<JournalEvent> Examples()
    {
        RecordedRun run = RecordedRun.Of(RecordedRun.Load("tiny"), 7);
        byte[] slice = new SliceCodec(run.Plan.Resolved).Encode(run.Slices(2).First());
        FleetResult counted = new() { Machines = 4, AlivePeak = 1 };
        foreach (GenerationRecord record in run.Records)
        {
            counted.Add(0, record.Report);
        }

        counted.Add([new MachineViolation(3, new Violation("kernel-alive", 2, "died"))]);
        counted.Defects.Add("machine 2: planted");
        counted.Warnings.Add("careful");
        counted.Add(Difference);
        yield return new RunAnnounced(3, 0xF000_0000_0000_0001);
        yield return new RunClosed(3);
        yield return new RunBegun(3, Facts(), IsConcurrent: false);
        yield return new RunReopened(int.MaxValue);
        yield return new RunOver(3, RunState.Interrupted, string.Empty, DateTimeOffset.UnixEpoch);
        yield return new RunOver(3, RunState.Finished, new string('a', 64), DateTimeOffset.UnixEpoch);
        yield return new FleetAdvanced(3, [], new FleetResult());
        yield return new FleetAdvanced(3, [new MachineAdvance(0, 2, false, new byte[32]), new MachineAdvance(9, 4, true, run.Records[^1].Digest)], counted);
        yield return new SliceRecorded(3, 0, 0, 2, slice);
        yield return new MachineRested(3, 0, 2, run.Checkpoints[1], 0, slice);
    }
}
