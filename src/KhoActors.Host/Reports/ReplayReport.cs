using System.Globalization;
using System.Text.Json;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.History;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Reports;

/// <summary>The result of <c>kho replay</c>: what was compared, and whether it was equal.</summary>
internal sealed class ReplayReport
{
    private const string Equal = "equal";
    private const string Different = "different";
    private const string Changed = "model-changed";
    private const string Damaged = "damaged";
    private const string Interrupted = "interrupted";
    private const string Nothing = "nothing-recorded";
    private const string Defect = "defect";

    private readonly RecordSource _source;
    private readonly FleetReplayResult _result;
    private readonly int? _machine;
    private readonly IReadOnlyList<string> _damage;
    private readonly TimeSpan _elapsed;

    /// <summary>Judges a replay.</summary>
    /// <param name="source">What was replayed.</param>
    /// <param name="result">What came of it.</param>
    /// <param name="machine">The only machine that was meant, or null for all.</param>
    /// <param name="damage">Damage that belongs to no machine.</param>
    /// <param name="elapsed">How long it took.</param>
    public ReplayReport(RecordSource source, FleetReplayResult result, int? machine, IReadOnlyList<string> damage, TimeSpan elapsed)
    {
        _source = source;
        _result = result;
        _machine = machine;
        _elapsed = elapsed;
        _damage = [.. damage, .. result.Damage];
        if (_damage.Count == 0 && Contradiction is { } contradiction)
        {
            _damage = [$"{_source.Place}: {contradiction}"];
        }
    }

    /// <summary>How the program ends.</summary>
    public ExitCode ExitCode => Verdict switch
    {
        Equal => ExitCode.Held,
        Different => ExitCode.Diverged,
        Damaged => ExitCode.StoreFailure,
        Interrupted => ExitCode.Interrupted,
        Defect => ExitCode.Defect,
        _ => ExitCode.Inconclusive,
    };

    // The gravest first: a difference under one model is a defect of the simulator, too, whatever else is wrong.
    private string Verdict =>
        _result.Sums.Defects.Count > 0 ? Defect
        : _result.FirstDifference is not null && !_source.IsOfOtherModel ? Different
        : _damage.Count > 0 ? Damaged
        : _result.FirstDifference is not null ? Changed
        : _result.Sums.Interrupted ? Interrupted
        : _result.Compared == 0 ? Nothing
        : Equal;

    /// <summary>Writes the report for a person.</summary>
    /// <param name="terminal">Receives it; damage goes to its diagnostics stream.</param>
    /// <param name="withFigures">Whether figures are told, beside the verdict.</param>
    public void WriteText(Terminal terminal, bool withFigures)
    {
        if (withFigures && _machine is null)
        {
            WriteFigures(terminal);
        }

        RunVerdict.TellViolations(terminal, _result.Sums.Violations, _result.Sums.ViolationCount);
        foreach (string damage in _damage)
        {
            terminal.Complain(Terminal.Printable(damage));
        }

        TellDefects(terminal);
        terminal.Out.WriteLine(Terminal.Printable($"{Verdict}: {Compared}{Remark}"));
        if (_result.FirstDifference is { } difference)
        {
            new DifferenceReport(difference).WriteText(terminal, _source.InspectLine(difference.Machine, difference.Generation));
        }
    }

    /// <summary>Writes the report for a script.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteJson(Terminal terminal)
    {
        TellDefects(terminal);
        JsonReport.Write(terminal, WriteJson);
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("run", _source.Run.Number.ToString(CultureInfo.InvariantCulture));
        json.WriteString("source", _source.Title);
        json.WriteString("scenario", _source.Facts.Scenario);
        json.WriteNumber("seed", _source.Facts.Seed);
        WriteNumberOrNull(json, "machine", _machine);
        json.WriteString("verdict", Verdict);
        json.WriteNumber("generations", _result.Compared);
        json.WriteNumber("kexecs", _result.Sums.Kexecs);
        json.WriteNumber("violations", _result.Sums.ViolationCount);
        json.WriteNumber("model_version", Machine.ModelVersion);
        json.WriteNumber("recorded_model_version", _source.Facts.ModelVersion);
        json.WritePropertyName("difference");
        if (_result.FirstDifference is { } difference)
        {
            new DifferenceReport(difference).WriteJson(json);
        }
        else
        {
            json.WriteNullValue();
        }

        json.WriteStartArray("damage");
        foreach (string damage in _damage)
        {
            json.WriteStringValue(damage);
        }

        json.WriteEndArray();
        JsonReport.WriteOutcomes(_result.Sums.Outcomes, json);
        TransitionSummary.WriteJson(TransitionSummary.Of(_result.Sums.Transitions), json);
        json.WriteNumber("elapsed_s", Math.Round(_elapsed.TotalSeconds, 3));
        json.WriteString("machine_digest", _result.MachineDigest);
        json.WriteString("digest", _result.Digest);
        json.WriteEndObject();
    }

    private void TellDefects(Terminal terminal)
    {
        foreach (string defect in _result.Sums.Defects)
        {
            terminal.Complain(Terminal.Printable($"simulator defect; please report it: {defect}"));
        }
    }

    // What no record shows by itself: that the run's row says something else than all of them together.
    private string? Contradiction =>
        _result.Digest.Length > 0 && _source.Run.State == RunState.Finished && _result.Digest != _source.Run.Digest
            ? $"its row has the digest {_source.Run.Digest}, its records give {_result.Digest}"
            : null;

    private string Compared => Verdict == Nothing
        ? $"{_source.Title} has no record of {(_machine is { } machine ? $"machine {machine}" : "any machine")}"
        : $"{Counted.Of(_result.Compared, "generation")} ({Counted.Of(_result.Sums.Kexecs, "kexec")}) compared with {_source.Title}";

    private string Remark => Verdict switch
    {
        Equal when _source.IsOfOtherModel => $", although the model has changed from version {_source.Facts.ModelVersion} to {Machine.ModelVersion}",
        Equal => ", every digest as recorded",
        Different => "; the model is the same: a defect of the simulator, or a forged record",
        Changed => $"; model version {_source.Facts.ModelVersion} made the record, this program has {Machine.ModelVersion}",
        Damaged => "; what is damaged was left out",
        Interrupted => " so far",
        _ => string.Empty,
    };

    private void WriteFigures(Terminal terminal)
    {
        TransitionSummary.WriteTable(TransitionSummary.Of(_result.Sums.Transitions), terminal);
        double seconds = Math.Max(_elapsed.TotalSeconds, 1e-9);
        SummaryTable figures = new("replay", _source.Facts.Scenario);
        figures
            .Row("seed", _source.Facts.Seed.ToString(CultureInfo.InvariantCulture))
            .Row("machines", Text(_source.Facts.Machines))
            .Row("kexecs", string.Create(
                CultureInfo.InvariantCulture, $"{_result.Sums.Kexecs:N0} in {seconds:F1} s, {_result.Sums.Kexecs / seconds:N0} a second"))
            .Row("cold boots", Text(_result.Sums.ColdBoots))
            .Row("messages", _result.Sums.Messages.ToString("N0", CultureInfo.InvariantCulture))
            .Row("operations", Text(_result.Sums.Operations));
        foreach (KeyValuePair<string, long> outcome in _result.Sums.Outcomes)
        {
            figures.Row($"outcome {outcome.Key}", Text(outcome.Value));
        }

        figures.Row("violations", Text(_result.Sums.ViolationCount)).Write(terminal);
        if (_result.Digest.Length > 0)
        {
            terminal.Out.WriteLine($"digest  {_result.Digest}");
        }
    }

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static void WriteNumberOrNull(Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
