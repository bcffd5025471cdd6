namespace KhoActors.Nodes.Conformance;

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
    {
        if (expected != found)
        {
            Add($"{what}: expected 0x{expected:x}, found 0x{found:x}");
        }
    }

    /// <summary>Compares bytes given as lower-case hex.</summary>
    public void CheckBytes(string what, string expectedHex, ReadOnlySpan<byte> found)
    {
        string hex = Convert.ToHexStringLower(found);
        if (string.Equals(expectedHex, hex, StringComparison.Ordinal))
        {
            return;
        }

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
}
