using System.CommandLine;
using System.Globalization;
using KhoActors.Host.Reports;
using KhoActors.Host.Runs;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Commands;

/// <summary><c>kho runs</c>: lists the runs of a history; shows, checks and deletes one.</summary>
internal sealed class RunsCommand
{
    /// <summary>Damaged runs that a list names; a history from elsewhere may hold any number.</summary>
    private const int DamagesTold = 100;

    private readonly Terminal _terminal;
    private readonly Option<string> _store = HistoryOptions.Store();

    private RunsCommand(Terminal terminal) => _terminal = terminal;

    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it reads and writes.</param>
    /// <returns>The command.</returns>
    public static Command Create(Terminal terminal)
    {
        RunsCommand runs = new(terminal);
        RunFilter filter = new();
        Option<bool> json = CommonOptions.Json();
        runs._store.Recursive = true;
        Command command = new("runs", "List the runs of a history; show, check or delete one.") { runs._store };
        foreach (Option option in filter.Options)
        {
            command.Add(option);
        }

        command.Add(json);
        command.Add(runs.CreateShow());
        command.Add(runs.CreateVerify());
        command.Add(runs.CreateDelete());
        command.SetAction(parsed => (int)runs.List(
            parsed.GetRequiredValue(runs._store), filter.Read(parsed, DateTimeOffset.UtcNow), parsed.GetValue(json)));
        return command;
    }

    private Command CreateShow()
    {
        Argument<string> run = HistoryOptions.Run();
        Option<bool> json = CommonOptions.Json();
        Command command = new("show", "Show what is known of a run, and how to reproduce, continue and replay it.") { run, json };
        command.SetAction(parsed => (int)Show(parsed.GetRequiredValue(_store), parsed.GetRequiredValue(run), parsed.GetValue(json)));
        return command;
    }

    private Command CreateVerify()
    {
        Argument<string?> run = new("run") { Description = "A run that must be there; all of the history is checked.", Arity = ArgumentArity.ZeroOrOne };
        Option<string[]> clients = CommonOptions.Clients();
        Command command = new("verify", "Read all of a history and compare every checksum, count and sum.") { run, clients };
        command.SetAction(parsed => (int)Verify(
            parsed.GetRequiredValue(_store), parsed.GetValue(run), ClientAssemblies.CatalogWith(parsed.GetValue(clients))));
        return command;
    }

    private Command CreateDelete()
    {
        Argument<string> run = HistoryOptions.Run();
        Option<bool> force = new("--force") { Description = "Also a run that has not ended.", Arity = ArgumentArity.Zero };
        Command command = new("delete", "Remove a run with everything that belongs to it.") { run, force };
        command.SetAction(parsed => (int)Delete(parsed.GetRequiredValue(_store), parsed.GetRequiredValue(run), parsed.GetValue(force)));
        return command;
    }

    private ExitCode List(string address, Func<IReadOnlyList<StoredRun>, IReadOnlyList<StoredRun>> pick, bool asJson)
    {
        using IHistoryStore store = Histories.Open(address, HistoryAccess.Read);
        int damaged = 0;
        IReadOnlyList<StoredRun> all = store.ReadRuns(sentence =>
        {
            if (damaged++ < DamagesTold)
            {
                _terminal.Complain(sentence);
            }
        });
        if (damaged > DamagesTold)
        {
            _terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"{store.Address}: {damaged - DamagesTold:N0} more; kho runs verify tells all"));
        }

        IReadOnlyList<StoredRun> picked = pick(all);
        new RunsReport(picked).Write(_terminal, asJson);
        if (picked.Count == 0)
        {
            _terminal.Error.WriteLine(all.Count == 0
                ? $"no runs in {store.Address}"
                : $"no run in {store.Address} is as asked for; it has {Counted.Of(all.Count, "run")}");
        }

        return damaged > 0 ? ExitCode.StoreFailure : ExitCode.Held;
    }

    private ExitCode Show(string address, string name, bool asJson)
    {
        using IHistoryStore store = Histories.Open(address, HistoryAccess.Read);
        RunPage page = RunPage.Read(store, RunName.Find(store, name));
        if (asJson)
        {
            page.WriteJson(_terminal);
        }
        else
        {
            page.WriteText(_terminal);
        }

        return ExitCode.Held;
    }

    private ExitCode Verify(string address, string? name, ClientCatalog clients)
    {
        using IHistoryStore store = Histories.Open(address, HistoryAccess.Read);
        if (name is not null)
        {
            RunName.Find(store, name);
        }

        int damages = 0;
        store.Verify(sentence =>
        {
            damages++;
            _terminal.Out.WriteLine(Terminal.Printable(sentence));
        }, clients);
        _terminal.Out.WriteLine(damages switch
        {
            0 => $"{store.Address}: everything that is kept is sound",
            1 => $"{store.Address}: 1 thing is wrong",
            _ => string.Create(CultureInfo.InvariantCulture, $"{store.Address}: {damages} things are wrong"),
        });
        return damages > 0 ? ExitCode.StoreFailure : ExitCode.Held;
    }

    private ExitCode Delete(string address, string name, bool force)
    {
        using IHistoryStore store = Histories.Open(address, HistoryAccess.Write);
        StoredRun run = RunName.Find(store, name);
        if (run.State == RunState.Running && !force)
        {
            throw new UsageException(
                $"run {run.Number} in {store.Address} has not ended: it is running, or can be continued with {new RunLines(run, store.Address).Resume}; "
                + "--force deletes it");
        }

        string records = $"{Counted.Of(run.Sums.Generations, "recorded generation")} of {Counted.Of(run.Facts.Machines, "machine")}";
        if (!store.DeleteRun(run.Number))
        {
            throw new UsageException($"run {run.Number} in {store.Address} was deleted by someone else");
        }

        _terminal.Out.WriteLine(Terminal.Printable($"deleted run {run.Number} of {run.Facts.Scenario}, seed {run.Facts.Seed}: {records}"));
        return ExitCode.Held;
    }
}
