using KhoActors.Nodes.Scenarios;

namespace KhoActors.Host.Reports;

/// <summary>A list of scenarios or kernels. A file that cannot be read is listed with its first problem.</summary>
/// <param name="Entries">The files, sorted by name.</param>
internal sealed record CatalogReport(IReadOnlyList<CatalogEntry> Entries)
{
    /// <summary>Writes the report.</summary>
    /// <param name="terminal">Receives it.</param>
    /// <param name="asJson">Whether as JSON.</param>
    /// <returns>Usage when a file cannot be read.</returns>
    public ExitCode Write(Terminal terminal, bool asJson)
    {
        if (asJson)
        {
            WriteJson(terminal);
        }
        else
        {
            SummaryTable table = new("name", "summary");
            foreach (CatalogEntry entry in Entries)
            {
                table.Row(entry.Name, Describe(entry));
            }

            table.Write(terminal);
        }

        return Entries.Any(static entry => entry.Problem is not null) ? ExitCode.Usage : ExitCode.Held;
    }

    private static string Describe(CatalogEntry entry) => entry.Problem is null ? entry.Summary : $"cannot be read: {entry.Problem.Problems[0]}";

    private void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartArray();
        foreach (CatalogEntry entry in Entries)
        {
            json.WriteStartObject();
            json.WriteString("name", entry.Name);
            json.WriteString("summary", entry.Summary);
            json.WriteString("path", entry.Path);
            json.WriteString("problem", entry.Problem?.Problems[0].ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
