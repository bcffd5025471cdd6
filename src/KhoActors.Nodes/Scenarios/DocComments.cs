using System.Text;
using System.Xml.Linq;

namespace KhoActors.Nodes.Scenarios;

/// <summary>The summaries of properties, from the XML files that the compiler writes beside assemblies; so a schema says what the docstring says.</summary>
internal sealed class DocComments
{
    private readonly Dictionary<string, string> _summaries = [];

    /// <summary>Reads documentation files.</summary>
    /// <param name="xmlTexts">Their texts.</param>
    public DocComments(IEnumerable<string> xmlTexts)
    {
        foreach (XElement member in xmlTexts.SelectMany(text => XDocument.Parse(text).Descendants("member")))
        {
            string id = member.Attribute("name")!.Value;
            if (member.Element("summary") is { } summary)
            {
                _summaries[id] = PlainText(summary);
            }

            foreach (XElement parameter in member.Elements("param").Where(_ => id.StartsWith("T:", StringComparison.Ordinal)))
            {
                _summaries[$"P:{id.AsSpan(2)}.{parameter.Attribute("name")!.Value}"] = PlainText(parameter);
            }
        }
    }

    /// <summary>The summary of a type, or null.</summary>
    public string? Of(Type type) => _summaries.GetValueOrDefault($"T:{type.FullName}");

    /// <summary>The summary of a property, or null.</summary>
    public string? Of(FieldShape field) => _summaries.GetValueOrDefault($"P:{field.DeclaringType.FullName}.{field.PropertyName}");

    private static string PlainText(XElement element)
    {
        StringBuilder text = new();
        foreach (XNode node in element.Nodes())
        {
            text.Append(node switch
            {
                XText plain => plain.Value,
                XElement reference when reference.Attribute("cref") is { } cref => cref.Value[(cref.Value.LastIndexOf('.') + 1)..],
                XElement reference when reference.Attribute("name") is { } name => name.Value,
                XElement other => other.Value,
                _ => "",
            });
        }

        return string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
