using System.Globalization;

namespace KhoActors.Nodes.Conformance;

/// <summary>Collects what differs; a report shows the first few and counts the rest.</summary>
internal sealed class Differences
{
    private const int ShownMax = 8;
    private const int ShownHexDigits = 16;

    private readonly List<string> _shown = [];
    private int _count;

    /// <summary>Whether nothing differs.</summary>
    public bool None => _count == 0;

    /// <summary>A difference in words.</summary>
    public void Add(string difference)
    {
        if (_count++ < ShownMax)
        {
            _shown.Add(difference);
        }
    }

    /// <summary>A difference between two values in words.</summary>
    public void Add(string what, string? expected, string? found) => Add($"{what}: expected {expected ?? "nothing"}, found {found ?? "nothing"}");

    /// <summary>Compares two numbers, shown in hexadecimal.</summary>
    public void Hex(string what, ulong expected, ulong found)
    {
        if (expected != found)
        {
            Add(what, $"0x{expected:x}", $"0x{found:x}");
        }
    }

    /// <summary>Compares two values, shown as they print.</summary>
    public void Equal<T>(string what, T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
        {
            Add(what, Convert.ToString(expected, CultureInfo.InvariantCulture), Convert.ToString(found, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Compares bytes and names the first that differs.</summary>
    public void Bytes(string what, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found)
    {
        int same = expected.CommonPrefixLength(found);
        if (same == expected.Length && same == found.Length)
        {
            return;
        }

        string at = same < expected.Length && same < found.Length
            ? $"byte 0x{same:x}: expected 0x{expected[same]:x2}, found 0x{found[same]:x2}"
            : $"expected {expected.Length} bytes, found {found.Length}";
        Add($"{what}: {at}");
    }

    /// <summary>Compares bytes with recorded lower-case hex; shows the first that differ.</summary>
    public void BytesInHex(string what, string expected, ReadOnlySpan<byte> found)
    {
        string hex = Convert.ToHexStringLower(found);
        if (!string.Equals(expected, hex, StringComparison.Ordinal))
        {
            int at = expected.AsSpan().CommonPrefixLength(hex) / 2;
            Add($"{what}, from byte {at} on", HexFrom(expected, at), HexFrom(hex, at));
        }
    }

    /// <summary>Compares two lists element by element.</summary>
    public void Lists<T>(string what, IReadOnlyList<T> expected, IReadOnlyList<T> found)
    {
        for (int i = 0; i < Math.Min(expected.Count, found.Count); i++)
        {
            if (!EqualityComparer<T>.Default.Equals(expected[i], found[i]))
            {
                Add($"{what}[{i}]: expected {expected[i]}, found {found[i]}");
                return;
            }
        }

        Equal($"number of {what}", expected.Count, found.Count);
    }

    /// <summary>The result of a case.</summary>
    public CaseResult Result(string name, string passDetail = "") => None ? CaseResult.Pass(name, passDetail) : CaseResult.Fail(name, ToString());

    private static string HexFrom(string hex, int at)
    {
        int start = Math.Min(at * 2, hex.Length);
        return start == hex.Length ? "the end" : hex[start..Math.Min(start + ShownHexDigits, hex.Length)];
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join("; ", _shown) + (_count > ShownMax ? $"; and {_count - ShownMax} more" : string.Empty);
}
