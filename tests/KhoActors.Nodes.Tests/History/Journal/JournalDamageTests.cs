using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.History.Journal;
using KhoActors.Subsystems.Actors;

namespace KhoActors.Nodes.Tests.History.Journal;

/// <summary>What is damaged in a journal is named with run, machine and event, counts for nothing, and hides nothing else.</summary>
public sealed class JournalDamageTests(PostgresServer server) : IClassFixture<PostgresServer>
{
    private const string Machine = "run-1-machine-1";

    private static readonly RunFacts Facts = HistoryBench.Facts();

    /// <summary>The second of three events of machine 1, what is done to it, and what is said then.</summary>
    private static readonly Dictionary<string, (Action<JournalTables> Do, string Said)> Damages = new(StringComparer.Ordinal)
    {
        ["changed"] = (tables => Rewrite(tables, Changed(Slice(1, 4))), "run 1, machine 1, event 2: slice/1, byte 0: damaged, the checksum does not match"),
        ["cut"] = (tables => Rewrite(tables, JournalCodec.Write(Slice(1, 4))[..40]), "run 1, machine 1, event 2: slice/1, byte 0: damaged"),
        ["empty"] = (tables => Rewrite(tables, []), "run 1, machine 1, event 2: slice/1, byte 0: the checksum takes 8 bytes, 0 are left"),
        ["longer than any"] = (tables => Rewrite(tables, new byte[JournalLimits.EventBytes + 1]), "run 1, machine 1, event 2: "),
        ["of another machine"] = (tables => Rewrite(tables, JournalCodec.Write(Slice(2, 4))), "run 1, machine 1, event 2: it belongs to run 1, machine 2"),
        ["of another run"] = (
            tables => Rewrite(tables, JournalCodec.Write(Slice(1, 4) with { Run = 2 })), "run 1, machine 1, event 2: it belongs to run 2, machine 1"),
        ["not aligned"] = (
            tables => Rewrite(tables, JournalCodec.Write(Slice(1, 4) with { FirstGeneration = 5, EndGeneration = 9 })),
            "event 2: generations 5 to 8 are no whole slice"),
        ["not whole"] = (
            tables => Rewrite(tables, JournalCodec.Write(Slice(1, 4) with { EndGeneration = 7 })), "event 2: generations 4 to 6 are no whole slice"),
        ["no slice"] = (
            tables => Rewrite(tables, JournalCodec.Write(new RunReopened(1)), JournalCodec.Reopened), "event 2: an event 'reopened/1', expected 'slice/1'"),
        ["of a later version"] = (tables => tables.Update(Machine, 2, "manifest = 'slice/2'"), "event 2: an event 'slice/2'; this program reads"),
        ["without a manifest"] = (tables => tables.Update(Machine, 2, "manifest = NULL"), "event 2: an event ''; this program reads"),
        ["with a manifest longer than any"] = (
            tables => tables.Update(Machine, 2, $"manifest = '{new string('m', HistoryLimits.NameBytes + 1)}'"),
            "manifest is 4097 bytes long, expected 4096 at most"),
        ["of another serializer"] = (tables => tables.Update(Machine, 2, "identifier = 1"), "event 2: serializer 1 wrote it, expected 7300"),
        ["of no serializer"] = (tables => tables.Update(Machine, 2, "identifier = NULL"), "event 2: serializer -1 wrote it"),
        ["marked as deleted"] = (tables => tables.Update(Machine, 2, "deleted = (1 = 1)"), "run 1, machine 1, event 2: it is marked as deleted"),
        ["missing"] = (
            tables => tables.Execute($"DELETE FROM journal WHERE persistence_id = '{Machine}' AND sequence_number = 2"),
            "run 1, machine 1, event 2: it is missing, and later ones are there"),
        ["missing, and its number given on"] = (
            tables =>
            {
                tables.Execute($"DELETE FROM journal WHERE persistence_id = '{Machine}' AND sequence_number = 2");
                tables.Update(Machine, 3, "sequence_number = 2");
            },
            "run 1, machine 1: the records of generations 4 to 7 are missing before event 2, and later ones are there"),
        ["numbered below 1"] = (
            tables => tables.Insert(Machine, 0, JournalCodec.Slice, JournalCodec.Write(Slice(1, 0)), JournalCodec.SerializerId),
            "run 1, machine 1, event 0: events are numbered from 1"),
        ["the last, and gone"] = (
            tables => tables.Execute($"DELETE FROM journal WHERE persistence_id = '{Machine}' AND sequence_number > 1"),
            "run 1, machine 1: the records from generation 4 on are missing, and the run is finished"),
        ["there again with other bytes"] = (
            tables => tables.Append(Machine, new SliceRecorded(1, 1, 4, 8, HistoryBench.Slice(Facts, 1, 4, salt: 1).Encoded)),
            "run 1, machine 1: the events 2 and 4 both record generations 4 to 7, and differ"),
        ["sound around a record that is not"] = (
            tables => Rewrite(tables, JournalCodec.Write(Slice(1, 4) with { Encoded = Changed(HistoryBench.Slice(Facts, 1, 4).Encoded.ToArray()) })),
            "machine 1, generations from 4"),
    };

    public static TheoryData<string> Names => [.. Damages.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Damage_of_an_event_is_named_and_hides_nothing_else(string name)
    {
        using JournalTables tables = JournalTables.Create();
        AssertNamed(tables, name);
    }

    [PostgresFact]
    public void Damage_is_named_in_PostgreSQL_too()
    {
        foreach (string name in Damages.Keys)
        {
            using JournalTables tables = JournalTables.Create(server);
            AssertNamed(tables, name);
        }
    }

    [Theory]
    [InlineData("message", "'a text'", "run 1, machine 1, event 2: message is a text, expected bytes")]
    [InlineData("identifier", "'a text'", "run 1, machine 1, event 2: identifier is a text, expected a number")]
    [InlineData("identifier", "-5", "run 1, machine 1, event 2: identifier is -5, expected 0 to")]
    [InlineData("manifest", "x'ff'", "run 1, machine 1, event 2: manifest is bytes, expected a text")]
    [InlineData("deleted", "'a text'", "run 1, machine 1, event 2: deleted is a text, expected a number")]
    [InlineData("sequence_number", "2.5", "run 1, machine 1, events: sequence_number is a floating-point number, expected a number")]
    public void In_SQLite_a_value_may_be_of_any_type_and_is_refused(string column, string value, string said)
    {
        using JournalTables tables = JournalTables.Create();
        tables.RecordAll(1, Facts);
        tables.Update(Machine, 2, $"{column} = {value}");
        using IHistoryStore store = tables.Open();

        Assert.Contains(said, Assert.Throws<HistoryDamageException>(() => store.ReadSlices(1, 1).Count()).Message, StringComparison.Ordinal);
        Assert.Equal(3, store.ReadSlices(1, 0).Count());
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void A_damaged_run_does_not_hide_the_others(bool inPostgres)
    {
        using JournalTables tables = JournalTables.Create(inPostgres ? server : null);
        tables.RecordAll(1, Facts);
        tables.RecordAll(2, Facts);
        tables.RecordAll(3, Facts with { Machines = 0 });
        tables.Update("run-1", 1, "manifest = 'over/1'");
        using IHistoryStore store = tables.Open();
        List<string> damage = [];

        Assert.Equal([2], store.ReadRuns(damage.Add).Select(run => run.Number));

        Assert.Equal(2, damage.Count);
        Assert.Contains("run 1, event 1: over/1", damage[0], StringComparison.Ordinal);
        Assert.Contains("run 3: a run without machines or slices", damage[1], StringComparison.Ordinal);
        Assert.Contains("run 1, event 1", Assert.Throws<HistoryDamageException>(() => store.FindRun(1)).Message, StringComparison.Ordinal);
        Assert.Equal(2, HistoryBench.Problems(store).Count(sentence => damage.Contains(sentence)));
    }

    [Theory]
    [InlineData("= 1", "run 1, event 1: it is missing, and later ones are there")]
    [InlineData("= 2", "run 1, event 2: it is missing, and later ones are there")]
    [InlineData("IN (1, 2)", "run 1: the events 1 to 2 are missing, and later ones are there")]
    public void A_run_with_a_gap_is_damaged(string missing, string said)
    {
        using JournalTables tables = JournalTables.Create();
        tables.RecordAll(1, Facts);
        tables.Execute($"DELETE FROM journal WHERE persistence_id = 'run-1' AND sequence_number {missing}");
        using IHistoryStore store = tables.Open();

        Assert.Contains(said, Assert.Throws<HistoryDamageException>(() => store.FindRun(1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Events_of_others_are_out_of_place_in_a_run_and_in_the_list()
    {
        using JournalTables tables = JournalTables.Create();
        tables.RecordAll(1, Facts);
        tables.Append(JournalNames.Run(1), Slice(1, 0));
        tables.Append(JournalNames.Run(2), new RunReopened(2));
        tables.Append(JournalNames.Runs, new RunAnnounced(2, 2));
        tables.Append(JournalNames.Runs, new RunClosed(3));
        using IHistoryStore store = tables.Open();
        List<string> damage = [];

        Assert.Empty(store.ReadRuns(damage.Add));

        Assert.Equal(
            ["list of runs: an event 'closed/1' is out of place", "run 1: an event 'slice/1' is out of place", "run 2: an event 'reopened/1' is out of place"],
            damage.Select(sentence => sentence[(tables.Address.Length + 2)..]));
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void Snapshots_are_checked(bool inPostgres)
    {
        using JournalTables tables = JournalTables.Create(inPostgres ? server : null);
        tables.Begin(1, Facts, HistoryBench.Slice(Facts, 1, 0));
        tables.AppendSnapshot(Machine, JournalHistoryTests.Rested(Facts, 4, [1]));
        AssertSnapshot(tables, "UPDATE snapshot SET serializer_id = 4", "run 1, machine 1, snapshot 1: serializer 4 wrote it");
        AssertSnapshot(tables, "UPDATE snapshot SET serializer_id = 7300, manifest = 'slice/1'", "run 1, machine 1, snapshot 1: slice/1");
        AssertSnapshot(tables, "UPDATE snapshot SET manifest = 'checkpoint/1', snapshot = NULL", "run 1, machine 1");
        tables.Execute("DELETE FROM snapshot");
        tables.AppendSnapshot(Machine, JournalHistoryTests.Rested(Facts, 4, [1]) with { Machine = 2 });
        AssertSnapshot(tables, "SELECT 1", "run 1, machine 1, snapshot 1: it is of run 1, machine 2, before generation 4");
        tables.Execute("DELETE FROM snapshot");
        tables.AppendSnapshot(Machine, JournalHistoryTests.Rested(Facts, 8, [1]));
        using IHistoryStore store = tables.Open();
        string problem = Assert.Single(HistoryBench.Problems(store));
        Assert.Contains("a snapshot was taken before generation 8, and no record leads there", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [PostgresData(true)]
    public void What_belongs_to_no_run_is_named(bool inPostgres)
    {
        using JournalTables tables = JournalTables.Create(inPostgres ? server : null);
        tables.RecordAll(1, Facts);
        tables.Append("run-2-machine-0", Slice(0, 0));
        tables.Append("run-1-machine-3", Slice(0, 0));
        tables.Append("run-01", new RunReopened(1));
        tables.AppendSnapshot("run-1-machine-4", JournalHistoryTests.Rested(Facts, 4, [1]));
        using IHistoryStore store = tables.Open();

        Assert.Equal(
            ["run-01", "run-1-machine-3", "run-1-machine-4", "run-2-machine-0"],
            HistoryBench.Problems(store).Select(sentence => sentence.Split('\'')[1]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_drivers_sums_of_a_finished_run_are_compared_with_the_records()
    {
        using JournalTables tables = JournalTables.Create();
        tables.Begin(1, Facts, HistoryBench.Slices(Facts));
        FleetResult more = new();
        more.Add(0, HistoryBench.Slice(Facts, 0, 4).Record.Generations[1].Report);
        tables.Append("run-1", new FleetAdvanced(1, [], more));
        tables.End(1, RunState.Finished, new string('0', 64));
        using IHistoryStore store = tables.Open();

        List<string> problems = HistoryBench.Problems(store);

        Assert.StartsWith($"{tables.Address}, run 1: its driver counted", problems[0], StringComparison.Ordinal);
        Assert.Contains($"{tables.Address}, run 1: the outcomes that its driver counted are not those of the records", problems);
        Assert.Contains($"{tables.Address}, run 1: the run's digest is not that of its machines' digests", problems);
    }

    private static SliceRecorded Slice(int machine, int first)
    {
        EncodedSlice slice = HistoryBench.Slice(Facts, machine, first);
        return new SliceRecorded(1, machine, first, slice.Record.EndGeneration, slice.Encoded);
    }

    private static byte[] Changed(SliceRecorded slice) => Changed(JournalCodec.Write(slice));

    private static byte[] Changed(byte[] bytes)
    {
        bytes[bytes.Length / 2] ^= 4;
        return bytes;
    }

    private static void Rewrite(JournalTables tables, byte[] payload, string manifest = JournalCodec.Slice)
    {
        tables.Execute($"DELETE FROM journal WHERE persistence_id = '{Machine}' AND sequence_number = 2");
        tables.Insert(Machine, 2, manifest, payload, JournalCodec.SerializerId);
    }

    private static void AssertSnapshot(JournalTables tables, string sql, string said)
    {
        tables.Execute(sql);
        using IHistoryStore store = tables.Open();
        Assert.Contains(said, Assert.Throws<HistoryDamageException>(() => store.ReadCheckpoint(1, 1)).Message, StringComparison.Ordinal);
        Assert.Contains(said, Assert.Single(HistoryBench.Problems(store)), StringComparison.Ordinal);
    }

    private static void AssertNamed(JournalTables tables, string name)
    {
        tables.RecordAll(1, Facts);
        (Action<JournalTables> damage, string said) = Damages[name];
        damage(tables);
        using IHistoryStore store = tables.Open();

        // A record is the decoder's to judge; all else is found on the way to it.
        bool isInside = name.StartsWith("sound around", StringComparison.Ordinal);
        if (!isInside)
        {
            AssertSaid(said, () => store.ReadSlices(1, 1).Count());
            AssertSaid(said, () => store.ReadSlices(1).Count());
        }

        AssertSaid(said, () => store.ReadOutcomes(1));
        AssertSaid(said, () => store.ReadTransitions(1));
        Assert.Equal(3, store.ReadSlices(1, 0).Count());
        Assert.Equal(3, store.ReadSlices(1, 2).Count());

        List<string> told = [];
        StoredRun run = Assert.Single(store.ReadRuns(told.Add));
        Assert.Contains(said, Assert.Single(told), StringComparison.Ordinal);
        Assert.InRange(run.Sums.Generations, 22, 30);

        List<string> problems = HistoryBench.Problems(store);
        Assert.Contains(said, problems[0], StringComparison.Ordinal);
        Assert.Equal(1, problems.Count(sentence => sentence.Contains("machine 1", StringComparison.Ordinal)));
        Assert.DoesNotContain(problems, sentence => sentence.Contains("machine 0", StringComparison.Ordinal));
        Assert.DoesNotContain(problems, sentence => sentence.Contains("machine 2,", StringComparison.Ordinal));
    }

    private static void AssertSaid(string said, Func<object> read) =>
        Assert.Contains(said, Assert.Throws<HistoryDamageException>(read).Message, StringComparison.Ordinal);
}
