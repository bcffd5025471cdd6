using System.Globalization;
using System.Text.Json;

namespace KhoActors.Nodes.Conformance;

/// <summary>
/// Reads the fields of a recorded vector: numbers are JSON integers or hex strings <c>"0x..."</c>, bytes are hex strings. Anything else
/// throws <see cref="VectorFormatException"/> with the field's name.
/// </summary>
internal static class VectorJson
{
    private const int MaxShownCharacters = 60;

    /// <summary>A field that must be there.</summary>
    public static JsonElement Get(this JsonElement element, string field)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new VectorFormatException($"an object with field '{field}' is expected, found {Show(element)}");
        }

        return element.TryGetProperty(field, out JsonElement value) ? value : throw new VectorFormatException($"field '{field}' is missing");
    }

    /// <summary>A field that may be missing or null.</summary>
    public static JsonElement? Find(this JsonElement element, string field) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    /// <summary>The elements of an array field.</summary>
    public static JsonElement.ArrayEnumerator GetItems(this JsonElement element, string field) => element.Get(field).Items(field);

    /// <summary>The elements of an array.</summary>
    public static JsonElement.ArrayEnumerator Items(this JsonElement array, string what) =>
        array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : throw Wrong(what, "an array", array);

    /// <summary>An element of a fixed place in an array.</summary>
    public static JsonElement Item(this JsonElement array, int index, string what)
    {
        if (array.ValueKind != JsonValueKind.Array || array.GetArrayLength() <= index)
        {
            throw Wrong(what, $"an array with at least {index + 1} elements", array);
        }

        return array[index];
    }

    /// <summary>A text field.</summary>
    public static string GetText(this JsonElement element, string field) => element.Get(field).Text(field);

    /// <summary>A text.</summary>
    public static string Text(this JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(what, "a string", value);

    /// <summary>A truth value.</summary>
    public static bool Truth(this JsonElement value, string what) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(what, "true or false", value);

    /// <summary>A field of bytes, in hex.</summary>
    public static byte[] GetBytes(this JsonElement element, string field)
    {
        try
        {
            return Convert.FromHexString(element.GetText(field));
        }
        catch (FormatException)
        {
            throw Wrong(field, "bytes in hex", element.Get(field));
        }
    }

    /// <summary>A small number field within limits.</summary>
    public static int GetInt(this JsonElement element, string field, int min, int max) => element.Get(field).Int(field, min, max);

    /// <summary>A small number within limits.</summary>
    public static int Int(this JsonElement value, string what, int min, int max)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int number) || number < min || number > max)
        {
            throw Wrong(what, $"an integer from {min} to {max}", value);
        }

        return number;
    }

    /// <summary>An unsigned number field, as an integer or as hex.</summary>
    public static ulong GetNumber(this JsonElement element, string field, ulong max = ulong.MaxValue) => element.Get(field).Number(field, max);

    /// <summary>An unsigned number, as an integer or as hex.</summary>
    public static ulong Number(this JsonElement value, string what, ulong max = ulong.MaxValue)
    {
        bool isNumber = TryNumber(value, out ulong number);
        return isNumber && number <= max ? number : throw Wrong(what, $"a number or \"0x...\" up to 0x{max:x}", value);
    }

    private static bool TryNumber(JsonElement value, out ulong number)
    {
        number = 0;
        if (value.ValueKind == JsonValueKind.Number)
        {
            return value.TryGetUInt64(out number);
        }

        return value.ValueKind == JsonValueKind.String && value.GetString() is { } text && text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number);
    }

    private static VectorFormatException Wrong(string what, string expected, JsonElement found) =>
        new($"'{what}' must be {expected}, found {Show(found)}");

    private static string Show(JsonElement element)
    {
        string text = element.GetRawText();
        return text.Length <= MaxShownCharacters ? text : text[..MaxShownCharacters] + "...";
    }
}
