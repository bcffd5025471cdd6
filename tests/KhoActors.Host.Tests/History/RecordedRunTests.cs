using System.Text.Json;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Tests.History;

/// <summary>A run is recorded, shown, checked, replayed, looked into, exported and deleted; all of it on one real run.</summary>
public sealed class RecordedRunTests : IClassFixture<RecordedRunTests.OneRun>
{
    private const string Machines = "5";
    private readonly TestHistory _history;
    private readonly ProgramRun _run;

    public RecordedRunTests(OneRun one) => (_history, _run) = (one.History, one.Run);

    [Fact]
    public void A_run_says_its_number_and_history()
    {
        Assert.Equal(ExitCode.Held, _run.ExitCode);
        Assert.Equal($"scenario smoke, seed 7, run 1 in {_history.Address}", _run.ErrorLine);
        Assert.Equal("1", _run.Json.GetProperty("run").GetString());
        Assert.Equal(5, _run.Json.GetProperty("alive_peak").GetInt32());
        Assert.InRange(_run.Json.GetProperty("history_bytes").GetInt64(), 1_000, 100_000);
    }

    [Fact]
    public void A_history_changes_no_digest()
    {
        ProgramRun without = ProgramRun.Of("run", "smoke", "--machines", Machines, "--kexecs", "9", "--seed", "7", "--json", "--store", "none");

        Assert.Equal(_run.Json.GetProperty("digest").GetString(), without.Json.GetProperty("digest").GetString());
        Assert.Equal(string.Empty, without.Json.GetProperty("run").GetString());
        Assert.Equal(0, without.Json.GetProperty("history_bytes").GetInt64());
        Assert.Equal("scenario smoke, seed 7", without.ErrorLine);
    }

    [Fact]
    public void Machines_that_rest_in_a_file_change_no_digest()
    {
        ProgramRun spilled = ProgramRun.Of(
            "run", "smoke", "--machines", Machines, "--kexecs", "9", "--seed", "7", "--json", "--store", "none", "--memory", "0 KiB");

        Assert.Equal(_run.Json.GetProperty("digest").GetString(), spilled.Json.GetProperty("digest").GetString());
    }

    [Fact]
    public void A_page_holds_what_the_run_reported()
    {
        ProgramRun shown = _history.Of("runs", "show", "last", "--json");
        JsonElement page = shown.Json;

        Assert.Equal((ExitCode.Held, string.Empty), (shown.ExitCode, shown.Error));
        Assert.Equal(
            [
                "run", "history", "scenario", "seed", "engine", "started", "ended", "state", "machines", "kexecs_per_machine", "generations",
                "generations_planned", "kexecs", "cold_boots", "messages", "operations", "failed_requests", "faults_injected", "violations", "outcomes",
                "transitions", "violation_list", "clients", "program_version", "model_version", "record_format", "order_recorded", "reproduce", "resume",
                "replay", "digest",
            ],
            ProgramRun.Fields(page));
        string[] common =
        [
            "run", "scenario", "seed", "engine", "machines", "kexecs", "cold_boots", "messages", "operations", "violations", "outcomes", "transitions",
            "digest",
        ];
        foreach (string field in common)
        {
            Assert.True(JsonElement.DeepEquals(_run.Json.GetProperty(field), page.GetProperty(field)), field);
        }

        Assert.Equal("finished", page.GetProperty("state").GetString());
        Assert.Equal(50, page.GetProperty("generations").GetInt64());
        Assert.Equal(50, page.GetProperty("generations_planned").GetInt64());
        Assert.Equal(JsonValueKind.Null, page.GetProperty("resume").ValueKind);
        Assert.Equal("./kho run smoke --seed 7 --set machines=5 --set kexecs=9", page.GetProperty("reproduce").GetString());
        Assert.Equal($"./kho replay 1 --store '{_history.Address}' --verify", page.GetProperty("replay").GetString());
    }

    [Fact]
    public void A_page_for_a_person_ends_with_what_to_do_next()
    {
        ProgramRun shown = _history.Of("runs", "show", "1");

        Assert.Matches("(?m)^state +finished$", shown.Out);
        Assert.Matches("(?m)^recorded +50 of 50 generations$", shown.Out);
        Assert.EndsWith(
            $"digest  {_run.Json.GetProperty("digest").GetString()}\n"
            + "reproduce: ./kho run smoke --seed 7 --set machines=5 --set kexecs=9\n"
            + $"replay: ./kho replay 1 --store '{_history.Address}' --verify\n",
            shown.Out,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_sound_history_verifies()
    {
        ProgramRun verified = _history.Of("runs", "verify", "1");

        Assert.Equal((ExitCode.Held, string.Empty), (verified.ExitCode, verified.Error));
        Assert.Equal($"{_history.Address}: everything that is kept is sound\n", verified.Out);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("3")]
    public void A_replay_of_all_machines_is_equal(string workers)
    {
        ProgramRun replay = _history.Of("replay", "1", "--verify", "--workers", workers);

        Assert.Equal(ExitCode.Held, replay.ExitCode);
        long kexecs = _run.Json.GetProperty("kexecs").GetInt64();
        Assert.Equal($"equal: 50 generations ({kexecs} kexecs) compared with run 1 in {_history.Address}, every digest as recorded\n", replay.Out);
        Assert.Equal($"replay of run 1 in {_history.Address}: scenario smoke, seed 7", replay.ErrorLine);
    }

    [Fact]
    public void A_replay_gives_the_sums_and_the_digest_of_the_run()
    {
        JsonElement replay = _history.Of("replay", "last", "--json").Json;

        Assert.Equal(
            [
                "run", "source", "scenario", "seed", "machine", "verdict", "generations", "kexecs", "violations", "model_version", "recorded_model_version",
                "difference", "damage", "outcomes", "transitions", "elapsed_s", "machine_digest", "digest",
            ],
            ProgramRun.Fields(replay));
        Assert.Equal("equal", replay.GetProperty("verdict").GetString());
        foreach (string field in (string[])["run", "scenario", "seed", "kexecs", "violations", "outcomes", "transitions", "digest"])
        {
            Assert.True(JsonElement.DeepEquals(_run.Json.GetProperty(field), replay.GetProperty(field)), field);
        }
    }

    [Fact]
    public void A_replay_of_all_machines_shows_a_summary()
    {
        ProgramRun replay = _history.Of("replay", "1");

        Assert.Contains($"digest  {_run.Json.GetProperty("digest").GetString()}\nequal: ", replay.Out, StringComparison.Ordinal);
        Assert.Matches("(?m)^from +to +kexecs", replay.Out);
    }

    [Fact]
    public void A_replay_of_one_machine_tells_its_story_up_to_a_generation()
    {
        ProgramRun replay = _history.Of("replay", "1", "--machine", "3", "--to", "2");

        Assert.Equal(ExitCode.Held, replay.ExitCode);
        Assert.StartsWith("generation 0: kernel ", replay.Out, StringComparison.Ordinal);
        Assert.Contains("\ngeneration 2: kernel ", replay.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("generation 3: kernel ", replay.Out, StringComparison.Ordinal);
        Assert.Matches(@"\nequal: 3 generations \(\d kexecs\) compared with ", replay.Out);
        Assert.Equal($"replay of run 1 in {_history.Address}: scenario smoke, seed 7, machine 3", replay.ErrorLine);
    }

    [Fact]
    public void A_machine_of_a_run_looks_as_the_scenario_says()
    {
        string[] view = ["--machine", "3", "--at", "4", "memory"];
        ProgramRun recorded = _history.Of(["inspect", "1", .. view]);
        ProgramRun executed = ProgramRun.Of(["inspect", "smoke", "--machines", Machines, "--kexecs", "9", .. view]);

        Assert.Equal((ExitCode.Held, executed.Out), (recorded.ExitCode, recorded.Out));
        Assert.StartsWith(
            $"run 1 in {_history.Address}, scenario smoke, seed 7, machine 3, generation 4, kernel ", recorded.ErrorLine, StringComparison.Ordinal);
        JsonElement json = _history.Of(["inspect", "last", .. view, "--json"]).Json;
        Assert.Equal($"run 1 in {_history.Address}", json.GetProperty("run").GetString());
        Assert.Equal(9, _history.Of("inspect", "1", "--machine", "3", "--json").Json.GetProperty("generation").GetInt32());
    }

    [Theory]
    [InlineData("kho: run 1 in {0} has 5 machines: --machine N says which one to look at", "inspect", "1")]
    [InlineData("kho: run 1 in {0} has no machine 5; it has 0 to 4", "inspect", "1", "--machine", "5")]
    [InlineData("kho: run 1 in {0} has no generation 10; it has 0 to 9", "inspect", "1", "--machine", "1", "--at", "10")]
    [InlineData("kho: '1' is a recorded run, which is what it was: --seed does not go with it", "inspect", "1", "--seed", "7")]
    [InlineData("kho: no view 'ram'", "inspect", "1", "--machine", "1", "ram")]
    [InlineData("kho: --store names a history, and 'tiny' is no run of one: a run's number, or 'last' is", "inspect", "tiny")]
    [InlineData("kho: run 1 in {0} has no machine 5; it has 0 to 4", "replay", "1", "--machine", "5")]
    [InlineData("kho: run 1 in {0} has no generation 10; it has 0 to 9", "replay", "1", "--to", "10")]
    [InlineData("kho: --to '-1': a whole number", "replay", "1", "--to", "-1")]
    [InlineData("kho: 'smoke' is no run: a run's number, or 'last' is, and so is a file that ends in .khist", "replay", "smoke")]
    [InlineData("kho: '' is no run", "replay", "")]
    [InlineData("kho: no file 'missing.khist'", "replay", "missing.khist")]
    [InlineData("kho: --clients missing.dll: no such file", "replay", "1", "--clients", "missing.dll")]
    [InlineData("kho: --format is needed, or a FILE whose name ends in one: one of csv, json, khist is accepted", "export", "1")]
    [InlineData("kho: --format 'xml': one of csv, json, khist is accepted", "export", "1", "--format", "xml")]
    [InlineData("kho: --format khist writes bytes: -o FILE.khist says where to", "export", "1", "--format", "khist")]
    [InlineData("kho: -o '': a file is expected", "export", "1", "--format", "csv", "-o", "")]
    [InlineData("kho: -o 'no such folder/x.csv': there is no folder", "export", "1", "-o", "no such folder/x.csv")]
    [InlineData("kho: run 'smoke': a run's number, or 'last' is accepted", "runs", "show", "smoke")]
    public void What_cannot_be_done_is_refused_in_one_line(string expected, params string[] arguments)
    {
        ProgramRun run = _history.Of(arguments);

        Assert.Equal((ExitCode.Usage, string.Empty), (run.ExitCode, run.Out));
        Assert.StartsWith(string.Format(null, expected, _history.Address), run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_are_the_same_on_the_screen_and_in_a_file()
    {
        ProgramRun csv = _history.Of("export", "1", "--format", "csv");
        string[] lines = csv.Out.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(string.Join(',', HistoryExport.Fields), lines[0]);
        Assert.Equal(51, lines.Length);

        ProgramRun written = _history.Of("export", "1", "-o", _history["rows.csv"]);
        Assert.Equal((ExitCode.Held, string.Empty), (written.ExitCode, written.Out));
        Assert.Equal($"run 1 in {_history.Address}: 50 generations are in {_history["rows.csv"]}", written.ErrorLine);
        Assert.Equal(csv.Out, File.ReadAllText(_history["rows.csv"]));

        ProgramRun json = _history.Of("export", "1", "--format", "json", "--machine", "2");
        Assert.Equal(10, json.Json.GetArrayLength());
        Assert.All(json.Json.EnumerateArray(), static row => Assert.Equal(HistoryExport.Fields, ProgramRun.Fields(row)));
        _history.Of("export", "1", "-o", _history["rows.json"], "--machine", "2");
        Assert.Equal(json.Out, File.ReadAllText(_history["rows.json"]));
    }

    [Fact]
    public void A_file_of_records_stands_for_the_run()
    {
        string file = _history["machine 3.khist"];
        Assert.Equal(
            $"run 1 in {_history.Address}: 10 generations of machine 3 are in {file}", _history.Of("export", "1", "--machine", "3", "-o", file).ErrorLine);

        Assert.StartsWith("generation 0: kernel ", ProgramRun.Of("replay", file).Out, StringComparison.Ordinal);
        Assert.StartsWith("equal: 10 generations ", ProgramRun.Of("replay", file, "--verify").Out, StringComparison.Ordinal);
        Assert.Equal(
            _history.Of("inspect", "1", "--machine", "3", "--at", "4", "radix").Out, ProgramRun.Of("inspect", file, "--at", "4", "radix").Out);
        Assert.Equal(
            _history.Of("export", "1", "--machine", "3", "--format", "csv").Out, ProgramRun.Of("export", file, "--format", "csv").Out);
        ProgramRun other = ProgramRun.Of("replay", file, "--machine", "2", "--verify");
        Assert.Equal((ExitCode.Inconclusive, $"nothing-recorded: {file} has no record of machine 2\n"), (other.ExitCode, other.Out));
    }

    [Fact]
    public void A_file_may_hold_the_whole_run()
    {
        string file = _history["all.khist"];
        _history.Of("export", "1", "-o", file);

        Assert.Equal(_run.Json.GetProperty("digest").GetString(), ProgramRun.Of("replay", file, "--json").Json.GetProperty("digest").GetString());
    }

    [Fact]
    public void A_run_with_its_order_recorded_replays()
    {
        using TestHistory history = new();
        history.Of("run", "smoke", "--machines", "2", "--kexecs", "5", "--seed", "7", "--record-order");

        Assert.True(history.Of("runs", "show", "1", "--json").Json.GetProperty("order_recorded").GetBoolean());
        Assert.Equal(ExitCode.Held, history.Of("replay", "1", "--verify").ExitCode);
        Assert.StartsWith(
            "kho: --record-order writes into a history: it does not go with --store none",
            ProgramRun.Of("run", "tiny", "--record-order", "--store", "none").ErrorLine,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_deleted_run_is_gone_and_its_number_with_it()
    {
        using TestHistory history = new();
        history.Of("run", "tiny");

        ProgramRun deleted = history.Of("runs", "delete", "1");

        Assert.Equal((ExitCode.Held, "deleted run 1 of tiny, seed 7: 4 recorded generations of 1 machine\n"), (deleted.ExitCode, deleted.Out));
        Assert.Equal(ExitCode.Usage, history.Of("runs", "show", "1").ExitCode);
        Assert.Equal("2", history.Of("run", "tiny", "--json").Json.GetProperty("run").GetString());
        Assert.Equal(ExitCode.Held, history.Of("runs", "verify").ExitCode);
    }

    /// <summary>One run of five machines for all tests that only read.</summary>
    public sealed class OneRun : IDisposable
    {
        public OneRun() => Run = History.Of("run", "smoke", "--machines", Machines, "--kexecs", "9", "--seed", "7", "--json");

        internal TestHistory History { get; } = new();

        internal ProgramRun Run { get; }

        public void Dispose() => History.Dispose();
    }
}
