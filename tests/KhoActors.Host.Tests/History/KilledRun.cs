using System.Diagnostics;
using KhoActors.Nodes.History;
using KhoActors.Tests.Shared;

namespace KhoActors.Host.Tests.History;

/// <summary>At what a process is killed: something that anybody can see from outside.</summary>
internal enum KillPoint
{
    /// <summary>A little after it was started.</summary>
    Start,

    /// <summary>While it makes the file of the history.</summary>
    Making,

    /// <summary>The run is entered.</summary>
    Entered,

    /// <summary>A number of generations is recorded.</summary>
    Records,

    /// <summary>The log beside the file has changed a number of times: in the midst of a commit.</summary>
    Commit,

    /// <summary>Everything is recorded, but the run has not ended.</summary>
    AllRecords,

    /// <summary>The run has ended; the process has perhaps not told so.</summary>
    Ended,
}

/// <summary>What a killed process left.</summary>
internal enum KillStage
{
    /// <summary>No file, or one without a run.</summary>
    NoRun,

    /// <summary>A run without records.</summary>
    NoRecord,

    /// <summary>Some records.</summary>
    SomeRecords,

    /// <summary>All records of a run that has not ended.</summary>
    AllRecords,

    /// <summary>A finished run.</summary>
    Ended,
}

/// <summary>One run whose processes are killed, until one is left in peace.</summary>
internal sealed class KilledRun(string[] fleet, long generations, SplitMix64 random) : IDisposable
{
    private const int DelayMilliseconds = 150;
    private readonly TestHistory _history = new();
    private long _recorded;

    /// <summary>Whether machines have checkpoints from which the next process goes on.</summary>
    public bool HasCheckpoints { get; private set; }

    /// <summary>Whether the last process left commits in the log beside the file.</summary>
    public bool LeftLog { get; private set; }

    /// <summary>What the last process left.</summary>
    public KillStage Stage { get; private set; }

    public void Dispose() => _history.Dispose();

    /// <summary>Starts or continues the run and kills it.</summary>
    public void Kill(KillPoint point)
    {
        using KhoProcess process = Go();
        AwaitAndKill(process, point);
        Examine();
    }

    /// <summary>Starts or continues the run and interrupts it in an orderly way, which leaves checkpoints.</summary>
    public void Interrupt()
    {
        using KhoProcess process = Go();
        using (HistoryOnlooker onlooker = Onlooker(process)!)
        {
            AwaitRecords(process, onlooker, 1 + random.Index((int)generations / 2));
        }

        process.Signal("INT");
        Assert.Contains(process.End().ExitCode, (ExitCode[])[ExitCode.Interrupted, ExitCode.Held]);
        Examine();
    }

    /// <summary>Continues the run to its end.</summary>
    /// <returns>Its page.</returns>
    public ProgramRun Finish()
    {
        using (KhoProcess process = Go())
        {
            ProgramRun end = process.End();
            Assert.True(end.ExitCode == ExitCode.Held, end.Error);
        }

        Assert.Equal(ExitCode.Held, _history.Of("runs", "verify").ExitCode);
        ProgramRun replay = _history.Of("replay", "last", "--verify");
        Assert.True(replay.ExitCode == ExitCode.Held, replay.Error);
        return _history.Of("runs", "show", "last", "--json");
    }

    private KhoProcess Go() => KhoProcess.Start(_history.Address, Stage == KillStage.NoRun ? [.. fleet, "--json"] : ["run", "--resume", "last", "--json"]);

    private void AwaitAndKill(KhoProcess process, KillPoint point)
    {
        if (point == KillPoint.Start)
        {
            Delay(process);
            process.Kill();
            return;
        }

        if (point == KillPoint.Making)
        {
            AwaitMaking(process);
            process.Kill();
            return;
        }

        using HistoryOnlooker? onlooker = Onlooker(process);
        switch (point)
        {
            case KillPoint.Records:
                AwaitRecords(process, onlooker, Math.Min(generations, _recorded + 1 + random.Index((int)(generations - _recorded) + 1)));
                break;
            case KillPoint.Commit:
                AwaitChanges(process, 1 + random.Index(3));
                break;
            case KillPoint.AllRecords:
                AwaitAllRecordsAndLock(process, onlooker);
                break;
            case KillPoint.Ended:
                Await(process, () => onlooker?.Newest()?.State == "finished");
                break;
        }

        process.Kill();
    }

    // Each of the moments in which a history that is being made looks different.
    private void AwaitMaking(KhoProcess process)
    {
        FileInfo file = new(_history.File);
        switch (random.Index(4))
        {
            case 0:
                Await(process, () => File.Exists(_history.File));
                break;
            case 1:
                Await(process, () => File.Exists($"{_history.File}-journal"));
                break;
            case 2:
                Await(process, () => Refreshed(file).Exists && file.Length > 0);
                break;
            default:
                Await(process, () => File.Exists($"{_history.File}-wal"));
                break;
        }
    }

    private void AwaitRecords(KhoProcess process, HistoryOnlooker? onlooker, long count) => Await(process, () =>
    {
        if (onlooker?.Newest() is { } run)
        {
            _recorded = run.Generations;
        }

        return _recorded >= count;
    });

    private void AwaitChanges(KhoProcess process, int count)
    {
        FileInfo log = new($"{_history.File}-wal");
        (long, DateTime) last = default;
        int changes = 0;
        Await(process, () =>
        {
            (long, DateTime) now = Refreshed(log).Exists ? (log.Length, log.LastWriteTimeUtc) : default;
            changes += now == last ? 0 : 1;
            last = now;
            return changes > count;
        });
    }

    // Whoever holds the lock of writers keeps the process from ending its run; between locking it may commit.
    private void AwaitAllRecordsAndLock(KhoProcess process, HistoryOnlooker? onlooker) => Await(process, () =>
    {
        if (onlooker is null || onlooker.Newest()?.State != "running" || !onlooker.TryLock())
        {
            return false;
        }

        if (onlooker.Newest() is ("running", long recorded) && recorded == generations)
        {
            return true;
        }

        onlooker.Unlock();
        return false;
    });

    // Waits for the entry of the run, which is where an onlooker begins to see something.
    private HistoryOnlooker? Onlooker(KhoProcess process)
    {
        HistoryOnlooker? onlooker = null;
        string before = Stage == KillStage.NoRun ? string.Empty : "interrupted";
        Await(process, () =>
        {
            if (onlooker is null && File.Exists(_history.File))
            {
                onlooker = new HistoryOnlooker(_history.File);
            }

            return onlooker?.Newest() is { } run && run.State != before;
        });
        return onlooker;
    }

    private void Delay(KhoProcess process)
    {
        long ticks = random.Index(DelayMilliseconds) * Stopwatch.Frequency / 1000;
        long start = Stopwatch.GetTimestamp();
        Await(process, () => Stopwatch.GetTimestamp() - start >= ticks);
    }

    private static void Await(KhoProcess process, Func<bool> isThere)
    {
        while (!isThere() && !process.HasEnded)
        {
            Thread.Yield();
        }
    }

    private static FileInfo Refreshed(FileInfo file)
    {
        file.Refresh();
        return file;
    }

    // Looks at a copy, so that the next process finds what the killed one left, its log included.
    private void Examine()
    {
        using TestHistory copy = new();
        LeftLog = new FileInfo($"{_history.File}-wal") is { Exists: true, Length: > 0 };
        Stage = KillStage.NoRun;
        if (!File.Exists(_history.File))
        {
            return;
        }

        foreach (string suffix in (string[])["", "-wal", "-journal"])
        {
            if (File.Exists(_history.File + suffix))
            {
                File.Copy(_history.File + suffix, copy.File + suffix);
            }
        }

        ProgramRun verify = copy.Of("runs", "verify");
        if (verify.Error.EndsWith("the file is empty: no run was entered\n", StringComparison.Ordinal))
        {
            return;
        }

        Assert.True(verify.ExitCode == ExitCode.Held, verify.Error + verify.Out);
        using IHistoryStore store = copy.Open(HistoryAccess.Read);
        if (store.FindRun(null) is not { } run)
        {
            return;
        }

        Assert.InRange(run.Sums.Generations, _recorded, generations);
        _recorded = run.Sums.Generations;
        HasCheckpoints = store.ReadProgress(run.Number).Any(static machine => machine.CheckpointGeneration > 0);
        Stage = run.State == RunState.Finished ? KillStage.Ended
            : _recorded == generations ? KillStage.AllRecords
            : _recorded > 0 ? KillStage.SomeRecords
            : KillStage.NoRecord;
    }
}
