namespace KhoActors.Subsystems.Pstore;

/// <summary>Whole numbers as the kernel's parsers take them (lib/kstrtox.c with base 0): 0x for 16, a leading 0 for 8, else 10; nothing may follow.</summary>
internal static class KernelNumber
{
    /// <summary>Reads an unsigned number.</summary>
    /// <param name="text">The text; one plus sign in front is allowed.</param>
    /// <param name="largest">The largest value accepted.</param>
    /// <param name="value">The value.</param>
    /// <returns>False when it is no number or too large.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, ulong largest, out ulong value)
    {
        value = 0;
        text = text is ['+', ..] ? text[1..] : text;
        uint radix = text is ['0', 'x' or 'X', _, ..] ? 16u : text is ['0', ..] ? 8u : 10u;
        text = radix == 16 ? text[2..] : text;
        foreach (char c in text)
        {
            uint digit = char.IsAsciiDigit(c) ? (uint)(c - '0') : char.IsAsciiHexDigit(c) ? (uint)((c | 0x20) - 'a' + 10) : radix;
            UInt128 next = ((UInt128)value * radix) + digit;
            if (digit >= radix || next > largest)
            {
                return false;
            }

            value = (ulong)next;
        }

        return !text.IsEmpty;
    }
}
