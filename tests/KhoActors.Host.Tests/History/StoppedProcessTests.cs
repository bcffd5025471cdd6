using KhoActors.Nodes.History;

namespace KhoActors.Host.Tests.History;

/// <summary>
/// Checkpoints by the clock: a round of all machines is due when 30 s have passed. A process that is stopped for so long gets there
/// without work; it is killed when checkpoints are there, and the next one goes on from them.
/// </summary>
public sealed class StoppedProcessTests : IDisposable
{
    private static readonly TimeSpan LongerThanBetweenRounds = TimeSpan.FromSeconds(30.5);
    private static readonly string[] Fleet = ["run", "smoke", "--machines", "60", "--seed", "12", "--workers", "1"];
    private readonly TestHistory _history = new();

    public void Dispose() => _history.Dispose();

    [UnixFact]
    public async Task A_killed_process_is_continued_from_the_checkpoints_of_its_clock()
    {
        using (KhoProcess process = KhoProcess.Start(_history.Address, Fleet))
        {
            await Await(process, static run => run.Newest() is { Generations: > 0 });
            process.Signal("STOP");
            await Task.Delay(LongerThanBetweenRounds);
            process.Signal("CONT");
            await Await(process, static run => run.Checkpoints() > 0);
            Assert.False(process.HasEnded, "it ended before it had checkpoints");
            process.Kill();
        }

        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);
        using (IHistoryStore store = _history.Open(HistoryAccess.Read))
        {
            Assert.Contains(store.ReadProgress(1), static machine => machine.CheckpointGeneration > 0);
        }

        using KhoProcess next = KhoProcess.Start(_history.Address, "run", "--resume", "last", "--json");
        string? digest = next.End().Json.GetProperty("digest").GetString();
        Assert.Equal(ProgramRun.Of([.. Fleet, "--json", "--store", "none"]).Json.GetProperty("digest").GetString(), digest);
    }

    private async Task Await(KhoProcess process, Func<HistoryOnlooker, bool> isThere)
    {
        while (!process.HasEnded)
        {
            if (File.Exists(_history.File))
            {
                using HistoryOnlooker onlooker = new(_history.File);
                if (isThere(onlooker))
                {
                    return;
                }
            }

            await Task.Yield();
        }
    }
}
