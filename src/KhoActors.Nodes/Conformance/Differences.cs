namespace KhoActors.Nodes.Conformance;

<<<<<<< HEAD
/// <summary>Collects what differs; a report shows the first few and counts the rest.</summary>
internal sealed class Differences
{
    private const int ShownMax = 8;

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

    /// <summary>Compares two numbers, shown in hexadecimal.</summary>
    public void Hex(string what, ulong expected, ulong found)
=======
/// <summary>Collects what differs between a vector and the simulation: the first few in words, the rest as a count.</summary>
internal sealed class Differences
{
    private const int MaxShown = 5;
    private readonly List<string> _shown = [];
    private int _count;

    /// <summary>Compares two values by their text.</summary>
    public void Check<T>(string what, T expected, T found)
        where T : IEquatable<T>
    {
        if (!expected.Equals(found))
        {
            Add($"{what}: expected {expected}, found {found}");
        }
    }

    /// <summary>Compares two addresses.</summary>
    public void CheckHex(string what, ulong expected, ulong found)
>>>>>>> tracking
    {
        if (expected != found)
        {
            Add($"{what}: expected 0x{expected:x}, found 0x{found:x}");
        }
    }

<<<<<<< HEAD
    /// <summary>Compares two values, shown as they print.</summary>
    public void Equal<T>(string what, T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
        {
            Add($"{what}: expected {expected}, found {found}");
        }
    }

    /// <summary>Compares bytes and names the first that differs.</summary>
    public void Bytes(string what, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found)
    {
        int same = expected.CommonPrefixLength(found);
        if (same == expected.Length && same == found.Length)
=======
    /// <summary>Compares bytes given as lower-case hex.</summary>
    public void CheckBytes(string what, string expectedHex, ReadOnlySpan<byte> found)
    {
        string hex = Convert.ToHexStringLower(found);
        if (string.Equals(expectedHex, hex, StringComparison.Ordinal))
>>>>>>> tracking
        {
            return;
        }

<<<<<<< HEAD
        string at = same < expected.Length && same < found.Length
            ? $"byte 0x{same:x}: expected 0x{expected[same]:x2}, found 0x{found[same]:x2}"
            : $"expected {expected.Length} bytes, found {found.Length}";
        Add($"{what}: {at}");
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

    /// <inheritdoc/>
    public override string ToString() => string.Join("; ", _shown) + (_count > ShownMax ? $"; and {_count - ShownMax} more" : string.Empty);
=======
        int at = expectedHex.AsSpan().CommonPrefixLength(hex) / 2;
        Add($"{what}: byte {at} of {found.Length} differs (expected {Around(expectedHex, at)}, found {Around(hex, at)})");
    }

    /// <summary>Notes a difference.</summary>
    public void Add(string difference)
    {
        _count++;
        if (_shown.Count < MaxShown)
        {
            _shown.Add(difference);
        }
    }

    /// <summary>The result of a case with these differences.</summary>
    public CaseResult ToResult(string name)
    {
        if (_count == 0)
        {
            return CaseResult.Pass(name);
        }

        string more = _count > _shown.Count ? $"; and {_count - _shown.Count} more" : "";
        return CaseResult.Fail(name, string.Join("; ", _shown) + more);
    }

    private static string Around(string hex, int at)
    {
        int start = Math.Min(at * 2, hex.Length);
        return start == hex.Length ? "the end" : hex[start..Math.Min(start + 16, hex.Length)];
    }
>>>>>>> tracking
}
