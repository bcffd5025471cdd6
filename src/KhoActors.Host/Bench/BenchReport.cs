using System.Globalization;
using KhoActors.Host.Reports;

namespace KhoActors.Host.Bench;

/// <summary>The result of <c>kho bench</c>.</summary>
/// <param name="Calibration">Figures of the computer.</param>
/// <param name="Rows">Figures with budgets.</param>
internal sealed record BenchReport(Calibration Calibration, IReadOnlyList<BenchRow> Rows)
{
    /// <summary>Writes the JSON form.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteJson(Terminal terminal) => JsonReport.Write(terminal, json =>
    {
        json.WriteStartObject();
        json.WriteStartObject("calibration");
        json.WriteNumber("splitmix64_ns", Math.Round(Calibration.SplitmixNanoseconds, 3));
        json.WriteNumber("clear_gib_per_s", Math.Round(Calibration.ClearGibPerSecond, 2));
        json.WriteNumber("cache_miss_ns", Math.Round(Calibration.CacheMissNanoseconds, 1));
        json.WriteEndObject();
        json.WriteStartArray("rows");
        foreach (BenchRow row in Rows)
        {
            json.WriteStartObject();
            json.WriteString("name", row.Name);
            json.WriteString("unit", row.Unit);
            json.WriteNumber("measured", Math.Round(row.Measured, 3));
            json.WriteNumber("budget", row.Budget);
            json.WriteBoolean("met", row.Met);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    /// <summary>Writes the table form.</summary>
    /// <param name="terminal">Receives it.</param>
    public void WriteTable(Terminal terminal)
    {
        new SummaryTable("this computer", ">figure", "unit")
            .Row("splitmix64 step", Text(Calibration.SplitmixNanoseconds), "ns")
            .Row("clearing 64 MiB", Text(Calibration.ClearGibPerSecond), "GiB/s")
            .Row("random cache miss", Text(Calibration.CacheMissNanoseconds), "ns")
            .Write(terminal);
        terminal.Out.WriteLine();
        SummaryTable rows = new("row", ">measured", ">budget", "unit", "met", "work done");
        foreach (BenchRow row in Rows)
        {
            rows.Row(row.Name, Text(row.Measured), Text(row.Budget), row.Unit, row.Met ? "yes" : "no", Text(row.Proof));
        }

        rows.Write(terminal);
    }

    private static string Text(WorkProof? proof) => proof is null ? string.Empty : $"{(proof.Verified ? "verified" : "WRONG")}: {proof.Text}";

    private static string Text(double value) =>
        value.ToString(value < 10 ? "F2" : value < 1000 ? "F1" : "N0", CultureInfo.InvariantCulture);
}
