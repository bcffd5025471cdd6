using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using KhoActors.Host.Reports;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary><c>kho run [SCENARIO]</c>: takes a fleet of simulated machines through its kexecs and judges every one.</summary>
internal sealed class RunCommand
{
    private const string LocalEngine = "local";
    private const int WorkersMax = 1024;
    private readonly Terminal _terminal;
    private readonly Argument<string> _scenario = new("scenario") { Description = "A name or a file.", DefaultValueFactory = static _ => "smoke" };
    private readonly ScenarioOptions _options = new(mayDrawSeed: true);
    private readonly Option<int?> _workers = CommonOptions.Count("--workers", "Threads; the digest is the same for any number.", WorkersMax);
    private readonly Option<string> _engine = new("--engine")
    {
        Description = "Who carries the machines: local.",
        DefaultValueFactory = static _ => LocalEngine,
    };
    private readonly Option<bool> _json = CommonOptions.Json();

    private RunCommand(Terminal terminal) => _terminal = terminal;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        RunCommand run = new(terminal);
        Command command = new("run", "Take simulated machines through chains of kexecs and judge every one.")
        {
            run._scenario, run._options.Machines, run._options.Kexecs, run._options.Seed, run._workers, run._engine, run._options.Set,
            run._options.Clients, run._json,
        };
        command.SetAction(parsed => (int)run.Run(parsed));
        return command;
    }

    private ExitCode Run(ParseResult parsed)
    {
        string engine = parsed.GetRequiredValue(_engine);
        if (engine != LocalEngine)
        {
            throw new UsageException($"engine '{engine}' is not part of this build; accepted: {LocalEngine}");
        }

        string name = parsed.GetRequiredValue(_scenario);
        List<string> settings = _options.SettingsOf(parsed);
        ResolvedScenario resolved = _options.Load(parsed, name);
        ulong seed = _options.SeedOf(parsed, resolved.Scenario);
        int workers = parsed.GetValue(_workers) ?? Environment.ProcessorCount;
        ReproducingLine reproduce = new ReproducingLine("run", name).With("--seed", seed);
        foreach (string setting in settings)
        {
            reproduce.With("--set", setting);
        }

        foreach (string file in parsed.GetValue(_options.Clients) ?? [])
        {
            reproduce.With("--clients", file);
        }

        bool asJson = parsed.GetValue(_json);
        _terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"scenario {resolved.Scenario.Name}, seed {seed}"));
        Stopwatch elapsed = Stopwatch.StartNew();
        FleetResult result = RunFleet(new FleetPlan(resolved, seed), workers, tellStory: !asJson && resolved.Scenario.Machines == 1);
        RunSummary summary = SummaryOf(result, resolved.Scenario, seed, elapsed.Elapsed);
        if (asJson)
        {
            summary.WriteJson(_terminal);
        }
        else
        {
            summary.WriteTable(_terminal);
        }

        return Conclude(result, reproduce);
    }

    private FleetResult RunFleet(FleetPlan plan, int workers, bool tellStory)
    {
        if (tellStory)
        {
            // A story is its own progress: a live bar would overwrite its lines.
            return FleetRunner.Run(plan, Options(new RunStory(_terminal).Tell));
        }

        long total = (long)plan.Scenario.Machines * (plan.Scenario.Kexecs + 1);
        return RunProgress.Track(_terminal, $"run {plan.Scenario.Name}", "generations", total, progress =>
            FleetRunner.Run(plan, Options(_ => progress.Advance(1))));

        FleetOptions Options(Action<GenerationReport> generationDone) => new()
        {
            Workers = Math.Min(workers, plan.Scenario.Machines),
            KeepLogs = tellStory,
            StopRequested = () => _terminal.Interrupted.IsCancellationRequested,
            GenerationDone = (_, report) => generationDone(report),
        };
    }

    private ExitCode Conclude(FleetResult result, ReproducingLine reproduce)
    {
        foreach (MachineViolation violation in result.Violations)
        {
            (string invariant, int generation, string detail) = violation.Violation;
            _terminal.Error.WriteLine($"violation: machine {violation.Machine}, generation {generation}: {invariant}: {detail}");
        }

        foreach (string defect in result.Defects)
        {
            _terminal.Complain($"simulator defect; please report it: {defect}");
        }

        if (result.Defects.Count > 0)
        {
            _terminal.Error.WriteLine($"reproduce: {reproduce}");
            return ExitCode.Defect;
        }

        if (result.ViolationCount > 0)
        {
            _terminal.Error.WriteLine($"reproduce: {reproduce}");
            return ExitCode.Violated;
        }

        if (result.Interrupted)
        {
            _terminal.Complain($"interrupted; the figures are of what was done until then. Run it again from its start with: {reproduce}");
            return ExitCode.Interrupted;
        }

        return result.Kexecs == 0 ? ExitCode.Inconclusive : ExitCode.Held;
    }

    private static RunSummary SummaryOf(FleetResult result, Scenario scenario, ulong seed, TimeSpan elapsed)
    {
        using Process self = Process.GetCurrentProcess();
        return new RunSummary
        {
            Run = string.Empty,
            Scenario = scenario.Name,
            Seed = seed,
            Engine = LocalEngine,
            Machines = result.Machines,
            AlivePeak = result.Machines,
            Kexecs = result.Kexecs,
            ColdBoots = result.ColdBoots,
            Messages = (long)result.Messages,
            Operations = result.Operations,
            FaultsInjected = 0,
            Violations = result.ViolationCount,
            Outcomes = result.Outcomes,
            Transitions = [.. result.Transitions.Select(each =>
                new TransitionSummary(each.From, each.To, each.Count, each.Restored, each.Lost, each.Violations))],
            Elapsed = elapsed,
            PeakRssBytes = self.PeakWorkingSet64,
            HistoryBytes = 0,
            Digest = result.Interrupted ? string.Empty : result.Digest,
        };
    }
}
