using System.Globalization;
using System.Text.Json;
using KhoActors.Nodes.History;

namespace KhoActors.Host.Reports;

/// <summary>Where a replay first differs from its record: kexec, delivery, draw or decision.</summary>
/// <param name="difference">The difference.</param>
internal sealed class DifferenceReport(ReplayDifference difference)
{
    /// <summary>Writes it for a person, an aspect on each line.</summary>
    /// <param name="terminal">Receives it on its data stream.</param>
    /// <param name="inspect">The command line that looks into the machine in that generation.</param>
    public void WriteText(Terminal terminal, string inspect)
    {
        Line("differs in", $"machine {difference.Machine}, generation {difference.Generation}: {What}");
        Line("recorded", difference.Recorded);
        Line("found", difference.Found);
        if (difference.IsBehindDeliveries)
        {
            Line("deliveries", Numbers($"all were the same, up to {difference.LastDelivery} of the machine"));
        }
        else if (difference.LastDelivery > 0)
        {
            Line("deliveries", Numbers($"{difference.FirstDelivery} to {difference.LastDelivery} of the machine; all before them were the same"));
            foreach (string delivery in difference.Deliveries)
            {
                terminal.Out.WriteLine(Terminal.Printable($"  {delivery}"));
            }
        }

        Line("decisions", Numbers($"{difference.Decisions} of this generation were taken from the record{LastDecision}"));
        if (difference.OtherDecision.Length > 0)
        {
            Line("today", difference.OtherDecision);
        }

        if (difference.IsBehindDeliveries)
        {
            Line("look", inspect);
        }

        void Line(string name, string text) => terminal.Out.WriteLine(Terminal.Printable($"{name + ":",-12}{text}"));
    }

    /// <summary>Writes it as an object.</summary>
    /// <param name="json">Receives it.</param>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("machine", difference.Machine);
        json.WriteNumber("generation", difference.Generation);
        json.WriteString("aspect", NameOf(difference.Aspect));
        json.WriteString("what", difference.What);
        json.WriteString("recorded", difference.Recorded);
        json.WriteString("found", difference.Found);
        json.WriteNumber("first_delivery", difference.FirstDelivery);
        json.WriteNumber("last_delivery", difference.LastDelivery);
        json.WriteStartArray("deliveries");
        foreach (string delivery in difference.Deliveries)
        {
            json.WriteStringValue(delivery);
        }

        json.WriteEndArray();
        json.WriteNumber("decisions", difference.Decisions);
        json.WriteString("last_decision", difference.LastDecision);
        json.WriteString("other_decision", difference.OtherDecision);
        json.WriteEndObject();
    }

    private string What => difference.Aspect switch
    {
        ReplayAspect.Delivery => $"a delivery, or the order ({difference.What})",
        ReplayAspect.Digest => $"{difference.What}: RAM at the jump, the kernel's log, or a dead letter",
        _ => difference.What,
    };

    private string LastDecision => difference.LastDecision.Length > 0 ? $", the last: {difference.LastDecision}" : string.Empty;

    private static string Numbers(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string NameOf(ReplayAspect aspect) => aspect switch
    {
        ReplayAspect.Decision => "decision",
        ReplayAspect.Order => "order",
        ReplayAspect.Delivery => "delivery",
        ReplayAspect.DrawCounter => "draw-counter",
        ReplayAspect.Report => "report",
        ReplayAspect.Digest => "digest",
        _ => throw new ArgumentOutOfRangeException(nameof(aspect), aspect, "no aspect of a replay"),
    };
}
