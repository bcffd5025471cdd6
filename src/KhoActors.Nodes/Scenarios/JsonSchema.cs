using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using KhoActors.Subsystems.Kho;

namespace KhoActors.Nodes.Scenarios;

/// <summary>
/// JSON schemas of scenario and kernel files, for editors. Made from the same properties that the reader uses, so that both accept the same
/// keys, types and ranges; ranges of values with units and what spans fields only the reader checks.
/// </summary>
public sealed class JsonSchema
{
    private readonly DocComments _comments;
    private readonly SortedDictionary<string, JsonNode?> _definitions = new(StringComparer.Ordinal);

    private JsonSchema(DocComments comments) => _comments = comments;

    /// <summary>The schema of scenario files.</summary>
    /// <param name="documentation">Texts of the XML documentation files of KhoActors.Nodes and KhoActors.Subsystems, for the descriptions.</param>
    /// <returns>JSON, with a final line break.</returns>
    public static string OfScenarios(IEnumerable<string> documentation) => Write(typeof(Scenario), "Scenario of KhoActors", documentation);

    /// <summary>The schema of kernel files.</summary>
    /// <param name="documentation">Texts of the XML documentation files of KhoActors.Nodes and KhoActors.Subsystems, for the descriptions.</param>
    /// <returns>JSON, with a final line break.</returns>
    public static string OfKernels(IEnumerable<string> documentation) =>
        Write(typeof(KernelBuild), "Simulated kernel build of KhoActors", documentation, AllowExtension);

    /// <summary>A kernel that extends another gives only what differs.</summary>
    private static void AllowExtension(JsonObject kernel)
    {
        kernel["properties"]![KernelFile.ExtendsKey] = new JsonObject
        {
            ["description"] = "Name of another kernel file: this kernel has all of its values but those that it gives itself.",
            ["type"] = "string",
        };
        JsonNode required = kernel["required"]!.DeepClone();
        kernel["required"] = new JsonArray("name");
        kernel["anyOf"] = new JsonArray(
            new JsonObject { ["required"] = new JsonArray(KernelFile.ExtendsKey) },
            new JsonObject { ["required"] = required });
    }

    private static string Write(Type type, string title, IEnumerable<string> documentation, Action<JsonObject>? adapt = null)
    {
        JsonSchema schema = new(new DocComments(documentation));
        JsonObject root = new()
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = title,
        };
        foreach ((string key, JsonNode? value) in schema.Record(type))
        {
            root[key] = value?.DeepClone();
        }

        adapt?.Invoke(root);
        if (schema._definitions.Count > 0)
        {
            root["definitions"] = new JsonObject(schema._definitions);
        }

        JsonSerializerOptions options = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        return root.ToJsonString(options) + "\n";
    }

    private JsonObject Record(Type type)
    {
        RecordShape shape = RecordShape.Of(type);
        object? defaults = shape.Fields.Any(field => field.Parameter is not null) ? null : shape.Construct([]);
        JsonObject properties = [];
        foreach (FieldShape field in shape.Fields)
        {
            properties[field.Key] = Field(field, defaults);
        }

        JsonObject schema = new() { ["type"] = "object" };
        if (_comments.Of(type) is { } description)
        {
            schema["description"] = description;
        }

        schema["properties"] = properties;
        if (shape.Fields.Any(field => field.Required))
        {
            schema["required"] = new JsonArray([.. shape.Fields.Where(field => field.Required).Select(field => JsonValue.Create(field.Key))]);
        }

        schema["additionalProperties"] = shape.Remainder is { } rest ? Remainder(rest) : false;
        return schema;
    }

    private JsonObject Remainder(FieldShape field)
    {
        JsonObject schema = [];
        if (_comments.Of(field) is { } description)
        {
            schema["description"] = description;
        }

        Number(schema, field);
        return schema;
    }

    private JsonObject Field(FieldShape field, object? defaults)
    {
        JsonObject schema = [];
        if (_comments.Of(field) is { } description)
        {
            schema["description"] = description;
        }

        if (field.Form == ValueForm.List)
        {
            List(schema, field);
        }
        else
        {
            Item(schema, field, field.Type);
        }

        object? value = defaults is not null ? field.Read(defaults) : field.Parameter!.HasDefaultValue ? field.Parameter.DefaultValue : null;
        if (!field.Required && value is not null && field.Form is not (ValueForm.Record or ValueForm.List))
        {
            schema["default"] = Default(field, value);
        }

        return schema;
    }

    private static JsonNode? Default(FieldShape field, object value) => field.Unit == ValueUnit.Bytes && value is ulong bytes
        ? bytes == 0 ? 0 : UnitValue.Format(bytes, field.Unit)
        : JsonNode.Parse(CanonicalText.Of(field, field.Type.IsEnum ? Enum.ToObject(field.Type, value) : value));

    private void List(JsonObject schema, FieldShape field)
    {
        JsonObject items = [];
        Item(items, field, field.Element!);
        JsonObject list = new() { ["type"] = "array", ["items"] = items };
        if (field.OneOrMany)
        {
            schema["anyOf"] = new JsonArray(items.DeepClone(), list);
            return;
        }

        schema["type"] = "array";
        schema["items"] = items.DeepClone();
    }

    private void Item(JsonObject schema, FieldShape field, Type type)
    {
        switch (FieldShape.FormOf(type))
        {
            case ValueForm.Record:
                if (!_definitions.ContainsKey(type.Name))
                {
                    _definitions[type.Name] = Record(type);
                }

                // Siblings of a reference are ignored by draft 7, so the description would be lost without the list of one.
                schema["allOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/definitions/{type.Name}" });
                break;
            case ValueForm.MinimumAndMaximum:
                JsonObject bound = [];
                Number(bound, field);
                (schema["type"], schema["items"], schema["minItems"], schema["maxItems"]) = ("array", bound, 2, 2);
                break;
            case ValueForm.Number:
                Number(schema, field);
                break;
            case ValueForm.Truth:
                schema["type"] = "boolean";
                break;
            case ValueForm.Choice:
                schema["enum"] = Strings(FieldShape.ChoicesOf(type));
                break;
            case ValueForm.AbiName:
                schema["enum"] = Strings(KhoAbi.All.Select(abi => abi.Name));
                break;
            default:
                Text(schema, field);
                break;
        }
    }

    private static JsonArray Strings(IEnumerable<string> texts) => new([.. texts.Select(text => JsonValue.Create(text))]);

    private static void Text(JsonObject schema, FieldShape field)
    {
        schema["type"] = field.NumbersToo ? new JsonArray("string", "integer") : "string";
        if (field.MaximumLength != int.MaxValue)
        {
            (schema["minLength"], schema["maxLength"]) = (field.MinimumLength, field.MaximumLength);
        }
    }

    private static void Number(JsonObject schema, FieldShape field)
    {
        if (UnitValue.Pattern(field.Unit) is { } pattern)
        {
            schema["type"] = field.Nullable ? new JsonArray("integer", "string", "null") : new JsonArray("integer", "string");
            schema["pattern"] = pattern;
            (schema["minimum"], schema["maximum"]) = field.Unit == ValueUnit.Bytes ? (Literal(field.Minimum), Literal(field.Maximum)) : (0, 0);
            return;
        }

        if (field.Allowed.Count > 0)
        {
            schema["enum"] = new JsonArray([.. field.Allowed.Select(value => JsonNode.Parse(value))]);
            return;
        }

        schema["type"] = field.Nullable ? new JsonArray("integer", "null") : "integer";
        (schema["minimum"], schema["maximum"]) = (Literal(field.Minimum), Literal(field.Maximum));
    }

    private static JsonNode? Literal(Int128 value) => JsonNode.Parse(value.ToString(CultureInfo.InvariantCulture));
}
