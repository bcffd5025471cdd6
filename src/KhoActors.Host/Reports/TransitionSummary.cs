using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.Fleet;

namespace KhoActors.Host.Reports;

/// <summary>What became of the kexecs from one release to another.</summary>
/// <param name="From">Name of the kernel that handed over.</param>
/// <param name="To">Name of the kernel that booted.</param>
/// <param name="Count">How many kexecs there were.</param>
/// <param name="Restored">How many restored what they were given.</param>
/// <param name="Lost">How many lost it, as the model allows.</param>
/// <param name="Violations">How many violated an invariant.</param>
internal sealed record TransitionSummary(string From, string To, long Count, long Restored, long Lost, long Violations)
{
    /// <summary>The transitions of a fleet.</summary>
    /// <param name="transitions">As they were summed.</param>
    /// <returns>As they are reported.</returns>
    public static IReadOnlyList<TransitionSummary> Of(IEnumerable<FleetTransition> transitions) =>
        [.. transitions.Select(static each => new TransitionSummary(each.From, each.To, each.Count, each.Restored, each.Lost, each.Violations))];

    /// <summary>Writes transitions as a table; nothing when there are none.</summary>
    /// <param name="transitions">The transitions.</param>
    /// <param name="terminal">Receives it.</param>
    public static void WriteTable(IReadOnlyList<TransitionSummary> transitions, Terminal terminal)
    {
        if (transitions.Count == 0)
        {
            return;
        }

        SummaryTable table = new("from", "to", ">kexecs", ">restored", ">lost", ">violations");
        foreach (TransitionSummary each in transitions)
        {
            table.Row(each.From, each.To, Text(each.Count), Text(each.Restored), Text(each.Lost), Text(each.Violations));
        }

        table.Write(terminal);
    }

    /// <summary>Writes transitions as the field <c>transitions</c>.</summary>
    /// <param name="transitions">The transitions.</param>
    /// <param name="json">Receives the field.</param>
    public static void WriteJson(IReadOnlyList<TransitionSummary> transitions, Utf8JsonWriter json)
    {
        json.WriteStartArray("transitions");
        foreach (TransitionSummary each in transitions)
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

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
