using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Reports;

/// <summary>The runs of a history as a list: a table, or JSON.</summary>
/// <param name="runs">The runs, in the order in which they are shown.</param>
internal sealed class RunsReport(IReadOnlyList<StoredRun> runs)
{
    private const int DigestLettersShown = 12;

    /// <summary>Writes the list.</summary>
    /// <param name="terminal">Receives it.</param>
    /// <param name="asJson">Whether as JSON.</param>
    public void Write(Terminal terminal, bool asJson)
    {
        if (asJson)
        {
            JsonReport.Write(terminal, WriteJson);
        }
        else if (runs.Count > 0)
        {
            WriteTable(terminal);
        }
    }

    private void WriteTable(Terminal terminal)
    {
        SummaryTable table = new(">run", "scenario", ">seed", "started", "state", ">machines", ">kexecs", ">violations", "digest");
        foreach (StoredRun run in runs)
        {
            table.Row(
                run.Number.ToString(CultureInfo.InvariantCulture),
                run.Facts.Scenario,
                run.Facts.Seed.ToString(CultureInfo.InvariantCulture),
                run.Facts.Started.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                RunStates.NameOf(run.State),
                run.Facts.Machines.ToString("N0", CultureInfo.InvariantCulture),
                run.Sums.Kexecs.ToString("N0", CultureInfo.InvariantCulture),
                run.Sums.Violations.ToString("N0", CultureInfo.InvariantCulture),
                run.Digest.Length > DigestLettersShown ? run.Digest[..DigestLettersShown] : run.Digest);
        }

        table.Write(terminal);
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (StoredRun run in runs)
        {
            json.WriteStartObject();
            json.WriteString("run", run.Number.ToString(CultureInfo.InvariantCulture));
            json.WriteString("scenario", run.Facts.Scenario);
            json.WriteNumber("seed", run.Facts.Seed);
            json.WriteString("engine", run.Facts.Engine);
            json.WriteString("started", JsonReport.Instant(run.Facts.Started));
            json.WriteString("state", RunStates.NameOf(run.State));
            json.WriteNumber("machines", run.Facts.Machines);
            json.WriteNumber("kexecs", run.Sums.Kexecs);
            json.WriteNumber("violations", run.Sums.Violations);
            json.WriteString("digest", run.Digest);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
