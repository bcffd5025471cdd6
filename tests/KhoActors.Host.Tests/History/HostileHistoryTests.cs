using System.Diagnostics;
using SQLitePCL;

namespace KhoActors.Host.Tests.History;

/// <summary>What is no history, or not one of this program's making: one clear line, the right exit code, and no waiting.</summary>
public sealed class HostileHistoryTests : IDisposable
{
    private const int Damaged = 300;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [UnixFact]
    public async Task A_pipe_is_no_history_and_nobody_waits_for_its_writer()
    {
        string file = _history["pipe.khist"];
        MakePipe(file);
        File.CreateSymbolicLink(_history["link.khist"], file);
        MakePipe(_history.File);

        foreach (string[] command in (string[][])[["replay", file], ["inspect", file], ["replay", _history["link.khist"]]])
        {
            ProgramRun run = await Task.Run(() => ProgramRun.Of(command)).WaitAsync(Patience);
            Assert.Equal((ExitCode.StoreFailure, string.Empty), (run.ExitCode, run.Out));
            Assert.EndsWith(".khist: no history file: it has 0 bytes", run.ErrorLine, StringComparison.Ordinal);
        }

        ProgramRun runs = await Task.Run(() => _history.Of("runs")).WaitAsync(Patience);
        Assert.Equal((ExitCode.StoreFailure, string.Empty), (runs.ExitCode, runs.Out));
        Assert.StartsWith($"kho: {_history.Address}: ", runs.ErrorLine, StringComparison.Ordinal);
    }

    [UnixFact]
    public void A_link_leads_to_the_history_that_is_made_behind_it()
    {
        File.CreateSymbolicLink(_history.File, "elsewhere.db");

        Assert.Equal(ExitCode.Held, _history.Of("run", "tiny").ExitCode);

        Assert.True(File.Exists(_history["elsewhere.db"]));
        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);
    }

    [UnixFact]
    public void Links_in_a_circle_lead_nowhere()
    {
        File.CreateSymbolicLink(_history.File, _history.File);

        Assert.Equal(ExitCode.StoreFailure, _history.Of("runs").ExitCode);
        ProgramRun run = _history.Of("run", "tiny");
        Assert.Equal((ExitCode.StoreFailure, string.Empty), (run.ExitCode, run.Out));
        Assert.EndsWith("; nothing was run. --store none runs without a history", run.ErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_damaged_runs_the_first_are_told_and_the_others_counted()
    {
        _history.Enter();
        Edit("CREATE TEMP TABLE one AS SELECT * FROM runs;" + string.Concat(
            Enumerable.Range(2, Damaged - 1).Select(static run => $"UPDATE one SET run = {run}; INSERT INTO runs SELECT * FROM one;")));

        ProgramRun runs = _history.Of("runs");

        Assert.Equal(ExitCode.StoreFailure, runs.ExitCode);
        string[] lines = runs.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(101, lines.Length);
        Assert.Equal($"kho: {_history.Address}, its own row: it counts 1 runs, {Damaged} can be found", lines[0]);
        Assert.Equal($"kho: {_history.Address}: {Damaged - 100} more; kho runs verify tells all", lines[^1]);
        Assert.Contains("tiny", runs.Out, StringComparison.Ordinal);
    }

    private void Edit(string sql)
    {
        Batteries_V2.Init();
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_open_v2(_history.File, out sqlite3 handle, raw.SQLITE_OPEN_READWRITE, null));
        using (handle)
        {
            Assert.True(raw.sqlite3_exec(handle, sql) == raw.SQLITE_OK, raw.sqlite3_errmsg(handle).utf8_to_string());
        }
    }

    private static void MakePipe(string path)
    {
        using Process make = Process.Start("mkfifo", [path]);
        make.WaitForExit();
        Assert.Equal(0, make.ExitCode);
    }
}
