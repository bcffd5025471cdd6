using System.Collections;
using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>
/// Makes records from YAML. It knows no record by name: keys, types, ranges and required fields are read off the properties, so that a
/// new property is readable without a change here. Whatever does not fit becomes a problem with its place.
/// </summary>
internal sealed class RecordBinder(ProblemList problems)
{
    private readonly Dictionary<Type, RecordShape> _shapes = [];

    /// <summary>Reads a document as one record.</summary>
    /// <typeparam name="T">The record's type.</typeparam>
    /// <param name="root">The document.</param>
    /// <returns>The record.</returns>
    /// <exception cref="ScenarioException">Something does not fit; all problems are in it.</exception>
    public T Bind<T>(ConfigNode root)
        where T : class
    {
        object? record = Record(typeof(T), root, "");
        problems.ThrowIfAny();
        return (T)record!;
    }

    private object? Record(Type type, ConfigNode node, string path)
    {
        if (node is not ConfigMapping mapping)
        {
            return Wrong(node, path, $"found {node.Describe()}, expected a mapping");
        }

        if (!_shapes.TryGetValue(type, out RecordShape? shape))
        {
            shape = RecordShape.Of(type);
            _shapes.Add(type, shape);
        }

        int problemsBefore = problems.Count;
        List<(FieldShape, object?)> values = [];
        List<NamedWeight> remainder = [];
        foreach (ConfigEntry entry in mapping.Entries)
        {
            FieldShape? field = shape.Fields.FirstOrDefault(field => field.Key == entry.Key);
            if (field is null && shape.Remainder is { } open)
            {
                if (Item(open, typeof(int), entry.Value, $"{path}.{entry.Key}") is int weight)
                {
                    remainder.Add(new NamedWeight(entry.Key, weight));
                }
            }
            else if (field is null)
            {
                problems.Add(entry.KeyPosition, path, $"unknown key {ConfigScalar.Quote(entry.Key)}; {NameSuggestion.For(entry.Key, shape.Keys)}");
            }
            else
            {
                values.Add((field, Field(field, entry.Value, path.Length == 0 ? field.Key : $"{path}.{field.Key}")));
            }
        }

        if (shape.Remainder is { } rest)
        {
            values.Add((rest, remainder.ToArray()));
        }

        foreach (FieldShape field in shape.Fields)
        {
            if (field.Required && mapping.Find(field.Key) is null)
            {
                problems.Add(mapping.Position, path, $"the key '{field.Key}' is missing");
            }
        }

        return problems.Count == problemsBefore ? shape.Construct(values) : null;
    }

    private object? Field(FieldShape field, ConfigNode node, string path)
    {
        if (field.Form == ValueForm.List)
        {
            return List(field, node, path);
        }

        return node is ConfigScalar { IsNull: true } && field.Nullable ? null : Item(field, field.Type, node, path);
    }

    private IList? List(FieldShape field, ConfigNode node, string path)
    {
        Type element = field.Element!;
        List<object?> items = [];
        if (node is ConfigSequence sequence)
        {
            for (int i = 0; i < sequence.Items.Count; i++)
            {
                items.Add(Item(field, element, sequence.Items[i], $"{path}[{i}]"));
            }
        }
        else if (field.OneOrMany && node is ConfigScalar)
        {
            items.Add(Item(field, element, node, path));
        }
        else
        {
            return (IList?)Wrong(node, path, $"found {node.Describe()}, expected {(field.OneOrMany ? "one value or a list" : "a list")}");
        }

        if (items.Contains(null))
        {
            return null;
        }

        Array array = Array.CreateInstance(element, items.Count);
        ((ICollection)items).CopyTo(array, 0);
        return array;
    }

    private object? Item(FieldShape field, Type type, ConfigNode node, string path)
    {
        ValueForm form = FieldShape.FormOf(type);
        return form switch
        {
            ValueForm.Record => Record(type, node, path),
            ValueForm.MinimumAndMaximum => Pair(field, node, path),
            _ when node is not ConfigScalar => Wrong(node, path, $"found {node.Describe()}, expected {Expected(field, type)}"),
            _ when node is ConfigScalar { IsNull: true } && form != ValueForm.Text => Wrong(node, path, $"found nothing, expected {Expected(field, type)}"),
            ValueForm.Number => Number(field, type, (ConfigScalar)node, path),
            ValueForm.Truth => Truth((ConfigScalar)node, path),
            ValueForm.Choice => Choice(type, (ConfigScalar)node, path),
            ValueForm.AbiName => Abi((ConfigScalar)node, path),
            _ => Text(field, (ConfigScalar)node, path),
        };
    }

    private static string Expected(FieldShape field, Type type) => FieldShape.FormOf(type) switch
    {
        ValueForm.Text => "text",
        ValueForm.Truth => "true or false",
        ValueForm.Choice => $"one of {string.Join(", ", FieldShape.ChoicesOf(type))}",
        ValueForm.AbiName => $"one of {string.Join(", ", KhoAbi.All.Select(abi => abi.Name))}",
        _ => UnitValue.Accepted(field.Unit),
    };

    private object? Wrong(ConfigNode node, string path, string message)
    {
        problems.Add(node.Position, path, message);
        return null;
    }

    private object? Number(FieldShape field, Type type, ConfigScalar node, string path)
    {
        if (!node.Plain && field.Unit == ValueUnit.None)
        {
            return Wrong(node, path, $"found the quoted text {node.Describe()}, expected a whole number without quotes");
        }

        if (UnitValue.TryParse(node.Text, field.Unit, out Int128 value) is { } problem)
        {
            return Wrong(node, path, problem);
        }

        if (field.Allowed.Count > 0 && !field.Allowed.Contains(value.ToString(CultureInfo.InvariantCulture)))
        {
            return Wrong(node, path, $"found {node.Text}, accepted: {string.Join(", ", field.Allowed)}");
        }

        if (value < field.Minimum || value > field.Maximum)
        {
            return Wrong(
                node,
                path,
                $"found {node.Text}, accepted: from {UnitValue.Format(field.Minimum, field.Unit)} to {UnitValue.Format(field.Maximum, field.Unit)}");
        }

        if (field.PowerOfTwo && !Int128.IsPow2(value))
        {
            return Wrong(node, path, $"found {node.Text}, an alignment must be a power of two");
        }

        return type == typeof(int) ? (int)value
            : type == typeof(uint) ? (uint)value
            : type == typeof(long) ? (long)value
            : (object)(ulong)value;
    }

    private object? Pair(FieldShape field, ConfigNode node, string path)
    {
        if (node is not ConfigSequence { Items: [ConfigScalar low, ConfigScalar high] })
        {
            return Wrong(node, path, $"found {node.Describe()}, expected a list of two: [smallest, largest]");
        }

        if (Number(field, typeof(ulong), low, $"{path}[0]") is not ulong minimum || Number(field, typeof(ulong), high, $"{path}[1]") is not ulong maximum)
        {
            return null;
        }

        return minimum <= maximum
            ? new ValueRange(minimum, maximum)
            : Wrong(low, path, $"the smallest value {low.Text} is above the largest {high.Text}");
    }

    private object? Truth(ConfigScalar node, string path) => node switch
    {
        { Plain: true, Text: "true" } => true,
        { Plain: true, Text: "false" } => false,
        _ => Wrong(node, path, $"found {node.Describe()}, expected true or false"),
    };

    private object? Choice(Type type, ConfigScalar node, string path)
    {
        string written = node.Text.Replace('_', '-');
        foreach (string member in Enum.GetNames(type))
        {
            if (FieldShape.ChoiceName(member) == written)
            {
                return Enum.Parse(type, member);
            }
        }

        return Wrong(node, path, $"found {node.Describe()}; {NameSuggestion.For(written, FieldShape.ChoicesOf(type))}");
    }

    private object? Abi(ConfigScalar node, string path) =>
        KhoAbi.Find(node.Text) ?? Wrong(node, path, $"found {node.Describe()}; {NameSuggestion.For(node.Text, [.. KhoAbi.All.Select(abi => abi.Name)])}");

    private object? Text(FieldShape field, ConfigScalar node, string path)
    {
        if (node.IsNull && node.Text.Length > 0)
        {
            return Wrong(node, path, $"found nothing ({node.Text}), expected text; write it in quotes if it is meant");
        }

        if (node.Text.Length < field.MinimumLength || node.Text.Length > field.MaximumLength)
        {
            return Wrong(node, path, $"found {node.Text.Length} characters, accepted: from {field.MinimumLength} to {field.MaximumLength}");
        }

        foreach (Rune rune in node.Text.EnumerateRunes())
        {
            if (Rune.IsControl(rune) || rune.Value is 0x2028 or 0x2029 or 0xfeff or 0xfffd or 0xfffe or 0xffff)
            {
                return Wrong(node, path, $"the text contains the control character U+{rune.Value:X4}; it must be one line that can be printed");
            }
        }

        return node.Text;
    }
}
