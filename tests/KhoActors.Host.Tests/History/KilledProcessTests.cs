using System.Diagnostics;
using KhoActors.Nodes.History;
using KhoActors.Tests.Shared;

namespace KhoActors.Host.Tests.History;

/// <summary>Processes that are ended from outside, at moments that nobody chooses: what they leave behind goes on to the same digest.</summary>
public sealed class KilledProcessTests : IDisposable
{
    private const int PollMilliseconds = 5;
    private static readonly string[] Fleet = ["run", "smoke", "--machines", "40", "--seed", "11"];
    private static readonly Lazy<string?> Undisturbed = new(static () =>
        ProgramRun.Of([.. Fleet, "--json", "--store", "none"]).Json.GetProperty("digest").GetString());

    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [UnixTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_process_that_was_killed_is_resumed_to_the_digest_of_an_undisturbed_run(int seed)
    {
        // From the entry of the run to most of its records: the moment is seeded, what it hits depends on the computer.
        int generations = new SplitMix64((ulong)seed).Index(600);
        using (Process process = Start(Fleet))
        {
            WaitForGenerations(process, generations);
            process.Kill();
            process.WaitForExit();
        }

        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);
        Assert.Equal(Undisturbed.Value, _history.Of("run", "--resume", "last", "--json").Json.GetProperty("digest").GetString());
        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);
    }

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

    private Process Start(string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", ["exec", typeof(CommandLine).Assembly.Location, .. arguments, "--store", _history.Address])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(_history.File)!,
        };
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
