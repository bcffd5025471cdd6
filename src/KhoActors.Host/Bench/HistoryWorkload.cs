using System.Diagnostics;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Bench;

/// <summary>
/// What a history costs: the machines of a scenario are run alternately without a history and with one in a SQLite file, from entering the
/// run to closing it durably, so that whatever else the computer does disturbs both alike.
/// </summary>
internal sealed class HistoryWorkload
{
    private const int Workers = 2;
    private const ulong Seed = 7;
    private readonly ResolvedScenario _resolved;
    private readonly FleetPlan _plan;
    private string? _digest;

    /// <summary>Plans the fleet.</summary>
    /// <param name="scenarios">Where the scenario is found.</param>
    /// <param name="name">The scenario.</param>
    /// <param name="settings">What is different in it.</param>
    public HistoryWorkload(ScenarioCatalog scenarios, string name, params string[] settings)
    {
        _resolved = scenarios.Load(name, settings);
        _plan = new FleetPlan(_resolved, Seed);
    }

    /// <summary>Measures.</summary>
    /// <param name="repetitions">Pairs of runs behind the one that warms up.</param>
    /// <returns>Medians.</returns>
    /// <exception cref="InvalidOperationException">A run was not sound, or had another digest than the first.</exception>
    public HistoryFigures Measure(int repetitions)
    {
        double[] without = new double[repetitions];
        double[] with = new double[repetitions];
        HistoryFigures figures = default;
        for (int i = -1; i < repetitions; i++)
        {
            double bare = RunWithout();
            figures = RunWith();
            if (i >= 0)
            {
                (without[i], with[i]) = (bare, 1 / figures.KexecsPerSecond);
            }
        }

        Array.Sort(without);
        Array.Sort(with);
        double median = with[repetitions / 2];
        return figures with { KexecsPerSecond = 1 / median, ShareOfRun = 1 - (without[repetitions / 2] / median) };
    }

    /// <summary>Seconds of a kexec without a history.</summary>
    private double RunWithout()
    {
        long start = Stopwatch.GetTimestamp();
        FleetResult result = Run(recorder: null);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / result.Kexecs;
    }

    private HistoryFigures RunWith()
    {
        string folder = Directory.CreateTempSubdirectory("kho-bench-").FullName;
        try
        {
            string address = $"sqlite:{Path.Combine(folder, "bench.db")}";
            long start = Stopwatch.GetTimestamp();
            FleetResult result = Record(address);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            using IHistoryStore store = HistoryStores.Open(address, HistoryAccess.Read);
            return new HistoryFigures(result.Kexecs / seconds, ShareOfRun: 0, (double)store.ReadSizeBytes() / result.Kexecs);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private FleetResult Record(string address)
    {
        using IHistoryStore store = HistoryStores.Open(address, HistoryAccess.Create);
        int run = store.BeginRun(Facts());
        using HistoryWriter writer = new(store, run, new SliceCodec(_resolved), static () => Environment.TickCount64);
        FleetResult result = Run(writer);
        writer.Complete();
        store.EndRun(run, RunState.Finished, result.Digest, DateTimeOffset.UtcNow);
        return result;
    }

    private FleetResult Run(IRunRecorder? recorder)
    {
        FleetResult result = FleetRunner.Run(_plan, new FleetOptions { Workers = Workers, Recorder = recorder });
        bool isSound = result.ViolationCount == 0 && result.Defects.Count == 0 && result.Failure is null && result.Digest == (_digest ??= result.Digest);
        return isSound ? result : throw new InvalidOperationException(
            $"the fleet of the benchmark ended with {result.ViolationCount} violations, {result.Defects.Count} defects, digest {result.Digest}"
            + $"; {result.Failure?.Message}");
    }

    private RunFacts Facts() => new()
    {
        Scenario = _plan.Scenario.Name,
        ResolvedScenario = _resolved.ToCanonicalText(),
        Seed = Seed,
        Engine = "local",
        ModelVersion = Machine.ModelVersion,
        ProgramVersion = string.Empty,
        OrderIsRecorded = false,
        SliceGenerations = _plan.SliceGenerations,
        Machines = _plan.Scenario.Machines,
        Kexecs = _plan.Scenario.Kexecs,
        Started = DateTimeOffset.UtcNow,
        Command = "kho bench",
    };
}

/// <summary>What <see cref="HistoryWorkload"/> measured.</summary>
/// <param name="KexecsPerSecond">Kexecs a second with the history on.</param>
/// <param name="ShareOfRun">Part of the time of a recorded run that an unrecorded one does not take.</param>
/// <param name="BytesPerKexec">Size of the history's file for each kexec.</param>
internal readonly record struct HistoryFigures(double KexecsPerSecond, double ShareOfRun, double BytesPerKexec);
