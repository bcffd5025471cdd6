using System.Collections;
using System.Globalization;
using System.Text;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>
/// Writes records as the one text that stands for them: JSON, which is also YAML, on one line; every field in the order of declaration,
/// also those that have their default value, because defaults may change while histories stay.
/// </summary>
public sealed class CanonicalText
{
    private readonly Dictionary<Type, RecordShape> _shapes = [];
    private readonly StringBuilder _text = new();

    private CanonicalText()
    {
    }

    /// <summary>Writes a record.</summary>
    /// <param name="record">A scenario, kernel or part of one.</param>
    /// <returns>Its JSON, on one line.</returns>
    public static string Of(object record)
    {
        CanonicalText writer = new();
        writer.Record(record);
        return writer._text.ToString();
    }

    /// <summary>Writes one value of a field, or of an item of its list.</summary>
    internal static string Of(FieldShape field, object? value)
    {
        CanonicalText writer = new();
        writer.Value(field, value);
        return writer._text.ToString();
    }

    private void Record(object record)
    {
        if (!_shapes.TryGetValue(record.GetType(), out RecordShape? shape))
        {
            shape = RecordShape.Of(record.GetType());
            _shapes.Add(record.GetType(), shape);
        }

        _text.Append('{');
        for (int i = 0; i < shape.Fields.Count; i++)
        {
            _text.Append(i == 0 ? "" : ", ").Append('"').Append(shape.Fields[i].Key).Append("\": ");
            Value(shape.Fields[i], shape.Fields[i].Read(record));
        }

        foreach (NamedWeight item in (IReadOnlyList<NamedWeight>?)shape.Remainder?.Read(record) ?? [])
        {
            _text.Append(", ");
            Quoted(item.Name);
            _text.Append(": ").Append(item.Weight);
        }

        _text.Append('}');
    }

    private void Value(FieldShape field, object? value)
    {
        switch (value)
        {
            case null:
                _text.Append("null");
                break;
            case string text:
                Quoted(text);
                break;
            case bool truth:
                _text.Append(truth ? "true" : "false");
                break;
            case int or uint or long or ulong:
                Int128 number = Int128.Parse(Convert.ToString(value, CultureInfo.InvariantCulture)!, CultureInfo.InvariantCulture);
                _text.Append(UnitValue.Canonical(number, field.Unit));
                break;
            case Enum choice:
                Quoted(FieldShape.ChoiceName(choice.ToString()));
                break;
            case KhoAbi abi:
                Quoted(abi.Name);
                break;
            case ValueRange range:
                _text.Append('[').Append(UnitValue.Canonical(range.Minimum, field.Unit))
                    .Append(", ").Append(UnitValue.Canonical(range.Maximum, field.Unit)).Append(']');
                break;
            case IEnumerable items:
                List(field, items);
                break;
            default:
                Record(value);
                break;
        }
    }

    private void List(FieldShape field, IEnumerable items)
    {
        _text.Append('[');
        string separator = "";
        foreach (object? item in items)
        {
            _text.Append(separator);
            Value(field, item);
            separator = ", ";
        }

        _text.Append(']');
    }

    private void Quoted(string text)
    {
        _text.Append('"');
        foreach (char letter in text)
        {
            _text.Append(letter is '"' or '\\' ? "\\" : "").Append(letter);
        }

        _text.Append('"');
    }
}
