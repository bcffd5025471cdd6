using System.Diagnostics;
using Spectre.Console;

namespace KhoActors.Host.Reports;

/// <summary>
/// Progress of long work on the diagnostics stream: a live bar with rate and time left where a person watches, else a plain line
/// every few seconds. Workers only count; drawing happens elsewhere and cannot slow or order them.
/// </summary>
internal sealed class RunProgress
{
    private static readonly TimeSpan RedrawPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LinePeriod = TimeSpan.FromSeconds(5);

    private readonly Stopwatch _elapsed = Stopwatch.StartNew();
    private readonly ProgressLine _line;
    private long _done;

    private RunProgress(string unit, long total)
    {
        _line = new ProgressLine(unit, Math.Max(total, 1));
    }

    /// <summary>How many are done; any thread may ask.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Does the work and reports about it while it lasts.</summary>
    /// <typeparam name="T">What the work gives.</typeparam>
    /// <param name="terminal">Receives the reports on its diagnostics stream.</param>
    /// <param name="title">What is going on, in a word or two.</param>
    /// <param name="unit">What is counted, in the plural.</param>
    /// <param name="total">How many there will be.</param>
    /// <param name="work">The work, run on the calling thread; it counts with <see cref="Advance"/>.</param>
    /// <returns>What the work gave.</returns>
    public static T Track<T>(Terminal terminal, string title, string unit, long total, Func<RunProgress, T> work)
    {
        RunProgress progress = new(unit, total);
        return terminal.ErrorIsInteractive ? progress.Draw(terminal, title, work) : progress.Print(terminal, title, work);
    }

    /// <summary>Counts what was done; any thread may call it.</summary>
    /// <param name="count">How many more.</param>
    public void Advance(long count) => Interlocked.Add(ref _done, count);

    private T Draw<T>(Terminal terminal, string title, Func<RunProgress, T> work) =>
        new Progress(terminal.ErrorConsole)
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: _line.Total);
                using Timer redraw = new(_ => Redraw(task, title), null, RedrawPeriod, RedrawPeriod);
                return work(this);
            });

    private void Redraw(ProgressTask task, string title)
    {
        long done = Done;
        task.Value = done;
        task.Description = Markup.Escape($"{title}: {_line.Speed(done, _elapsed.Elapsed)}");
    }

    private T Print<T>(Terminal terminal, string title, Func<RunProgress, T> work)
    {
        using Timer print = new(_ => terminal.Error.WriteLine($"{title}: {_line.Full(Done, _elapsed.Elapsed)}"), null, LinePeriod, LinePeriod);
        return work(this);
    }
}
