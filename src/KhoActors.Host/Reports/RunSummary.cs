using System.Globalization;
using System.Text.Json;

namespace KhoActors.Host.Reports;

/// <summary>What became of the kexecs from one release to another.</summary>
/// <param name="From">Name of the kernel that handed over.</param>
/// <param name="To">Name of the kernel that booted.</param>
/// <param name="Count">How many kexecs there were.</param>
/// <param name="Restored">How many restored what they were given.</param>
/// <param name="Lost">How many lost it, as the model allows.</param>
/// <param name="Violations">How many violated an invariant.</param>
internal sealed record TransitionSummary(string From, string To, long Count, long Restored, long Lost, long Violations);

/// <summary>The result of <c>kho run</c>: figures, outcomes and digest, as a table or as JSON.</summary>
internal sealed record RunSummary
{
    /// <summary>Name of the run in its store; empty where nothing is stored.</summary>
    public required string Run { get; init; }

    /// <summary>The scenario's name.</summary>
    public required string Scenario { get; init; }

    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The engine: <c>local</c>, <c>akka</c> or <c>postgres</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Machines in the fleet.</summary>
    public required long Machines { get; init; }

    /// <summary>Most machines that were alive at one time.</summary>
    public required long AlivePeak { get; init; }

    /// <summary>Kexecs done.</summary>
    public required long Kexecs { get; init; }

    /// <summary>Boots without a hand-off.</summary>
    public required long ColdBoots { get; init; }

    /// <summary>Actor messages delivered.</summary>
    public required long Messages { get; init; }

    /// <summary>Operations of the workloads.</summary>
    public required long Operations { get; init; }

    /// <summary>Faults injected.</summary>
    public required long FaultsInjected { get; init; }

    /// <summary>Invariants violated.</summary>
    public required long Violations { get; init; }

    /// <summary>How kexecs ended, by name, in the order in which they are printed.</summary>
    public required IReadOnlyList<KeyValuePair<string, long>> Outcomes { get; init; }

    /// <summary>What became of kexecs between releases.</summary>
    public required IReadOnlyList<TransitionSummary> Transitions { get; init; }

    /// <summary>Wall-clock time of the run.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Largest resident set of the process, in bytes.</summary>
    public required long PeakRssBytes { get; init; }

    /// <summary>Bytes written to the store.</summary>
    public required long HistoryBytes { get; init; }

    /// <summary>The fleet digest: 64 hexadecimal digits; empty for a run that was interrupted.</summary>
    public required string Digest { get; init; }

    private double Seconds => Math.Max(Elapsed.TotalSeconds, 1e-9);

    /// <summary>Writes the JSON form.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteString("run", Run);
        json.WriteString("scenario", Scenario);
        json.WriteNumber("seed", Seed);
        json.WriteString("engine", Engine);
        json.WriteNumber("machines", Machines);
        json.WriteNumber("alive_peak", AlivePeak);
        json.WriteNumber("kexecs", Kexecs);
        json.WriteNumber("cold_boots", ColdBoots);
        json.WriteNumber("messages", Messages);
        json.WriteNumber("operations", Operations);
        json.WriteNumber("faults_injected", FaultsInjected);
        json.WriteNumber("violations", Violations);
        WriteOutcomes(json);
        WriteTransitions(json);
        json.WriteNumber("elapsed_s", Math.Round(Elapsed.TotalSeconds, 3));
        json.WriteNumber("kexecs_per_s", Math.Round(Kexecs / Seconds, 1));
        json.WriteNumber("messages_per_s", Math.Round(Messages / Seconds, 1));
        json.WriteNumber("peak_rss_bytes", PeakRssBytes);
        json.WriteNumber("history_bytes", HistoryBytes);
        json.WriteString("digest", Digest);
        json.WriteEndObject();
    });

    /// <summary>Writes the table form; the digest is a line of its own, which no terminal of 80 columns wraps.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteTable(Terminal terminal)
    {
        if (Transitions.Count > 0)
        {
            SummaryTable transitions = new("from", "to", ">kexecs", ">restored", ">lost", ">violations");
            foreach (TransitionSummary each in Transitions)
            {
                transitions.Row(each.From, each.To, Text(each.Count), Text(each.Restored), Text(each.Lost), Text(each.Violations));
            }

            transitions.Write(terminal);
        }

        SummaryTable figures = new("run", Scenario);
        figures
            .Row("seed", Seed.ToString(CultureInfo.InvariantCulture))
            .Row("engine", Engine)
            .Row("machines", $"{Text(Machines)} (at most {Text(AlivePeak)} alive)")
            .Row("kexecs", $"{Text(Kexecs)} in {Seconds.ToString("F1", CultureInfo.InvariantCulture)} s, {Rate(Kexecs)} a second")
            .Row("cold boots", Text(ColdBoots))
            .Row("messages", $"{Text(Messages)}, {Rate(Messages)} a second")
            .Row("operations", Text(Operations))
            .Row("faults injected", Text(FaultsInjected));
        foreach (KeyValuePair<string, long> outcome in Outcomes)
        {
            figures.Row($"outcome {outcome.Key}", Text(outcome.Value));
        }

        figures
            .Row("violations", Text(Violations))
            .Row("peak memory", $"{Text(PeakRssBytes >> 20)} MiB")
            .Write(terminal);
        if (Digest.Length > 0)
        {
            terminal.Out.WriteLine($"digest  {Digest}");
        }
    }

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private string Rate(long value) => (value / Seconds).ToString("N0", CultureInfo.InvariantCulture);

    private void WriteOutcomes(Utf8JsonWriter json)
    {
        json.WriteStartObject("outcomes");
        foreach (KeyValuePair<string, long> outcome in Outcomes)
        {
            json.WriteNumber(outcome.Key, outcome.Value);
        }

        json.WriteEndObject();
    }

    private void WriteTransitions(Utf8JsonWriter json)
    {
        json.WriteStartArray("transitions");
        foreach (TransitionSummary each in Transitions)
        {
            json.WriteStartObject();
            json.WriteString("from", each.From);
            json.WriteString("to", each.To);
            json.WriteNumber("count", each.Count);
            json.WriteNumber("restored", each.Restored);
            json.WriteNumber("lost", each.Lost);
            json.WriteNumber("violations", each.Violations);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
