using System.Text.Json;
using KhoActors.Host.Bench;
using KhoActors.Host.Doctor;
using KhoActors.Host.Reports;

namespace KhoActors.Host.Tests;

public class ReportTests
{
    private static readonly RunSummary Summary = new()
    {
        Run = "1",
        History = "sqlite:./khoactors.db",
        Scenario = "fleet",
        Seed = ulong.MaxValue,
        Engine = "local",
        Machines = 1000,
        AlivePeak = 1000,
        Kexecs = 20_000,
        ColdBoots = 3,
        Messages = 4_000_000,
        Operations = 1_280_000,
        FaultsInjected = 0,
        Violations = 1,
        Outcomes = [new("restored", 19_999), new("lost", 1)],
        Transitions = [new("7.2.13", "7.3-rc7", 20_000, 19_999, 1, 1)],
        Elapsed = TimeSpan.FromSeconds(2),
        PeakRssBytes = 1 << 30,
        HistoryBytes = 0,
        Digest = new string('a', 64),
    };

    [Fact]
    public void The_fields_of_a_run_are_a_promise()
    {
        JsonElement json = Written(Summary.WriteJson);

        Assert.Equal(
            [
                "run", "scenario", "seed", "engine", "machines", "alive_peak", "kexecs", "cold_boots", "messages", "operations", "faults_injected",
                "violations", "outcomes", "transitions", "elapsed_s", "kexecs_per_s", "messages_per_s", "peak_rss_bytes", "history_bytes", "digest",
            ],
            ProgramRun.Fields(json));
        Assert.Equal(["from", "to", "count", "restored", "lost", "violations"], ProgramRun.Fields(json.GetProperty("transitions")[0]));
        Assert.Equal(ulong.MaxValue, json.GetProperty("seed").GetUInt64());
        Assert.Equal(10_000, json.GetProperty("kexecs_per_s").GetDouble());
        Assert.Equal(["restored", "lost"], ProgramRun.Fields(json.GetProperty("outcomes")));
    }

    [Fact]
    public void Speeds_are_those_of_this_process_and_sums_those_of_the_run()
    {
        RunSummary continued = Summary with { EarlierKexecs = 15_000, EarlierMessages = 3_000_000 };
        JsonElement json = Written(continued.WriteJson);

        Assert.Equal((20_000, 2_500), (json.GetProperty("kexecs").GetInt64(), json.GetProperty("kexecs_per_s").GetDouble()));
        Assert.Equal((4_000_000, 500_000), (json.GetProperty("messages").GetInt64(), json.GetProperty("messages_per_s").GetDouble()));
        Assert.Contains("20,000, 5,000 of them in 2.0 s, 2,500 a second", Text(continued.WriteTable), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_as_a_table_names_what_matters()
    {
        string text = Text(Summary.WriteTable);

        Assert.Contains("20,000 in 2.0 s, 10,000 a second", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', text);
    }

    [Fact]
    public void A_run_as_a_table_ends_with_its_digest_on_a_line_of_its_own()
    {
        string expected = $"{Environment.NewLine}digest  {Summary.Digest}{Environment.NewLine}";

        Assert.EndsWith(expected, Text(Summary.WriteTable), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_was_interrupted_has_no_digest_to_print() =>
        Assert.DoesNotContain("digest", Text((Summary with { Digest = string.Empty }).WriteTable), StringComparison.Ordinal);

    [Fact]
    public void The_fields_of_a_bench_are_a_promise()
    {
        BenchReport report = new(
            new Calibration(1, 2, 3),
            [new BenchRow("a", "ns", 5, 4, BudgetKind.AtMost), new BenchRow("b", "1/s", 5, 4, BudgetKind.AtLeast)]);
        JsonElement json = Written(report.WriteJson);

        Assert.Equal(["calibration", "rows"], ProgramRun.Fields(json));
        Assert.Equal(["name", "unit", "measured", "budget", "met"], ProgramRun.Fields(json.GetProperty("rows")[0]));
        Assert.False(json.GetProperty("rows")[0].GetProperty("met").GetBoolean());
        Assert.True(json.GetProperty("rows")[1].GetProperty("met").GetBoolean());
    }

    [Theory]
    [InlineData(0, 10, "0 of 1,000 kexecs (0 %), starting")]
    [InlineData(300, 3, "300 of 1,000 kexecs (30 %), 100 kexecs/s, 0:07 left")]
    [InlineData(1, 10, "1 of 1,000 kexecs (0 %), 0.1 kexecs/s, 2:46:30 left")]
    [InlineData(1000, 4, "1,000 of 1,000 kexecs (100 %), 250 kexecs/s")]
    public void Progress_tells_how_far_how_fast_how_long(long done, int seconds, string expected) =>
        Assert.Equal(expected, new ProgressLine("kexecs", 1000).Full(done, TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Progress_counts_across_threads_and_gives_back_the_result()
    {
        using StringWriter error = new();
        Terminal terminal = new() { Out = TextWriter.Null, Error = error };

        long done = RunProgress.Track(terminal, "fleet", "kexecs", 40_000, static progress =>
        {
            Parallel.For(0, 4, _ =>
            {
                for (int i = 0; i < 10_000; i++)
                {
                    progress.Advance(1);
                }
            });
            return progress.Done;
        });

        Assert.Equal(40_000, done);
    }

    [Fact]
    public void The_reproducing_line_survives_a_shell()
    {
        string line = new ReproducingLine("run", "my scenarios/it's.yaml").With("--seed", 7).With("--set", "a=b c").With("--kexecs", (ulong?)null).ToString();

        Assert.Equal("./kho run 'my scenarios/it'\\''s.yaml' --seed 7 --set 'a=b c'", line);
    }

    [Fact]
    public void Brackets_in_a_table_are_text() =>
        Assert.Contains("[red]x[/]", Text(static terminal => new SummaryTable("a").Row("[red]x[/]").Write(terminal)), StringComparison.Ordinal);

    [Fact]
    public void The_doctor_tells_limits_from_what_is_missing()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(Verdict.Ok, Examination.Writable(folder.Path).Verdict);
        Assert.Empty(Directory.GetFiles(folder.Path));
        Assert.Equal(Verdict.Warning, Examination.Writable(folder["missing"]).Verdict);
        Assert.Equal(Verdict.Missing, Examination.Config(null).Verdict);
        Assert.Equal(Verdict.Missing, Examination.Config(folder.Path).Verdict);
        Assert.Equal(Verdict.Missing, Examination.Runtime(new Version(9, 0)).Verdict);
        Assert.Equal(Verdict.Warning, Examination.Cores(1).Verdict);
        Assert.Equal(Verdict.Warning, Examination.Memory(1 << 30).Verdict);
    }

    [Fact]
    public void The_doctor_reports_as_JSON()
    {
        JsonElement json = ProgramRun.Of("doctor", "--json").Json;

        Assert.All(json.EnumerateArray(), static check => Assert.Equal(["name", "result", "found", "advice"], ProgramRun.Fields(check)));
    }

    private static JsonElement Written(Action<Terminal> write) => JsonDocument.Parse(Text(write)).RootElement;

    private static string Text(Action<Terminal> write)
    {
        using StringWriter output = new();
        write(new Terminal { Out = output, Error = TextWriter.Null });
        return output.ToString();
    }
}
