namespace KhoActors.Nodes.Conformance;

/// <summary>Differences of addresses and bytes, in the hex that people read them in.</summary>
internal static class MemoryDifferences
{
    private const int ShownCharacters = 16;

    /// <summary>Compares two addresses or sizes.</summary>
    public static void CheckHex(this DifferenceList differences, string what, ulong expected, ulong found)
    {
        if (expected != found)
        {
            differences.Add(what, $"0x{expected:x}", $"0x{found:x}");
        }
    }

    /// <summary>Compares bytes with lower-case hex; shows the first that differ.</summary>
    public static void CheckBytes(this DifferenceList differences, string what, string expectedHex, ReadOnlySpan<byte> found)
    {
        string hex = Convert.ToHexStringLower(found);
        if (!string.Equals(expectedHex, hex, StringComparison.Ordinal))
        {
            int at = expectedHex.AsSpan().CommonPrefixLength(hex) / 2;
            differences.Add($"{what}, from byte {at} on", From(expectedHex, at), From(hex, at));
        }
    }

    private static string From(string hex, int at)
    {
        int start = Math.Min(at * 2, hex.Length);
        return start == hex.Length ? "the end" : hex[start..Math.Min(start + ShownCharacters, hex.Length)];
    }
}
