using System.CommandLine;
using KhoActors.Host.Reports.Machines;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary>
/// <c>kho inspect RUN|FILE.khist|SCENARIO --machine M --at K [VIEW [ITEM]]</c>: executes one machine again, from its record or by scenario
/// and seed, up to a generation, and shows it there.
/// </summary>
internal sealed class InspectMachine
{
    private readonly Argument<string?> _view = new("view")
    {
        Description = $"What to show of a simulated machine: {MachineViews.Summary}.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Argument<string?> _item = new("item") { Description = "What of the view to show.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int?> _machine = CommonOptions.Number("--machine", "The machine, from 0; needed when there are several.");
    private readonly Option<int?> _at =
        CommonOptions.Number("--at", "The kernel generation, 0 for the first boot: shown when it has done its work; default is the last one (of a run: that is recorded).");

    private readonly ScenarioOptions _options = new(mayDrawSeed: false);
    private readonly Option<string> _store = HistoryOptions.Store();

    /// <summary>Adds what belongs to it to the command.</summary>
    /// <param name="command">The command, which has its target already.</param>
    public void AddTo(Command command)
    {
        command.Add(_view);
        command.Add(_item);
        foreach (Option option in (Option[])[_machine, _at, _options.Machines, _options.Kexecs, _options.Seed, _options.Set, _options.Clients, _store])
        {
            command.Add(option);
        }
    }

    /// <summary>Whether the command line asks for a machine, not for a blob or a capture.</summary>
    /// <param name="target">What is to be inspected; what exists here comes before a scenario of that name.</param>
    /// <param name="parsed">The command line.</param>
    /// <returns>Whether it does.</returns>
    public bool IsMeant(string target, ParseResult parsed) =>
        parsed.GetValue(_view) is not null || parsed.GetValue(_machine) is not null || parsed.GetValue(_at) is not null || _options.AreGiven(parsed)
        || parsed.GetResult(_store) is { Implicit: false } || RecordSource.Recognises(target) || ScenarioCatalog.IsFile(target) || IsScenario(target);

    /// <summary>Shows a machine.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="target">A recorded run, a file of records, or a scenario.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="asJson">Whether as JSON.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="UsageException">There is no such machine, generation, view or item, or no kernel is alive there.</exception>
    /// <exception cref="ScenarioException">The scenario cannot be used.</exception>
    public ExitCode Run(Terminal terminal, string target, ParseResult parsed, bool asJson)
    {
        MachineView view = MachineViews.Find(parsed.GetValue(_view) ?? MachineViews.Default);
        string? item = parsed.GetValue(_item);
        if (item is not null && view.ItemName is null)
        {
            throw new UsageException($"the view {view.Name} is shown as a whole; '{item}' is too much");
        }

        Look look = new(terminal, view, item, asJson);
        return RecordSource.Recognises(target) ? VisitRecord(look, target, parsed) : VisitScenario(look, target, parsed);
    }

    private ExitCode VisitScenario(Look look, string target, ParseResult parsed)
    {
        if (parsed.GetResult(_store) is { Implicit: false })
        {
            throw new UsageException($"--store names a history, and '{target}' is no run of one: {RunName.Accepted} is");
        }

        ResolvedScenario resolved = _options.Load(parsed, target);
        FleetPlan plan = new(resolved, _options.SeedOf(parsed, resolved.Scenario));
        int machine = parsed.GetValue(_machine) ?? (plan.Scenario.Machines == 1 ? 0 : throw WhichMachine(plan.Scenario.Name, plan.Scenario.Machines));
        try
        {
            MachineVisit.Run(
                plan, machine, parsed.GetValue(_at), generation => look.At(plan, machine, generation, run: null), look.Terminal.Interrupted.ThrowIfCancellationRequested);
            return ExitCode.Held;
        }
        catch (MachineVisitException refusal)
        {
            throw new UsageException(refusal.Message);
        }
    }

    private ExitCode VisitRecord(Look look, string target, ParseResult parsed)
    {
        if (_options.FirstGiven(parsed, [_options.Clients]) is { } option)
        {
            throw new UsageException($"'{target}' is a recorded run, which is what it was: {option.Name} does not go with it");
        }

        using RecordSource source = RecordSource.Open(target, parsed.GetRequiredValue(_store));
        if (RunName.IsRun(target) && (IsScenario(target) || Path.Exists(target)))
        {
            string other = Path.Exists(target) ? $"what is called '{target}' here: ./{target}" : $"the scenario of that name: config/scenarios/{target}.yaml";
            look.Terminal.Error.WriteLine($"'{target}' is taken for the run, not for {other}");
        }

        RecordedScenario recorded = RecordedScenario.Read(source.Facts, source.Title, parsed.GetValue(_options.Clients) ?? []);
        int machine = source.MachineOf(parsed.GetValue(_machine)) ?? throw WhichMachine(source.Title, source.Facts.Machines);
        return RecordedVisit.Run(
            source, recorded, machine, source.GenerationOf(parsed.GetValue(_at)), look.Terminal,
            generation => look.At(recorded.Plan, machine, generation, source.Title));
    }

    private static bool IsScenario(string target) =>
        !Path.Exists(target) && SourceTree.FindRoot() is not null && SourceTree.Scenarios().Has(target);

    private static UsageException WhichMachine(string title, int machines) =>
        new($"{title} has {machines} machines: --machine N says which one to look at");

    /// <summary>What is shown, and where.</summary>
    private sealed record Look(Terminal Terminal, MachineView View, string? Item, bool AsJson)
    {
        public void At(FleetPlan plan, int machine, LiveGeneration generation, string? run)
        {
            if (generation.LastWords is { } lastWords && !View.ShowsTheDead)
            {
                throw new UsageException(
                    $"machine {machine} is dead in generation {generation.Number}: {lastWords}; the view {MachineViews.ForTheDead} shows how it came to that");
            }

            new MachineReport(plan, machine, generation, View, Item, run).Write(Terminal, AsJson);
        }
    }
}
