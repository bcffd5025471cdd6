using System.Text.Json;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Tests.History;

/// <summary><c>kho runs</c>: what a history holds.</summary>
public sealed class RunsCommandTests : IDisposable
{
    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [Fact]
    public void The_fields_of_a_list_are_a_promise()
    {
        _history.Enter(state: RunState.Finished);

        JsonElement run = Assert.Single(_history.Of("runs", "--json").Json.EnumerateArray());

        Assert.Equal(["run", "scenario", "seed", "engine", "started", "state", "machines", "kexecs", "violations", "digest"], ProgramRun.Fields(run));
        Assert.Equal("1", run.GetProperty("run").GetString());
        Assert.Equal("2026-01-31T13:45:00Z", run.GetProperty("started").GetString());
        Assert.Equal("finished", run.GetProperty("state").GetString());
    }

    [Fact]
    public void A_table_shows_the_oldest_first()
    {
        _history.Enter(state: RunState.Interrupted);
        _history.Enter();

        ProgramRun run = _history.Of("runs");

        Assert.Equal(ExitCode.Held, run.ExitCode);
        string[] lines = run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Matches("^ *run +scenario +seed +started +state +machines +kexecs +violations +digest", lines[0]);
        Assert.Matches("^ *1 +tiny +7 +2026-01-31 13:45 +interrupted +1 +0 +0$", lines[1].TrimEnd());
        Assert.Matches("^ *2 +tiny +7 +2026-01-31 13:45 +running +1 +0 +0$", lines[2].TrimEnd());
    }

    [Fact]
    public void Filters_pick_runs()
    {
        _history.Enter(static facts => facts with { Seed = 1, Started = DateTimeOffset.UtcNow.AddDays(-9) }, RunState.Finished);
        _history.Enter(static facts => facts with { Seed = 2, Scenario = "other" }, RunState.Interrupted);
        _history.Enter(static facts => facts with { Seed = 3, Started = DateTimeOffset.UtcNow });

        Assert.Equal(["1", "2", "3"], Picked());
        Assert.Equal(["2"], Picked("--scenario", "other"));
        Assert.Equal(["1"], Picked("--state", "finished"));
        Assert.Equal(["3"], Picked("--state", "running"));
        Assert.Equal(["3"], Picked("--seed", "3"));
        Assert.Equal(["3"], Picked("--since", "8d"));
        Assert.Equal(["1", "2", "3"], Picked("--since", "2026-01-31T13:45Z"));
        Assert.Equal(["1", "3"], Picked("--since", "2026-02-01"));
        Assert.Equal(["2", "3"], Picked("--limit", "2"));
        Assert.Equal(["1"], Picked("--limit", "1", "--state", "finished"));
        Assert.Empty(Picked("--violations"));
    }

    [Fact]
    public void Nothing_to_show_is_said()
    {
        _history.Open().Dispose();
        Assert.Equal($"no runs in {_history.Address}", _history.Of("runs").ErrorLine);

        _history.Enter();
        ProgramRun run = _history.Of("runs", "--scenario", "other");
        Assert.Equal($"no run in {_history.Address} is as asked for; it has 1 run", run.ErrorLine);
        Assert.Equal((ExitCode.Held, string.Empty), (run.ExitCode, run.Out));
    }

    [Theory]
    [InlineData("kho: --state 'ended': one of running, finished, interrupted, defect is accepted", "--state", "ended")]
    [InlineData("kho: --seed '-1': a number from 0 to 18446744073709551615 is accepted", "--seed", "-1")]
    [InlineData("kho: --since 'yesterday': a date (2026-01-31), a time in UTC (2026-01-31T13:45) or an age (90min, 12h, 7d) is accepted", "--since", "yesterday")]
    [InlineData("kho: --since '': a date", "--since", "")]
    [InlineData("kho: --since 'd': a date", "--since", "d")]
    [InlineData("kho: --since '1000000d': a date", "--since", "1000000d")]
    [InlineData("kho: --since '99999999999d': a date", "--since", "99999999999d")]
    [InlineData("kho: --limit '0': a whole number from 1", "--limit", "0")]
    [InlineData("kho: unknown command or option '3'; see kho runs --help", "3")]
    [InlineData("kho: unknown command or option '--no-such'; see kho runs show --help", "show", "1", "--no-such")]
    public void A_filter_that_makes_no_sense_is_refused(string expected, params string[] arguments)
    {
        ProgramRun run = _history.Of(["runs", .. arguments]);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.StartsWith(expected, run.ErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("runs")]
    [InlineData("runs", "show", "last")]
    [InlineData("runs", "verify")]
    [InlineData("runs", "delete", "last")]
    [InlineData("replay", "last")]
    [InlineData("export", "last", "--format", "csv")]
    [InlineData("inspect", "last")]
    [InlineData("run", "--resume", "last")]
    public void A_history_that_is_not_there_is_named(params string[] command)
    {
        ProgramRun run = _history.Of(command);

        Assert.Equal((ExitCode.StoreFailure, string.Empty), (run.ExitCode, run.Out));
        Assert.Equal($"kho: {_history.Address}: there is no such file", run.ErrorLine);
        Assert.False(File.Exists(_history.File));
    }

    [Theory]
    [InlineData("runs", "show")]
    [InlineData("runs", "delete")]
    [InlineData("runs", "verify")]
    [InlineData("replay")]
    [InlineData("export", "--format", "csv")]
    [InlineData("inspect")]
    [InlineData("run", "--resume")]
    public void A_run_that_is_not_there_is_named(params string[] command)
    {
        _history.Enter();
        string[] with(string run) => [.. command, run];

        Assert.Equal($"kho: no run 2 in {_history.Address}; the newest is 1", Refused(with("2")));
        Assert.Equal($"kho: no run 99999999999 in {_history.Address}; the newest is 1", Refused(with("99999999999")));
        Assert.Equal($"kho: no run 0 in {_history.Address}; the newest is 1", Refused(with("0")));

        string Refused(string[] arguments)
        {
            ProgramRun run = _history.Of(arguments);
            Assert.Equal((ExitCode.Usage, string.Empty), (run.ExitCode, run.Out));
            return run.ErrorLine;
        }
    }

    [Fact]
    public void An_empty_history_has_no_last_run()
    {
        _history.Open().Dispose();

        Assert.Equal($"kho: no run last in {_history.Address}: it holds none yet", _history.Of("runs", "show", "last").ErrorLine);
    }

    [Theory]
    [InlineData("nowhere", "kho: --store 'nowhere': no history is kept at 'nowhere': an address has the form sqlite:PATH or postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE")]
    [InlineData("", "kho: --store '': no history is kept")]
    [InlineData("sqlite:", "kho: --store 'sqlite:': no history is kept")]
    [InlineData("none", "kho: --store none: a history is needed here")]
    public void An_address_that_is_none_is_refused(string address, string expected)
    {
        ProgramRun run = ProgramRun.Of("runs", "--store", address);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.StartsWith(expected, run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_history_is_left_alone()
    {
        File.WriteAllText(_history.File, "this is text, and long enough to be taken for the header of a database if nobody looks at it closely...");
        byte[] before = File.ReadAllBytes(_history.File);

        foreach (string[] command in (string[][])[["runs"], ["run", "tiny"], ["run", "--resume", "1"], ["runs", "delete", "1", "--force"]])
        {
            ProgramRun run = _history.Of(command);
            Assert.Equal(ExitCode.StoreFailure, run.ExitCode);
            Assert.Contains("this file is not a SQLite database", run.ErrorLine, StringComparison.Ordinal);
        }

        Assert.Equal(before, File.ReadAllBytes(_history.File));
    }

    [Fact]
    public void The_history_may_be_named_before_or_behind_the_subcommand()
    {
        _history.Enter();

        Assert.Equal(
            ProgramRun.Of("runs", "show", "1", "--store", _history.Address).Out, ProgramRun.Of("runs", "--store", _history.Address, "show", "1").Out);
        ProgramRun run = _history.Of("runs", "--json", "show", "1");
        Assert.Equal((ExitCode.Usage, string.Empty), (run.ExitCode, run.Out));
        Assert.Equal("kho: --json does not go before 'show'; see kho runs show --help", run.ErrorLine);
    }

    [Fact]
    public void A_run_that_has_not_ended_is_deleted_only_by_force()
    {
        _history.Enter();

        ProgramRun refused = _history.Of("runs", "delete", "1");
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Equal(
            $"kho: run 1 in {_history.Address} has not ended: it is running, or can be continued with ./kho run --resume 1 --store '{_history.Address}';"
            + " --force deletes it",
            refused.ErrorLine);

        ProgramRun deleted = _history.Of("runs", "delete", "last", "--force");
        Assert.Equal((ExitCode.Held, "deleted run 1 of tiny, seed 7: 0 recorded generations of 1 machine\n"), (deleted.ExitCode, deleted.Out));
        Assert.Empty(Picked());
    }

    [Fact]
    public void Text_from_a_history_cannot_command_a_terminal()
    {
        const string Hostile = "\u001b]0;owned\u0007\u001b[2J";
        _history.Enter(static facts => facts with { Scenario = Hostile, Command = Hostile, ProgramVersion = Hostile, Engine = Hostile }, RunState.Finished);

        foreach (string[] command in (string[][])[["runs"], ["runs", "show", "1"], ["runs", "delete", "1"]])
        {
            ProgramRun run = _history.Of(command);
            Assert.Equal(ExitCode.Held, run.ExitCode);
            Assert.DoesNotContain('\u001b', run.Out + run.Error);
            Assert.Contains("?]0;owned?", run.Out, StringComparison.Ordinal);
        }
    }

    private string[] Picked(params string[] filters) =>
        [.. _history.Of(["runs", "--json", .. filters]).Json.EnumerateArray().Select(static run => run.GetProperty("run").GetString()!)];
}
