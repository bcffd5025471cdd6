using System.CommandLine;
using KhoActors.Host.Reports.Machines;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary>
/// <c>kho inspect SCENARIO --machine M --at K [VIEW [ITEM]]</c>: executes one machine of a scenario again, up to a generation, and shows it
/// there.
/// </summary>
internal sealed class InspectMachine
{
    private readonly Argument<string?> _view = new("view")
    {
        Description = $"What to show of a simulated machine: {MachineViews.Summary}.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Argument<string?> _item = new("item") { Description = "What of the view to show.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<int?> _machine = CommonOptions.Number("--machine", "The machine of the scenario, from 0; needed when it has several.");
    private readonly Option<int?> _at =
        CommonOptions.Number("--at", "The kernel generation, 0 for the first boot: shown when it has done its work; default is the last.");

    private readonly ScenarioOptions _options = new(mayDrawSeed: false);

    /// <summary>Adds what belongs to it to the command.</summary>
    /// <param name="command">The command, which has its target already.</param>
    public void AddTo(Command command)
    {
        command.Add(_view);
        command.Add(_item);
        foreach (Option option in (Option[])[_machine, _at, _options.Machines, _options.Kexecs, _options.Seed, _options.Set, _options.Clients])
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
        || ScenarioCatalog.IsFile(target)
        || (!Path.Exists(target) && SourceTree.FindRoot() is not null && SourceTree.Scenarios().Has(target));

    /// <summary>Shows a machine.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="target">The scenario.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="asJson">Whether as JSON.</param>
    /// <exception cref="UsageException">There is no such machine, generation, view or item, or no kernel is alive there.</exception>
    /// <exception cref="ScenarioException">The scenario cannot be used.</exception>
    public void Run(Terminal terminal, string target, ParseResult parsed, bool asJson)
    {
        MachineView view = MachineViews.Find(parsed.GetValue(_view) ?? MachineViews.Default);
        string? item = parsed.GetValue(_item);
        if (item is not null && view.ItemName is null)
        {
            throw new UsageException($"the view {view.Name} is shown as a whole; '{item}' is too much");
        }

        ResolvedScenario resolved = _options.Load(parsed, target);
        FleetPlan plan = new(resolved, _options.SeedOf(parsed, resolved.Scenario));
        if (parsed.GetValue(_machine) is not { } machine)
        {
            machine = plan.Scenario.Machines == 1
                ? 0
                : throw new UsageException($"{plan.Scenario.Name} has {plan.Scenario.Machines} machines: --machine N says which one to look at");
        }

        try
        {
            MachineVisit.Run(
                plan, machine, parsed.GetValue(_at), generation => Show(generation), terminal.Interrupted.ThrowIfCancellationRequested);
        }
        catch (MachineVisitException refusal)
        {
            throw new UsageException(refusal.Message);
        }

        void Show(LiveGeneration generation)
        {
            if (generation.LastWords is { } lastWords && !view.ShowsTheDead)
            {
                throw new UsageException(
                    $"machine {machine} is dead in generation {generation.Number}: {lastWords}; the view {MachineViews.ForTheDead} shows how it came to that");
            }

            new MachineReport(plan, machine, generation, view, item).Write(terminal, asJson);
        }
    }
}
