using System.CommandLine;
using System.Globalization;
using KhoActors.Host.Engines;
using KhoActors.Host.Reports;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Runtime;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary>
/// <c>kho run [SCENARIO]</c>: takes a fleet of simulated machines through its kexecs, judges every one and keeps a history;
/// <c>kho run --resume RUN</c> goes on with one.
/// </summary>
internal sealed class RunCommand
{
    private readonly Terminal _terminal;
    private readonly Argument<string> _scenario = new("scenario") { Description = "A name or a file.", DefaultValueFactory = static _ => "smoke" };
    private readonly ScenarioOptions _options = new(mayDrawSeed: true);
    private readonly Option<int?> _workers = CommonOptions.Workers();
    private readonly EngineOptions _engine = new();
    private readonly Option<string> _store = HistoryOptions.Store(mayBeNone: true);
    private readonly Option<bool> _recordOrder = new("--record-order")
    {
        Description = "Keep the order of deliveries in the history, too; otherwise a replay draws it again from the seed.",
        Arity = ArgumentArity.Zero,
    };

    private readonly Option<string?> _resume = new("--resume")
    {
        Description = $"Continue a run of the history: its number, or '{RunName.Newest}'.",
        HelpName = "RUN",
    };

    private readonly Option<long?> _memory = CommonOptions.Size(
        "--memory", "Memory for resting machines, e.g. 4 GiB; beyond it they rest in a temporary file. Default: half of what there is.");

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
            run._scenario, run._options.Machines, run._options.Kexecs, run._options.Seed, run._workers, run._options.Set,
            run._options.Clients, run._store, run._recordOrder, run._resume, run._memory, run._json,
        };
        run._engine.AddTo(command);
        command.SetAction(parsed => (int)run.Run(parsed));
        return command;
    }

    private ExitCode Run(ParseResult parsed) => parsed.GetValue(_resume) is { } name ? Continue(parsed, name) : Start(parsed);

    private ExitCode Start(ParseResult parsed)
    {
        string name = parsed.GetRequiredValue(_scenario);
        EngineChoice choice = _engine.Of(parsed);
        string address = parsed.GetResult(_store) is { Implicit: false } ? parsed.GetRequiredValue(_store) : choice.DefaultStore;
        ResolvedScenario resolved = _options.Load(parsed, name);
        ulong seed = _options.SeedOf(parsed, resolved.Scenario);
        string reproduce = new ReproducingLine("run", name).With("--seed", seed)
            .WithEach("--set", _options.SettingsOf(parsed)).WithEach("--clients", ClientsOf(parsed)).ToString();
        bool recordOrder = parsed.GetValue(_recordOrder);
        if (address == Histories.None)
        {
            if (recordOrder)
            {
                throw new UsageException($"--record-order writes into a history: it does not go with --store {Histories.None}");
            }

            _terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"scenario {resolved.Scenario.Name}, seed {seed}"));
            return Session(parsed, choice, new FleetPlan(resolved, seed), reproduce, recording: null).Run();
        }

        FleetPlan plan = new(resolved, seed);
        RunFacts facts = FactsOf(resolved, plan, choice, reproduce, recordOrder, ClientAssemblies.FactsOf(ClientsOf(parsed)));
        if (choice.Engine.KeepsHistory)
        {
            _terminal.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"scenario {resolved.Scenario.Name}, seed {seed}, in {HistoryStores.WithoutPassword(address)}"));
            choice = choice with { Cluster = choice.Cluster with { Store = address } };
            return Session(parsed, choice, plan, reproduce, recording: null, facts.OrderIsRecorded, facts: facts).Run();
        }

        using RecordingRun recording = Begin(address, facts, resolved);
        _terminal.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"scenario {resolved.Scenario.Name}, seed {seed}, run {recording.Number} in {recording.Address}"));
        return Session(parsed, choice, plan, reproduce, recording, facts.OrderIsRecorded).Run();
    }

    private static RecordingRun Begin(string address, RunFacts facts, ResolvedScenario resolved)
    {
        try
        {
            return RecordingRun.Begin(Histories.Open(address, HistoryAccess.Create), facts, resolved);
        }
        catch (HistoryUnavailableException failure)
        {
            throw new HistoryUnavailableException($"{failure.Message}; nothing was run. --store {Histories.None} runs without a history", failure);
        }
    }

    private ExitCode Continue(ParseResult parsed, string name)
    {
        RefuseWhatIsRecorded(parsed);
        string address = parsed.GetRequiredValue(_store);
        using IHistoryStore past = Histories.Open(address, HistoryAccess.Write);
        StoredRun run = RunName.Find(past, name);
        if (run.State is RunState.Finished or RunState.Defect)
        {
            return TellEnd(past, run, parsed.GetValue(_json));
        }

        RunFacts facts = run.Facts;
        string title = $"run {run.Number} in {past.Address}";
        if (facts.ModelVersion != Machine.ModelVersion)
        {
            throw new UsageException(
                $"{title} was made with model version {facts.ModelVersion}, this program has {Machine.ModelVersion}: it cannot be continued; "
                + $"see what has changed with: {new RunLines(run, past.Address).Verify}");
        }

        EngineChoice choice = _engine.OfRun(parsed, facts.Engine, facts.OrderIsRecorded);
        RecordedScenario recorded = RecordedScenario.Read(facts, title, ClientsOf(parsed));
        if (choice.Engine.KeepsHistory)
        {
            // The history shows its address without a password; the engine needs it as it was given.
            choice = choice with { Cluster = choice.Cluster with { Store = address, Run = run.Number } };
            return Session(parsed, choice, recorded.Plan, facts.Command, recording: null, facts.OrderIsRecorded, run, facts: facts).Run();
        }

        using RecordingRun recording = RecordingRun.Continue(Histories.Open(address, HistoryAccess.Write), run, recorded.Resolved, ClientsOf(parsed));
        _terminal.Error.WriteLine(Terminal.Printable(string.Create(
            CultureInfo.InvariantCulture,
            $"scenario {facts.Scenario}, seed {facts.Seed}, continuing {title} after {run.Sums.Generations:N0} generations")));
        return Session(parsed, choice, recorded.Plan, facts.Command, recording, facts.OrderIsRecorded, run, new ResumePoint(past, run, recording.Codec)).Run();
    }

    // A run that has ended is told as it was recorded: nothing is executed.
    private ExitCode TellEnd(IHistoryStore store, StoredRun run, bool asJson)
    {
        RunPage page = RunPage.Read(store, run);
        if (asJson)
        {
            page.WriteSummaryJson(_terminal);
        }
        else
        {
            page.WriteText(_terminal);
        }

        _terminal.Complain(run.State == RunState.Finished
            ? $"run {run.Number} in {store.Address} is finished: there is nothing to continue"
            : $"run {run.Number} in {store.Address} met a defect of the simulator and has ended: there is nothing to continue");
        return run.State == RunState.Defect ? ExitCode.Defect : RunVerdict.Of(run.Sums.Violations, run.Sums.Kexecs);
    }

    // What the run is stands in its history; only how it is carried out may be said again.
    private void RefuseWhatIsRecorded(ParseResult parsed)
    {
        if (parsed.GetResult(_scenario) is { Implicit: false })
        {
            throw new UsageException($"--resume continues a run with its own scenario: '{parsed.GetValue(_scenario)}' does not go with it");
        }

        Option? recordOrder = parsed.GetValue(_recordOrder) ? _recordOrder : null;
        if ((_options.FirstGiven(parsed, [_options.Clients]) ?? recordOrder) is { } option)
        {
            throw new UsageException($"--resume continues a run as it was started: {option.Name} does not go with it");
        }
    }

    private FleetSession Session(
        ParseResult parsed,
        EngineChoice choice,
        FleetPlan plan,
        string reproduce,
        RecordingRun? recording,
        bool recordOrder = false,
        StoredRun? earlier = null,
        ResumePoint? resume = null,
        RunFacts? facts = null) => new()
        {
            Terminal = _terminal,
            Choice = choice,
            Facts = facts,
            Plan = plan,
            Workers = parsed.GetValue(_workers) ?? Environment.ProcessorCount,
            HibernatedBytesMax = parsed.GetValue(_memory) ?? (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2),
            AsJson = parsed.GetValue(_json),
            RecordOrder = recordOrder,
            Reproduce = reproduce,
            Recording = recording,
            Resume = resume,
            Earlier = earlier?.Sums ?? default,
        };

    private string[] ClientsOf(ParseResult parsed) => parsed.GetValue(_options.Clients) ?? [];

    private static RunFacts FactsOf(
        ResolvedScenario resolved, FleetPlan plan, EngineChoice choice, string command, bool recordOrder, IReadOnlyList<ClientAssemblyFact> clients) => new()
        {
            Scenario = resolved.Scenario.Name,
            ResolvedScenario = resolved.ToCanonicalText(),
            Seed = plan.Seed,
            Engine = choice.Engine.Name,
            ModelVersion = Machine.ModelVersion,
            ProgramVersion = Program.Version,
            OrderIsRecorded = recordOrder || choice.Order == DeliveryOrder.Concurrent,
            SliceGenerations = plan.SliceGenerations,
            Machines = resolved.Scenario.Machines,
            Kexecs = resolved.Scenario.Kexecs,
            Started = DateTimeOffset.UtcNow,
            Command = command,
            ClientAssemblies = clients,
        };
}
