using System.Globalization;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Reports;

/// <summary>All that a history knows of one run, on a page: <c>kho runs show</c>.</summary>
internal sealed class RunPage
{
    private readonly StoredRun _run;
    private readonly RunLines _lines;
    private readonly string _address;
    private readonly IReadOnlyList<KeyValuePair<string, long>> _outcomes;
    private readonly IReadOnlyList<TransitionSummary> _transitions;
    private readonly IReadOnlyList<MachineViolation> _violations;

    private RunPage(IHistoryStore store, StoredRun run)
    {
        _run = run;
        _address = store.Address;
        _lines = new RunLines(run, store.Address);
        _outcomes = store.ReadOutcomes(run.Number);
        _transitions = TransitionSummary.Of(store.ReadTransitions(run.Number));
        _violations = store.ReadViolations(run.Number, FleetResult.LimitViolationsKept);
    }

    /// <summary>Reads what is known of a run.</summary>
    /// <param name="store">Its history.</param>
    /// <param name="run">The run.</param>
    /// <returns>The page.</returns>
    public static RunPage Read(IHistoryStore store, StoredRun run) => new(store, run);

    private bool CanBeContinued => _run.State is RunState.Running or RunState.Interrupted;

    private long GenerationsPlanned => (long)_run.Facts.Machines * (_run.Facts.Kexecs + 1L);

    /// <summary>Writes the page for a person.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteText(Terminal terminal)
    {
        TransitionSummary.WriteTable(_transitions, terminal);
        WriteFigures(terminal);
        if (_run.Digest.Length > 0)
        {
            terminal.Out.WriteLine(Terminal.Printable($"digest  {_run.Digest}"));
        }

        foreach (MachineViolation violation in _violations)
        {
            terminal.Out.WriteLine(RunVerdict.LineOf(violation));
        }

        if (_run.Sums.Violations > _violations.Count)
        {
            terminal.Out.WriteLine($"... and {Text(_run.Sums.Violations - _violations.Count)} violations more");
        }

        terminal.Out.WriteLine(Terminal.Printable($"reproduce: {_run.Facts.Command}"));
        if (CanBeContinued)
        {
            terminal.Out.WriteLine(Terminal.Printable($"resume: {_lines.Resume}"));
        }

        terminal.Out.WriteLine(Terminal.Printable($"replay: {ReplayLine}"));
    }

    /// <summary>Writes the page for a script.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteString("run", _run.Number.ToString(CultureInfo.InvariantCulture));
        json.WriteString("history", _address);
        json.WriteString("scenario", _run.Facts.Scenario);
        json.WriteNumber("seed", _run.Facts.Seed);
        json.WriteString("engine", _run.Facts.Engine);
        json.WriteString("started", JsonReport.Instant(_run.Facts.Started));
        json.WriteString("ended", _run.Ended is { } ended ? JsonReport.Instant(ended) : null);
        json.WriteString("state", RunStates.NameOf(_run.State));
        json.WriteNumber("machines", _run.Facts.Machines);
        json.WriteNumber("kexecs_per_machine", _run.Facts.Kexecs);
        json.WriteNumber("generations", _run.Sums.Generations);
        json.WriteNumber("generations_planned", GenerationsPlanned);
        json.WriteNumber("kexecs", _run.Sums.Kexecs);
        json.WriteNumber("cold_boots", _run.Sums.ColdBoots);
        json.WriteNumber("messages", _run.Sums.Messages);
        json.WriteNumber("operations", _run.Sums.Operations);
        json.WriteNumber("failed_requests", _run.Sums.FailedRequests);
        json.WriteNumber("faults_injected", _run.Sums.FaultsInjected);
        json.WriteNumber("violations", _run.Sums.Violations);
        JsonReport.WriteOutcomes(_outcomes, json);
        TransitionSummary.WriteJson(_transitions, json);
        json.WriteStartArray("violation_list");
        foreach (MachineViolation violation in _violations)
        {
            json.WriteStartObject();
            json.WriteNumber("machine", violation.Machine);
            json.WriteNumber("generation", violation.Violation.Generation);
            json.WriteString("invariant", violation.Violation.Invariant);
            json.WriteString("detail", violation.Violation.Detail);
            json.WriteString("replay", _lines.Replay(violation.Machine, violation.Violation.Generation));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("clients");
        foreach (ClientAssemblyFact assembly in _run.Facts.ClientAssemblies)
        {
            json.WriteStartObject();
            json.WriteString("path", assembly.Path);
            json.WriteString("sha256", assembly.Sha256);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("program_version", _run.Facts.ProgramVersion);
        json.WriteNumber("model_version", _run.Facts.ModelVersion);
        json.WriteNumber("record_format", _run.Facts.RecordFormat);
        json.WriteBoolean("order_recorded", _run.Facts.OrderIsRecorded);
        json.WriteString("reproduce", _run.Facts.Command);
        json.WriteString("resume", CanBeContinued ? _lines.Resume : null);
        json.WriteString("replay", ReplayLine);
        json.WriteString("digest", _run.Digest);
        json.WriteEndObject();
    });

    /// <summary>Writes the run as <c>kho run</c> reported it, as far as a history knows; speeds are not kept.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteSummaryJson(Terminal terminal) => new RunSummary
    {
        Run = _run.Number.ToString(CultureInfo.InvariantCulture),
        History = _address,
        Scenario = _run.Facts.Scenario,
        Seed = _run.Facts.Seed,
        Engine = _run.Facts.Engine,
        Machines = _run.Facts.Machines,
        AlivePeak = 0,
        Kexecs = _run.Sums.Kexecs,
        EarlierKexecs = _run.Sums.Kexecs,
        ColdBoots = _run.Sums.ColdBoots,
        Messages = (long)_run.Sums.Messages,
        EarlierMessages = (long)_run.Sums.Messages,
        Operations = _run.Sums.Operations,
        FaultsInjected = _run.Sums.FaultsInjected,
        Violations = _run.Sums.Violations,
        Outcomes = _outcomes,
        Transitions = _transitions,
        Elapsed = TimeSpan.Zero,
        PeakRssBytes = 0,
        HistoryBytes = 0,
        Digest = _run.Digest,
    }.WriteJson(terminal);

    // What a person wants next: the machine that went wrong, else proof that the record holds.
    private string ReplayLine => _violations.Count > 0
        ? _lines.Replay(_violations[0].Machine, _violations[0].Violation.Generation)
        : _lines.Verify;

    private void WriteFigures(Terminal terminal)
    {
        RunFacts facts = _run.Facts;
        RunSums sums = _run.Sums;
        SummaryTable figures = new("run", _run.Number.ToString(CultureInfo.InvariantCulture));
        figures
            .Row("history", _address)
            .Row("scenario", facts.Scenario)
            .Row("seed", facts.Seed.ToString(CultureInfo.InvariantCulture))
            .Row("engine", facts.Engine)
            .Row("state", CanBeContinued ? $"{RunStates.NameOf(_run.State)}; it can be continued" : RunStates.NameOf(_run.State))
            .Row("started", Moment(facts.Started))
            .Row("ended", _run.Ended is { } ended ? Moment(ended) : "-")
            .Row("machines", $"{Text(facts.Machines)}, {Counted.Of(facts.Kexecs, "kexec")} each")
            .Row("recorded", $"{Text(sums.Generations)} of {Text(GenerationsPlanned)} generations")
            .Row("kexecs", Text(sums.Kexecs))
            .Row("cold boots", Text(sums.ColdBoots))
            .Row("messages", sums.Messages.ToString("N0", CultureInfo.InvariantCulture))
            .Row("operations", $"{Text(sums.Operations)}, {Counted.Of(sums.FailedRequests, "request")} refused")
            .Row("faults injected", Text(sums.FaultsInjected));
        foreach (KeyValuePair<string, long> outcome in _outcomes)
        {
            figures.Row($"outcome {outcome.Key}", Text(outcome.Value));
        }

        figures
            .Row("violations", Text(sums.Violations))
            .Row("program", string.Create(
                CultureInfo.InvariantCulture, $"{facts.ProgramVersion}, model version {facts.ModelVersion}, record format {facts.RecordFormat}"))
            .Row("order of deliveries", facts.OrderIsRecorded ? "recorded" : "follows from the seed");
        foreach (ClientAssemblyFact assembly in facts.ClientAssemblies)
        {
            figures.Row("clients from", $"{assembly.Path}, SHA-256 {assembly.Sha256}");
        }

        figures.Write(terminal);
    }

    private static string Moment(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss' UTC'", CultureInfo.InvariantCulture);

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
