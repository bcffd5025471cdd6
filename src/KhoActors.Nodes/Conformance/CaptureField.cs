using System.Globalization;
using System.Text.Json;
using KhoActors.Subsystems.Memory;

namespace KhoActors.Nodes.Conformance;

/// <summary>A value of a JSON file of a capture that knows where it stands, so that every complaint names file and field.</summary>
/// <param name="File">Path of the file, relative to the capture.</param>
/// <param name="Path">Path of the value inside the file, for example <c>generations[2].handover</c>.</param>
/// <param name="Element">The value.</param>
internal readonly record struct CaptureField(string File, string Path, JsonElement Element)
{
    /// <summary>Deepest nesting that is read; the format needs 7 levels.</summary>
    public const int DepthMax = 32;

    private const ulong AddressLimit = 1UL << PageGeometry.PhysicalAddressBits;

    /// <summary>Most elements of one array; the longest real one has some thousands.</summary>
    public const int ElementsMax = 4 << 20;

    /// <summary>Parses a file. The elements outlive the document.</summary>
    public static CaptureField Parse(string file, byte[] content)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(content, new JsonDocumentOptions { MaxDepth = DepthMax });
            return new CaptureField(file, string.Empty, document.RootElement.Clone());
        }
        catch (JsonException problem)
        {
            throw new CaptureFormatException(file, problem.Path ?? string.Empty, $"is not the expected JSON: {problem.Message}", problem);
        }
    }

    /// <summary>A member that must be there.</summary>
    public CaptureField this[string name] => Find(name) ?? throw Complaint(name, "is missing");

    /// <summary>A member that may be missing or null.</summary>
    public CaptureField? Find(string name)
    {
        Expect(JsonValueKind.Object, "an object");
        if (!Element.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return new CaptureField(File, Path.Length == 0 ? name : $"{Path}.{name}", value);
    }

    /// <summary>The names of an object's members, in file order.</summary>
    public IEnumerable<string> MemberNames()
    {
        Expect(JsonValueKind.Object, "an object");
        return Element.EnumerateObject().Select(member => member.Name);
    }

    /// <summary>The elements of an array.</summary>
    public CaptureField[] Items()
    {
        Expect(JsonValueKind.Array, "an array");
        int length = Element.GetArrayLength();
        if (length > ElementsMax)
        {
            throw Complaint($"has more than {ElementsMax} elements");
        }

        CaptureField[] items = new CaptureField[length];
        int index = 0;
        foreach (JsonElement item in Element.EnumerateArray())
        {
            items[index] = new CaptureField(File, $"{Path}[{index}]", item);
            index++;
        }

        return items;
    }

    /// <summary>The elements of an array of a known length.</summary>
    public CaptureField[] Items(int count)
    {
        CaptureField[] items = Items();
        return items.Length == count ? items : throw Complaint($"has {items.Length} elements instead of {count}");
    }

    /// <summary>A string.</summary>
    public string Text()
    {
        Expect(JsonValueKind.String, "a string");
        try
        {
            return Element.GetString()!;
        }
        catch (InvalidOperationException problem)
        {
            throw new CaptureFormatException(File, Path, "is not valid text", problem);
        }
    }

    /// <summary>Bytes in base64.</summary>
    public byte[] Base64()
    {
        Expect(JsonValueKind.String, "a string");
        return Element.TryGetBytesFromBase64(out byte[]? bytes) ? bytes : throw Complaint("is not base64");
    }

    /// <summary>An unsigned number: a string in hexadecimal with 0x or decimal, or a JSON number.</summary>
    public ulong Number()
    {
        if (Element.ValueKind == JsonValueKind.Number && Element.TryGetUInt64(out ulong number))
        {
            return number;
        }

        Expect(JsonValueKind.String, "a number or a string with a number");
        return TryParse(Text(), out number) ? number : throw Complaint("is not an unsigned 64-bit number");
    }

    /// <summary>A number within bounds.</summary>
    public int Number(int min, int max)
    {
        if (Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out int small) && small >= min && small <= max)
        {
            return small;
        }

        ulong number = Number();
        return number <= (ulong)max && (min <= 0 || number >= (ulong)min) ? (int)number : throw Complaint($"is not within {min} and {max}");
    }

    /// <summary>A physical address.</summary>
    public ulong Address()
    {
        ulong address = Number();
        return address < AddressLimit ? address : throw Complaint("is not an address below 2^52");
    }

    /// <summary>A number of bytes that physical memory can have.</summary>
    public ulong Size()
    {
        ulong size = Number();
        return size <= AddressLimit ? size : throw Complaint("is larger than 2^52");
    }

    /// <summary>A complaint about this value.</summary>
    public CaptureFormatException Complaint(string problem) => new(File, Path, problem);

    /// <summary>Reads a number in hexadecimal with 0x, or in decimal.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ulong number) =>
        text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private CaptureFormatException Complaint(string member, string problem) => new(File, Path.Length == 0 ? member : $"{Path}.{member}", problem);

    private void Expect(JsonValueKind kind, string what)
    {
        if (Element.ValueKind != kind)
        {
            throw Complaint($"is not {what}");
        }
    }
}
