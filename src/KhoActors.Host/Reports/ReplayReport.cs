using System.Globalization;
using System.Text.Json;
using KhoActors.Host.Runs;
using KhoActors.Nodes.Fleet;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Reports;

/// <summary>The result of <c>kho replay</c>: what was compared, and whether it was equal.</summary>
/// <param name="source">What was replayed.</param>
/// <param name="result">What came of it.</param>
/// <param name="machine">The only machine that was meant, or null for all.</param>
/// <param name="elapsed">How long it took.</param>
internal sealed class ReplayReport(RecordSource source, FleetReplayResult result, int? machine, TimeSpan elapsed)
{
    private const string Equal = "equal";
    private const string Different = "different";
    private const string Changed = "model-changed";
    private const string Damaged = "damaged";
    private const string Interrupted = "interrupted";
    private const string Nothing = "nothing-recorded";

    /// <summary>How the program ends.</summary>
    public ExitCode ExitCode => Verdict switch
    {
        Equal => ExitCode.Held,
        Different => ExitCode.Diverged,
        Damaged => ExitCode.StoreFailure,
        Interrupted => ExitCode.Interrupted,
        _ => ExitCode.Inconclusive,
    };

    // The gravest first: a difference under one model is a defect of the simulator, whatever else is wrong.
    private string Verdict =>
        result.Difference is not null && !source.IsOfOtherModel ? Different
        : result.Damage.Count > 0 ? Damaged
        : result.Difference is not null ? Changed
        : result.Interrupted ? Interrupted
        : result.Generations == 0 ? Nothing
        : Equal;

    /// <summary>Writes the report for a person.</summary>
    /// <param name="terminal">Receives it; damage goes to its diagnostics stream.</param>
    /// <param name="withFigures">Whether figures are told, beside the verdict.</param>
    public void WriteText(Terminal terminal, bool withFigures)
    {
        if (withFigures && machine is null)
        {
            WriteFigures(terminal);
        }

        foreach (string damage in result.Damage)
        {
            terminal.Complain(Terminal.Printable(damage));
        }

        string compared = string.Create(
            CultureInfo.InvariantCulture, $"{result.Generations:N0} generations ({result.Totals.Kexecs:N0} kexecs) compared with {source.Title}");
        terminal.Out.WriteLine(Terminal.Printable($"{Verdict}: {compared}{Remark}"));
        if (result.Difference is { } difference)
        {
            new DifferenceReport(difference).WriteText(terminal);
        }
    }

    /// <summary>Writes the report for a script.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteString("run", source.Run?.Number.ToString(CultureInfo.InvariantCulture) ?? string.Empty);
        json.WriteString("source", source.Title);
        json.WriteString("scenario", source.Facts.Scenario);
        json.WriteNumber("seed", source.Facts.Seed);
        WriteNumberOrNull(json, "machine", machine);
        json.WriteString("verdict", Verdict);
        json.WriteNumber("generations", result.Generations);
        json.WriteNumber("kexecs", result.Totals.Kexecs);
        json.WriteNumber("violations", result.Totals.ViolationCount);
        json.WriteNumber("model_version", Machine.ModelVersion);
        json.WriteNumber("recorded_model_version", source.Facts.ModelVersion);
        json.WritePropertyName("difference");
        if (result.Difference is { } difference)
        {
            new DifferenceReport(difference).WriteJson(json);
        }
        else
        {
            json.WriteNullValue();
        }

        json.WriteStartArray("damage");
        foreach (string damage in result.Damage)
        {
            json.WriteStringValue(damage);
        }

        json.WriteEndArray();
        JsonReport.WriteOutcomes(result.Totals.Outcomes, json);
        TransitionSummary.WriteJson(TransitionSummary.Of(result.Totals.Transitions), json);
        json.WriteNumber("elapsed_s", Math.Round(elapsed.TotalSeconds, 3));
        json.WriteString("digest", result.Digest);
        json.WriteEndObject();
    });

    private string Remark => Verdict switch
    {
        Equal when source.IsOfOtherModel => $", although the model has changed from version {source.Facts.ModelVersion} to {Machine.ModelVersion}",
        Equal => ", every digest as recorded",
        Changed => $"; model changed: version {source.Facts.ModelVersion} made the record, this program has {Machine.ModelVersion}",
        Damaged => "; what is damaged was left out",
        Interrupted => " so far",
        _ => string.Empty,
    };

    private void WriteFigures(Terminal terminal)
    {
        TransitionSummary.WriteTable(TransitionSummary.Of(result.Totals.Transitions), terminal);
        SummaryTable figures = new("replay", source.Facts.Scenario);
        figures
            .Row("seed", source.Facts.Seed.ToString(CultureInfo.InvariantCulture))
            .Row("machines", Text(source.Facts.Machines))
            .Row("kexecs", string.Create(
                CultureInfo.InvariantCulture, $"{result.Totals.Kexecs:N0} in {elapsed.TotalSeconds:F1} s, {result.Totals.Kexecs / Math.Max(elapsed.TotalSeconds, 1e-9):N0} a second"))
            .Row("cold boots", Text(result.Totals.ColdBoots))
            .Row("messages", result.Totals.Messages.ToString("N0", CultureInfo.InvariantCulture))
            .Row("operations", Text(result.Totals.Operations));
        foreach (KeyValuePair<string, long> outcome in result.Totals.Outcomes)
        {
            figures.Row($"outcome {outcome.Key}", Text(outcome.Value));
        }

        figures.Row("violations", Text(result.Totals.ViolationCount)).Write(terminal);
        if (result.Digest.Length > 0)
        {
            terminal.Out.WriteLine($"digest  {result.Digest}");
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
