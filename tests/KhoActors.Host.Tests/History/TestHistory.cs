using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Tests.History;

/// <summary>A history in a folder that goes with the test.</summary>
internal sealed class TestHistory : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The SQLite file.</summary>
    public string File => _folder["runs.db"];

    /// <summary>Its address on the command line.</summary>
    public string Address => $"sqlite:{File}";

    /// <summary>A path beside it.</summary>
    public string this[string path] => _folder[path];

    /// <summary>Writes a file beside it.</summary>
    public string Write(string path, string text) => _folder.Write(path, text);

    public void Dispose() => _folder.Dispose();

    /// <summary>Runs the program with this history.</summary>
    public ProgramRun Of(params string[] arguments) => ProgramRun.Of([.. arguments, "--store", Address]);

    /// <summary>Runs the program with this history, interrupted from the start or later.</summary>
    public ProgramRun Of(CancellationToken interrupted, params string[] arguments) => ProgramRun.Of(interrupted, [.. arguments, "--store", Address]);

    /// <summary>Opens it.</summary>
    public IHistoryStore Open(HistoryAccess access = HistoryAccess.Create) => HistoryStores.Open(Address, access);

    /// <summary>Enters a run that has no records.</summary>
    /// <param name="change">Makes it another run than that of the scenario tiny.</param>
    /// <param name="state">How it ended; null leaves it running.</param>
    public int Enter(Func<RunFacts, RunFacts>? change = null, RunState? state = null)
    {
        using IHistoryStore store = Open();
        int run = store.BeginRun((change ?? (static facts => facts))(Tiny));
        if (state is { } end)
        {
            store.EndRun(run, end, end == RunState.Finished ? new string('a', 64) : string.Empty, DateTimeOffset.UtcNow);
        }

        return run;
    }

    /// <summary>The facts of a run of the scenario tiny.</summary>
    public static RunFacts Tiny
    {
        get
        {
            ResolvedScenario resolved = SourceTree.Scenarios().Load("tiny");
            return new RunFacts
            {
                Scenario = resolved.Scenario.Name,
                ResolvedScenario = resolved.ToCanonicalText(),
                Seed = 7,
                Engine = LocalEngine.EngineName,
                ModelVersion = Machine.ModelVersion,
                ProgramVersion = Program.Version,
                OrderIsRecorded = false,
                SliceGenerations = new FleetPlan(resolved, 7).SliceGenerations,
                Machines = resolved.Scenario.Machines,
                Kexecs = resolved.Scenario.Kexecs,
                Started = new DateTimeOffset(2026, 1, 31, 13, 45, 0, TimeSpan.Zero),
                Command = "./kho run tiny --seed 7",
            };
        }
    }
}
