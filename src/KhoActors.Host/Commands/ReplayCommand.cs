using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using KhoActors.Host.Reports;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Commands;

/// <summary><c>kho replay RUN|FILE.khist</c>: executes recorded machines again, from their records alone, and compares.</summary>
internal sealed class ReplayCommand
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _run = HistoryOptions.Run(mayBeFile: true);
    private readonly Option<int?> _machine = CommonOptions.Number("--machine", "Only this machine, from 0; its story is told.");
    private readonly Option<int?> _to = CommonOptions.Number("--to", "Up to this kernel generation, 0 for the first boot; default is all that is recorded.");
    private readonly Option<bool> _verify = new("--verify") { Description = "No story and no figures: only whether all is as it was recorded.", Arity = ArgumentArity.Zero };
    private readonly Option<int?> _workers = CommonOptions.Workers();
    private readonly Option<string> _store = HistoryOptions.Store();
    private readonly Option<string[]> _clients = CommonOptions.Clients();
    private readonly Option<bool> _json = CommonOptions.Json();

    private ReplayCommand(Terminal terminal) => _terminal = terminal;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        ReplayCommand replay = new(terminal);
        Command command = new("replay", "Execute a recorded run again, from its record alone, and compare every kexec.")
        {
            replay._run, replay._machine, replay._to, replay._verify, replay._workers, replay._store, replay._clients, replay._json,
        };
        command.SetAction(parsed => (int)replay.Run(parsed));
        return command;
    }

    private ExitCode Run(ParseResult parsed)
    {
        using RecordSource source = RecordSource.Open(parsed.GetRequiredValue(_run), parsed.GetRequiredValue(_store));
        RecordedScenario recorded = RecordedScenario.Read(source.Facts, source.Title, parsed.GetValue(_clients) ?? []);
        int? machine = source.MachineOf(parsed.GetValue(_machine));
        int? to = source.GenerationOf(parsed.GetValue(_to));
        bool verify = parsed.GetValue(_verify);
        bool asJson = parsed.GetValue(_json);
        _terminal.Error.WriteLine(Terminal.Printable(string.Create(
            CultureInfo.InvariantCulture,
            $"replay of {source.Title}: scenario {source.Facts.Scenario}, seed {source.Facts.Seed}{(machine is { } one ? $", machine {one}" : "")}")));
        Stopwatch elapsed = Stopwatch.StartNew();
        List<string> damage = [];
        FleetReplayResult result = Execute(
            recorded.Plan,
            new FleetReplayOptions
            {
                Workers = Math.Min(parsed.GetValue(_workers) ?? Environment.ProcessorCount, machine is null ? source.Facts.Machines : 1),
                Machine = machine,
                ToGeneration = to,
                KeepLogs = machine is not null && !verify && !asJson,
                StopRequested = () => _terminal.Interrupted.IsCancellationRequested,
            },
            source.OpenForWorkers(new SliceCodec(recorded.Resolved), damage.Add));
        ReplayReport report = new(source, result, machine, damage, elapsed.Elapsed);
        if (asJson)
        {
            report.WriteJson(_terminal);
        }
        else
        {
            report.WriteText(_terminal, withFigures: !verify);
        }

        return report.ExitCode;
    }

    private FleetReplayResult Execute(FleetPlan plan, FleetReplayOptions options, Func<int, IEnumerable<SliceRecord>> recordsOf)
    {
        if (options.KeepLogs)
        {
            RunStory story = new(_terminal);
            return FleetReplay.Run(plan, options with { GenerationDone = (_, report) => story.Tell(report) }, recordsOf);
        }

        long generations = ((options.ToGeneration ?? plan.Scenario.Kexecs) + 1L) * (options.Machine is null ? plan.Scenario.Machines : 1);
        return RunProgress.Track(_terminal, $"replay {plan.Scenario.Name}", "generations", generations, progress =>
            FleetReplay.Run(plan, options with { GenerationDone = (_, _) => progress.Advance(1) }, recordsOf));
    }
}
