using System.Diagnostics;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Tests.History;

/// <summary>Processes that are ended from outside, by a signal or a limit: what they leave behind goes on to the same digest.</summary>
public sealed class KilledProcessTests : IDisposable
{
    private const int PollMilliseconds = 5;
    private const int UlimitBlockBytes = 512;
    private static readonly string[] Fleet = ["run", "smoke", "--machines", "40", "--seed", "11"];
    private static readonly Lazy<string?> Undisturbed = new(static () =>
        ProgramRun.Of([.. Fleet, "--json", "--store", "none"]).Json.GetProperty("digest").GetString());

    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [UnixTheory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void A_signal_ends_a_process_with_its_state_saved(string signal)
    {
        using Process process = Start(Fleet);
        WaitForGenerations(process, 100);
        using (Process kill = Process.Start("kill", ["-s", signal, $"{process.Id}"]))
        {
            kill.WaitForExit();
        }

        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.Equal((int)ExitCode.Interrupted, process.ExitCode);
        Assert.EndsWith(
            $"kho: interrupted; run 1 is saved. Continue it with: ./kho run --resume 1 --store '{_history.Address}'\n", error, StringComparison.Ordinal);
        Assert.Equal("interrupted", _history.Of("runs", "--json").Json[0].GetProperty("state").GetString());
        Assert.Equal(Undisturbed.Value, _history.Of("run", "--resume", "last", "--json").Json.GetProperty("digest").GetString());
    }

    /// <summary>A limit on the size of files stands for a disk without room: writing fails in the midst of the run.</summary>
    [UnixFact]
    public void A_run_without_room_ends_with_the_command_that_continues_it()
    {
        using Process process = Start(Fleet, fileBytesMax: 512 << 10);
        string error = process.StandardError.ReadToEnd();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.Equal(((int)ExitCode.StoreFailure, string.Empty), (process.ExitCode, output));
        Assert.Contains($"kho: {_history.Address}, run 1", error, StringComparison.Ordinal);
        Assert.EndsWith(
            "kho: run 1 has not ended; what is recorded stays. When that is mended, continue it with: "
            + $"./kho run --resume 1 --store '{_history.Address}'\n",
            error,
            StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Equal("running", _history.Of("runs", "--json").Json[0].GetProperty("state").GetString());
        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);
        Assert.Equal(Undisturbed.Value, _history.Of("run", "--resume", "last", "--json").Json.GetProperty("digest").GetString());
    }

    [UnixFact]
    public void Without_room_for_a_history_nothing_is_run()
    {
        using Process process = Start(Fleet, fileBytesMax: 16 << 10);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.Equal((int)ExitCode.StoreFailure, process.ExitCode);
        Assert.StartsWith($"kho: {_history.Address}", error, StringComparison.Ordinal);
        Assert.EndsWith("; nothing was run. --store none runs without a history\n", error, StringComparison.Ordinal);
    }

    private Process Start(string[] arguments, int? fileBytesMax = null)
    {
        string[] program = ["dotnet", "exec", typeof(CommandLine).Assembly.Location, .. arguments, "--store", _history.Address];
        ProcessStartInfo start = fileBytesMax is { } limit
            ? new("sh", ["-c", $"trap '' XFSZ; ulimit -f {limit / UlimitBlockBytes}; exec \"$@\"", "sh", .. program])
            : new(program[0], program[1..]);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.WorkingDirectory = Path.GetDirectoryName(_history.File)!;

        // The runtime's second mapping of its code is a file, too, and larger than the limit.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        return Process.Start(start)!;
    }

    // Asks the history itself, as another process may.
    private void WaitForGenerations(Process process, int generations)
    {
        while (Recorded() < generations && !process.WaitForExit(PollMilliseconds))
        {
        }
    }

    private long Recorded()
    {
        try
        {
            using IHistoryStore store = _history.Open(HistoryAccess.Read);
            return store.FindRun(null)?.Sums.Generations ?? -1;
        }
        catch (HistoryUnavailableException)
        {
            return -1;
        }
    }
}
