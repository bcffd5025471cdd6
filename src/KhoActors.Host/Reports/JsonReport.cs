using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using KhoActors.Nodes.Machines;

namespace KhoActors.Host.Reports;

/// <summary>
/// The <c>--json</c> form of a report. Field names are a promise to scripts, so each report writes its own by hand: renaming a
/// property in the source cannot rename a field.
/// </summary>
internal static class JsonReport
{
    // Output is a file or a pipe, never part of a web page: quotes and arrows in messages stay readable.
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one document and ends the line.</summary>
    /// <param name="terminal">Receives it on its data stream.</param>
    /// <param name="write">Writes the one root value.</param>
    public static void Write(Terminal terminal, Action<Utf8JsonWriter> write)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Options))
        {
            write(writer);
        }

        terminal.Out.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>A moment as it stands in a document.</summary>
    /// <param name="moment">The moment.</param>
    /// <returns>ISO 8601 in UTC, to the second.</returns>
    public static string Instant(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Writes what a tracker lists as the field <c>orders</c>: how many blocks of each order, and their bytes.</summary>
    /// <param name="orders">The orders.</param>
    /// <param name="json">Receives the field.</param>
    public static void WriteOrders(IReadOnlyList<TrackedOrder> orders, Utf8JsonWriter json)
    {
        json.WriteStartArray("orders");
        foreach (TrackedOrder order in orders)
        {
            json.WriteStartObject();
            json.WriteNumber("order", order.Order);
            json.WriteNumber("blocks", order.Blocks);
            json.WriteNumber("bytes", order.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Writes how generations ended as the field <c>outcomes</c>.</summary>
    /// <param name="outcomes">Name and count, in order.</param>
    /// <param name="json">Receives the field.</param>
    public static void WriteOutcomes(IReadOnlyList<KeyValuePair<string, long>> outcomes, Utf8JsonWriter json)
    {
        json.WriteStartObject("outcomes");
        foreach (KeyValuePair<string, long> outcome in outcomes)
        {
            json.WriteNumber(outcome.Key, outcome.Value);
        }

        json.WriteEndObject();
    }
}
