namespace KhoActors.Subsystems.Memblock;

/// <summary>Numbers with a size suffix in boot options (lib/cmdline.c, memparse).</summary>
public static class MemParse
{
    private const string Suffixes = "KMGTPE";

    /// <summary>
    /// Reads a number (0x: base 16, leading 0: base 8, else 10; no sign, no blanks) and one optional suffix K, M, G, T, P or E in either case.
    /// </summary>
    /// <param name="text">The text; what follows the number stays.</param>
    /// <param name="bareSuffix">
    /// Kernels before 7.2: a suffix without digits is consumed as 0, and a suffix that overflows drops bits. Since 7.2 it is not
    /// consumed, and the value saturates to 2^64 - 1.
    /// </param>
    /// <param name="value">The value; 0 when there are no digits. Digits beyond 64 bits wrap.</param>
    /// <returns>How many characters were consumed; 0 for none.</returns>
    public static int Parse(ReadOnlySpan<char> text, bool bareSuffix, out ulong value)
    {
        int radix = 10;
        int at = 0;
        if (text.Length > 0 && text[0] == '0')
        {
            bool hex = text.Length > 2 && (text[1] | 0x20) == 'x' && char.IsAsciiHexDigit(text[2]);
            radix = hex ? 16 : 8;
            at = hex ? 2 : 0;
        }

        int firstDigit = at;
        value = 0;
        for (; at < text.Length && DigitOf(text[at]) is int digit && digit < radix; at++)
        {
            value = unchecked((value * (ulong)radix) + (ulong)digit);
        }

        if (at == firstDigit && !bareSuffix)
        {
            return 0;
        }

        int suffix = at < text.Length ? Suffixes.IndexOf(char.ToUpperInvariant(text[at]), StringComparison.Ordinal) : -1;
        if (suffix < 0)
        {
            return at;
        }

        int shift = 10 * (suffix + 1);
        value = bareSuffix || value <= ulong.MaxValue >> shift ? value << shift : ulong.MaxValue;
        return at + 1;
    }

    private static int DigitOf(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        >= 'A' and <= 'F' => c - 'A' + 10,
        _ => int.MaxValue,
    };
}
