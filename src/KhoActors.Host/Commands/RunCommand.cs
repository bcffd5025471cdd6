using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
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
    private readonly Argument<string> _scenario = new("scenario") { Description = "A name or a file.", DefaultValueFactory = static _ => "fleet" };
    private readonly Option<int?> _machines = CommonOptions.Count("--machines", "Machines, instead of the scenario's.");
    private readonly Option<int?> _kexecs = CommonOptions.Count("--kexecs", "Kexecs of each machine, instead of the scenario's.");
    private readonly Option<string?> _seed = new("--seed") { Description = "A number, or 'random' to draw one; default is the scenario's." };
    private readonly Option<int?> _workers = CommonOptions.Count("--workers", "Threads; the digest is the same for any number.", WorkersMax);
    private readonly Option<string> _engine = new("--engine")
    {
        Description = "Who carries the machines: local.",
        DefaultValueFactory = static _ => LocalEngine,
    };
    private readonly Option<string[]> _set = new("--set")
    {
        Description = "key=value: another value in the scenario, e.g. workload.operations_per_kexec=128.",
    };

    private readonly Option<string[]> _clients = CommonOptions.Clients();
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
            run._scenario, run._machines, run._kexecs, run._seed, run._workers, run._engine, run._set, run._clients, run._json,
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
        ResolvedScenario resolved = SourceTree.Scenarios(ClientAssemblies.CatalogWith(parsed.GetValue(_clients))).Load(name, SettingsOf(parsed));
        ulong seed = SeedOf(parsed.GetValue(_seed), resolved.Scenario);
        int workers = parsed.GetValue(_workers) ?? Environment.ProcessorCount;
        ReproducingLine reproduce = new ReproducingLine("run", name).With("--seed", seed);
        foreach (string setting in SettingsOf(parsed))
        {
            reproduce.With("--set", setting);
        }

        foreach (string file in parsed.GetValue(_clients) ?? [])
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

    private List<string> SettingsOf(ParseResult parsed)
    {
        List<string> settings = [.. parsed.GetValue(_set) ?? []];
        Add("machines", parsed.GetValue(_machines));
        Add("kexecs", parsed.GetValue(_kexecs));
        return settings;

        void Add(string key, int? value)
        {
            if (value is { } given)
            {
                settings.Add(string.Create(CultureInfo.InvariantCulture, $"{key}={given}"));
            }
        }
    }

    private static ulong SeedOf(string? text, Scenario scenario)
    {
        if (text is null)
        {
            return scenario.Seed;
        }

        if (text == "random")
        {
            return BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new UsageException($"--seed '{text}': a number from 0 to {ulong.MaxValue} or 'random' is accepted");
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
