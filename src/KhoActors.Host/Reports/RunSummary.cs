using System.Globalization;

namespace KhoActors.Host.Reports;

/// <summary>The result of <c>kho run</c>: figures, outcomes and digest, as a table or as JSON.</summary>
internal sealed record RunSummary
{
    /// <summary>Name of the run in its history, a number; empty where there is none.</summary>
    public required string Run { get; init; }

    /// <summary>Address of the history; empty where there is none.</summary>
    public required string History { get; init; }

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

    /// <summary>Kexecs that an earlier process did: rates are without them.</summary>
    public long EarlierKexecs { get; init; }

    /// <summary>Messages that an earlier process delivered.</summary>
    public long EarlierMessages { get; init; }

    /// <summary>Bytes of records that this process added to the history.</summary>
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
        JsonReport.WriteOutcomes(Outcomes, json);
        TransitionSummary.WriteJson(Transitions, json);
        json.WriteNumber("elapsed_s", Math.Round(Elapsed.TotalSeconds, 3));
        json.WriteNumber("kexecs_per_s", Math.Round((Kexecs - EarlierKexecs) / Seconds, 1));
        json.WriteNumber("messages_per_s", Math.Round((Messages - EarlierMessages) / Seconds, 1));
        json.WriteNumber("peak_rss_bytes", PeakRssBytes);
        json.WriteNumber("history_bytes", HistoryBytes);
        json.WriteString("digest", Digest);
        json.WriteEndObject();
    });

    /// <summary>Writes the table form; the digest is a line of its own, which no terminal of 80 columns wraps.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteTable(Terminal terminal)
    {
        TransitionSummary.WriteTable(Transitions, terminal);
        SummaryTable figures = new("run", Scenario);
        figures
            .Row("seed", Seed.ToString(CultureInfo.InvariantCulture))
            .Row("engine", Engine)
            .Row("machines", $"{Text(Machines)} (at most {Text(AlivePeak)} alive)")
            .Row("kexecs", $"{Text(Kexecs)}{Earlier} in {Seconds.ToString("F1", CultureInfo.InvariantCulture)} s, {Rate(Kexecs - EarlierKexecs)} a second")
            .Row("cold boots", Text(ColdBoots))
            .Row("messages", $"{Text(Messages)}, {Rate(Messages - EarlierMessages)} a second")
            .Row("operations", Text(Operations))
            .Row("faults injected", Text(FaultsInjected));
        foreach (KeyValuePair<string, long> outcome in Outcomes)
        {
            figures.Row($"outcome {outcome.Key}", Text(outcome.Value));
        }

        figures
            .Row("violations", Text(Violations))
            .Row("peak memory", $"{Text(PeakRssBytes >> 20)} MiB");
        if (Run.Length > 0)
        {
            figures.Row("history", $"run {Run} in {History}, {Text(HistoryBytes)} bytes added");
        }

        figures.Write(terminal);
        if (Digest.Length > 0)
        {
            terminal.Out.WriteLine($"digest  {Digest}");
        }
    }

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private string Earlier => EarlierKexecs > 0 ? $", {Text(Kexecs - EarlierKexecs)} of them" : string.Empty;

    private string Rate(long value) => (value / Seconds).ToString("N0", CultureInfo.InvariantCulture);
}
