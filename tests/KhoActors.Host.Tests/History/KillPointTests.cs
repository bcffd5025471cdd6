using System.Globalization;
using System.Text.Json;
using KhoActors.Tests.Shared;
using Xunit.Abstractions;

namespace KhoActors.Host.Tests.History;

/// <summary>
/// Processes that are killed at seeded points, from before the history is there until after the run has ended: 20 of them, or as many as
/// <c>KHO_KILLS</c> says. The run always ends as one that nobody disturbed.
/// </summary>
/// <remarks>
/// A short run has no checkpoints by the clock; orderly interruptions leave those from which killed processes go on here. Those by the
/// clock are the matter of <see cref="StoppedProcessTests"/>.
/// </remarks>
public sealed class KillPointTests(ITestOutputHelper output)
{
    private const int KillsOfOneRun = 4;
    private const int FurtherAttempts = 20;
    private const long Generations = 16 * 9;
    private static readonly string[] Fleet = ["run", "smoke", "--machines", "16", "--kexecs", "8", "--seed", "11", "--workers", "2"];
    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("KHO_KILLS") ?? "20", CultureInfo.InvariantCulture);

    private readonly Dictionary<string, string> _undisturbed = Undisturbed();
    private readonly int[] _stages = new int[Enum.GetValues<KillStage>().Length];
    private int _kills;
    private int _fromCheckpoints;
    private int _withLog;

    [UnixFact]
    public void Whenever_processes_are_killed_the_run_ends_as_if_undisturbed()
    {
        KillPoint[] points = Enum.GetValues<KillPoint>();
        for (int seed = 0; _kills < Kills; seed++)
        {
            Run(seed, points[seed % points.Length]);
        }

        // Some moments are short, and which are depends on the computer: attempts that come too late are repeated.
        for (int seed = Kills; Missing() is { } point && seed < Kills + FurtherAttempts; seed++)
        {
            Run(seed, point);
        }

        string counts = string.Join(", ", Enum.GetValues<KillStage>().Select(stage => $"{stage} {_stages[(int)stage]}"));
        output.WriteLine($"{_kills} kills: {counts}; from checkpoints {_fromCheckpoints}, with a log left {_withLog}");
        Assert.Null(Missing());
        Assert.NotEqual(0, _withLog);
    }

    private KillPoint? Missing() =>
        _stages[(int)KillStage.NoRun] == 0 ? KillPoint.Making
        : _stages[(int)KillStage.NoRecord] == 0 ? KillPoint.Entered
        : _stages[(int)KillStage.SomeRecords] == 0 || _fromCheckpoints == 0 ? KillPoint.Records
        : _stages[(int)KillStage.AllRecords] == 0 ? KillPoint.AllRecords
        : _stages[(int)KillStage.Ended] == 0 ? KillPoint.Ended
        : null;

    private void Run(int seed, KillPoint first)
    {
        SplitMix64 random = new((ulong)seed);
        string[] fleet = random.Index(4) == 0 ? [.. Fleet, "--record-order"] : Fleet;
        List<string> story = [$"seed {seed}"];
        using KilledRun run = new(fleet, Generations, random);
        try
        {
            if (seed % 3 == 2)
            {
                story.Add("interrupted");
                run.Interrupt();
            }

            for (KillPoint point = first; ; point = (KillPoint)random.Index(Enum.GetValues<KillPoint>().Length))
            {
                story.Add(point.ToString());
                bool fromCheckpoints = run.HasCheckpoints;
                run.Kill(point);
                Count(run, fromCheckpoints);
                story.Add($"left {run.Stage}");
                if (run.Stage == KillStage.Ended || random.Index(KillsOfOneRun) == 0)
                {
                    break;
                }
            }

            story.Add("finished");
            Assert.Equal(_undisturbed, FactsOf(run.Finish()));
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"{string.Join(", ", story)}: {failure.Message}", failure);
        }
    }

    private void Count(KilledRun run, bool fromCheckpoints)
    {
        _kills++;
        _stages[(int)run.Stage]++;
        _fromCheckpoints += fromCheckpoints && run.Stage == KillStage.SomeRecords ? 1 : 0;
        _withLog += run.LeftLog ? 1 : 0;
    }

    private static Dictionary<string, string> Undisturbed()
    {
        using TestHistory history = new();
        history.Of(Fleet);
        return FactsOf(history.Of("runs", "show", "last", "--json"));
    }

    /// <summary>What a run's page says of what happened in it: digest, sums, outcomes, transitions, violations.</summary>
    private static Dictionary<string, string> FactsOf(ProgramRun page)
    {
        string[] ofTheProcess = ["run", "history", "started", "ended", "order_recorded", "reproduce", "replay", "resume"];
        return page.Json.EnumerateObject().Where(field => !ofTheProcess.Contains(field.Name)).ToDictionary(
            static field => field.Name, static field => JsonSerializer.Serialize(field.Value));
    }
}
